//! The wall clock, injected, so that tests can move time.
//!
//! It tells the time of day: timestamps of upstream calls, expiry of sessions; and, for rate limits, a time that never
//! jumps. Durations that something waits for (deadlines, freshness of cached values) use [`tokio::time::Instant`].

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::sleep;

/// The longest sleep until a time of day: the machine's clock may be set while somebody waits.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Tells the time of day in Unix seconds; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<watch::Sender<i64>>),
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `unix_seconds` until [`advance`](Self::advance) moves it, for tests.
    pub fn manual(unix_seconds: i64) -> Self {
        Self(Source::Manual(Arc::new(watch::Sender::new(unix_seconds))))
    }

    /// Moves a manual clock (and every clone of it) forward; the system clock is not affected.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(seconds) = &self.0 {
            let by = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
            seconds.send_modify(|seconds| *seconds += by);
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(&self) -> i64 {
        match &self.0 {
            Source::System => system_unix_seconds(),
            Source::Manual(seconds) => *seconds.borrow(),
        }
    }

    /// The time since 1970-01-01T00:00:00Z, as finely as the clock tells it; a manual one tells seconds.
    pub fn unix_time(&self) -> Duration {
        match &self.0 {
            Source::System => system_unix_time(),
            Source::Manual(_) => self.monotonic(),
        }
    }

    /// Waits until the clock shows `unix_seconds` or later.
    pub async fn reached(&self, unix_seconds: i64) {
        match &self.0 {
            Source::System => {
                while let Ok(left @ 1..) =
                    u64::try_from(unix_seconds.saturating_sub(system_unix_seconds()))
                {
                    sleep(Duration::from_secs(left).min(LOOK_AGAIN)).await;
                }
            }
            Source::Manual(seconds) => {
                let mut seconds = seconds.subscribe();
                let shown = seconds.wait_for(|seconds| *seconds >= unix_seconds).await;
                shown.expect("this clock holds the sender");
            }
        }
    }

    /// The time since some moment in the past; it never goes back, also when the time of day is set.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Source::System => ORIGIN.elapsed(),
            Source::Manual(seconds) => {
                Duration::from_secs(u64::try_from(*seconds.borrow()).unwrap_or(0))
            }
        }
    }
}

/// What the machine's monotonic time counts from: the first time that it is asked for.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

#[expect(clippy::disallowed_methods, reason = "all but the lines of the log ask the machine here")]
fn system_unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn system_unix_seconds() -> i64 {
    i64::try_from(system_unix_time().as_secs()).unwrap_or(i64::MAX)
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

    #[tokio::test]
    async fn who_waits_for_a_time_wakes_when_it_is_reached() {
        let clock = Clock::manual(100);
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.reached(105).await;
                clock.unix_seconds()
            }
        });
        clock.advance(Duration::from_secs(4));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance(Duration::from_secs(2));
        assert_eq!(waiting.await.unwrap(), 106);
        Clock::system().reached(1_704_067_200).await;
    }

    #[test]
    fn the_system_clock_is_past_2024() {
        assert!(Clock::system().unix_seconds() > 1_704_067_200);
    }
}
