//! How much is done at once: what is one too much waits for a moment, and is then refused.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// The most operations that wait: a quarter of those that run by default, so that what waits is soon done.
const OPERATIONS_WAITING_MAX: usize = 128;

/// How long one waits: longer than a burst lasts, shorter than a person notices.
const OPERATION_WAIT_MAX: Duration = Duration::from_millis(250);

/// How long after a refusal the gateway counts as overloaded: as long as clients are told to wait.
const OVERLOADED_FOR: Duration = Duration::from_secs(RETRY_AFTER_SECONDS);

/// When those who are refused may try again, in seconds.
pub(super) const RETRY_AFTER_SECONDS: u64 = 1;

/// Lets operations in.
#[derive(Debug)]
pub(super) struct Admission {
    operations: Gate,
    refused: Mutex<Option<Instant>>,
}

/// Held by an operation while it runs.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// There is no room, and there was none for as long as one may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overloaded;

impl Admission {
    /// Room for so many operations at once.
    pub(super) fn new(operations: NonZeroUsize) -> Self {
        Self {
            operations: Gate::new(operations, OPERATIONS_WAITING_MAX, OPERATION_WAIT_MAX),
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
    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

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
}
