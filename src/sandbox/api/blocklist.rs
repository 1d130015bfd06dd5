//! `chatblocklist`: whom and what the caller blocked.

use serde::Serialize;

use super::{MISLEADING_MESSAGE, Operation, ok};
use crate::ozeki::{ConversationId, UserId};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::World;

pub(super) const OPERATIONS: &[Operation] =
    &[Operation::signed("chatblocklist", "blocklist", blocklist)];

/// The elements' type is not documented; ids are our choice. Source: "Calls", Blocklist.
#[derive(Serialize)]
struct Blocklist<'a> {
    blockedusers: &'a [UserId],
    blockedconversations: &'a [ConversationId],
}

fn blocklist(world: &mut World, admitted: &Admitted, _call: &Incoming) -> Result<Vec<u8>, Refusal> {
    let account = world.account(admitted.caller).ok_or(Refusal::UnknownUser)?;
    let blocklist = Blocklist {
        blockedusers: &account.blocked_users,
        blockedconversations: &account.blocked_conversations,
    };
    Ok(ok(MISLEADING_MESSAGE, blocklist))
}
