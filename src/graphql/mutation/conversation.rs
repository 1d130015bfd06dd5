//! Changes of a conversation, each answered with the conversation after the change.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::graphql::input::parse_id;
use crate::graphql::selection::look_below;
use crate::graphql::types::ConversationNode;
use crate::graphql::{FieldError, Scope};
use crate::ozeki::{Change, Color, Conversation};

#[derive(Default)]
pub(super) struct ConversationMutation;

type Changed = Result<Option<ConversationPayload>, FieldError>;

#[Object]
impl ConversationMutation {
    /// Removes all messages of a conversation. It begins a new instance without messages.
    async fn clear_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation to clear.")] input: ConversationInput,
    ) -> Changed {
        let change = |of: &Conversation| Change::Clear { instance: of.instance().into() };
        changed(context, &input.id, change).await
    }

    /// Makes a conversation a favourite of the viewer.
    async fn favorite_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation to make a favourite.")] input: ConversationInput,
    ) -> Changed {
        changed(context, &input.id, |_| Change::Favorite).await
    }

    /// Makes a conversation no favourite of the viewer any more.
    async fn unfavorite_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation that is to be a favourite no more.")]
        input: ConversationInput,
    ) -> Changed {
        changed(context, &input.id, |_| Change::Unfavorite).await
    }

    /// Mutes a conversation for the viewer.
    async fn mute_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation to mute.")] input: ConversationInput,
    ) -> Changed {
        changed(context, &input.id, |_| Change::Mute).await
    }

    /// Ends the muting of a conversation for the viewer.
    async fn unmute_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation to mute no more.")] input: ConversationInput,
    ) -> Changed {
        changed(context, &input.id, |_| Change::Unmute).await
    }

    /// Hides a conversation for the viewer, until it is cleared or shown again.
    async fn hide_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation to hide.")] input: ConversationInput,
    ) -> Changed {
        let change = |of: &Conversation| Change::Hide { instance: of.instance().into() };
        changed(context, &input.id, change).await
    }

    /// Shows a conversation again that the viewer hid.
    async fn unhide_conversation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation to show again.")] input: ConversationInput,
    ) -> Changed {
        changed(context, &input.id, |_| Change::Unhide).await
    }

    /// Colours the row of a conversation for the viewer.
    async fn set_conversation_color(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The conversation and its colour.")] input: SetConversationColorInput,
    ) -> Changed {
        Scope::reader(context)?;
        let color: Color = input.color.parse().map_err(|error: crate::ozeki::InvalidColor| {
            FieldError::bad_input("color", error.to_string())
        })?;
        changed(context, &input.id, move |_| Change::SetColor(color)).await
    }
}

async fn changed(
    context: &Context<'_>,
    id: &ID,
    change: impl Fn(&Conversation) -> Change + Send + Sync + 'static,
) -> Changed {
    let reader = Scope::reader(context)?;
    let id = parse_id("id", id)?;
    look_below(context, Some(id))?;
    let (data, caller) = (reader.data(), reader.caller());
    let conversation = data.change_conversation(caller, id, change, reader.budget()).await;
    reader.renew_conversations();
    let conversation = ConversationNode::new(&Arc::new(conversation?), caller.user());
    Ok(Some(ConversationPayload { conversation: Some(conversation) }))
}

/// Which conversation.
#[derive(InputObject)]
struct ConversationInput {
    /// The conversation's id: 32 hex digits.
    id: ID,
}

/// A conversation and its colour.
#[derive(InputObject)]
struct SetConversationColorInput {
    /// The conversation's id: 32 hex digits.
    id: ID,
    /// The colour, written `#rrggbb`, such as `#bae1ff`.
    color: String,
}

/// What a change of a conversation gives.
#[derive(SimpleObject)]
struct ConversationPayload {
    /// The conversation as it is after the change.
    conversation: Option<ConversationNode>,
}
