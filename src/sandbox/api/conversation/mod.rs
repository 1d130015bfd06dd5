//! `chatconversation`: the caller's conversations.

mod wire;

use serde::Serialize;

use super::{Credential, Operation, ok};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::World;
use wire::WireConversation;

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    service: "chatserver",
    api: "chatconversation",
    action: "list",
    credential: Credential::Signature,
    answer: list,
}];

/// Beside status `OK`, and no failure. Source: "Where the examples mislead", 1.
const MISLEADING_MESSAGE: &str = "File does not exist";

#[derive(Serialize)]
struct Conversations<'a> {
    conversations: Vec<WireConversation<'a>>,
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
