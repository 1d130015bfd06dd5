//! Values of one resource for all callers: kept by weight, loaded once at a time.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};
use moka::policy::EvictionPolicy;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use super::Resource;
use super::budget::{BudgetSpent, CallBudget};
use super::generations::{Generation, Generations};
use super::live::Coverage;
use crate::ozeki::{Call, UpstreamError};
use crate::session::CallerKey;
use crate::telemetry::{CacheOutcome, Metrics};

/// Where a value stands: nothing is found without the caller and the generation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot<K = ()> {
    pub(super) caller: CallerKey,
    pub(super) generation: Generation,
    /// Which value of the resource, where it has several.
    pub(super) part: K,
}

/// What a value takes in memory.
pub trait Weigh {
    /// Bytes that the value occupies, on the heap and in place.
    fn weight(&self) -> usize;
}

type LoadResult<V> = Result<Arc<V>, Arc<UpstreamError>>;
type Load<V> = future::Shared<BoxFuture<'static, LoadResult<V>>>;
type InFlight<K, V> = Arc<Mutex<HashMap<Slot<K>, Load<V>>>>;

impl Weigh for () {
    fn weight(&self) -> usize {
        0
    }
}

/// A read that has begun: answered from memory, or by a load that goes on whether or not anybody waits.
pub enum Reading<V> {
    /// The value was in memory.
    Ready(Arc<V>),
    /// The value is being loaded.
    Loading(Load<V>),
}

// Derived, these would ask for `V: Clone`.
impl<V> Clone for Reading<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Ready(value) => Self::Ready(Arc::clone(value)),
            Self::Loading(load) => Self::Loading(load.clone()),
        }
    }
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), started: self.started }
    }
}

impl<V: Send + Sync + 'static> Reading<V> {
    /// Waits for the value.
    ///
    /// Cancel safety: dropping the future leaves the load under way for others.
    ///
    /// # Errors
    ///
    /// The [`UpstreamError`] of the load, the same for all who waited for it.
    pub async fn value(self) -> Result<Arc<V>, Arc<UpstreamError>> {
        match self {
            Self::Ready(value) => Ok(value),
            Self::Loading(load) => load.await,
        }
    }
}

struct Entry<V> {
    value: Arc<V>,
    /// When its load began: the upstream may have read its state as early as that.
    started: Instant,
}

/// How a shelf keeps its values.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShelfOptions {
    pub(super) resource: Resource,
    /// The call that loads a value, for errors.
    pub(super) call: Call,
    pub(super) max_bytes: u64,
    pub(super) time_to_live: Duration,
    /// How long a value is fresh while the upstream tells the caller what changes.
    pub(super) live_time_to_live: Duration,
}

/// What the shelves have in common.
pub(super) struct Shared {
    /// Which generation is current.
    pub(super) generations: Arc<Generations>,
    /// Who is told of changes.
    pub(super) coverage: Arc<Coverage>,
    /// Who waits for loads at the end.
    pub(super) tasks: TaskTracker,
    /// Where reads are counted.
    pub(super) metrics: Arc<Metrics>,
}

/// Values of one resource for all callers.
pub(super) struct Shelf<K, V> {
    options: ShelfOptions,
    values: moka::sync::Cache<Slot<K>, Entry<V>>,
    /// Bounded by the requests under way: a load is begun by a request, and ends within one call's time.
    in_flight: InFlight<K, V>,
    shared: Shared,
}

impl<K, V> fmt::Debug for Shelf<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shelf").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<K, V> Shelf<K, V>
where
    K: Clone + Hash + Eq + Weigh + Send + Sync + 'static,
    V: Weigh + Send + Sync + 'static,
{
    /// A shelf of the resource.
    pub(super) fn new(options: ShelfOptions, shared: Shared) -> Self {
        let values = moka::sync::Cache::builder()
            .max_capacity(options.max_bytes)
            .weigher(|slot: &Slot<K>, entry: &Entry<V>| {
                let bytes = size_of::<Slot<K>>()
                    + slot.part.weight()
                    + size_of::<Entry<V>>()
                    + entry.value.weight();
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .eviction_policy(EvictionPolicy::lru())
            // Frees memory; whether a value is fresh is decided by `is_fresh`, by the runtime's clock.
            .time_to_live(options.live_time_to_live.max(Duration::from_secs(1)))
            .build();
        let in_flight = InFlight::default();
        Self { options, values, in_flight, shared }
    }

    /// Where the present value of the caller's part of the resource stands.
    pub(super) fn slot(&self, caller: CallerKey, part: K) -> Slot<K> {
        let generation = self.shared.generations.current(caller, self.options.resource);
        Slot { caller, generation, part }
    }

    /// Reads the value of a slot; `load` runs, detached, when it is neither in memory nor being loaded, and then takes a
    /// call of the budget.
    pub(super) fn read<F>(
        &self,
        slot: Slot<K>,
        budget: &CallBudget,
        load: impl FnOnce() -> F,
    ) -> Result<Reading<V>, BudgetSpent>
    where
        F: Future<Output = Result<V, UpstreamError>> + Send + 'static,
    {
        if let Some(value) = self.fresh(&slot) {
            return Ok(self.counted(CacheOutcome::Hit, Reading::Ready(value)));
        }
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(load) = in_flight.get(&slot) {
            return Ok(self.counted(CacheOutcome::Coalesced, Reading::Loading(load.clone())));
        }
        // A load that ended since the first look stored its value before it left the map.
        if let Some(value) = self.fresh(&slot) {
            return Ok(self.counted(CacheOutcome::Hit, Reading::Ready(value)));
        }
        let turn = budget.take()?;
        let (landed, landing) = oneshot::channel();
        let call = self.options.call;
        let interrupted = move |_| Err(Arc::new(UpstreamError::Interrupted { call }));
        let shared = landing.map(move |landed| landed.unwrap_or_else(interrupted)).boxed().shared();
        in_flight.insert(slot.clone(), shared.clone());
        drop(in_flight);
        let load = load();
        // Begun without the lock: a runtime that is shutting down drops the task at once, and the task takes the lock.
        self.begin(slot, landed, async move {
            let _turn = turn.await;
            load.await
        });
        Ok(self.counted(CacheOutcome::Miss, Reading::Loading(shared)))
    }

    /// The value of a slot that is in memory and fresh, and when its load began.
    pub(super) fn held(&self, slot: &Slot<K>) -> Option<(Arc<V>, Instant)> {
        let Entry { value, started } = self.values.get(slot)?;
        self.is_fresh(slot.caller, started).then_some((value, started))
    }

    /// A value is believed for a short time, and for longer if all that changed since its load began is told.
    fn is_fresh(&self, caller: CallerKey, started: Instant) -> bool {
        let ShelfOptions { time_to_live, live_time_to_live, .. } = self.options;
        let age = started.elapsed();
        age < time_to_live
            || age < live_time_to_live && self.shared.coverage.reaches(caller, started)
    }

    /// Puts a value that was not loaded but is known otherwise, as fresh as one whose load began at `started`.
    pub(super) fn put(&self, slot: Slot<K>, value: Arc<V>, started: Instant) {
        self.values.insert(slot, Entry { value, started });
    }

    /// Drops the present value of the caller's part, to free its memory; nobody need wait for it.
    pub(super) fn discard(&self, caller: CallerKey, part: K) {
        self.values.invalidate(&self.slot(caller, part));
    }

    fn counted(&self, outcome: CacheOutcome, reading: Reading<V>) -> Reading<V> {
        self.shared.metrics.cache_read(self.options.resource.name(), outcome);
        reading
    }

    fn fresh(&self, slot: &Slot<K>) -> Option<Arc<V>> {
        self.held(slot).map(|(value, _)| value)
    }

    /// Begins a load that outlives its reader: one who hangs up cancels it for nobody.
    fn begin<F>(&self, slot: Slot<K>, landed: oneshot::Sender<LoadResult<V>>, load: F)
    where
        F: Future<Output = Result<V, UpstreamError>> + Send + 'static,
    {
        let landing = Landing { in_flight: Arc::clone(&self.in_flight), slot };
        let values = self.values.clone();
        let generations = Arc::clone(&self.shared.generations);
        let resource = self.options.resource;
        let load = async move {
            let started = Instant::now();
            let result = load.await.map(Arc::new).map_err(Arc::new);
            let Slot { caller, generation, .. } = landing.slot;
            if let Ok(value) = &result
                && generations.current(caller, resource) == generation
            {
                let entry = Entry { value: Arc::clone(value), started };
                values.insert(landing.slot.clone(), entry);
            }
            drop(landing);
            // Nobody need have waited.
            let _ = landed.send(result);
        };
        self.shared.tasks.spawn(load.instrument(Span::current()));
    }
}

/// Takes a load off the map when it ends, in whatever way.
struct Landing<K: Hash + Eq, V> {
    in_flight: InFlight<K, V>,
    slot: Slot<K>,
}

impl<K: Hash + Eq, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;
    use crate::ozeki::{ApiKey, Credential, Identity, StationId, UserId};
    use crate::session::Caller;

    impl Weigh for usize {
        fn weight(&self) -> usize {
            0
        }
    }

    struct Bench {
        shelf: Shelf<(), usize>,
        generations: Arc<Generations>,
        caller: CallerKey,
        calls: Arc<AtomicUsize>,
        gate: Arc<Notify>,
    }

    impl Bench {
        fn new() -> Self {
            let options = ShelfOptions {
                resource: Resource::Friends,
                call: Call::FRIENDS_LIST,
                max_bytes: 1 << 20,
                time_to_live: Duration::from_secs(10),
                live_time_to_live: Duration::from_secs(60),
            };
            let generations = Arc::new(Generations::new());
            let shared = Shared {
                generations: Arc::clone(&generations),
                coverage: Arc::default(),
                tasks: TaskTracker::new(),
                metrics: Arc::default(),
            };
            let credential = Credential::ApiKey(ApiKey::parse("key").unwrap());
            let (user, station) = (UserId::from_bytes([1; 16]), StationId::from_bytes([1; 16]));
            Self {
                shelf: Shelf::new(options, shared),
                generations,
                caller: Caller::new(Identity { user, station, credential }, None).key(),
                calls: Arc::default(),
                gate: Arc::default(),
            }
        }

        fn slot(&self) -> Slot {
            self.shelf.slot(self.caller, ())
        }

        /// Reads by a load that answers how many came before it, once the gate opens.
        fn read(&self) -> Reading<usize> {
            let load = || {
                let (calls, gate) = (Arc::clone(&self.calls), Arc::clone(&self.gate));
                async move {
                    let before = calls.fetch_add(1, Ordering::SeqCst);
                    gate.notified().await;
                    Ok(before)
                }
            };
            self.shelf.read(self.slot(), &CallBudget::of_one(), load).unwrap()
        }

        async fn value(&self) -> usize {
            let reading = self.read();
            self.gate.notify_one();
            *reading.value().await.unwrap()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn readers_share_one_load_and_then_its_value_until_it_is_no_longer_fresh() {
        let bench = Bench::new();
        let readings: Vec<_> = (0..50).map(|_| bench.read()).collect();
        bench.gate.notify_one();
        for reading in readings {
            assert_eq!(*reading.value().await.unwrap(), 0);
        }
        assert!(matches!(bench.read(), Reading::Ready(_)));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(bench.value().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_leaves_cancels_nobody() {
        let bench = Bench::new();
        drop(bench.read());
        let second = bench.read();
        bench.gate.notify_one();
        assert_eq!(*second.value().await.unwrap(), 0);
        assert_eq!(bench.calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_from_before_a_change_is_not_read_after_it() {
        let bench = Bench::new();
        let before = bench.read();
        bench.generations.raise(bench.caller, Resource::Friends);
        bench.gate.notify_one();
        assert_eq!(*before.value().await.unwrap(), 0);
        assert_eq!(bench.value().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_or_a_panic_is_told_to_all_and_kept_by_none() {
        let bench = Bench::new();
        let failing = |panics: bool| async move {
            assert!(!panics, "a bug");
            Err(UpstreamError::Interrupted { call: Call::FRIENDS_LIST })
        };
        for panics in [false, true] {
            let readings = [(); 3].map(|()| {
                let budget = CallBudget::of_one();
                bench.shelf.read(bench.slot(), &budget, || failing(panics)).unwrap()
            });
            for reading in readings {
                assert!(reading.value().await.is_err());
            }
        }
        assert_eq!(bench.value().await, 0);
        assert!(bench.shelf.in_flight.lock().unwrap().is_empty());
    }

    #[test]
    fn a_read_that_begins_while_the_runtime_ends_fails_and_does_not_hang() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bench = Bench::new();
        let entered = runtime.handle().clone();
        runtime.shutdown_background();
        let _entered = entered.enter();
        let reading = bench.read();
        assert!(futures_util::FutureExt::now_or_never(reading.value()).unwrap().is_err());
        assert!(bench.shelf.in_flight.lock().unwrap().is_empty());
    }
}
