//! The state of one limit for each of many keys, in bounded memory.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;

use super::Quota;
use crate::clock::Clock;

/// How many keys have a state of their own, at some 100 bytes each. Only keys that asked within the last seconds need
/// one: far more than a gateway answers.
const KEYS_MAX: usize = 65_536;

/// How many states the keys share that find no room. No key is ever dropped to make room for another, or whoever brings
/// enough new ones could wipe out what is held against them; and a newcomer is not refused outright either.
const SHARED_STATES: usize = 1_024;

/// How often keys that have their whole quota again are dropped, so that memory returns after a flood.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// How often that is tried when there is no room; each time costs about a millisecond.
const PRUNE_EVERY_WHEN_FULL: Duration = Duration::from_secs(1);

/// One limit, for each key on its own.
pub(super) struct Limiter<K: Eq + Hash + Clone>(
    RateLimiter<K, Table<K>, Monotonic, NoOpMiddleware<Duration>>,
);

impl<K: Eq + Hash + Clone> Limiter<K> {
    pub(super) fn new(quota: Quota, clock: &Clock) -> Self {
        Self::with_room_for(KEYS_MAX, quota, clock)
    }

    fn with_room_for(keys_max: usize, quota: Quota, clock: &Clock) -> Self {
        let clock = Monotonic(clock.clone());
        let table = Table {
            started: clock.now(),
            clock: clock.clone(),
            keys_max,
            hasher: RandomState::new(),
            states: Mutex::default(),
        };
        Self(RateLimiter::new(quota.0, table, clock))
    }

    /// Charges the key with one; the error is the time until it has one left.
    pub(super) fn charge(&self, key: &K) -> Result<(), Duration> {
        self.0.check_key(key).map_err(|refused| refused.wait_time_from(self.0.clock().now()))
    }
}

impl<K: Eq + Hash + Clone> fmt::Debug for Limiter<K> {
    /// Names no key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Limiter(..)")
    }
}

/// The injected clock, as the library wants it.
#[derive(Clone, Debug)]
struct Monotonic(Clock);

impl GovernorClock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

/// When each key has its whole quota again, as time since the table was made; it may be past.
struct Table<K> {
    started: Duration,
    clock: Monotonic,
    keys_max: usize,
    /// With a seed of its own: nobody can choose keys that share a state with somebody else's.
    hasher: RandomState,
    states: Mutex<States<K>>,
}

struct States<K> {
    own: HashMap<K, Nanos>,
    /// Empty until there is no room for a key.
    shared: Vec<Nanos>,
    pruned_at: Duration,
}

impl<K> Default for States<K> {
    fn default() -> Self {
        Self { own: HashMap::new(), shared: Vec::new(), pruned_at: Duration::ZERO }
    }
}

impl<K: Eq + Hash> States<K> {
    /// Drops the keys that have no more and no less than a new one would have, if it is time to.
    fn prune(&mut self, now: Duration, keys_max: usize) {
        let is_full = self.own.len() >= keys_max;
        let every = if is_full { PRUNE_EVERY_WHEN_FULL } else { PRUNE_EVERY };
        if now < self.pruned_at + every {
            return;
        }
        self.pruned_at = now;
        self.own.retain(|_, whole_at| Duration::from(*whole_at) > now);
        self.own.shrink_to(2 * self.own.len());
        if self.shared.iter().all(|whole_at| Duration::from(*whole_at) <= now) {
            self.shared = Vec::new();
        }
    }
}

impl<K: Eq + Hash + Clone> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let now = self.clock.now().saturating_sub(self.started);
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let states = &mut *states;
        states.prune(now, self.keys_max);
        if let Some(state) = states.own.get_mut(key) {
            let (decision, next) = decide(Some(*state))?;
            *state = next;
            return Ok(decision);
        }
        // A key that had no room begins with what it shared: it has not become new.
        if states.own.len() < self.keys_max {
            let shared = states.shared.get(self.shared_index(key)).copied();
            let (decision, next) = decide(shared)?;
            states.own.insert(key.clone(), next);
            return Ok(decision);
        }
        states.shared.resize(SHARED_STATES, Nanos::default());
        let state = &mut states.shared[self.shared_index(key)];
        let (decision, next) = decide(Some(*state))?;
        *state = next;
        Ok(decision)
    }
}

impl<K: Hash> Table<K> {
    fn shared_index(&self, key: &K) -> usize {
        let index = usize::try_from(self.hasher.hash_one(key) % SHARED_STATES as u64);
        index.expect("it is less than a `usize`")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::num::NonZeroU32;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// `burst` at once, and one more each second.
    fn limiter(keys_max: usize, burst: u32, clock: &Clock) -> Limiter<u64> {
        let burst = NonZeroU32::new(burst).unwrap();
        let quota = Quota::new(NonZeroU32::MIN, Duration::from_secs(1), burst).unwrap();
        Limiter::with_room_for(keys_max, quota, clock)
    }

    /// How many keys and shared states are held.
    fn held(limiter: Limiter<u64>) -> (usize, usize) {
        let states = limiter.0.into_state_store().states.into_inner().unwrap();
        (states.own.len(), states.shared.len())
    }

    #[test]
    fn a_burst_is_taken_and_then_what_grows_back() {
        let clock = Clock::manual(1_000);
        let limiter = limiter(8, 3, &clock);
        for _ in 0..3 {
            limiter.charge(&1).unwrap();
        }
        assert_eq!(limiter.charge(&1), Err(Duration::from_secs(1)));
        limiter.charge(&2).unwrap();
        clock.advance(Duration::from_secs(2));
        limiter.charge(&1).unwrap();
        limiter.charge(&1).unwrap();
        assert_eq!(limiter.charge(&1), Err(Duration::from_secs(1)));
    }

    #[test]
    fn a_flood_of_keys_wipes_out_nothing_and_its_memory_is_bounded_and_returns() {
        let clock = Clock::manual(0);
        let limiter = limiter(100, 60, &clock);
        for _ in 0..60 {
            limiter.charge(&0).unwrap();
        }
        let refused = (1..100_000).filter(|key| limiter.charge(key).is_err()).count();
        assert!(limiter.charge(&0).is_err(), "the first key has used up its quota");
        // All share what the states that are shared allow.
        assert!(refused > 30_000, "{refused}");
        clock.advance(Duration::from_secs(30));
        limiter.charge(&0).unwrap();
        clock.advance(Duration::from_secs(60));
        limiter.charge(&0).unwrap();
        assert_eq!(held(limiter), (1, 0));
    }

    #[test]
    fn a_newcomer_is_served_while_the_table_is_full() {
        let clock = Clock::manual(0);
        let limiter = limiter(100, 60, &clock);
        for key in 0..1_000 {
            limiter.charge(&key).unwrap();
        }
        assert_eq!(held(limiter), (100, SHARED_STATES));
    }

    proptest! {
        /// However keys come and go in a table that is far too small: none ever gets more than its quota.
        #[test]
        fn no_key_gets_more_than_its_quota(steps in vec((0..12_u64, 0..3_u64), 1..300)) {
            const BURST: u64 = 4;
            let clock = Clock::manual(0);
            let limiter = limiter(3, 4, &clock);
            let mut taken: HashMap<u64, Vec<u64>> = HashMap::new();
            let mut now = 0;
            for (key, pause) in steps {
                // Mostly none, so that quotas are used up.
                let pause = pause / 2;
                now += pause;
                clock.advance(Duration::from_secs(pause));
                if limiter.charge(&key).is_ok() {
                    taken.entry(key).or_default().push(now);
                }
            }
            for times in taken.values() {
                for (first, from) in times.iter().enumerate() {
                    for (last, until) in times.iter().enumerate().skip(first) {
                        let count = (last - first + 1) as u64;
                        prop_assert!(count <= BURST + until - from, "{times:?}");
                    }
                }
            }
        }
    }
}
