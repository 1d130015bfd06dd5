//! What was done for one request, or for one operation over a socket: kept for its line in the log.
//!
//! The account travels beside the work and not through it: with the request's task, and with the tasks that are begun in
//! [`attributed`]. So a call that several requests wait for is on the account of the one that began it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::Instrument;

use super::trace::{Span, Trace};
use super::{CacheOutcome, OperationKind};

tokio::task_local! {
    static CURRENT: Arc<Account>;
}

/// What was done for one request.
#[derive(Debug, Default)]
pub struct Account {
    operation: Mutex<OperationFacts>,
    trace: Option<Arc<Trace>>,
    upstream_calls: AtomicU32,
    upstream_micros: AtomicU64,
    cache_hits: AtomicU32,
    cache_stale: AtomicU32,
    cache_misses: AtomicU32,
    cache_coalesced: AtomicU32,
}

/// What is known of the operation that a request asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationFacts {
    /// Its name in the document.
    pub name: Option<Box<str>>,
    /// Its kind.
    pub kind: Option<OperationKind>,
    /// The first 16 hex digits of the document's SHA-256: enough to tell documents apart.
    pub document: Option<Box<str>>,
    /// `ok`, `partial`, or the code of the error that stands for all of the answer.
    pub outcome: Option<&'static str>,
}

/// The counts of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub upstream_calls: u32,
    /// The calls' durations together: more than the request took where calls ran side by side.
    pub upstream_time: Duration,
    pub cache_hits: u32,
    pub cache_stale: u32,
    pub cache_misses: u32,
    pub cache_coalesced: u32,
}

impl Account {
    /// An account of what belongs to a trace, or to none.
    pub fn new(trace: Option<Arc<Trace>>) -> Self {
        Self { trace, ..Self::default() }
    }

    /// The trace that the request belongs to, where requests are traced.
    pub const fn trace(&self) -> Option<&Arc<Trace>> {
        self.trace.as_ref()
    }

    /// The trace that what runs now belongs to.
    pub(super) fn current_trace() -> Option<Arc<Trace>> {
        CURRENT.try_with(|account| account.trace.clone()).ok().flatten()
    }

    /// Runs a future on this account.
    pub async fn scope<F: Future>(self: Arc<Self>, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Runs a function on this account, such as one poll of a stream.
    pub fn sync_scope<T>(self: Arc<Self>, function: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, function)
    }

    /// Notes something on the account of whatever runs now; without one, nothing is noted.
    pub(super) fn note(note: impl FnOnce(&Self)) {
        let _ = CURRENT.try_with(|account| note(account));
    }

    /// Notes which operation is asked for.
    pub fn note_operation(kind: OperationKind, name: Option<&str>, document: &str) {
        Self::note(|account| {
            let mut operation = account.lock();
            operation.kind = Some(kind);
            operation.name = name.map(Box::from);
            operation.document = Some(document.into());
        });
    }

    /// Notes how the operation ended. An outcome that is worse than the first one of a subscription is not: the first
    /// that is not `ok` stays.
    pub fn note_outcome(outcome: &'static str) {
        Self::note(|account| {
            let mut operation = account.lock();
            if operation.outcome.is_none_or(|known| known == OK) {
                operation.outcome = Some(outcome);
            }
        });
    }

    pub(super) fn add_upstream_call(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.upstream_calls.fetch_add(1, Ordering::Relaxed);
        self.upstream_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn add_cache_read(&self, outcome: CacheOutcome) {
        let count = match outcome {
            CacheOutcome::Hit => &self.cache_hits,
            CacheOutcome::Stale => &self.cache_stale,
            CacheOutcome::Miss => &self.cache_misses,
            CacheOutcome::Coalesced => &self.cache_coalesced,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// What is known of the operation so far.
    pub fn operation(&self) -> OperationFacts {
        self.lock().clone()
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        let count = |count: &AtomicU32| count.load(Ordering::Relaxed);
        Counts {
            upstream_calls: count(&self.upstream_calls),
            upstream_time: Duration::from_micros(self.upstream_micros.load(Ordering::Relaxed)),
            cache_hits: count(&self.cache_hits),
            cache_stale: count(&self.cache_stale),
            cache_misses: count(&self.cache_misses),
            cache_coalesced: count(&self.cache_coalesced),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, OperationFacts> {
        self.operation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of an operation without an error.
pub const OK: &str = "ok";

/// Makes a future that is to run as a task of its own belong to the request that runs now: its log lines stand under the
/// request's id, its calls are on the request's account, and its spans are below the one that runs now.
pub fn attributed<F: Future + Send>(future: F) -> impl Future<Output = F::Output> + Send + use<F>
where
    F::Output: Send,
{
    let account = CURRENT.try_with(Arc::clone).ok();
    let future = Span::around_as_now(future);
    async move {
        match account {
            Some(account) => account.scope(future).await,
            None => future.await,
        }
    }
    .instrument(tracing::Span::current())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_task_does_is_on_the_account_that_it_was_begun_under() {
        let account = Arc::new(Account::default());
        let task = Arc::clone(&account).sync_scope(|| {
            Account::note(|account| account.add_cache_read(CacheOutcome::Miss));
            attributed(async {
                Account::note(|account| account.add_upstream_call(Duration::from_millis(2)));
            })
        });
        let begun = tokio::spawn(task);
        assert!(begun.await.is_ok());
        Account::note(|account| account.add_cache_read(CacheOutcome::Hit));
        let expected = Counts {
            upstream_calls: 1,
            upstream_time: Duration::from_millis(2),
            cache_misses: 1,
            ..Counts::default()
        };
        assert_eq!(account.counts(), expected);
    }

    #[test]
    fn the_first_failure_of_a_subscription_stays() {
        let account = Arc::new(Account::default());
        Arc::clone(&account).sync_scope(|| {
            for outcome in [OK, "partial", OK, "UPSTREAM_TIMEOUT"] {
                Account::note_outcome(outcome);
            }
        });
        assert_eq!(account.operation().outcome, Some("partial"));
    }
}
