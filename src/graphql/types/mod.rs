//! The schema's objects: what we promise, over what Ozeki says.

mod conversation;
mod friend;
mod participant;
mod viewer;

pub(super) use conversation::ConversationNode;
pub(super) use friend::FriendNode;
pub(super) use participant::ParticipantNode;
pub(super) use viewer::Viewer;
