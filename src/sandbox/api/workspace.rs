//! `workspace`, of the service `chatowner`: names for whole servers.

use super::{Credential, NoMembers, Operation, ok};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::World;

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    service: "chatowner",
    api: "workspace",
    action: "workspaceregister",
    credential: Credential::SignatureAlone,
    answer: register,
}];

/// The longest host name and label of one, by RFC 1035.
const HOST_MAX_BYTES: usize = 253;
const LABEL_MAX_BYTES: usize = 63;

fn register(world: &mut World, admitted: &Admitted, call: &Incoming) -> Result<Vec<u8>, Refusal> {
    let name = call.text("workspacename")?;
    if !is_host(name) {
        let expected = "a host name such as alice.ozeki.chat";
        return Err(Refusal::InvalidMember { name: "workspacename", expected });
    }
    world.workspaces.register(name, admitted.caller)?;
    Ok(ok("", NoMembers {}))
}

/// Whether the name looks like the documented one; which others a real server takes is not documented.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_MAX_BYTES).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= HOST_MAX_BYTES && name.contains('.') && name.split('.').all(is_label)
}
