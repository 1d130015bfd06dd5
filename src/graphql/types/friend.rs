//! Friends.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::ConversationNode;
use crate::cache::FriendList;
use crate::graphql::lists::OrderDirection;
use crate::graphql::lists::conversations::{self, ConversationFilter};
use crate::graphql::paging::Connection;
use crate::graphql::{FieldError, Scope};
use crate::ozeki::Friend;

/// One friend of a list.
#[derive(Clone)]
pub(in crate::graphql) struct FriendNode {
    list: Arc<FriendList>,
    position: usize,
}

impl FriendNode {
    pub(in crate::graphql) fn new(list: &Arc<FriendList>, position: usize) -> Self {
        Self { list: Arc::clone(list), position }
    }

    pub(in crate::graphql) fn friend(&self) -> &Friend {
        &self.list.all()[self.position]
    }
}

/// Someone on the viewer's list of friends.
#[Object(name = "Friend")]
impl FriendNode {
    /// The friend's user id: 32 lower-case hex digits.
    async fn id(&self) -> ID {
        self.friend().id.to_string().into()
    }

    /// The friend's name.
    async fn name(&self) -> &str {
        self.friend().name()
    }

    /// The friend's public key in base64, for end-to-end encryption. Null where the server tells none.
    async fn public_key(&self) -> Option<&str> {
        self.friend().public_key()
    }

    /// The server's own word for the friend's presence. Only `available` is documented. Null where the server tells none.
    async fn availability(&self) -> Option<&str> {
        self.friend().availability()
    }

    /// Whether the friend's presence is `available`.
    async fn is_available(&self) -> bool {
        self.friend().is_available()
    }

    /// The viewer's conversations in which the friend takes part, newest first.
    async fn conversations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The size of the page: 0 to 200. Default 50.")] first: Option<i32>,
        #[graphql(desc = "Continue after the node with this cursor.")] after: Option<String>,
    ) -> Result<Option<Connection<ConversationNode>>, FieldError> {
        let direction = OrderDirection::Desc;
        let arguments = conversations::newest_page(first, after.as_deref())?;
        let reader = Scope::reader(context)?;
        let list = reader.conversations(context).await?;
        let condition = ConversationFilter::with_participant(self.friend().id);
        let viewer = reader.caller().user();
        Ok(Some(conversations::connection(&list, viewer, &condition, direction, &arguments)))
    }
}
