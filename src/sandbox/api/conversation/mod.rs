//! `chatconversation`: the caller's conversations.

mod add;
mod clear;
mod download;
mod entry;
mod settings;
mod wire;

use serde::Serialize;

use super::{MISLEADING_MESSAGE, Operation, ok};
use crate::ozeki::ConversationId;
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::{Conversation, World};
use wire::WireConversation;

const API: &str = "chatconversation";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::signed(API, "list", list),
    Operation::signed(API, "downloadpartial", download::older),
    Operation::signed(API, "download", download::newer),
    Operation::signed(API, "add", add::add),
    Operation::signed(API, "clear", clear::clear),
    Operation::signed(API, "favorite", settings::favorite),
    Operation::signed(API, "unfavorite", settings::unfavorite),
    Operation::signed(API, "mute", settings::mute),
    Operation::signed(API, "unmute", settings::unmute),
    Operation::signed(API, "hide", settings::hide),
    Operation::signed(API, "unhide", settings::unhide),
    Operation::signed(API, "setlistitembackgroundcolor", settings::set_color),
];

#[derive(Serialize)]
struct Conversations<'a> {
    conversations: Vec<WireConversation<'a>>,
}

/// The answer of most calls that change a conversation.
#[derive(Serialize)]
struct Changed<'a> {
    conversation: WireConversation<'a>,
}

#[expect(clippy::unnecessary_wraps, reason = "every operation has this form")]
fn list(world: &mut World, admitted: &Admitted, _call: &Incoming) -> Result<Vec<u8>, Refusal> {
    let encryption = world.next_encryption();
    let conversations = world
        .conversations_of(admitted.caller)
        .map(|conversation| WireConversation::new(conversation, world, encryption))
        .collect();
    Ok(ok(MISLEADING_MESSAGE, Conversations { conversations }))
}

/// The conversation that the call names, if the caller takes part in it.
pub(super) fn conversation_of_call<'w>(
    world: &'w mut World,
    admitted: &Admitted,
    call: &Incoming,
) -> Result<&'w mut Conversation, Refusal> {
    let id = call.conversation_id("conversationid")?;
    world.conversation_of_mut(admitted.caller, id).ok_or(Refusal::UnknownConversation)
}

/// Whether the call means the conversation as it is now, and not as it was before it was cleared.
pub(super) fn check_instance(conversation: &Conversation, call: &Incoming) -> Result<(), Refusal> {
    let is_current = call.text("instance")? == conversation.instance;
    is_current.then_some(()).ok_or(Refusal::StaleInstance)
}

/// Tells the participants that the conversation changed, and answers with it.
fn changed(world: &mut World, admitted: &Admitted, id: ConversationId) -> Result<Vec<u8>, Refusal> {
    world.announce_conversation(id);
    let encryption = world.next_encryption();
    let conversation =
        world.conversation_of(admitted.caller, id).ok_or(Refusal::UnknownConversation)?;
    let conversation = WireConversation::new(conversation, world, encryption);
    Ok(ok("", Changed { conversation }))
}
