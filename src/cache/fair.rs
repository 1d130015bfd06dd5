//! A bounded table in which nobody can push out everybody else.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;
use moka::policy::EvictionPolicy;

use crate::ozeki::UserId;

/// The part of a table that one user can take, with all sessions together: a sixteenth is far more than a user's screens
/// need, and a few users of bad will still leave most of the table to others.
const SHARE_DIVISOR: u64 = 16;

/// As many keys of a user may be queued that the table holds no more, beside as many as it holds, before they are
/// cleared away.
const GONE_MAX: usize = 64;

/// A key that belongs to a user.
pub trait Owned: Hash + Eq + Clone + Send + Sync + 'static {
    /// Whose it is.
    fn owner(&self) -> UserId;
}

/// A table bounded by weight, of which each user has a share: who goes beyond it pushes out their own oldest entries.
/// Otherwise the longest unused entries of all are dropped first.
pub struct FairTable<K, V> {
    entries: moka::sync::Cache<K, V, RandomState>,
    shares: Shares<K>,
    share_max: u64,
    weigh: fn(&K, &V) -> u32,
}

impl<K, V> fmt::Debug for FairTable<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FairTable")
            .field("share_max", &self.share_max)
            .finish_non_exhaustive()
    }
}

impl<K, V> Clone for FairTable<K, V> {
    fn clone(&self) -> Self {
        let Self { entries, shares, share_max, weigh } = self;
        Self {
            entries: entries.clone(),
            shares: shares.clone(),
            share_max: *share_max,
            weigh: *weigh,
        }
    }
}

/// What each user has in the table. A user without entries has none here.
struct Shares<K>(Arc<Mutex<SharesByUser<K>>>);

type SharesByUser<K> = HashMap<UserId, Share<K>, RandomState>;

impl<K> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Shares<K> {
    fn lock(&self) -> MutexGuard<'_, SharesByUser<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Share<K> {
    weight: u64,
    entries: usize,
    /// The user's keys, the oldest first; some may have left the table.
    queue: VecDeque<K>,
}

impl<K: Owned, V: Clone + Send + Sync + 'static> FairTable<K, V> {
    /// A table that holds so much weight; entries leave it after `time_to_live`, if that is given.
    pub fn new(max_weight: u64, time_to_live: Option<Duration>, weigh: fn(&K, &V) -> u32) -> Self {
        let shares = Shares(Arc::default());
        let left = shares.clone();
        let mut builder = moka::sync::Cache::builder()
            .max_capacity(max_weight)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru())
            .eviction_listener(move |key: Arc<K>, value: V, _cause| {
                let weight = weigh(&key, &value);
                let mut shares = left.lock();
                if let Some(share) = shares.get_mut(&key.owner()) {
                    share.weight = share.weight.saturating_sub(u64::from(weight));
                    share.entries = share.entries.saturating_sub(1);
                    if share.entries == 0 {
                        shares.remove(&key.owner());
                    }
                }
            });
        if let Some(time_to_live) = time_to_live {
            builder = builder.time_to_live(time_to_live);
        }
        let share_max = max_weight.div_ceil(SHARE_DIVISOR);
        Self {
            entries: builder.build_with_hasher(RandomState::default()),
            shares,
            share_max,
            weigh,
        }
    }

    /// The value of a key, which counts as used.
    pub fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key)
    }

    /// Puts a value in the place of the one that the key had.
    pub fn insert(&self, key: K, value: V) {
        // Before it is in the table: the listener may be told that it left at any time after.
        self.count(&key, (self.weigh)(&key, &value));
        let owner = key.owner();
        self.entries.insert(key, value);
        self.keep_to_share(owner);
    }

    /// The value of a key, made by `make` where there is none.
    pub(super) fn get_with(&self, key: &K, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.entries.get(key) {
            return value;
        }
        let entry = self.entries.entry_by_ref(key).or_insert_with(|| {
            let value = make();
            self.count(key, (self.weigh)(key, &value));
            value
        });
        if entry.is_fresh() {
            self.keep_to_share(key.owner());
        }
        entry.into_value()
    }

    /// What all entries weigh.
    pub(super) fn weight(&self) -> u64 {
        // What has expired is still counted until the table is tidied up, which it does as it is used.
        self.entries.run_pending_tasks();
        self.entries.weighted_size()
    }

    /// Drops the value of a key.
    pub fn invalidate(&self, key: &K) {
        self.entries.invalidate(key);
    }

    /// Drops the values of those of a user's keys that are meant.
    pub(super) fn invalidate_of(&self, user: UserId, is_meant: impl Fn(&K) -> bool) {
        let meant: Vec<K> = {
            let shares = self.shares.lock();
            let queued = shares.get(&user).into_iter().flat_map(|share| &share.queue);
            queued.filter(|key| is_meant(key)).cloned().collect()
        };
        for key in &meant {
            self.invalidate(key);
        }
    }

    fn count(&self, key: &K, weight: u32) {
        let mut shares = self.shares.lock();
        let share = shares.entry(key.owner()).or_insert_with(|| Share {
            weight: 0,
            entries: 0,
            queue: VecDeque::new(),
        });
        share.weight += u64::from(weight);
        share.entries += 1;
        share.queue.push_back(key.clone());
    }

    /// Drops the user's oldest entries until what is left is no more than the share. The table is never touched under the
    /// lock, which its listener takes.
    fn keep_to_share(&self, user: UserId) {
        while let Some(oldest) = self.oldest_beyond_share(user) {
            self.entries.invalidate(&oldest);
        }
        let queued = {
            let mut shares = self.shares.lock();
            let Some(share) = shares.get_mut(&user) else { return };
            if share.queue.len() <= share.entries.saturating_mul(2).saturating_add(GONE_MAX) {
                return;
            }
            mem::take(&mut share.queue)
        };
        // Of a key that was put several times the last counts, so they are looked at from the end.
        let mut seen = HashSet::with_capacity(queued.len());
        let mut is_held = |key: &K| self.entries.contains_key(key) && seen.insert(key.clone());
        let mut held: VecDeque<K> = queued.into_iter().rev().filter(&mut is_held).collect();
        held.make_contiguous().reverse();
        let mut shares = self.shares.lock();
        if let Some(share) = shares.get_mut(&user) {
            held.append(&mut share.queue);
            share.queue = held;
        }
    }

    fn oldest_beyond_share(&self, user: UserId) -> Option<K> {
        let mut shares = self.shares.lock();
        let share = shares.get_mut(&user)?;
        if share.weight <= self.share_max { None } else { share.queue.pop_front() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Key = (UserId, u32);

    impl Owned for Key {
        fn owner(&self) -> UserId {
            self.0
        }
    }

    const GREEDY: UserId = UserId::from_bytes([1; 16]);
    const MODEST: UserId = UserId::from_bytes([2; 16]);

    fn held(table: &FairTable<Key, u32>, user: UserId) -> Vec<u32> {
        (0..1000).filter(|number| table.get(&(user, *number)).is_some()).collect()
    }

    #[test]
    fn who_goes_beyond_the_share_pushes_out_their_own_oldest_and_nobody_elses() {
        let table = FairTable::new(160, None, |_key, weight| *weight);
        for number in 0..10 {
            table.insert((MODEST, number), 1);
        }
        for number in 0..1000 {
            table.insert((GREEDY, number), 1);
        }
        table.entries.run_pending_tasks();
        assert_eq!(held(&table, GREEDY), (990..1000).collect::<Vec<_>>());
        assert_eq!(held(&table, MODEST), (0..10).collect::<Vec<_>>());
        // One that is too heavy for any share is not kept, and takes the others of its user with it.
        table.insert((GREEDY, 0), 11);
        assert!(held(&table, GREEDY).is_empty());
        assert_eq!(table.shares.lock().len(), 1);
    }

    #[test]
    fn what_is_replaced_or_dropped_is_counted_no_more() {
        let table = FairTable::new(160, None, |_key, weight| *weight);
        for _ in 0..10_000 {
            table.insert((GREEDY, 1), 5);
            table.get_with(&(GREEDY, 2), || 5);
            table.invalidate(&(GREEDY, 2));
        }
        assert_eq!(held(&table, GREEDY), [1]);
        {
            let shares = table.shares.lock();
            let share = &shares[&GREEDY];
            assert_eq!((share.weight, share.entries), (5, 1));
            assert!(share.queue.len() <= 2 + GONE_MAX + 1, "{}", share.queue.len());
        }
        table.invalidate(&(GREEDY, 1));
        assert!(table.shares.lock().is_empty());
    }
}
