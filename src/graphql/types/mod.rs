//! The schema's objects: what we promise, over what Ozeki says.

mod blocklist;
mod conversation;
mod friend;
mod message;
mod participant;
mod viewer;

pub(super) use blocklist::BlocklistNode;
pub(super) use conversation::ConversationNode;
pub(super) use friend::FriendNode;
pub(super) use message::{MessageArguments, MessageConnection, MessageNode};
pub(super) use participant::ParticipantNode;
pub(super) use viewer::Viewer;
