//! Connections, edges and page information.

use async_graphql::connection::PageInfo;
use async_graphql::{Object, OutputType, SimpleObject};

use super::{Cursor, PageArguments, Place};
use crate::graphql::types::{ConversationNode, FriendNode};

/// A node that stands at a place in an order.
pub(in crate::graphql) trait Paged: OutputType + Clone {
    type Place: Place;

    fn place(&self, order: <Self::Place as Place>::Order) -> Self::Place;
}

/// A page of a list, with what is needed to fetch the next one.
pub(in crate::graphql) struct Connection<N: Paged> {
    pub(in crate::graphql) nodes: Vec<N>,
    order: <N::Place as Place>::Order,
    pub(in crate::graphql) has_previous_page: bool,
    pub(in crate::graphql) has_next_page: bool,
    pub(in crate::graphql) total_count: usize,
}

impl<N: Paged> Connection<N> {
    /// Cuts the page out of nodes that stand in `order`.
    pub(in crate::graphql) fn of(
        ordered: &[u32],
        node_at: impl Fn(u32) -> N,
        arguments: &PageArguments<N::Place>,
        order: <N::Place as Place>::Order,
    ) -> Self {
        let page = arguments.slice(ordered.len(), |at| node_at(ordered[at]).place(order));
        Self {
            has_previous_page: page.start > 0,
            has_next_page: page.end < ordered.len(),
            nodes: ordered[page].iter().map(|&position| node_at(position)).collect(),
            order,
            total_count: ordered.len(),
        }
    }

    pub(in crate::graphql) fn cursor(&self, node: &N) -> String {
        Cursor::encode(&node.place(self.order))
    }

    pub(in crate::graphql) fn all_edges(&self) -> impl Iterator<Item = Edge<N>> {
        self.nodes.iter().map(|node| Edge { cursor: self.cursor(node), node: node.clone() })
    }
}

/// A node and its place in the list.
#[derive(SimpleObject)]
#[graphql(
    concrete(name = "ConversationEdge", params(ConversationNode)),
    concrete(name = "FriendEdge", params(FriendNode))
)]
pub(in crate::graphql) struct Edge<N: Paged> {
    /// Opaque: pass it as `after` or `before` to continue from this node, with the same order.
    pub(in crate::graphql) cursor: String,
    /// The node itself.
    pub(in crate::graphql) node: N,
}

/// A page of a list, with what is needed to fetch the next one.
#[Object(
    concrete(name = "ConversationConnection", params(ConversationNode)),
    concrete(name = "FriendConnection", params(FriendNode))
)]
impl<N: Paged> Connection<N>
where
    Edge<N>: OutputType,
    <N::Place as Place>::Order: Send + Sync,
{
    /// The page's nodes, each with its cursor.
    async fn edges(&self) -> Vec<Edge<N>> {
        self.all_edges().collect()
    }

    /// The page's nodes, without cursors.
    async fn nodes(&self) -> &[N] {
        &self.nodes
    }

    /// Whether there is more on either side, and the cursors of the first and the last node.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous_page,
            has_next_page: self.has_next_page,
            start_cursor: self.nodes.first().map(|node| self.cursor(node)),
            end_cursor: self.nodes.last().map(|node| self.cursor(node)),
        }
    }

    /// How many nodes the whole list has after filtering, over all pages.
    async fn total_count(&self) -> usize {
        self.total_count
    }
}
