//! The data service: what a caller may read, from memory or by an upstream call.
//!
//! Every value stands under the [`CallerKey`](crate::session::CallerKey) of the caller whose credential fetched it
//! and the generation of the resource. A change raises the generation, so an older load that ends later stores its
//! value where nobody looks any more. Concurrent reads of one resource share one detached upstream call; a failure is
//! told to all who waited and kept by none.

mod conversations;
mod data;
mod friends;
mod generations;
mod shelf;

pub use conversations::ConversationList;
pub use data::{CacheOptions, Data};
pub use friends::FriendList;
pub use shelf::{Reading, Weigh};

/// A resource of a caller that is read as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The caller's conversations.
    Conversations,
    /// The caller's friends.
    Friends,
}
