//! The one door to a caller's data.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::generations::Generations;
use super::shelf::{Shelf, ShelfOptions, Slot};
use super::{ConversationList, FriendList, Reading, Resource};
use crate::ozeki::{Call, Client};
use crate::session::Caller;
use crate::telemetry::{self, Metrics};

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct CacheOptions {
    /// All cached values together, in bytes.
    pub max_bytes: u64,
    /// How long a list of conversations is fresh, from the start of its call.
    pub conversations_time_to_live: Duration,
    /// How long a list of friends is fresh, from the start of its call.
    pub friends_time_to_live: Duration,
}

/// Reads and changes callers' data.
#[derive(Debug)]
pub struct Data {
    client: Arc<Client>,
    generations: Generations,
    conversations: Shelf<ConversationList>,
    friends: Shelf<FriendList>,
    tasks: TaskTracker,
}

impl Data {
    /// Sets the service up with an empty cache.
    pub fn new(options: &CacheOptions, client: Arc<Client>, metrics: &Arc<Metrics>) -> Self {
        let tasks = TaskTracker::new();
        let conversations = ShelfOptions {
            resource: telemetry::Resource::Conversations,
            call: Call::CONVERSATION_LIST,
            // A conversation weighs more than a friend, and a caller has more of them.
            max_bytes: options.max_bytes / 4 * 3,
            time_to_live: options.conversations_time_to_live,
        };
        let friends = ShelfOptions {
            resource: telemetry::Resource::Friends,
            call: Call::FRIENDS_LIST,
            max_bytes: options.max_bytes / 4,
            time_to_live: options.friends_time_to_live,
        };
        Self {
            client,
            generations: Generations::new(),
            conversations: Shelf::new(conversations, tasks.clone(), Arc::clone(metrics)),
            friends: Shelf::new(friends, tasks.clone(), Arc::clone(metrics)),
            tasks,
        }
    }

    /// Begins to read the caller's conversations; needs a Tokio runtime.
    pub fn conversations(&self, caller: &Arc<Caller>) -> Reading<ConversationList> {
        self.conversations.read(self.slot(caller, Resource::Conversations), || {
            let (client, caller) = (Arc::clone(&self.client), Arc::clone(caller));
            async move { client.conversations(caller.identity()).await.map(ConversationList::new) }
        })
    }

    /// Begins to read the caller's friends; needs a Tokio runtime.
    pub fn friends(&self, caller: &Arc<Caller>) -> Reading<FriendList> {
        self.friends.read(self.slot(caller, Resource::Friends), || {
            let (client, caller) = (Arc::clone(&self.client), Arc::clone(caller));
            async move { client.friends(caller.identity()).await.map(FriendList::new) }
        })
    }

    /// Makes the caller's next read of a resource go upstream, after all that is under way.
    pub fn refresh(&self, caller: &Caller, resource: Resource) {
        let former = self.slot(caller, resource);
        self.generations.raise(caller.key(), resource);
        match resource {
            Resource::Conversations => self.conversations.discard(&former),
            Resource::Friends => self.friends.discard(&former),
        }
    }

    /// Drops all that is kept of the caller, as at a logout.
    pub fn forget(&self, caller: &Caller) {
        self.refresh(caller, Resource::Conversations);
        self.refresh(caller, Resource::Friends);
    }

    /// Waits until no load is under way; none may be begun after this.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn slot(&self, caller: &Caller, resource: Resource) -> Slot {
        let caller = caller.key();
        Slot { caller, generation: self.generations.current(caller, resource) }
    }
}
