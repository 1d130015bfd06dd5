//! How many upstream calls one operation may make.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::ozeki::UpstreamError;

/// The calls that one operation may still make, and how many of them may be under way at once.
///
/// What is in memory or already under way costs nothing.
#[derive(Clone, Debug)]
pub struct CallBudget {
    left: Arc<AtomicUsize>,
    turns: Arc<Semaphore>,
}

/// The operation has made as many calls as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operation needs more upstream calls than one operation may make")]
pub struct BudgetSpent;

impl CallBudget {
    /// A budget of `calls`, of which `at_once` may be under way together.
    pub fn new(calls: NonZeroUsize, at_once: NonZeroUsize) -> Self {
        let turns = Semaphore::new(at_once.get().min(Semaphore::MAX_PERMITS));
        Self { left: Arc::new(AtomicUsize::new(calls.get())), turns: Arc::new(turns) }
    }

    /// Pays for the first call of a load or a change.
    pub(super) fn allow(&self) -> Result<Allowance, BudgetSpent> {
        self.pay()?;
        Ok(Allowance { budget: self.clone(), is_paid: true })
    }

    fn pay(&self) -> Result<(), BudgetSpent> {
        let less = |left: usize| left.checked_sub(1);
        let paid = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        paid.map(|_| ()).map_err(|_| BudgetSpent)
    }
}

/// What one load or change may spend: its first call is paid for, further ones are taken from its operation's budget.
#[derive(Debug)]
pub(super) struct Allowance {
    budget: CallBudget,
    is_paid: bool,
}

impl Allowance {
    /// Makes one call when it is the operation's turn.
    pub(super) async fn call<T, E: From<UpstreamError> + From<BudgetSpent>>(
        &mut self,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, E> {
        if !std::mem::take(&mut self.is_paid) {
            self.budget.pay()?;
        }
        let _turn = self.budget.turns.acquire().await;
        Ok(call.await?)
    }

    /// The budget that further calls are taken from.
    pub(super) fn budget(&self) -> &CallBudget {
        &self.budget
    }
}
