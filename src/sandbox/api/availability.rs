//! `chatavailability`: the caller's presence.

use super::{NoMembers, Operation, ok};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::World;

pub(super) const OPERATIONS: &[Operation] =
    &[Operation::signed("chatavailability", "useravailable", user_available)];

#[expect(clippy::unnecessary_wraps, reason = "every operation has this form")]
fn user_available(
    world: &mut World,
    admitted: &Admitted,
    _call: &Incoming,
) -> Result<Vec<u8>, Refusal> {
    world.make_available(admitted.caller);
    Ok(ok("", NoMembers {}))
}
