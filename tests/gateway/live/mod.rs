//! What changes elsewhere: who is told, and what is read afterwards. Below HTTP, where a poll can be waited for.

mod faults;
mod feeds;
mod isolation;
mod model;
mod polling;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ozeki_graphql::cache::{
    CacheOptions, CallBudget, ConversationList, Data, Feed, FeedEnd, FriendList,
};
use ozeki_graphql::clock::Clock;
use ozeki_graphql::ozeki::{
    ApiKey, Client, ClientOptions, Conversation, ConversationId, NewMessage, Recipe, StationId,
    Timestamp,
};
use ozeki_graphql::sandbox::{Sandbox, SandboxOptions};
use ozeki_graphql::session::{Audience, Caller, SessionKey, SessionOptions, Sessions};
use ozeki_graphql::telemetry::Metrics;

const START: i64 = 1_709_906_147;
const NOTIFICATIONS: (&str, &str) = ("chatnotification", "download");

/// How long a test waits for what must come; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The data service in front of a sandbox.
struct Bench {
    sandbox: Sandbox,
    data: Arc<Data>,
    sessions: Sessions,
    metrics: Arc<Metrics>,
    clock: Clock,
}

impl Bench {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut CacheOptions)) -> Self {
        let clock = Clock::manual(START);
        let listen = "127.0.0.1:0".parse().unwrap();
        let options = SandboxOptions { listen, recipe: Recipe::default(), clock: clock.clone() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let metrics = Arc::new(Metrics::default());
        let client = ClientOptions {
            url: sandbox.url().clone(),
            recipe: Recipe::default(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(2),
            body_max_bytes: 1 << 20,
            concurrency: NonZeroUsize::new(100).unwrap(),
            proxy: None,
            roots: Vec::new(),
        };
        let client = Client::try_new(client, clock.clone(), Arc::clone(&metrics)).unwrap();
        let client = Arc::new(client);
        let session = SessionOptions {
            key: SessionKey::from_bytes([7; 32]),
            key_previous: None,
            audience: Audience::named("tests"),
            time_to_live: Duration::from_secs(60 * 60),
            idle_timeout: Duration::from_secs(60 * 60),
            forward_credentials: false,
            rate_limits: None,
        };
        let sessions = Sessions::new(&session, Arc::clone(&client), clock.clone(), &metrics);
        let mut options = CacheOptions {
            max_bytes: 64 << 20,
            conversations_time_to_live: Duration::ZERO,
            friends_time_to_live: Duration::ZERO,
            live_time_to_live: Duration::from_secs(600),
            stale_time_to_live: Duration::from_secs(600),
            notification_interval: Duration::from_millis(10),
        };
        change(&mut options);
        let data = Arc::new(Data::new(&options, client, clock.clone(), &metrics));
        Self { sandbox, data, sessions, metrics, clock }
    }

    /// A demo user with a session at a station of its own.
    async fn log_in(&self, name: &str) -> Arc<Caller> {
        self.log_in_at(name, None).await
    }

    async fn log_in_at(&self, name: &str, station: Option<StationId>) -> Arc<Caller> {
        let key = ApiKey::parse(&format!("{name}-demo")).unwrap();
        self.sessions.login(key, station).await.unwrap().caller
    }

    async fn conversations(&self, caller: &Arc<Caller>) -> Arc<ConversationList> {
        self.data.conversations(caller, &budget()).unwrap().fresh().await.unwrap()
    }

    async fn friends(&self, caller: &Arc<Caller>) -> Arc<FriendList> {
        self.data.friends(caller, &budget()).unwrap().fresh().await.unwrap()
    }

    /// The newest conversation of two that these two share.
    async fn shared(&self, one: &Arc<Caller>, other: &Arc<Caller>) -> Arc<Conversation> {
        let list = self.conversations(one).await;
        let is_shared = |conversation: &&Arc<Conversation>| {
            !conversation.is_group
                && conversation.participants.iter().any(|person| person.id == other.user())
        };
        Arc::clone(list.all().iter().find(is_shared).unwrap())
    }

    /// Sends a message, a second after what was said before.
    async fn say(&self, caller: &Arc<Caller>, conversation: ConversationId, id: u8) -> Box<str> {
        self.clock.advance(Duration::from_secs(1));
        let created = Timestamp::now(&self.clock);
        let valid_until = created.later_by(3600);
        let id: Box<str> = format!("00000000-0000-4000-8000-0000000000{id:02x}").into();
        let message = NewMessage { id: id.clone(), created, data: "YQ==".into(), valid_until };
        let sent =
            self.data.send_message(caller, conversation, message, true, &budget()).await.unwrap();
        assert_eq!(sent.id, id);
        id
    }

    fn calls(&self, (api, action): (&str, &str)) -> usize {
        self.sandbox.journal().count(api, action)
    }

    /// Polls that this user's stations made.
    fn polls(&self, caller: &Caller) -> usize {
        let calls = self.sandbox.journal().calls();
        let of_user = calls.iter().filter(|call| call.user == Some(caller.user()));
        of_user.filter(|call| (&*call.api, &*call.action) == NOTIFICATIONS).count()
    }

    /// Waits until all that happened before was told: a poll that began later has ended, since the one after has begun.
    async fn told(&self, caller: &Caller) {
        let before = self.polls(caller);
        self.until(|| self.polls(caller) >= before + 2).await;
    }

    /// Waits until a condition holds that depends on tasks of the gateway.
    async fn until(&self, condition: impl Fn() -> bool + Send + Sync) {
        let polling = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, polling).await.expect("the condition comes to hold");
    }

    /// The value of a metric by its whole name; one that nothing was counted by yet is zero.
    fn metric_or_zero(&self, name: &str) -> i64 {
        let text = self.metrics.encode();
        let prefix = format!("ozeki_graphql_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// The value of a metric without labels.
    fn metric(&self, name: &str) -> i64 {
        let text = self.metrics.encode();
        let line =
            text.lines().find_map(|line| line.strip_prefix(&format!("ozeki_graphql_{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
    }

    /// Waits until nothing is polled and nobody subscribes.
    async fn idle(&self) {
        self.until(|| self.metric("pollers") == 0 && self.metric("subscriptions") == 0).await;
    }
}

fn budget() -> CallBudget {
    let calls = NonZeroUsize::new(100).unwrap();
    CallBudget::new(calls, calls)
}

/// The next news of a feed, which must come.
async fn next<F: Feed>(feed: &mut F) -> F::News {
    let next = tokio::time::timeout(PATIENCE, feed.next()).await.expect("news come");
    next.unwrap_or_else(|end| panic!("the feed ended: {end}"))
}

/// The end of a feed, which must come.
async fn end<F: Feed>(feed: &mut F) -> FeedEnd {
    let end = async {
        loop {
            if let Err(end) = feed.next().await {
                return end;
            }
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("the feed ends")
}

/// Whether a feed has nothing to tell at the moment.
async fn is_silent<F: Feed>(feed: &mut F) -> bool {
    tokio::time::timeout(Duration::from_millis(300), feed.next()).await.is_err()
}
