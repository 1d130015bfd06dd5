//! The root of mutations, one file per area.

mod account;
mod conversation;
mod message;
mod session;

use async_graphql::MergedObject;

/// What can be changed. Fields run one after the other, in the order of the document. A field that fails is null and
/// the others stand.
#[derive(Default, MergedObject)]
pub(super) struct Mutation(
    session::SessionMutation,
    message::MessageMutation,
    conversation::ConversationMutation,
    account::AccountMutation,
);
