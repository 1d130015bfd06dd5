//! When each session was last heard of.

use std::time::Duration;

use foldhash::quality::RandomState;
use moka::policy::EvictionPolicy;

use super::{Session, SessionId};

/// How many sessions are known by their last use, at some 150 bytes each; the longest unused are forgotten first, and
/// count as new.
const SESSIONS_MAX: u64 = 100_000;

/// The last use of each session, on this replica and since it started.
///
/// A session that is not known counts as used now: it may have been in use at another replica all the time, and nobody is
/// to log in anew because a replica went away.
#[derive(Debug)]
pub(super) struct LastUses {
    idle_timeout: i64,
    /// Unix seconds.
    last: moka::sync::Cache<SessionId, i64, RandomState>,
}

impl LastUses {
    /// Remembers uses for as long as a token can be accepted; none if it cannot be idle for so long.
    pub(super) fn new(idle_timeout: Duration, token_life: Duration) -> Option<Self> {
        let last = moka::sync::Cache::builder()
            .max_capacity(SESSIONS_MAX)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(token_life)
            .build_with_hasher(RandomState::default());
        let idle_seconds = i64::try_from(idle_timeout.as_secs()).unwrap_or(i64::MAX);
        (idle_timeout < token_life).then_some(Self { idle_timeout: idle_seconds, last })
    }

    /// Notes a use, unless the session has been idle for too long: false, and that is how it stays.
    pub(super) fn touch(&self, session: &Session, now: i64) -> bool {
        let last = self.last.get(&session.id);
        if last.is_some_and(|last| now.saturating_sub(last) >= self.idle_timeout) {
            return false;
        }
        if last.is_none_or(|last| last < now) {
            self.last.insert(session.id, now);
        }
        true
    }
}
