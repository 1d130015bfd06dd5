//! How many upstream calls one operation may begin.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The calls that one operation may still begin, and how many of them may be under way at once.
///
/// What is in memory or already under way costs nothing.
#[derive(Debug)]
pub struct CallBudget {
    left: AtomicUsize,
    turns: Arc<Semaphore>,
}

/// The operation has begun as many calls as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operation needs more upstream calls than one operation may make")]
pub struct BudgetSpent;

impl CallBudget {
    /// A budget of `calls`, of which `at_once` may be under way together.
    pub fn new(calls: NonZeroUsize, at_once: NonZeroUsize) -> Self {
        let turns = Semaphore::new(at_once.get().min(Semaphore::MAX_PERMITS));
        Self { left: AtomicUsize::new(calls.get()), turns: Arc::new(turns) }
    }

    /// A budget of one call, for what an operation does not ask for itself.
    pub(super) fn of_one() -> Self {
        Self::new(NonZeroUsize::MIN, NonZeroUsize::MIN)
    }

    /// Takes one call; the future ends when it is its turn, and what it gives is held until the call ends.
    pub(super) fn take(
        &self,
    ) -> Result<impl Future<Output = Option<OwnedSemaphorePermit>> + Send + 'static, BudgetSpent>
    {
        let less = |left: usize| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .map_err(|_| BudgetSpent)?;
        let turns = Arc::clone(&self.turns);
        Ok(async move { turns.acquire_owned().await.ok() })
    }
}
