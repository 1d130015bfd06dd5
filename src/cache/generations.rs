//! Generation numbers: how a value ceases to be asked for without being deleted.

use std::sync::atomic::{AtomicU64, Ordering};

use moka::policy::EvictionPolicy;

use super::Resource;
use crate::session::CallerKey;

/// How many resources of callers have a number, at about 200 bytes each; the longest unused are dropped first.
const GENERATIONS_MAX: u64 = 400_000;

/// The number of one state of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Generation(u64);

/// The current generation of each caller's resources.
///
/// Numbers are drawn from one counter and never come back: when a resource is dropped from the table and returns, it
/// has a new one, and what was stored under the old one stays out of reach.
#[derive(Debug)]
pub(super) struct Generations {
    current: moka::sync::Cache<(CallerKey, Resource), Generation>,
    next: AtomicU64,
}

impl Generations {
    pub(super) fn new() -> Self {
        let current = moka::sync::Cache::builder()
            .max_capacity(GENERATIONS_MAX)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { current, next: AtomicU64::new(0) }
    }

    /// The generation that a read belongs to.
    pub(super) fn current(&self, caller: CallerKey, resource: Resource) -> Generation {
        self.current.get_with((caller, resource), || self.draw())
    }

    /// Puts all that was read or is being read behind: later reads belong to a new generation.
    pub(super) fn raise(&self, caller: CallerKey, resource: Resource) {
        self.current.insert((caller, resource), self.draw());
    }

    fn draw(&self) -> Generation {
        Generation(self.next.fetch_add(1, Ordering::Relaxed))
    }
}
