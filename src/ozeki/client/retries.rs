//! Which reads are repeated, when, and how many at most.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use crate::ozeki::UpstreamError;

/// How often a read is repeated at most: what failed three times will fail a fourth time.
pub(super) const RETRIES_MAX: u32 = 2;

/// A retry waits for a time between these, by chance, so that reads that failed together do not return together.
const WAIT_MIN_MILLISECONDS: u64 = 50;
const WAIT_MAX_MILLISECONDS: u64 = 500;

/// Each call earns a fifth of a retry, so that retries add at most a fifth to the load of a server in trouble.
const RETRY_COST: u64 = 1000;
const EARNED_BY_CALL: u64 = RETRY_COST / 5;

/// Beside them two retries a second are allowed, for gateways with few calls.
const EARNED_IN_MILLISECOND: u64 = 2 * RETRY_COST / 1000;

/// What can be saved up: the two a second of ten seconds.
const SAVED_MAX: u64 = 20 * RETRY_COST;

/// Whether a read that failed so may succeed when it is repeated at once: the server restarts, or closed the
/// connection. One that timed out has used up its time, one that was answered would be answered the same, and
/// where there are too many calls one more is no help.
pub(super) fn is_worth_a_retry(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Unreachable { .. } => !error.is_untrusted(),
        UpstreamError::ConnectionLost { .. } => true,
        UpstreamError::Failed { status, .. } => matches!(
            *status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ),
        UpstreamError::TimedOut { .. }
        | UpstreamError::KnownDown { .. }
        | UpstreamError::Throttled { .. }
        | UpstreamError::Rejected { .. }
        | UpstreamError::TooLarge { .. }
        | UpstreamError::Malformed { .. }
        | UpstreamError::Interrupted { .. } => false,
    }
}

/// How long to wait before a retry.
pub(super) fn wait() -> Duration {
    let mut dice = [0; 2];
    // Without a random source the waits are not spread.
    let _ = getrandom::fill(&mut dice);
    let share = u64::from(u16::from_ne_bytes(dice));
    let span = WAIT_MAX_MILLISECONDS - WAIT_MIN_MILLISECONDS;
    Duration::from_millis(WAIT_MIN_MILLISECONDS + span * share / u64::from(u16::MAX))
}

/// What retries may be spent, for all calls to the upstream together.
#[derive(Debug)]
pub(super) struct RetryBudget(Mutex<Savings>);

#[derive(Debug)]
struct Savings {
    saved: u64,
    counted: Instant,
}

impl RetryBudget {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Savings { saved: SAVED_MAX, counted: Instant::now() }))
    }

    /// Counts a call that is no retry.
    pub(super) fn earn(&self) {
        self.with(|saved| *saved = (*saved + EARNED_BY_CALL).min(SAVED_MAX));
    }

    /// Pays for a retry, if there is enough.
    pub(super) fn spend(&self) -> bool {
        self.with(|saved| {
            let left = saved.checked_sub(RETRY_COST);
            *saved = left.unwrap_or(*saved);
            left.is_some()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut u64) -> T) -> T {
        let mut savings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // In whole milliseconds, of which none is lost: what is left of one counts the next time.
        let passed = u64::try_from(savings.counted.elapsed().as_millis()).unwrap_or(u64::MAX);
        savings.counted += Duration::from_millis(passed);
        let earned = passed.saturating_mul(EARNED_IN_MILLISECOND);
        savings.saved = savings.saved.saturating_add(earned).min(SAVED_MAX);
        act(&mut savings.saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ozeki::Call;

    #[tokio::test(start_paused = true)]
    async fn retries_are_a_fifth_of_the_calls_and_two_a_second() {
        let budget = RetryBudget::new();
        let spent = |calls: u32| {
            (0..calls).for_each(|_| budget.earn());
            // Bounded by what can be saved.
            (0..100).take_while(|_| budget.spend()).count()
        };
        assert_eq!(spent(0), 20);
        assert_eq!(spent(0), 0);
        assert_eq!(spent(50), 10);
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(spent(5), 4);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(spent(1000), 20);
    }

    #[test]
    fn a_wait_is_between_its_bounds() {
        for _ in 0..1000 {
            assert!((50..=500).contains(&wait().as_millis()));
        }
    }

    #[test]
    fn only_what_a_restart_explains_is_repeated() {
        let call = Call::FRIENDS_LIST;
        let failed = |status| UpstreamError::Failed { call, status };
        for status in [502, 503, 504] {
            assert!(is_worth_a_retry(&failed(StatusCode::from_u16(status).unwrap())));
        }
        for error in [
            failed(StatusCode::INTERNAL_SERVER_ERROR),
            UpstreamError::TimedOut { call, limit: Duration::ZERO },
            UpstreamError::KnownDown { call, retry_after: Duration::ZERO },
            UpstreamError::Rejected { call, message: "no".into() },
            UpstreamError::Malformed { call, detail: "no".into() },
        ] {
            assert!(!is_worth_a_retry(&error), "{error}");
        }
    }
}
