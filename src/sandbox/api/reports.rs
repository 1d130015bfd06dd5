//! `chatreports`: messages that the caller has seen.
//!
//! Source: "Where the examples mislead", 6.

use super::conversation::{check_instance, conversation_of_call};
use super::{NoMembers, Operation, ok};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::{Entry, EntryId, Kind, Timeline, World};

pub(super) const OPERATIONS: &[Operation] = &[Operation::signed("chatreports", "viewed", viewed)];

/// The most messages that one call can name: many screens full.
const MESSAGE_IDS_MAX: usize = 1000;

const MESSAGE_IDS: &str = "a list of 1 to 1000 messages' UUIDs";

/// Keeps a report of each message that the caller had not marked before.
///
/// Strict about what the vendor leaves open: every message is there, and none lies outside of the two dates.
fn viewed(world: &mut World, admitted: &Admitted, call: &Incoming) -> Result<Vec<u8>, Refusal> {
    let caller = admitted.caller;
    let conversation = conversation_of_call(world, admitted, call)?;
    check_instance(conversation, call)?;
    let messages = messages_of_call(&conversation.messages, call)?;
    let mut is_changed = false;
    for message in messages {
        let report = Entry::report(Kind::Viewed, message, caller, admitted.now);
        is_changed |= conversation.reports.insert(report);
    }
    if is_changed {
        conversation.last_access = admitted.now.unix_seconds();
        let id = conversation.id;
        world.announce_conversation(id);
    }
    Ok(ok("", NoMembers {}))
}

fn messages_of_call(known: &Timeline, call: &Incoming) -> Result<Vec<EntryId>, Refusal> {
    let first = call.timestamp("firstmessagedate")?;
    let last = call.timestamp("lastmessagedate")?;
    let invalid = Refusal::InvalidMember { name: "messageids", expected: MESSAGE_IDS };
    let ids = call.list("messageids")?;
    if !(1..=MESSAGE_IDS_MAX).contains(&ids.len()) {
        return Err(invalid);
    }
    ids.iter()
        .map(|id| {
            let id = id.as_str().and_then(EntryId::of_message).ok_or(invalid)?;
            let message = known.find(id).ok_or(Refusal::NotInConversation("messageids"))?;
            let is_between = (first..=last).contains(&message.created);
            is_between.then_some(id).ok_or(Refusal::OutsideDates)
        })
        .collect()
}
