//! A circuit breaker: an upstream that is down is not asked again and again.
//!
//! What counts is whether the server can be talked to: failures of transport, timeouts and HTTP 5xx. A rejection is an
//! answer. A call that began before the breaker last changed says nothing of the time after, so it is not counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ramp::Ramp;
use crate::ozeki::UpstreamError;
use crate::telemetry::{BreakerState, Metrics};

/// How far back calls count: long enough for a rate, short enough that yesterday's trouble opens nothing.
const WINDOW_SECONDS: usize = 10;

/// Fewer calls than this tell no rate.
const CALLS_MIN: u32 = 20;

/// A connection that was refused this often in a row will be refused the next time too, however few calls there are.
const CONNECT_FAILURES_MAX: u32 = 5;

/// How long no call is made, at first and at most; doubled each time that the probe fails. A server that comes back is
/// found so early that with the ramp after it all is well within five seconds, however long it was away.
const OPEN_MIN: Duration = Duration::from_secs(1);
const OPEN_MAX: Duration = Duration::from_secs(2);

/// What a call's outcome tells of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Alive,
    /// No connection could be made.
    NoConnection,
    Failed,
    /// The call ended before its outcome was known.
    None,
}

impl Sign {
    fn of<T>(result: &Result<T, UpstreamError>) -> Self {
        match result {
            Ok(_)
            | Err(
                UpstreamError::Rejected { .. }
                // Of one user's calls, maybe: others must not wait for them.
                | UpstreamError::Throttled { .. }
                | UpstreamError::TooLarge { .. }
                | UpstreamError::Malformed { .. },
            ) => Self::Alive,
            Err(UpstreamError::Unreachable { .. }) => Self::NoConnection,
            Err(
                UpstreamError::TimedOut { .. }
                | UpstreamError::ConnectionLost { .. }
                | UpstreamError::Failed { .. },
            ) => Self::Failed,
            Err(UpstreamError::KnownDown { .. } | UpstreamError::Interrupted { .. }) => Self::None,
        }
    }
}

/// Decides whether a call may be made, by the outcomes of those before it.
pub(super) struct Breaker {
    circuit: Mutex<Circuit>,
    metrics: Arc<Metrics>,
}

/// Leave to make one call; its outcome must be told. One that is dropped untold says nothing.
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    /// Which state of the breaker it was given in.
    epoch: u64,
    sign: Sign,
}

impl Leave<'_> {
    /// Tells the outcome of the call.
    pub(super) fn tell<T>(mut self, result: &Result<T, UpstreamError>) {
        self.sign = Sign::of(result);
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.breaker.with(|circuit, now| circuit.record(self.epoch, self.sign, now));
    }
}

impl Breaker {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { circuit: Mutex::new(Circuit::new()), metrics }
    }

    /// How long no call will be made yet, if that is so: for calls that would otherwise wait for their turn in vain.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        self.lock().wait(Instant::now())
    }

    /// Gives leave to make a call, or tells when to try again.
    pub(super) fn admit(&self) -> Result<Leave<'_>, Duration> {
        let epoch = self.with(Circuit::admit)?;
        Ok(Leave { breaker: self, epoch, sign: Sign::None })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Circuit, Instant) -> T) -> T {
        let mut circuit = self.lock();
        let before = circuit.state();
        let done = act(&mut circuit, Instant::now());
        let after = circuit.state();
        if before != after {
            self.metrics.breaker(after);
            if after == BreakerState::HalfOpen {
                tracing::info!("the chat server is tried again");
            } else if after == BreakerState::Open {
                let open_seconds = circuit.open_for.as_secs();
                tracing::warn!(open_seconds, "the chat server counts as down: no calls are made");
            } else {
                tracing::info!("the chat server answers again");
            }
        }
        done
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        // Each change leaves the circuit whole.
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The calls of one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    calls: u32,
    failures: u32,
}

#[derive(Debug)]
enum Phase {
    Closed {
        window: [Second; WINDOW_SECONDS],
        connect_failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One call, the probe, is under way.
    HalfOpen,
}

/// The breaker without its lock and its metrics.
#[derive(Debug)]
struct Circuit {
    phase: Phase,
    /// How long it is, or would next be, open.
    open_for: Duration,
    /// Counts the changes of the phase.
    epoch: u64,
    /// What seconds are counted from.
    start: Instant,
    ramp: Ramp,
}

impl Circuit {
    fn new() -> Self {
        let start = Instant::now();
        let ramp = Ramp::new(start);
        Self { phase: Self::closed(), open_for: OPEN_MIN, epoch: 0, start, ramp }
    }

    fn closed() -> Phase {
        Phase::Closed { window: [Second::default(); WINDOW_SECONDS], connect_failures: 0 }
    }

    fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen => BreakerState::HalfOpen,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
    }

    fn wait(&self, now: Instant) -> Option<Duration> {
        match self.phase {
            Phase::Closed { .. } => self.ramp.wait(now),
            Phase::Open { until } => {
                Some(until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
            }
            // As long as the probe may take is not known here; a caller who comes back in a second learns more.
            Phase::HalfOpen => Some(Duration::from_secs(1)),
        }
    }

    fn admit(&mut self, now: Instant) -> Result<u64, Duration> {
        if let Some(wait) = self.wait(now) {
            return Err(wait);
        }
        match self.phase {
            Phase::Closed { .. } => self.ramp.count(now),
            Phase::Open { .. } => self.enter(Phase::HalfOpen),
            Phase::HalfOpen => {}
        }
        Ok(self.epoch)
    }

    fn record(&mut self, epoch: u64, sign: Sign, now: Instant) {
        if epoch != self.epoch {
            return;
        }
        match (&mut self.phase, sign) {
            (Phase::Closed { .. }, Sign::None) | (Phase::Open { .. }, _) => {}
            (Phase::Closed { window, connect_failures }, sign) => {
                let second = (now - self.start).as_secs();
                let is_tripped = count(window, second, sign != Sign::Alive);
                *connect_failures = match sign {
                    Sign::NoConnection => *connect_failures + 1,
                    Sign::Alive | Sign::Failed | Sign::None => 0,
                };
                if is_tripped || *connect_failures >= CONNECT_FAILURES_MAX {
                    self.open_for = OPEN_MIN;
                    self.ramp.go_away(now);
                    self.enter(Phase::Open { until: now + self.open_for });
                }
            }
            (Phase::HalfOpen, Sign::Alive) => {
                self.ramp.come_back(now);
                self.enter(Self::closed());
            }
            // The next call is the probe instead.
            (Phase::HalfOpen, Sign::None) => self.enter(Phase::Open { until: now }),
            (Phase::HalfOpen, Sign::Failed | Sign::NoConnection) => {
                self.open_for = (self.open_for * 2).min(OPEN_MAX);
                self.enter(Phase::Open { until: now + self.open_for });
            }
        }
    }
}

/// Counts a call, and tells whether half of those within the window failed, and they are enough to tell.
fn count(window: &mut [Second; WINDOW_SECONDS], number: u64, is_failure: bool) -> bool {
    let length = WINDOW_SECONDS as u64;
    for (place, second) in (0..).zip(window.iter_mut()) {
        if place == number % length {
            if second.number != number {
                *second = Second { number, ..Second::default() };
            }
            second.calls = second.calls.saturating_add(1);
            second.failures = second.failures.saturating_add(is_failure.into());
        }
    }
    let recent = window.iter().filter(|second| second.number + length > number);
    let (calls, failures) = recent.fold((0_u32, 0_u32), |(calls, failures), second| {
        (calls.saturating_add(second.calls), failures.saturating_add(second.failures))
    });
    is_failure && calls >= CALLS_MIN && failures >= calls.div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Makes calls that end at once.
    fn call(circuit: &mut Circuit, times: u32, sign: Sign) {
        for _ in 0..times {
            let epoch = circuit.admit(Instant::now()).expect("the breaker is closed");
            circuit.record(epoch, sign, Instant::now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_at_least_twenty_calls_open_it_and_what_is_long_past_does_not_count() {
        let mut circuit = Circuit::new();
        call(&mut circuit, 19, Sign::Failed);
        assert_eq!(circuit.state(), BreakerState::Closed);
        tokio::time::advance(10 * SECOND).await;
        call(&mut circuit, 10, Sign::Alive);
        call(&mut circuit, 9, Sign::Failed);
        assert_eq!(circuit.state(), BreakerState::Closed);
        tokio::time::advance(5 * SECOND).await;
        call(&mut circuit, 1, Sign::Failed);
        assert_eq!(circuit.state(), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn five_refused_connections_in_a_row_open_it_and_four_with_an_answer_between_do_not() {
        let mut circuit = Circuit::new();
        call(&mut circuit, 4, Sign::NoConnection);
        call(&mut circuit, 1, Sign::Alive);
        call(&mut circuit, 4, Sign::NoConnection);
        assert_eq!(circuit.state(), BreakerState::Closed);
        call(&mut circuit, 1, Sign::NoConnection);
        assert_eq!(circuit.admit(Instant::now()), Err(OPEN_MIN));
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_at_a_time_decides_and_each_failure_doubles_the_wait_up_to_two_seconds() {
        let mut circuit = Circuit::new();
        call(&mut circuit, CONNECT_FAILURES_MAX, Sign::NoConnection);
        for seconds in [1, 2, 2] {
            let wait = circuit.admit(Instant::now()).unwrap_err();
            assert_eq!(wait, seconds * SECOND);
            tokio::time::advance(wait).await;
            let probe = circuit.admit(Instant::now()).unwrap();
            assert!(circuit.admit(Instant::now()).is_err(), "a second probe was let through");
            circuit.record(probe, Sign::Failed, Instant::now());
        }
        tokio::time::advance(OPEN_MAX).await;
        call(&mut circuit, 1, Sign::Alive);
        assert_eq!(circuit.state(), BreakerState::Closed);
        call(&mut circuit, CONNECT_FAILURES_MAX, Sign::NoConnection);
        assert_eq!(circuit.admit(Instant::now()), Err(OPEN_MIN), "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_leaves_the_next_call_to_be_it() {
        let breaker = Breaker::new(Arc::default());
        for _ in 0..CONNECT_FAILURES_MAX {
            let mut leave = breaker.admit().ok().unwrap();
            leave.sign = Sign::NoConnection;
        }
        assert_eq!(breaker.closed_for(), Some(OPEN_MIN));
        tokio::time::advance(OPEN_MIN).await;
        drop(breaker.admit().ok().unwrap());
        assert_eq!(breaker.closed_for(), None);
        breaker.admit().ok().unwrap().tell(&Ok(()));
        assert_eq!(breaker.lock().state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_before_it_opened_neither_closes_nor_prolongs_it() {
        let mut circuit = Circuit::new();
        let old = circuit.admit(Instant::now()).unwrap();
        call(&mut circuit, CONNECT_FAILURES_MAX, Sign::NoConnection);
        circuit.record(old, Sign::Alive, Instant::now());
        assert_eq!(circuit.state(), BreakerState::Open);
        tokio::time::advance(OPEN_MIN).await;
        let probe = circuit.admit(Instant::now()).unwrap();
        circuit.record(old, Sign::Failed, Instant::now());
        circuit.record(probe, Sign::Alive, Instant::now());
        assert_eq!(circuit.state(), BreakerState::Closed);
    }
}
