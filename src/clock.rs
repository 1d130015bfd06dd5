//! The wall clock, injected, so that tests can move time.
//!
//! It tells the time of day: timestamps of upstream calls, expiry of sessions; and, for rate limits, a time that never
//! jumps. Durations that something waits for (deadlines, freshness of cached values) use [`tokio::time::Instant`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time of day in Unix seconds; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `unix_seconds` until [`advance`](Self::advance) moves it, for tests.
    pub fn manual(unix_seconds: i64) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(unix_seconds))))
    }

    /// Moves a manual clock (and every clone of it) forward; the system clock is not affected.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(seconds) = &self.0 {
            let by = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
            seconds.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(&self) -> i64 {
        match &self.0 {
            Source::System => system_unix_seconds(),
            Source::Manual(seconds) => seconds.load(Ordering::SeqCst),
        }
    }

    /// The time since some moment in the past; it never goes back, also when the time of day is set.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System => ORIGIN.elapsed(),
            Source::Manual(seconds) => {
                Duration::from_secs(u64::try_from(seconds.load(Ordering::SeqCst)).unwrap_or(0))
            }
        }
    }
}

/// What the machine's monotonic time counts from: the first time that it is asked for.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
fn system_unix_seconds() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_for_all_its_clones() {
        let clock = Clock::manual(100);
        let clone = clock.clone();
        clock.advance(Duration::from_secs(5));
        assert_eq!(clone.unix_seconds(), 105);
        assert_eq!(clone.monotonic(), Duration::from_secs(105));
    }

    #[test]
    fn the_system_clock_is_past_2024() {
        assert!(Clock::system().unix_seconds() > 1_704_067_200);
    }
}
