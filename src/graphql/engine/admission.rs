//! How much is done at once: what is one too much waits for a moment, and is then refused.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::RequestContext;

/// The most operations that wait: a quarter of those that run by default, so that what waits is soon done.
const OPERATIONS_WAITING_MAX: usize = 128;

/// How long one waits: longer than a burst lasts, shorter than a person notices.
const OPERATION_WAIT_MAX: Duration = Duration::from_millis(250);

/// The most requests that wait for their turn: everybody in an office of 500 who logs in at nine, and their browsers'
/// first questions. One takes as much memory as its body: some hundred bytes of those, and 250 MiB if all are as long as
/// a body may be by default.
const TURNS_WAITING_MAX: usize = 1_000;

/// How long one waits for its turn: more than twice what the dearest documents need that may wait before it, 2 ms each
/// on one processor.
const TURN_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long after a refusal the gateway counts as overloaded: as long as clients are told to wait.
const OVERLOADED_FOR: Duration = Duration::from_secs(RETRY_AFTER_SECONDS);

/// When those who are refused may try again, in seconds.
pub(super) const RETRY_AFTER_SECONDS: u64 = 1;

/// Lets operations in.
#[derive(Debug)]
pub(super) struct Admission {
    operations: Gate,
    turns: Gate,
    refused: Mutex<Option<Instant>>,
}

/// Held by an operation while it runs.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Held while what is asked without a credential is looked at.
#[derive(Debug)]
pub struct Turn {
    _place: Place,
}

/// There is no room, and there was none for as long as one may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overloaded;

impl Admission {
    /// Room for so many operations at once.
    pub(super) fn new(operations: NonZeroUsize) -> Self {
        let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            operations: Gate::new(operations, OPERATIONS_WAITING_MAX, OPERATION_WAIT_MAX),
            turns: Gate::new(processors, TURNS_WAITING_MAX, TURN_WAIT_MAX),
            refused: Mutex::default(),
        }
    }

    /// Lets an operation run, if need be after a short wait.
    pub(super) async fn enter(&self) -> Result<Place, Overloaded> {
        let entered = self.operations.enter().await;
        if entered.is_err() {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        entered
    }

    /// Waits for the turn of whoever asks without a credential. Others need none: they are charged for what they ask.
    pub(super) async fn turn_of(
        &self,
        context: &RequestContext,
    ) -> Result<Option<Turn>, Overloaded> {
        if context.shows_who_asks() {
            return Ok(None);
        }
        // Nobody hears of what is found later.
        let turn = timeout_at(context.deadline, self.turn()).await;
        turn.unwrap_or(Err(Overloaded)).map(Some)
    }

    /// Lets work begin that somebody may want for no good. It begins when everything else that is ready has had its turn,
    /// and one at a time for each processor: a flood of it delays others by one such piece of work, and not by the flood.
    async fn turn(&self) -> Result<Turn, Overloaded> {
        let place = self.turns.enter().await?;
        tokio::task::yield_now().await;
        Ok(Turn { _place: place })
    }

    /// Whether an operation was refused just now.
    pub(super) fn is_overloaded(&self) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.is_some_and(|refused| refused.elapsed() < OVERLOADED_FOR)
    }
}

/// So many at once, and so many who wait, in the order in which they came.
#[derive(Debug)]
struct Gate {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    wait_max: Duration,
}

/// Counts one who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    fn new(places: NonZeroUsize, waiting_max: usize, wait_max: Duration) -> Self {
        let places = Arc::new(Semaphore::new(places.get().min(Semaphore::MAX_PERMITS)));
        Self { places, waiting: AtomicUsize::new(0), waiting_max, wait_max }
    }

    async fn enter(&self) -> Result<Place, Overloaded> {
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => self.wait().await,
        };
        permit.map(|permit| Place { _permit: permit }).ok_or(Overloaded)
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.waiting_max {
            return None;
        }
        timeout(self.wait_max, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;
    use crate::graphql::Freshness;
    use crate::ozeki::{ApiKey, Credential, Identity, StationId, UserId};
    use crate::session::{Authentication, Caller};

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_let_in_when_there_is_room_and_refused_when_there_is_none_in_time() {
        let admission = Admission::new(NonZeroUsize::MIN);
        let running = admission.enter().await.unwrap();
        let (waited, ()) = tokio::join!(admission.enter(), async {
            tokio::time::sleep(OPERATION_WAIT_MAX / 2).await;
            drop(running);
        });
        let _running = waited.unwrap();
        assert!(!admission.is_overloaded());
        let began = Instant::now();
        assert!(admission.enter().await.is_err());
        let waited = began.elapsed();
        assert!((OPERATION_WAIT_MAX..OPERATION_WAIT_MAX * 2).contains(&waited), "{waited:?}");
        assert!(admission.is_overloaded());
        tokio::time::advance(OVERLOADED_FOR).await;
        assert!(!admission.is_overloaded());
    }

    #[tokio::test(start_paused = true)]
    async fn one_more_than_may_wait_is_refused_at_once() {
        let gate = Gate::new(NonZeroUsize::MIN, 3, Duration::from_secs(1));
        let running = gate.enter().await.unwrap();
        let mut waiting = Box::pin(join_all((0..3).map(|_| gate.enter())));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(gate.enter().now_or_never().unwrap().is_err());
        drop(waiting);
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0);
        drop(running);
        assert!(gate.enter().now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_turn_comes_after_all_that_was_ready_before() {
        let admission = Arc::new(Admission::new(NonZeroUsize::MIN));
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let order = Arc::clone(&order);
            move || order.lock().unwrap().push(what)
        };
        let mut tasks = tokio::task::JoinSet::new();
        let (first, turns) = (note("turn"), Arc::clone(&admission));
        tasks.spawn(async move {
            let _turn = turns.turn().await.unwrap();
            first();
        });
        for _ in 0..3 {
            let other = note("other");
            tasks.spawn(async move { other() });
        }
        tasks.join_all().await;
        assert_eq!(*order.lock().unwrap(), ["other", "other", "other", "turn"]);
    }

    fn asked_by(authentication: Authentication) -> RequestContext {
        RequestContext {
            authentication,
            client: IpAddr::from([192, 0, 2, 7]).into(),
            freshness: Freshness::Cached,
            deadline: Instant::now(),
        }
    }

    #[tokio::test]
    async fn who_shows_a_credential_needs_no_turn() {
        let admission = Admission::new(NonZeroUsize::MIN);
        let places = admission.turns.places.available_permits();
        let _all = admission.turns.places.try_acquire_many(u32::try_from(places).unwrap()).unwrap();
        let identity = Identity {
            user: UserId::from_bytes([1; 16]),
            station: StationId::from_bytes([1; 16]),
            credential: Credential::ApiKey(ApiKey::parse("a-demo").unwrap()),
        };
        let caller = asked_by(Authentication::Caller(Arc::new(Caller::new(identity, None))));
        assert!(matches!(admission.turn_of(&caller).now_or_never(), Some(Ok(None))));
        for authentication in [Authentication::Anonymous, Authentication::Refused] {
            assert!(admission.turn_of(&asked_by(authentication)).now_or_never().is_none());
        }
    }

    #[tokio::test]
    async fn a_flood_of_turns_says_nothing_of_the_load() {
        let admission = Admission::new(NonZeroUsize::MIN);
        let all = join_all((0..2 * TURNS_WAITING_MAX).map(|_| admission.turns.enter()));
        assert!(all.now_or_never().is_none());
        assert!(!admission.is_overloaded());
        assert!(admission.enter().await.is_ok());
    }
}
