//! Values of one resource for all callers: kept by weight, loaded once at a time.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::budget::{Allowance, BudgetSpent, CallBudget};
use super::fair::{FairTable, Owned};
use super::generations::{Generation, Generations, OwnGeneration, ToldGeneration};
use super::lenient::refresh_window;
use super::live::Coverage;
use super::{ReadError, Resource};
use crate::ozeki::{Call, ConversationId, UpstreamError, UserId};
use crate::session::CallerKey;
use crate::telemetry::{CacheOutcome, Metrics, OK, Span, attributed};

/// Where a value that is current stands: nothing is found without the caller and the generation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot<K = ()> {
    pub(super) caller: CallerKey,
    pub(super) generation: Generation,
    /// Which value of the resource, where it has several.
    pub(super) part: K,
}

/// What a value is kept under: nothing is found from before the caller's own doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place<K> {
    caller: CallerKey,
    generation: OwnGeneration,
    part: K,
}

impl<K: Clone> Slot<K> {
    fn place(&self) -> Place<K> {
        let Self { caller, generation, part } = self;
        Place { caller: *caller, generation: generation.own, part: part.clone() }
    }
}

impl<K: Part> Owned for Place<K> {
    fn owner(&self) -> UserId {
        self.caller.user()
    }
}

/// What a value takes in memory.
pub trait Weigh {
    /// Bytes that the value occupies, on the heap and in place.
    fn weight(&self) -> usize;
}

/// Which value of a resource, where a caller has several.
pub(super) trait Part: Weigh + Clone + Hash + Eq + Send + Sync + 'static {
    /// The conversation whose change puts the value behind, where it is one's alone.
    fn conversation(&self) -> Option<ConversationId> {
        None
    }
}

/// The caller has one value of the resource.
impl Part for () {}

impl Weigh for () {
    fn weight(&self) -> usize {
        0
    }
}

/// What a load can fail with: told to all who wait for it, and of the kinds that a shelf itself makes.
pub(super) trait LoadError:
    From<UpstreamError> + From<BudgetSpent> + Clone + Send + Sync + 'static
{
}

impl<E: From<UpstreamError> + From<BudgetSpent> + Clone + Send + Sync + 'static> LoadError for E {}

type LoadResult<V, E> = Result<Arc<V>, E>;
type Load<V, E> = future::Shared<BoxFuture<'static, LoadResult<V, E>>>;
type InFlight<K, V, E> = Arc<Mutex<HashMap<Slot<K>, Load<V, E>>>>;

/// A read that has begun: answered from memory, or by a load that goes on whether or not anybody waits.
pub enum Reading<V, E = ReadError> {
    /// The value was in memory.
    Ready(Arc<V>),
    /// The value is being loaded.
    Loading(Load<V, E>),
}

// Derived, these would ask for `V: Clone`.
impl<V, E> Clone for Reading<V, E> {
    fn clone(&self) -> Self {
        match self {
            Self::Ready(value) => Self::Ready(Arc::clone(value)),
            Self::Loading(load) => Self::Loading(load.clone()),
        }
    }
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), started: self.started, told: self.told }
    }
}

impl<V: Send + Sync + 'static, E: Clone + Send + Sync> Reading<V, E> {
    /// Waits for the value.
    ///
    /// Cancel safety: dropping the future leaves the load under way for others.
    ///
    /// # Errors
    ///
    /// The error of the load, the same for all who waited for it.
    pub async fn value(self) -> Result<Arc<V>, E> {
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
    /// What the upstream had told by then.
    told: ToldGeneration,
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
    /// How old a value may be that is shown while the upstream is down.
    pub(super) stale_time_to_live: Duration,
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
pub(super) struct Shelf<K, V, E = ReadError> {
    options: ShelfOptions,
    values: FairTable<Place<K>, Entry<V>>,
    /// Bounded by the requests under way: a load is begun by a request, and ends within one call's time.
    in_flight: InFlight<K, V, E>,
    shared: Shared,
}

impl<K, V, E> fmt::Debug for Shelf<K, V, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shelf").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<K: Part, V: Weigh + Send + Sync + 'static, E: LoadError> Shelf<K, V, E> {
    /// A shelf of the resource.
    pub(super) fn new(options: ShelfOptions, shared: Shared) -> Self {
        // Leaving the table frees memory; whether a value is fresh is decided by `is_fresh`, by the runtime's clock.
        let time_to_live = options.live_time_to_live + refresh_window(options.time_to_live);
        let time_to_live = time_to_live.max(options.stale_time_to_live).max(Duration::from_secs(1));
        let values = FairTable::new(options.max_bytes, Some(time_to_live), weight_of::<K, V>);
        let watched = values.clone();
        shared.metrics.watch_cache(options.resource.name(), move || watched.weight());
        let in_flight = InFlight::default();
        Self { options, values, in_flight, shared }
    }

    /// Where the present value of the caller's part of the resource stands.
    pub(super) fn slot(&self, caller: CallerKey, part: K) -> Slot<K> {
        let resource = self.options.resource;
        let generation = self.shared.generations.current(caller, resource, part.conversation());
        Slot { caller, generation, part }
    }

    /// Reads the value of a slot; `load` runs, detached, when it is neither in memory nor being loaded, and then its calls
    /// are taken from the budget.
    pub(super) fn read<F>(
        &self,
        slot: Slot<K>,
        budget: &CallBudget,
        load: impl FnOnce(Allowance) -> F,
    ) -> Result<Reading<V, E>, BudgetSpent>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
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
        let allowance = budget.allow()?;
        let (landed, landing) = oneshot::channel();
        let call = self.options.call;
        let interrupted = move |_| Err(UpstreamError::Interrupted { call }.into());
        let shared = landing.map(move |landed| landed.unwrap_or_else(interrupted)).boxed().shared();
        in_flight.insert(slot.clone(), shared.clone());
        drop(in_flight);
        // Begun without the lock: a runtime that is shutting down drops the task at once, and the task takes the lock.
        self.begin(slot, landed, load(allowance));
        Ok(self.counted(CacheOutcome::Miss, Reading::Loading(shared)))
    }

    /// The value of a slot that is in memory and fresh, and when its load began.
    pub(super) fn held(&self, slot: &Slot<K>) -> Option<(Arc<V>, Instant)> {
        let entry = self.values.get(&slot.place())?;
        self.is_fresh(slot, &entry, Duration::ZERO).then_some((entry.value, entry.started))
    }

    /// The value of a slot that is in memory and may be shown although it is not fresh, when its load began, and whether it
    /// was fresh until recently.
    pub(super) fn former(&self, slot: &Slot<K>) -> Option<(Arc<V>, Instant, bool)> {
        let ShelfOptions { time_to_live, stale_time_to_live, .. } = self.options;
        let entry = self.values.get(&slot.place())?;
        let is_recent = self.is_fresh(slot, &entry, refresh_window(time_to_live));
        let is_shown = is_recent || entry.started.elapsed() < stale_time_to_live;
        is_shown.then_some((entry.value, entry.started, is_recent))
    }

    /// Whether a read of the slot would be answered from memory with this very value.
    pub(super) fn gives(&self, slot: &Slot<K>, value: &Weak<V>) -> bool {
        // The reference keeps the address from being used anew.
        self.fresh(slot).is_some_and(|present| std::ptr::eq(Arc::as_ptr(&present), value.as_ptr()))
    }

    /// Counts a read that was answered without asking this shelf, since it [`gives`](Self::gives) what was read before.
    pub(super) fn count_hit(&self) {
        self.shared.metrics.cache_read(self.options.resource.name(), CacheOutcome::Hit);
    }

    /// A value is believed for a short time, and for longer if all that changed since its load began is told; each time for
    /// so much `more`. What was told to have changed is not believed.
    fn is_fresh(&self, slot: &Slot<K>, entry: &Entry<V>, more: Duration) -> bool {
        let ShelfOptions { time_to_live, live_time_to_live, .. } = self.options;
        let age = entry.started.elapsed();
        let is_believed = age < time_to_live + more
            || age < live_time_to_live + more
                && self.shared.coverage.reaches(slot.caller, entry.started);
        is_believed && entry.told == slot.generation.told
    }

    /// Puts a value that was not loaded but is known otherwise, as fresh as one whose load began at `started`.
    pub(super) fn put(&self, slot: &Slot<K>, value: Arc<V>, started: Instant) {
        let told = slot.generation.told;
        self.values.insert(slot.place(), Entry { value, started, told });
    }

    /// Drops the present value of the caller's part, to free its memory; nobody need wait for it.
    pub(super) fn discard(&self, caller: CallerKey, part: K) {
        self.values.invalidate(&self.slot(caller, part).place());
    }

    /// Drops all values of the caller, to free their memory: those that are out of reach too, and may have no name any more.
    pub(super) fn forget(&self, caller: CallerKey) {
        self.values.invalidate_of(caller.user(), |place| place.caller == caller);
    }

    fn counted(&self, outcome: CacheOutcome, reading: Reading<V, E>) -> Reading<V, E> {
        self.count(outcome);
        reading
    }

    /// Counts a read that was answered so.
    pub(super) fn count(&self, outcome: CacheOutcome) {
        self.shared.metrics.cache_read(self.options.resource.name(), outcome);
    }

    fn fresh(&self, slot: &Slot<K>) -> Option<Arc<V>> {
        self.held(slot).map(|(value, _)| value)
    }

    /// Begins a load that outlives its reader: one who hangs up cancels it for nobody.
    fn begin<F>(&self, slot: Slot<K>, landed: oneshot::Sender<LoadResult<V, E>>, load: F)
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let landing = Landing { in_flight: Arc::clone(&self.in_flight), slot };
        let values = self.values.clone();
        let generations = Arc::clone(&self.shared.generations);
        let resource = self.options.resource;
        // Of the trace of whoever begins it, also where others wait for it.
        let span = Span::of_load(resource.name());
        let load = async move {
            let started = Instant::now();
            let result = Span::around(span.as_ref(), load).await.map(Arc::new);
            if let Some(span) = span {
                span.end(if result.is_ok() { OK } else { "failed" });
            }
            let Slot { caller, generation, part } = &landing.slot;
            if let Ok(value) = &result
                && generations.is_current(*caller, resource, part.conversation(), *generation)
            {
                let entry = Entry { value: Arc::clone(value), started, told: generation.told };
                values.insert(landing.slot.place(), entry);
            }
            drop(landing);
            // Nobody need have waited.
            let _ = landed.send(result);
        };
        self.shared.tasks.spawn(attributed(load));
    }
}

fn weight_of<K: Part, V: Weigh>(place: &Place<K>, entry: &Entry<V>) -> u32 {
    let bytes =
        size_of::<Place<K>>() + place.part.weight() + size_of::<Entry<V>>() + entry.value.weight();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Takes a load off the map when it ends, in whatever way.
struct Landing<K: Hash + Eq, V, E> {
    in_flight: InFlight<K, V, E>,
    slot: Slot<K>,
}

impl<K: Hash + Eq, V, E> Drop for Landing<K, V, E> {
    fn drop(&mut self) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
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

    fn budget_of_one() -> CallBudget {
        CallBudget::new(NonZeroUsize::MIN, NonZeroUsize::MIN)
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
                stale_time_to_live: Duration::from_secs(600),
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
            let load = |_allowance| {
                let (calls, gate) = (Arc::clone(&self.calls), Arc::clone(&self.gate));
                async move {
                    let before = calls.fetch_add(1, Ordering::SeqCst);
                    gate.notified().await;
                    Ok(before)
                }
            };
            self.shelf.read(self.slot(), &budget_of_one(), load).unwrap()
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
    async fn a_value_is_given_until_a_read_would_give_another_or_make_a_call() {
        let bench = Bench::new();
        let gives = |value: &Weak<usize>| bench.shelf.gives(&bench.slot(), value);
        let nothing = Weak::new();
        assert!(!gives(&nothing));
        bench.value().await;
        let first = Arc::downgrade(&bench.shelf.held(&bench.slot()).unwrap().0);
        assert!(gives(&first) && !gives(&nothing));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(gives(&first));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!gives(&first));
        bench.value().await;
        let second = Arc::downgrade(&bench.shelf.held(&bench.slot()).unwrap().0);
        assert!(gives(&second) && !gives(&first));
        // The same said anew is another value.
        bench.shelf.put(&bench.slot(), Arc::new(1), Instant::now());
        assert!(!gives(&second));
        let third = Arc::downgrade(&bench.shelf.held(&bench.slot()).unwrap().0);
        assert!(gives(&third));
        bench.generations.raise(bench.caller, Resource::Friends);
        assert!(!gives(&third));
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
    async fn what_the_upstream_told_leaves_the_last_good_value_and_what_the_caller_did_leaves_none()
    {
        let bench = Bench::new();
        assert_eq!(bench.value().await, 0);
        let down = || async {
            let failing = |_allowance| async {
                Err(UpstreamError::TimedOut { call: Call::FRIENDS_LIST, limit: Duration::ZERO }
                    .into())
            };
            let read = bench.shelf.read_leniently(bench.slot(), &budget_of_one(), failing);
            read.unwrap().or_former().await.ok().map(|shown| (*shown.value, shown.stale))
        };
        assert_eq!(down().await, Some((0, None)), "it is fresh");
        bench.generations.raise_told(bench.caller, Resource::Friends);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(down().await, Some((0, Some(Duration::from_secs(7)))));
        tokio::time::advance(Duration::from_secs(592)).await;
        assert_eq!(down().await, Some((0, Some(Duration::from_secs(599)))));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(down().await, None, "it is too old");
        assert_eq!(bench.value().await, 1);
        bench.generations.raise(bench.caller, Resource::Friends);
        assert_eq!(down().await, None, "the caller changed it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_or_a_panic_is_told_to_all_and_kept_by_none() {
        let bench = Bench::new();
        let failing = |panics: bool| async move {
            assert!(!panics, "a bug");
            Err(UpstreamError::Interrupted { call: Call::FRIENDS_LIST }.into())
        };
        for panics in [false, true] {
            let readings = [(); 3].map(|()| {
                let budget = budget_of_one();
                bench.shelf.read(bench.slot(), &budget, |_allowance| failing(panics)).unwrap()
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
