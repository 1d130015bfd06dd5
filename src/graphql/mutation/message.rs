//! Sending messages and marking them as viewed.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, Object};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use crate::graphql::input::parse_id;
use crate::graphql::scalars::GivenDateTime;
use crate::graphql::selection::look_below;
use crate::graphql::types::{ConversationNode, MessageNode};
use crate::graphql::{FieldError, Scope};
use crate::ozeki::{ConversationId, NewMessage, Timestamp};

/// How long a message is kept unless the client says so: seven days, as in the vendor's example.
const VALIDITY_DEFAULT_SECONDS: i64 = 7 * 24 * 60 * 60;

/// The most messages that are marked at once: those of the largest page.
const VIEWED_MAX: usize = 200;

/// Longer than any id of a message, which is a UUID.
const MESSAGE_ID_MAX_BYTES: usize = 128;

#[derive(Default)]
pub(super) struct MessageMutation;

#[Object]
impl MessageMutation {
    /// Sends a message. The content must be encrypted for the conversation's participants already. With an `id` of your
    /// own, sending the same message again, as after a lost connection, sends it once.
    async fn send_message(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The message to send.")] input: SendMessageInput,
    ) -> Result<Option<SendMessagePayload>, FieldError> {
        let reader = Scope::reader(context)?;
        let conversation = parse_id("conversationId", &input.conversation_id)?;
        let now = Scope::of(context).now;
        let is_repeatable = input.id.is_some();
        let message = new_message(input, now)?;
        look_below(context, Some(conversation))?;
        let (data, caller) = (reader.data(), reader.caller());
        let sent =
            data.send_message(caller, conversation, message, is_repeatable, reader.budget()).await;
        reader.renew_conversations();
        let message = Some(MessageNode::from(&sent?));
        Ok(Some(SendMessagePayload { message, conversation: Changed(conversation) }))
    }

    /// Tells the other participants that the viewer has seen messages.
    async fn mark_viewed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The messages that were seen.")] input: MarkViewedInput,
    ) -> Result<Option<MarkViewedPayload>, FieldError> {
        let reader = Scope::reader(context)?;
        let conversation = parse_id("conversationId", &input.conversation_id)?;
        let ids = viewed_ids(&input.message_ids)?;
        look_below(context, Some(conversation))?;
        let (data, caller) = (reader.data(), reader.caller());
        let marked = data.mark_viewed(caller, conversation, ids, reader.budget()).await;
        reader.renew_conversations();
        marked?;
        let message_ids = input.message_ids;
        Ok(Some(MarkViewedPayload { message_ids, conversation: Changed(conversation) }))
    }
}

fn new_message(input: SendMessageInput, now: Timestamp) -> Result<NewMessage, FieldError> {
    let SendMessageInput { conversation_id: _, data, id, valid_until } = input;
    if data.is_empty() || STANDARD.decode(&data).is_err() {
        return Err(FieldError::bad_input(
            "data",
            "the content is ciphertext in base64, and not empty",
        ));
    }
    let id = match id {
        None => Uuid::new_v4(),
        Some(id) => Uuid::try_parse(&id)
            .map_err(|_| FieldError::bad_input("id", "a message's id is a UUID"))?,
    };
    let moment = valid_until.map(|given| {
        let what = "a DateTime is written 2024-03-08T13:55:47Z";
        given.moment().ok_or_else(|| FieldError::bad_input("validUntil", what))
    });
    let valid_until = match moment.transpose()? {
        Some(moment) if moment <= now => {
            let message = "a message must be valid for some time to come";
            return Err(FieldError::bad_input("validUntil", message));
        }
        Some(moment) => moment,
        None => now.later_by(VALIDITY_DEFAULT_SECONDS),
    };
    let id = id.to_string().into();
    Ok(NewMessage { id, created: now, data: data.into(), valid_until })
}

fn viewed_ids(ids: &[ID]) -> Result<BTreeSet<Box<str>>, FieldError> {
    let is_id = |id: &ID| {
        (1..=MESSAGE_ID_MAX_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
    };
    if !(1..=VIEWED_MAX).contains(&ids.len()) || !ids.iter().all(is_id) {
        let message = format!("give the ids of 1 to {VIEWED_MAX} messages");
        return Err(FieldError::bad_input("messageIds", message));
    }
    Ok(ids.iter().map(|id| id.as_str().into()).collect())
}

/// A conversation that is read when it is asked for, as it is after the change.
struct Changed(ConversationId);

impl Changed {
    async fn read(&self, context: &Context<'_>) -> Result<Option<ConversationNode>, FieldError> {
        let reader = Scope::reader(context)?;
        let list = reader.conversations(context).await?;
        let viewer = reader.caller().user();
        Ok(list.find(self.0).map(|conversation| ConversationNode::new(conversation, viewer)))
    }
}

/// A message to send.
#[derive(InputObject)]
struct SendMessageInput {
    /// The conversation's id: 32 hex digits.
    conversation_id: ID,
    /// The content, end-to-end encrypted: ciphertext in base64 (standard alphabet, with padding).
    data: String,
    /// The message's id: a UUID of your own making. Without one the gateway makes it, and sending again sends twice.
    id: Option<ID>,
    /// Until when the message is kept. Default: seven days from now.
    valid_until: Option<GivenDateTime>,
}

/// What `sendMessage` gives.
struct SendMessagePayload {
    message: Option<MessageNode>,
    conversation: Changed,
}

/// What `sendMessage` gives.
#[Object]
impl SendMessagePayload {
    /// The message as the server stored it.
    async fn message(&self) -> Option<&MessageNode> {
        self.message.as_ref()
    }

    /// The conversation as it is after the message. It costs a call to the chat server, and only if it is asked for.
    async fn conversation(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<ConversationNode>, FieldError> {
        self.conversation.read(context).await
    }
}

/// Which messages were seen.
#[derive(InputObject)]
struct MarkViewedInput {
    /// The conversation's id: 32 hex digits.
    conversation_id: ID,
    /// The ids of 1 to 200 messages that the viewer has read through this gateway, or that are among the newest 50.
    message_ids: Vec<ID>,
}

/// What `markViewed` gives.
struct MarkViewedPayload {
    message_ids: Vec<ID>,
    conversation: Changed,
}

/// What `markViewed` gives.
#[Object]
impl MarkViewedPayload {
    /// The conversation as it is after the report. It costs a call to the chat server, and only if it is asked for.
    async fn conversation(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<ConversationNode>, FieldError> {
        self.conversation.read(context).await
    }

    /// The messages that were marked.
    async fn message_ids(&self) -> &[ID] {
        &self.message_ids
    }
}
