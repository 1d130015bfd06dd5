//! Whom and what the viewer blocked.

use std::sync::Arc;

use async_graphql::{ID, Object};

use crate::ozeki::Blocklist;

pub(in crate::graphql) struct BlocklistNode(pub(in crate::graphql) Arc<Blocklist>);

/// Whom and what the viewer blocked.
#[Object(name = "Blocklist")]
impl BlocklistNode {
    /// Ids of the users whom the viewer blocked.
    async fn user_ids(&self) -> Vec<ID> {
        self.0.users.iter().map(|id| (&**id).into()).collect()
    }

    /// Ids of the conversations that the viewer blocked.
    async fn conversation_ids(&self) -> Vec<ID> {
        self.0.conversations.iter().map(|id| (&**id).into()).collect()
    }
}
