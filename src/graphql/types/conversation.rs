//! Conversations.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use super::{MessageArguments, MessageConnection, ParticipantNode};
use crate::graphql::scalars::DateTime;
use crate::graphql::{FieldError, Scope};
use crate::ozeki::{Conversation, ConversationProperties, UserId};

/// A conversation as this user sees it.
#[derive(Clone)]
pub(in crate::graphql) struct ConversationNode {
    conversation: Arc<Conversation>,
    viewer: UserId,
}

impl ConversationNode {
    pub(in crate::graphql) fn new(conversation: &Arc<Conversation>, viewer: UserId) -> Self {
        Self { conversation: Arc::clone(conversation), viewer }
    }

    pub(in crate::graphql) fn conversation(&self) -> &Conversation {
        &self.conversation
    }
}

fn ids(ids: &[UserId]) -> Vec<ID> {
    ids.iter().map(|id| id.to_string().into()).collect()
}

/// A conversation of the viewer with one or more others.
#[Object(name = "Conversation")]
impl ConversationNode {
    /// The conversation's id: 32 lower-case hex digits. It stays the same for the conversation's whole life.
    async fn id(&self) -> ID {
        self.conversation().id.to_string().into()
    }

    /// Whether it is a group, rather than a conversation of two.
    async fn is_group(&self) -> bool {
        self.conversation().is_group
    }

    /// Everybody who takes part, the viewer included.
    async fn participants(&self) -> Vec<ParticipantNode> {
        let count = self.conversation().participants.len();
        (0..count)
            .map(|position| ParticipantNode::new(&self.conversation, position, self.viewer))
            .collect()
    }

    /// The name, end-to-end encrypted: base64 ciphertext that only the participants' clients can read. The ciphertext
    /// may differ each time although the name is the same.
    async fn display_name(&self) -> &str {
        self.conversation().display_name()
    }

    /// The conversation's key, end-to-end encrypted for its participants: base64 ciphertext. It may differ each time.
    async fn secret(&self) -> &str {
        self.conversation().secret()
    }

    /// Names the conversation's current life: clearing it begins a new one. The gateway passes it on where the chat
    /// server asks for it; you never need to.
    async fn instance(&self) -> &str {
        self.conversation().instance()
    }

    /// When the conversation was last used. Null where the server does not tell.
    async fn last_access(&self) -> Option<DateTime> {
        self.conversation().last_access.map(DateTime)
    }

    /// The newest message's id. Null while there is none, as after a clear.
    async fn last_message_id(&self) -> Option<ID> {
        self.conversation().last_message_id().map(Into::into)
    }

    /// The newest delivery or view report's id. Null while there is none, as after a clear.
    async fn last_report_id(&self) -> Option<ID> {
        self.conversation().last_report_id().map(Into::into)
    }

    /// Ids of the users who muted the conversation.
    async fn muted_by(&self) -> Vec<ID> {
        ids(self.conversation().muted_by())
    }

    /// Ids of the users whose favourite it is.
    async fn favorite_by(&self) -> Vec<ID> {
        ids(self.conversation().favorite_by())
    }

    /// Ids of the users who hid it, in its present or an earlier instance: `isHidden` tells whether it is hidden now.
    async fn hidden_by(&self) -> Vec<ID> {
        ids(self.conversation().hidden_by())
    }

    /// What participants set for themselves. Those who set nothing have no entry; the order has no meaning.
    async fn properties(&self) -> Vec<Properties> {
        self.conversation().properties.iter().map(Properties::from).collect()
    }

    /// Whether the viewer muted it.
    async fn is_muted(&self) -> bool {
        self.conversation().is_muted_by(self.viewer)
    }

    /// Whether it is a favourite of the viewer.
    async fn is_favorite(&self) -> bool {
        self.conversation().is_favorite_of(self.viewer)
    }

    /// Whether the viewer has hidden it, in its present instance.
    async fn is_hidden(&self) -> bool {
        self.conversation().is_hidden_for(self.viewer)
    }

    /// The colour that the viewer gave to its row, such as `#bae1ff`. Null where the viewer set nothing.
    async fn background_color(&self) -> Option<&str> {
        self.conversation().properties_of(self.viewer)?.background_color.as_deref()
    }

    /// A page of the messages, from old to new: without arguments the newest 50. To go back, pass `startCursor` as
    /// `before`. Null when the page could not be read.
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The size of the page: 1 to 200. Default 50.")] last: Option<i32>,
        #[graphql(desc = "Only what is older than the message with this cursor.")] before: Option<
            String,
        >,
    ) -> Result<Option<MessageConnection>, FieldError> {
        let reader = Scope::reader(context)?;
        let arguments = MessageArguments::parse(last, before.as_deref())?;
        let before = arguments.before_in(self.conversation.id)?.cloned();
        let is_newest = before.is_none();
        let page = reader.messages(context, &self.conversation, before, arguments.size).await?;
        Ok(Some(MessageConnection::new(&self.conversation, page, is_newest)))
    }
}

/// What one user set for a conversation.
#[derive(SimpleObject)]
#[graphql(name = "ConversationProperties")]
struct Properties {
    /// The user who set it.
    user_id: ID,
    /// Whether that user muted the conversation.
    is_muted: bool,
    /// Whether it is a favourite of that user.
    is_favorite: bool,
    /// The instances in which that user hid the conversation, each followed by `;`. Empty when none.
    hide_id: String,
    /// The colour of its row, such as `#ffffff`. Null where none is set.
    background_color: Option<String>,
}

impl From<&ConversationProperties> for Properties {
    fn from(properties: &ConversationProperties) -> Self {
        Self {
            user_id: properties.user_id.to_string().into(),
            is_muted: properties.is_muted,
            is_favorite: properties.is_favorite,
            hide_id: properties.hide_id.to_string(),
            background_color: properties.background_color.as_deref().map(str::to_owned),
        }
    }
}
