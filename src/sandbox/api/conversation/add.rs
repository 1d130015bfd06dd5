//! Saying something.

use serde::Serialize;
use serde_json::{Map, Value};

use super::entry::WireEntry;
use super::{check_instance, conversation_of_call};
use crate::ozeki::Timestamp;
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::api::ok;
use crate::sandbox::incoming::{Incoming, TIMESTAMP};
use crate::sandbox::state::{Data, Entry, EntryId, Kind, World};

#[derive(Serialize)]
struct Added<'a> {
    message: WireEntry<'a>,
}

/// Takes a message, and tells it without its ciphertext. Source: "Calls", Conversation / add.
///
/// A message whose id the conversation has is the same message sent again: it is answered as the first time and
/// nothing is added. The vendor does not say so; it is our choice, so that clients can try again.
pub(super) fn add(
    world: &mut World,
    admitted: &Admitted,
    call: &Incoming,
) -> Result<Vec<u8>, Refusal> {
    let conversation = conversation_of_call(world, admitted, call)?;
    check_instance(conversation, call)?;
    let message = message_of_call(call)?;
    if let Some(known) = conversation.messages.find(message.id) {
        return Ok(ok("", Added { message: WireEntry::without_data(known) }));
    }
    let answer = ok("", Added { message: WireEntry::without_data(&message) });
    conversation.messages.insert(message);
    conversation.last_access = admitted.now.unix_seconds();
    let id = conversation.id;
    world.announce_conversation(id);
    Ok(answer)
}

/// Reads the JSON object inside the string. Source: "Where the examples mislead", 4.
///
/// What clients encrypted is not looked into: any text that is not empty passes.
fn message_of_call(call: &Incoming) -> Result<Entry, Refusal> {
    let inner: Map<String, Value> = serde_json::from_str(call.text("message")?).map_err(|_| {
        Refusal::InvalidMember { name: "message", expected: "a string that holds a JSON object" }
    })?;
    let id = read(&inner, "message.ID", "a UUID", EntryId::of_message)?;
    let kind = |text: &str| (text == Kind::Message.as_str()).then_some(Kind::Message);
    let kind = read(&inner, "message.Type", "Message", kind)?;
    let moment = |text: &str| text.parse::<Timestamp>().ok();
    let created = read(&inner, "message.Created", TIMESTAMP, moment)?;
    let valid_until = read(&inner, "message.ValidUntil", TIMESTAMP, moment)?;
    if valid_until < created {
        let expected = "at or after message.Created";
        return Err(Refusal::InvalidMember { name: "message.ValidUntil", expected });
    }
    let ciphertext = |text: &str| (!text.is_empty()).then(|| Data::Sent(text.into()));
    let data = read(&inner, "message.Data", "a ciphertext", ciphertext)?;
    Ok(Entry { id, kind, created, valid_until, data })
}

/// Reads a member of the inner object, which refusals call by its whole `name`.
fn read<T>(
    inner: &Map<String, Value>,
    name: &'static str,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Refusal> {
    let member = name.trim_start_matches("message.");
    let value = inner.get(member).ok_or(Refusal::MissingMember(name))?;
    let value = value.as_str().and_then(parse);
    value.ok_or(Refusal::InvalidMember { name, expected })
}
