//! `chatnotification`: what changed since the station asked last.

use serde::Serialize;

use super::{Credential, Operation, ok};
use crate::ozeki::{ConversationId, UserId};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::World;

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    service: "chatserver",
    api: "chatnotification",
    action: "download",
    credential: Credential::Station,
    answer: download,
}];

/// The answer's members in the documented order, spelled as documented. Source: "Calls", Notification.
#[derive(Serialize)]
struct Notifications {
    friendavailabilitesof: Vec<UserId>,
    conversationchangedof: Vec<ConversationId>,
    conversationlistchangedof: Vec<UserId>,
}

fn download(world: &mut World, admitted: &Admitted, _call: &Incoming) -> Result<Vec<u8>, Refusal> {
    let station = admitted.station.ok_or(Refusal::UnknownStation)?;
    let notices = world.stations.drain(station);
    Ok(ok(
        "",
        Notifications {
            friendavailabilitesof: notices.availabilities,
            conversationchangedof: notices.conversations,
            conversationlistchangedof: notices.conversation_lists,
        },
    ))
}
