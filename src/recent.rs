//! What was made of texts that came lately, so that a text that comes again is not worked on again.
//!
//! A text is found by its SHA-256 and is not kept itself. The table is a cache of pure functions: what it holds depends on
//! the text alone, so it does not matter who brought it first, and nothing in it is ever out of date. What depends on the
//! moment is checked by whoever asks.

use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// The sets that texts fall into by their hash; a power of two. Each has a lock of its own, so that requests rarely meet.
const SETS: usize = 4_096;

/// The texts that one set holds. With [`SETS`] that makes 32,768, and with as many as a third of it, such as ten thousand
/// people's tokens, next to no set is full.
const PLACES_IN_SET: usize = 8;

/// How often what was not used since the last time is dropped, when something new comes: what is here can be a secret.
const DROP_UNUSED_EVERY: Duration = Duration::from_secs(10 * 60);

/// The SHA-256 of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TextHash([u8; 32]);

impl TextHash {
    /// Hashes a text.
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    fn set(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[0], self.0[1]])) % SETS
    }
}

impl fmt::Debug for TextHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TextHash(..)")
    }
}

/// What was made of the texts that came lately.
///
/// A new one takes the place of the one that its set has used longest ago. Nobody can aim at another's: the worst that a
/// flood of texts does is that work is done again.
pub struct Recent<V> {
    sets: Box<[Mutex<Set<V>>]>,
    dropped_at: Mutex<Duration>,
}

struct Set<V> {
    entries: Vec<Entry<V>>,
    /// Counts uses; the larger, the later.
    uses: u64,
}

struct Entry<V> {
    hash: TextHash,
    value: V,
    last_use: u64,
    /// Whether it was used since unused ones were dropped.
    is_used: bool,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        let set = || Mutex::new(Set { entries: Vec::new(), uses: 0 });
        Self { sets: (0..SETS).map(|_| set()).collect(), dropped_at: Mutex::default() }
    }
}

impl<V> fmt::Debug for Recent<V> {
    /// Shows nothing of what is held.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Recent(..)")
    }
}

impl<V: Clone> Recent<V> {
    /// What was made of this text.
    pub fn find(&self, text: &TextHash) -> Option<V> {
        let mut set = lock(&self.sets[text.set()]);
        set.uses += 1;
        let last_use = set.uses;
        let entry = set.entries.iter_mut().find(|entry| entry.hash == *text)?;
        (entry.last_use, entry.is_used) = (last_use, true);
        Some(entry.value.clone())
    }

    /// Keeps what was made of this text at `now`, a time that never goes back.
    pub fn keep(&self, text: TextHash, value: V, now: Duration) {
        self.drop_unused(now);
        let mut set = lock(&self.sets[text.set()]);
        set.uses += 1;
        let entry = Entry { hash: text, value, last_use: set.uses, is_used: true };
        let entries = &mut set.entries;
        if let Some(known) = entries.iter_mut().find(|entry| entry.hash == text) {
            *known = entry;
        } else if entries.len() < PLACES_IN_SET {
            entries.push(entry);
        } else if let Some(oldest) = entries.iter_mut().min_by_key(|entry| entry.last_use) {
            *oldest = entry;
        }
    }

    /// Forgets what was made of texts.
    pub fn forget(&self, is_meant: impl Fn(&V) -> bool) {
        for set in &self.sets {
            lock(set).entries.retain(|entry| !is_meant(&entry.value));
        }
    }

    fn drop_unused(&self, now: Duration) {
        {
            let mut dropped_at = lock(&self.dropped_at);
            if now < dropped_at.saturating_add(DROP_UNUSED_EVERY) {
                return;
            }
            *dropped_at = now;
        }
        for set in &self.sets {
            lock(set).entries.retain_mut(|entry| mem::take(&mut entry.is_used));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u32) -> TextHash {
        TextHash::of(&number.to_le_bytes())
    }

    fn held(recent: &Recent<u32>) -> usize {
        recent.sets.iter().map(|set| lock(set).entries.len()).sum()
    }

    #[test]
    fn a_text_is_found_by_itself_and_by_no_other() {
        let recent = Recent::default();
        for number in 0..10_000 {
            recent.keep(hash(number), number, Duration::ZERO);
        }
        let found = (0..10_000).filter(|number| recent.find(&hash(*number)) == Some(*number));
        assert!(found.count() > 9_990);
        assert_eq!(recent.find(&hash(10_000)), None);
        recent.keep(hash(1), 7, Duration::ZERO);
        assert_eq!(recent.find(&hash(1)), Some(7));
        recent.forget(|value| *value == 7);
        assert_eq!(recent.find(&hash(1)), None);
    }

    #[test]
    fn a_flood_of_texts_takes_bounded_room_and_leaves_what_is_in_use() {
        let recent = Recent::default();
        recent.keep(hash(0), 0, Duration::ZERO);
        for number in 1..200_000 {
            recent.keep(hash(number), number, Duration::ZERO);
            assert_eq!(recent.find(&hash(0)), Some(0));
        }
        assert_eq!(held(&recent), SETS * PLACES_IN_SET);
    }

    #[test]
    fn what_is_not_used_is_dropped() {
        let recent = Recent::default();
        let time = |times: u32| DROP_UNUSED_EVERY * times;
        recent.keep(hash(1), 1, time(1));
        recent.keep(hash(2), 2, time(1));
        // Both were used since they came; from now on only one is.
        recent.keep(hash(3), 3, time(2));
        recent.find(&hash(1));
        recent.keep(hash(4), 4, time(3));
        assert_eq!((recent.find(&hash(1)), recent.find(&hash(2))), (Some(1), None));
    }
}
