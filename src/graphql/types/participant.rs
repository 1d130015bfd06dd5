//! Those who take part in a conversation.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::FriendNode;
use crate::graphql::{FieldError, Scope};
use crate::ozeki::{Conversation, Participant, UserId};

/// One participant of a conversation.
pub(in crate::graphql) struct ParticipantNode {
    conversation: Arc<Conversation>,
    position: usize,
    viewer: UserId,
}

impl ParticipantNode {
    pub(super) fn new(conversation: &Arc<Conversation>, position: usize, viewer: UserId) -> Self {
        Self { conversation: Arc::clone(conversation), position, viewer }
    }

    fn participant(&self) -> &Participant {
        &self.conversation.participants[self.position]
    }
}

/// Someone who takes part in a conversation.
#[Object(name = "Participant")]
impl ParticipantNode {
    /// The user's id: 32 lower-case hex digits.
    async fn id(&self) -> ID {
        self.participant().id.to_string().into()
    }

    /// The user's name as the conversation tells it; empty where the server tells none.
    async fn name(&self) -> &str {
        &self.participant().name
    }

    /// Whether this is the viewer.
    async fn is_viewer(&self) -> bool {
        self.participant().id == self.viewer
    }

    /// The participant among the viewer's friends. Null for the viewer and for those who are no friends.
    async fn friend(&self, context: &Context<'_>) -> Result<Option<FriendNode>, FieldError> {
        let reader = Scope::reader(context)?;
        let friends = reader.friends(context).await?;
        let position = friends.position(self.participant().id);
        Ok(position.map(|position| FriendNode::new(&friends, position)))
    }
}
