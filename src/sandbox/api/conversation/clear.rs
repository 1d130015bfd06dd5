//! Forgetting what was said.

use super::{changed, check_instance, conversation_of_call};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::World;

/// Empties the conversation, which begins a new instance. Source: "Calls", Conversation / clear.
pub(super) fn clear(
    world: &mut World,
    admitted: &Admitted,
    call: &Incoming,
) -> Result<Vec<u8>, Refusal> {
    let conversation = conversation_of_call(world, admitted, call)?;
    check_instance(conversation, call)?;
    conversation.clear();
    conversation.last_access = admitted.now.unix_seconds();
    let id = conversation.id;
    changed(world, admitted, id)
}
