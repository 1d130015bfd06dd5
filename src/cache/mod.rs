//! The data service: what a caller may read, from memory or by an upstream call.
//!
//! Every value stands under the [`CallerKey`](crate::session::CallerKey) of the caller whose credential fetched it
//! and the generation of the resource. A change raises the generation, so an older load that ends later stores its
//! value where nobody looks any more. Concurrent reads of one resource share one detached upstream call; a failure is
//! told to all who waited and kept by none.

mod blocklist;
mod budget;
mod changes;
mod conversations;
mod data;
mod error;
mod fair;
mod friends;
mod generations;
mod lenient;
mod live;
mod messages;
mod sending;
mod shelf;
mod viewing;

pub use budget::{BudgetSpent, CallBudget};
pub use conversations::ConversationList;
pub use data::{CacheOptions, Data};
pub use error::{ChangeError, ReadError};
pub use friends::FriendList;
pub use lenient::{Lenient, Shown};
pub use live::{
    ConversationFeed, ConversationNews, Feed, FeedEnd, FollowError, FriendFeed, FriendNews,
    MessageFeed,
};
pub use messages::Messages;
pub use shelf::{Reading, Weigh};

/// What a caller has, by what it changes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The caller's conversations.
    Conversations,
    /// The caller's friends.
    Friends,
    /// Pages of the caller's messages.
    Messages,
    /// Whom and what the caller blocked.
    Blocklist,
    /// Messages that the caller sent under ids of its own.
    Sent,
}

impl Resource {
    /// Every resource.
    const ALL: [Self; 5] =
        [Self::Conversations, Self::Friends, Self::Messages, Self::Blocklist, Self::Sent];

    /// The resource's name, for metrics.
    const fn name(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Friends => "friends",
            Self::Messages => "messages",
            Self::Blocklist => "blocklist",
            Self::Sent => "sent_messages",
        }
    }
}
