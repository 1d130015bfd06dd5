//! The one door to a caller's data.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::budget::{BudgetSpent, CallBudget};
use super::fair::{FairTable, Owned};
use super::generations::Generations;
use super::live::{Between, BetweenKey, Live, NEWS_TIME_TO_LIVE};
use super::messages::PageKey;
use super::sending::{Attempts, SendKey};
use super::shelf::{Shared, Shelf, ShelfOptions};
use super::{ChangeError, ConversationList, FriendList, Lenient, Messages, ReadError, Resource};
use crate::clock::Clock;
use crate::ozeki::{Blocklist, Call, Client, ConversationId, Message, Timestamp, UserId};
use crate::session::{Caller, CallerKey};
use crate::telemetry::Metrics;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct CacheOptions {
    /// All cached values together, in bytes.
    pub max_bytes: u64,
    /// How long a list of conversations is fresh, from the start of its call.
    pub conversations_time_to_live: Duration,
    /// How long a list of friends is fresh, from the start of its call.
    pub friends_time_to_live: Duration,
    /// How long both lists are fresh while the upstream tells what changes; zero: no longer than otherwise.
    pub live_time_to_live: Duration,
    /// How old a value may be that is shown while the upstream is down; zero: none is.
    pub stale_time_to_live: Duration,
    /// The shortest time between two polls of a station's notices.
    pub notification_interval: Duration,
    /// Whether whole answers are kept beside what they were made of.
    pub keeps_answers: bool,
}

impl CacheOptions {
    /// The part of the room that is for whole answers, in bytes, where they are kept.
    pub fn answers_max_bytes(&self) -> Option<u64> {
        self.keeps_answers.then_some(self.max_bytes / 16 * ANSWERS_SIXTEENTHS)
    }
}

/// The part of the room that is for whole answers: what is asked for again and again is a part of what is read.
const ANSWERS_SIXTEENTHS: u64 = 4;

/// How many dates of messages are remembered, at about 200 bytes each; the longest unused are dropped first.
const DATES_MAX: u64 = 200_000;

/// How long a page of messages is kept: the list tells when it has changed, so this frees memory only.
const MESSAGES_TIME_TO_LIVE: Duration = Duration::from_secs(60 * 60);

/// How long a message that was sent under a client's id is known: longer than clients repeat one.
pub(super) const SENT_TIME_TO_LIVE: Duration = Duration::from_secs(60 * 60);

/// How many callers with forwarded credentials are remembered as proved, at about 300 bytes each; the longest unused are
/// dropped first. All who are at work, of any company.
const PROVED_MAX: u64 = 50_000;

/// How long a forwarded credential counts as proved after a call that it signed: who works reads again by then.
const PROVED_TIME_TO_LIVE: Duration = Duration::from_secs(60 * 60);

/// Names a message of a caller.
pub(super) type MessageKey = (CallerKey, ConversationId, Box<str>);

impl Owned for CallerKey {
    fn owner(&self) -> UserId {
        self.user()
    }
}

impl Owned for MessageKey {
    fn owner(&self) -> UserId {
        self.0.user()
    }
}

/// Reads and changes callers' data.
#[derive(Debug)]
pub struct Data {
    pub(super) client: Arc<Client>,
    pub(super) generations: Arc<Generations>,
    pub(super) conversations: Shelf<(), ConversationList>,
    pub(super) friends: Shelf<(), FriendList>,
    pub(super) blocklists: Shelf<(), Blocklist>,
    pub(super) pages: Shelf<PageKey, Messages>,
    pub(super) sent: Shelf<SendKey, Message, ChangeError>,
    /// New messages, for all subscribers of a caller.
    pub(super) news: Shelf<BetweenKey, Between>,
    /// When messages that callers have read were sent.
    pub(super) dates: FairTable<MessageKey, Timestamp>,
    /// Messages that were sent, or were begun to be sent, under ids of clients.
    pub(super) attempts: Attempts,
    /// Whose forwarded credential the upstream took lately.
    pub(super) proved: FairTable<CallerKey, ()>,
    /// Held while a change begins or ends: what it finds must be what it puts aside.
    pub(super) settling: Mutex<()>,
    pub(super) tasks: TaskTracker,
    pub(super) metrics: Arc<Metrics>,
    pub(super) live: Live,
}

impl Data {
    /// Sets the service up with an empty cache.
    pub fn new(
        options: &CacheOptions,
        client: Arc<Client>,
        clock: Clock,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let tasks = TaskTracker::new();
        // Messages are many and large; of a list there is one for a caller.
        let sixteenth = options.max_bytes / 16;
        let shelf = |resource, call, sixteenths, time_to_live| ShelfOptions {
            resource,
            call,
            max_bytes: sixteenth * sixteenths,
            time_to_live,
            live_time_to_live: time_to_live,
            stale_time_to_live: options.stale_time_to_live,
        };
        // Only of these two the upstream tells when they change.
        let told = |shelf: ShelfOptions| ShelfOptions {
            live_time_to_live: options.live_time_to_live.max(shelf.time_to_live),
            ..shelf
        };
        let conversations = told(shelf(
            Resource::Conversations,
            Call::CONVERSATION_LIST,
            4,
            options.conversations_time_to_live,
        ));
        let friends =
            told(shelf(Resource::Friends, Call::FRIENDS_LIST, 2, options.friends_time_to_live));
        let blocklists =
            shelf(Resource::Blocklist, Call::BLOCKLIST, 1, options.friends_time_to_live);
        let pages = shelf(Resource::Messages, Call::MESSAGES_BEFORE, 3, MESSAGES_TIME_TO_LIVE);
        let sent = shelf(Resource::Sent, Call::ADD_MESSAGE, 1, SENT_TIME_TO_LIVE);
        let news = shelf(Resource::Messages, Call::MESSAGES_FROM, 1, NEWS_TIME_TO_LIVE);
        let generations = Arc::new(Generations::new());
        let follows_readers = !options.live_time_to_live.is_zero();
        let live = Live::new(options.notification_interval, follows_readers, clock);
        let shared = || Shared {
            generations: Arc::clone(&generations),
            coverage: Arc::clone(&live.coverage),
            tasks: tasks.clone(),
            metrics: Arc::clone(metrics),
        };
        Self {
            client,
            conversations: Shelf::new(conversations, shared()),
            friends: Shelf::new(friends, shared()),
            blocklists: Shelf::new(blocklists, shared()),
            pages: Shelf::new(pages, shared()),
            sent: Shelf::new(sent, shared()),
            news: Shelf::new(news, shared()),
            generations,
            dates: FairTable::new(DATES_MAX, None, |_key, _date| 1),
            attempts: Attempts::new(),
            proved: FairTable::new(PROVED_MAX, Some(PROVED_TIME_TO_LIVE), |_caller, ()| 1),
            settling: Mutex::new(()),
            tasks,
            metrics: Arc::clone(metrics),
            live,
        }
    }

    /// Begins to read the caller's conversations; needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BudgetSpent`] when that needs a call and the operation may make none.
    pub fn conversations(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        budget: &CallBudget,
    ) -> Result<Lenient<ConversationList>, BudgetSpent> {
        self.live.note_read(caller);
        self.conversations.read_leniently(
            self.conversations.slot(caller.key(), ()),
            budget,
            |mut allowance| {
                let (data, caller) = (Arc::clone(self), Arc::clone(caller));
                let proves = self.proof(&caller, Resource::Conversations);
                async move {
                    let call = data.client.conversations(caller.identity());
                    let list = allowance.call::<_, ReadError>(call).await?;
                    data.note_proved(&caller, proves);
                    Ok(ConversationList::new(list))
                }
            },
        )
    }

    /// Begins to read the caller's friends; needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BudgetSpent`] when that needs a call and the operation may make none.
    pub fn friends(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        budget: &CallBudget,
    ) -> Result<Lenient<FriendList>, BudgetSpent> {
        self.live.note_read(caller);
        self.friends.read_leniently(self.friends.slot(caller.key(), ()), budget, |mut allowance| {
            let (data, caller) = (Arc::clone(self), Arc::clone(caller));
            let proves = self.proof(&caller, Resource::Friends);
            async move {
                let call = data.client.friends(caller.identity());
                let list = allowance.call::<_, ReadError>(call).await?;
                data.note_proved(&caller, proves);
                Ok(FriendList::new(list))
            }
        })
    }

    /// Begins to read whom and what the caller blocked; needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BudgetSpent`] when that needs a call and the operation may make none.
    pub fn blocklist(
        &self,
        caller: &Arc<Caller>,
        budget: &CallBudget,
    ) -> Result<Lenient<Blocklist>, BudgetSpent> {
        self.blocklists.read_leniently(
            self.blocklists.slot(caller.key(), ()),
            budget,
            |mut allowance| {
                let (client, caller) = (Arc::clone(&self.client), Arc::clone(caller));
                async move { allowance.call(client.blocklist(caller.identity())).await }
            },
        )
    }

    /// Makes the caller available to friends.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] when the upstream refuses or fails, or the operation may make no call.
    pub async fn set_available(
        &self,
        caller: &Arc<Caller>,
        budget: &CallBudget,
    ) -> Result<(), ChangeError> {
        let mut allowance = budget.allow()?;
        let (client, caller) = (Arc::clone(&self.client), Arc::clone(caller));
        self.finish(Call::SET_AVAILABLE, async move {
            allowance.call(client.set_available(caller.identity())).await
        })
        .await
    }

    /// Registers a workspace.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] when the upstream refuses or fails, or the operation may make no call.
    pub async fn register_workspace(
        &self,
        caller: &Arc<Caller>,
        name: String,
        budget: &CallBudget,
    ) -> Result<(), ChangeError> {
        let mut allowance = budget.allow()?;
        let (client, caller) = (Arc::clone(&self.client), Arc::clone(caller));
        self.finish(Call::REGISTER_WORKSPACE, async move {
            allowance.call(client.register_workspace(caller.identity(), &name)).await
        })
        .await
    }

    /// Makes the caller's next read of a resource go upstream, after all that is under way; what was kept is lost.
    pub fn refresh(&self, caller: &Caller, resource: Resource) {
        let caller = caller.key();
        // What is put behind is dropped where it can be named, to free its memory.
        match resource {
            Resource::Conversations => self.conversations.discard(caller, ()),
            Resource::Friends => self.friends.discard(caller, ()),
            Resource::Blocklist => self.blocklists.discard(caller, ()),
            Resource::Messages | Resource::Sent => {}
        }
        self.generations.raise(caller, resource);
    }

    /// Makes the caller's next read of a resource go upstream for a change that the upstream told, or may have told. What is
    /// kept stays the last good one, for the time in which the upstream cannot be read.
    pub(super) fn put_behind(&self, caller: CallerKey, resource: Resource) {
        self.generations.raise_told(caller, resource);
    }

    /// Puts the pages of one conversation's messages behind.
    pub(super) fn refresh_messages(&self, caller: &Caller, conversation: ConversationId) {
        self.generations.raise_conversation(caller.key(), Resource::Messages, conversation);
    }

    /// Puts all that is kept of the caller out of reach, as at a logout, and drops it.
    pub fn forget(&self, caller: &Caller) {
        for resource in Resource::ALL {
            self.refresh(caller, resource);
        }
        let key = caller.key();
        self.generations.forget(key);
        // Behind the numbers, so that no load that ends later leaves anything.
        self.pages.forget(key);
        self.news.forget(key);
        self.sent.forget(key);
        self.dates.invalidate_of(key.user(), |(of, _conversation, _message)| *of == key);
        self.tell_logout(caller);
        // Behind the lock under which a call is noted that proves it.
        self.proved.invalidate(&key);
    }

    /// Whether the upstream took the caller's credential: at its login, or lately where it is handed on.
    pub fn is_proved(&self, caller: &Caller) -> bool {
        caller.session().is_some() || self.proved.get(&caller.key()).is_some()
    }

    /// Ends the pollers and waits until no load is under way; none may be begun after this.
    pub async fn drain(&self) {
        self.live.close();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
