//! Reads that may be answered by a value that is no longer fresh.
//!
//! A value is kept under what the *caller* did last, so that none can be found from before the caller's own change, from
//! before a request for `no-cache`, from another credential or after a logout. What the upstream told, or failed to
//! tell, makes a value no longer fresh and leaves it where it is: while the upstream is down it is the last good one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Allowance, BudgetSpent, CallBudget};
use super::shelf::{Part, Shelf, Slot};
use super::{ReadError, Reading, Weigh};
use crate::telemetry::CacheOutcome;

/// How long a value is given at once, while it is read anew, after it ceased to be fresh: as long again as it was, and
/// no longer than this, so that it is never much older than was asked for.
const REFRESH_WINDOW_MAX: Duration = Duration::from_secs(30);

/// How long past `time_to_live` a value is given at once while it is read anew.
pub(super) fn refresh_window(time_to_live: Duration) -> Duration {
    time_to_live.min(REFRESH_WINDOW_MAX)
}

/// A read that has begun, and what can be shown in place of what it will give.
pub struct Lenient<V> {
    reading: Reading<V>,
    former: Former<V>,
}

/// What is in memory and not fresh.
enum Former<V> {
    None,
    /// Only just past its time, so that nobody need wait.
    Recent(Arc<V>),
    /// To be shown if the upstream is down.
    LastGood(Arc<V>, Instant),
}

/// What a lenient read gives.
#[derive(Debug)]
pub struct Shown<V> {
    /// The value.
    pub value: Arc<V>,
    /// How old it is, where the upstream is down and this is the last that it told.
    pub stale: Option<Duration>,
}

// Derived, these would ask for `V: Clone`.
impl<V> Clone for Former<V> {
    fn clone(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Recent(value) => Self::Recent(Arc::clone(value)),
            Self::LastGood(value, started) => Self::LastGood(Arc::clone(value), *started),
        }
    }
}

impl<V> Clone for Lenient<V> {
    fn clone(&self) -> Self {
        Self { reading: self.reading.clone(), former: self.former.clone() }
    }
}

impl<V> From<Reading<V>> for Lenient<V> {
    fn from(reading: Reading<V>) -> Self {
        Self { reading, former: Former::None }
    }
}

impl<V: Send + Sync + 'static> Lenient<V> {
    /// Waits for a fresh value.
    ///
    /// Cancel safety: as of [`Reading::value`].
    ///
    /// # Errors
    ///
    /// The error of the load.
    pub async fn fresh(self) -> Result<Arc<V>, ReadError> {
        self.reading.value().await
    }

    /// Gives a value that has only just ceased to be fresh at once; else waits for a fresh one, and where the upstream is
    /// down gives the last good one.
    ///
    /// Cancel safety: as of [`Reading::value`].
    ///
    /// # Errors
    ///
    /// The error of the load, where no former value may take its place.
    pub async fn or_former(self) -> Result<Shown<V>, ReadError> {
        if let Former::Recent(value) = self.former {
            return Ok(Shown { value, stale: None });
        }
        match (self.reading.value().await, self.former) {
            (Ok(value), _) => Ok(Shown { value, stale: None }),
            (Err(error), Former::LastGood(value, started)) if error.is_outage() => {
                Ok(Shown { value, stale: Some(started.elapsed()) })
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl<K: Part, V: Weigh + Send + Sync + 'static> Shelf<K, V> {
    /// Reads the value of a slot as [`read`](Self::read) does, and finds what may be shown meanwhile or instead.
    pub(super) fn read_leniently<F>(
        &self,
        slot: Slot<K>,
        budget: &CallBudget,
        load: impl FnOnce(Allowance) -> F,
    ) -> Result<Lenient<V>, BudgetSpent>
    where
        F: Future<Output = Result<V, ReadError>> + Send + 'static,
    {
        let former = match self.former(&slot) {
            Some((value, _, true)) => Former::Recent(value),
            Some((value, started, false)) => Former::LastGood(value, started),
            None => Former::None,
        };
        match (self.read(slot, budget, load), former) {
            (Ok(reading @ Reading::Ready(_)), _) => Ok(reading.into()),
            (Ok(reading), former) => {
                if matches!(former, Former::Recent(_)) {
                    self.count(CacheOutcome::Stale);
                }
                Ok(Lenient { reading, former })
            }
            // Nothing is refreshed, and the value is as recent as with a refresh.
            (Err(BudgetSpent), Former::Recent(value)) => Ok(Reading::Ready(value).into()),
            (Err(spent), _) => Err(spent),
        }
    }
}
