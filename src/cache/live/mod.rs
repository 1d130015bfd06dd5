//! What changes elsewhere: who wants to hear of it, and who is told.
//!
//! The upstream's notification call names a *station* only, without a signature. So callers are followed only after a
//! signed call has proved their credential; callers who share a station share one poller, and each has generations of
//! its own that a notice raises; and a notice never tells anything by itself: it makes the caller's own lists be read
//! anew, with the caller's own credential, and only what is found there is handed on.
//!
//! A notice may be forgotten by the server once it was read, so it is applied to the generations in one step, without
//! waiting for anything, as soon as its answer is there. Where one may have been lost, everything counts as changed.

mod attention;
mod conversations;
mod coverage;
mod friends;
mod messages;
mod pace;
mod poller;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::generations::OwnGeneration;
use super::{Data, ReadError, Resource};
use crate::clock::Clock;
use crate::ozeki::{ConversationId, Notices, StationId, Timestamp, UpstreamError};
use crate::session::{Caller, CallerKey, SessionId};
use crate::telemetry::NoticeKind;
use attention::Attention;
pub(super) use coverage::Coverage;
use pace::{Finding, Need};
use poller::Poller;

pub use conversations::{ConversationFeed, ConversationNews};
pub use friends::{FriendFeed, FriendNews};
pub use messages::MessageFeed;
pub(super) use messages::{Between, BetweenKey, NEWS_TIME_TO_LIVE};

/// How long after a read the caller counts as somebody who will read again: somewhat more than a person looks away from
/// a screen that asks by itself every minute.
const READER_WINDOW: Duration = Duration::from_secs(2 * 60);

/// The most stations that are followed, each by a task and some KiB: as many as there may be sockets.
const STATIONS_MAX: usize = 10_000;

/// The most that are followed for readers alone: at the slowest pace these are 625 polls a second, and who subscribes
/// finds room left.
const STATIONS_OF_READERS_MAX: usize = 5_000;

/// The most callers of one station. A person's clients share one at most among a few credentials.
const CALLERS_PER_STATION_MAX: usize = 16;

/// The most subscriptions of one caller: ten sockets with fifty operations each.
const SUBSCRIPTIONS_PER_CALLER_MAX: usize = 500;

/// How many signals wait for a subscriber; one who is further behind has to read anew.
const SIGNALS_MAX: usize = 64;

/// The most sessions of one caller whose expiry is watched here; the transports watch theirs as well.
const EXPIRIES_MAX: usize = 64;

/// What notices raise: all that the upstream may change. What was sent under a client's id stays sent.
const CHANGEABLE: [Resource; 4] =
    [Resource::Conversations, Resource::Friends, Resource::Messages, Resource::Blocklist];

/// Why a subscription cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The caller has as many subscriptions as one may have.
    #[error("the caller has as many subscriptions as one may have")]
    CallerFull,
    /// The gateway follows as many stations, or callers of this station, as it can.
    #[error("the gateway follows as many stations as it can")]
    Full,
}

/// Why a subscription ends.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FeedEnd {
    /// More changed than is kept for a subscriber who does not keep up.
    #[error("the subscriber is too far behind")]
    Lagged,
    /// The session expired or was ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The upstream refuses again and again what the subscription needs.
    #[error("the upstream refuses what the subscription needs")]
    Upstream(#[source] ReadError),
    /// The gateway is shutting down, or has a bug.
    #[error("the poller has ended")]
    Interrupted,
}

/// What a subscriber is told, one after the other.
pub trait Feed: Send + 'static {
    /// What is told at a time.
    type News: Send;

    /// Waits for the next news; after an end there is none.
    ///
    /// # Errors
    ///
    /// [`FeedEnd`] when the subscription is over.
    fn next(&mut self) -> impl Future<Output = Result<Self::News, FeedEnd>> + Send;
}

/// What a subscriber is woken with.
#[derive(Clone, Debug)]
enum Signal {
    /// The upstream told this.
    Told(Arc<Notices>),
    /// The caller changed a conversation through the gateway.
    Changed { conversation: ConversationId, is_list_changed: bool },
    /// Anything may have changed.
    Gap,
    /// Sessions that lasted until this moment have ended.
    Expired(Timestamp),
    /// This session was ended; none where credentials are forwarded.
    LoggedOut(Option<SessionId>),
}

/// Whom the gateway follows.
#[derive(Debug)]
pub(super) struct Live {
    stations: Mutex<Stations>,
    pub(super) coverage: Arc<Coverage>,
    interval: Duration,
    /// Whether lists live longer while changes are told: then readers are followed too.
    follows_readers: bool,
    closing: CancellationToken,
    clock: Clock,
}

type Stations = HashMap<StationId, Station, RandomState>;

#[derive(Debug)]
struct Station {
    /// Tells a poller from one before it.
    poller: u64,
    /// Wakes the poller, to look again who needs it.
    wake: Arc<Notify>,
    followers: HashMap<CallerKey, Follower, RandomState>,
}

/// A caller who is told of changes.
#[derive(Debug)]
struct Follower {
    last_read: Instant,
    /// Whether something may have changed that the caller was not told: at first, and after a poll that failed.
    is_behind: bool,
    /// Reaches the caller's subscribers, if it has had any.
    signals: Option<broadcast::Sender<Signal>>,
    /// When the subscribers' sessions end.
    expiries: BTreeSet<Timestamp>,
}

impl Follower {
    fn new() -> Self {
        Self {
            last_read: Instant::now(),
            is_behind: true,
            signals: None,
            expiries: BTreeSet::new(),
        }
    }

    fn subscriptions(&self) -> usize {
        self.signals.as_ref().map_or(0, broadcast::Sender::receiver_count)
    }

    /// Without a subscriber it goes nowhere.
    fn signal(&self, signal: Signal) {
        if let Some(signals) = &self.signals {
            let _ = signals.send(signal);
        }
    }
}

impl Live {
    pub(super) fn new(interval: Duration, follows_readers: bool, clock: Clock) -> Self {
        Self {
            stations: Mutex::default(),
            coverage: Arc::default(),
            interval,
            follows_readers,
            closing: CancellationToken::new(),
            clock,
        }
    }

    /// Ends every poller, and with them the subscriptions.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Notes a read of a caller who is followed already.
    pub(super) fn note_read(&self, caller: &Caller) {
        if self.follows_readers {
            let mut stations = self.lock();
            let station = stations.get_mut(&caller.identity().station);
            if let Some(follower) = station.and_then(|it| it.followers.get_mut(&caller.key())) {
                follower.last_read = Instant::now();
            }
        }
    }

    /// Who still needs the station's poller; whoever does not is let go. With nobody left the station is let go too, and
    /// its poller must end.
    fn need(&self, id: StationId) -> Option<(Need, bool)> {
        let mut stations = self.lock();
        let station = stations.get_mut(&id)?;
        let follows_readers = self.follows_readers;
        station.followers.retain(|caller, follower| {
            let is_reading = follows_readers && follower.last_read.elapsed() < READER_WINDOW;
            let stays = is_reading || follower.subscriptions() > 0;
            if !stays {
                self.coverage.end(*caller);
            }
            stays
        });
        if station.followers.is_empty() {
            stations.remove(&id);
            return None;
        }
        let mut followers = station.followers.values();
        let is_heard = followers.any(|follower| follower.subscriptions() > 0);
        let need = if is_heard { Need::Subscribers } else { Need::Readers };
        let is_behind = station.followers.values().any(|follower| follower.is_behind);
        Some((need, is_behind))
    }

    /// Lets a station go whose poller has ended, in whatever way.
    fn abandon(&self, id: StationId, poller: u64) {
        let mut stations = self.lock();
        if stations.get(&id).is_some_and(|station| station.poller == poller)
            && let Some(station) = stations.remove(&id)
        {
            station.followers.keys().for_each(|caller| self.coverage.end(*caller));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stations> {
        // Each change leaves the map whole.
        self.stations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a caller read a resource, after the last that the caller did about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof(Resource, OwnGeneration);

impl Data {
    /// What a signed call that begins now can prove if it succeeds.
    pub(super) fn proof(&self, caller: &Caller, resource: Resource) -> Proof {
        Proof(resource, self.generations.current(caller.key(), resource, None).own)
    }

    /// Notes that a signed call of the caller has succeeded: its credential is its own, and who reads is followed from now
    /// on, where there is room. What the caller did meanwhile may have been a logout, so the call must have begun after it.
    pub(super) fn note_proved(self: &Arc<Self>, caller: &Caller, proof: Proof) {
        // A logout raises the generations, and then takes the lock to end what is followed.
        let stations = self.live.lock();
        if proof != self.proof(caller, proof.0) {
            return;
        }
        if caller.session().is_none() {
            self.proved.insert(caller.key(), ());
        }
        if self.live.follows_readers {
            // Without room the caller's lists are believed for a shorter time.
            let _ = self.follow(stations, caller, STATIONS_OF_READERS_MAX, |_| Ok(()));
        }
    }

    /// Begins to hear of changes. `_proof` is what only a signed call of this caller can have given.
    fn attend<P>(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        _proof: &Arc<P>,
    ) -> Result<Attention, FollowError> {
        let (receiver, wake) = self.follow(self.live.lock(), caller, STATIONS_MAX, |follower| {
            if follower.subscriptions() >= SUBSCRIPTIONS_PER_CALLER_MAX {
                return Err(FollowError::CallerFull);
            }
            if let Some(session) = caller.session()
                && follower.expiries.len() < EXPIRIES_MAX
            {
                follower.expiries.insert(session.expires_at);
            }
            let signals =
                follower.signals.get_or_insert_with(|| broadcast::Sender::new(SIGNALS_MAX));
            Ok(signals.subscribe())
        })?;
        Ok(Attention::new(Arc::clone(self), Arc::clone(caller), receiver, wake))
    }

    /// Makes the caller one who is followed, if it is not, and lets `enter` add to that.
    fn follow<T>(
        self: &Arc<Self>,
        mut stations: MutexGuard<'_, Stations>,
        caller: &Caller,
        stations_max: usize,
        enter: impl FnOnce(&mut Follower) -> Result<T, FollowError>,
    ) -> Result<(T, Arc<Notify>), FollowError> {
        let id = caller.identity().station;
        if !stations.contains_key(&id) && stations.len() >= stations_max {
            return Err(FollowError::Full);
        }
        let mut new_poller = None;
        let station = stations.entry(id).or_insert_with(|| {
            let poller = Poller::new(Arc::clone(self), id);
            let station = poller.station();
            new_poller = Some(poller);
            station
        });
        let is_known = station.followers.contains_key(&caller.key());
        let has_room = is_known || station.followers.len() < CALLERS_PER_STATION_MAX;
        let entered = if has_room {
            let follower = station.followers.entry(caller.key()).or_insert_with(Follower::new);
            follower.last_read = Instant::now();
            enter(follower)
        } else {
            Err(FollowError::Full)
        };
        let wake = Arc::clone(&station.wake);
        // Begun, or woken, without the lock: a runtime that is shutting down drops the task at once, and it takes the lock.
        drop(stations);
        match new_poller {
            Some(poller) => poller.begin(),
            None => wake.notify_one(),
        }
        Ok((entered?, wake))
    }

    /// Applies what a poll gave to everybody at the station: generations first, then who hears of it.
    fn apply(&self, id: StationId, outcome: &Result<Notices, UpstreamError>) -> Finding {
        let now = Timestamp::now(&self.live.clock);
        let mut stations = self.live.lock();
        let Some(station) = stations.get_mut(&id) else { return Finding::Nothing };
        let finding = match outcome {
            Ok(notices) => self.apply_notices(station, notices),
            Err(error) => self.apply_failure(station, error),
        };
        for follower in station.followers.values_mut() {
            if follower.expiries.first().is_some_and(|first| *first <= now) {
                follower.expiries.retain(|expiry| *expiry > now);
                follower.signal(Signal::Expired(now));
            }
        }
        finding
    }

    fn apply_notices(&self, station: &mut Station, notices: &Notices) -> Finding {
        let Notices { friends, conversations, lists } = notices;
        for (kind, count) in [
            (NoticeKind::FriendAvailability, friends.ids.len() + friends.others),
            (NoticeKind::Conversation, conversations.ids.len() + conversations.others),
            (NoticeKind::ConversationList, lists.ids.len() + lists.others),
        ] {
            self.metrics.notices(kind, count);
        }
        let is_friends = !friends.is_empty();
        let is_conversations = !(conversations.is_empty() && lists.is_empty());
        let shared = Arc::new(notices.clone());
        for (caller, follower) in &mut station.followers {
            if follower.is_behind {
                follower.is_behind = false;
                self.live.coverage.begin(*caller);
                // Subscribers go on from what was read before: they must read anew. For others what was read before is
                // not covered, and lives no longer than it would without notices.
                if follower.subscriptions() > 0 {
                    self.put_all_behind(*caller);
                    follower.signal(Signal::Gap);
                    continue;
                }
            }
            if is_friends {
                self.put_behind(*caller, Resource::Friends);
            }
            if is_conversations {
                self.put_behind(*caller, Resource::Conversations);
            }
            if is_friends || is_conversations {
                follower.signal(Signal::Told(Arc::clone(&shared)));
            }
        }
        if is_friends || is_conversations { Finding::News } else { Finding::Nothing }
    }

    /// What the answer told, if there was one, is lost.
    fn apply_failure(&self, station: &mut Station, error: &UpstreamError) -> Finding {
        let mut was_well = false;
        for (caller, follower) in &mut station.followers {
            if !follower.is_behind {
                was_well = true;
                follower.is_behind = true;
                self.live.coverage.end(*caller);
                self.put_all_behind(*caller);
            }
        }
        // Once for a time without notices, however long.
        if was_well {
            tracing::warn!(class = error.class(), %error, "notifications cannot be read");
        }
        if matches!(error, UpstreamError::KnownDown { .. }) {
            return Finding::HeldBack;
        }
        Finding::Failure
    }

    fn put_all_behind(&self, caller: CallerKey) {
        for resource in CHANGEABLE {
            self.put_behind(caller, resource);
        }
    }

    /// Tells the caller's subscribers of a change of its own, which need not wait for its notice.
    pub(super) fn tell_own_change(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        is_list_changed: bool,
    ) {
        let signal = Signal::Changed { conversation, is_list_changed };
        self.signal(caller, signal);
    }

    /// Ends what follows for the sake of a session that was ended.
    pub(super) fn tell_logout(&self, caller: &Caller) {
        self.live.coverage.end(caller.key());
        let mut stations = self.live.lock();
        let station = stations.get_mut(&caller.identity().station);
        if let Some(station) = station
            && let Some(follower) = station.followers.get_mut(&caller.key())
        {
            // Another session of the same key may go on: it counts as one that has just come.
            follower.is_behind = true;
            follower.signal(Signal::LoggedOut(caller.session().map(|session| session.id)));
            if follower.subscriptions() == 0 {
                station.followers.remove(&caller.key());
            }
            station.wake.notify_one();
        }
    }

    fn signal(&self, caller: &Caller, signal: Signal) {
        let stations = self.live.lock();
        let station = stations.get(&caller.identity().station);
        if let Some(follower) = station.and_then(|it| it.followers.get(&caller.key())) {
            follower.signal(signal);
        }
    }
}
