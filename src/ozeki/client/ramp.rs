//! How fast calls return to a server that has just come back: what everybody missed meanwhile is not asked all at once.

use std::time::Duration;

use tokio::time::Instant;

/// How far back calls tell how many there usually are.
const WINDOW_SECONDS: usize = 10;

/// What no server needs to be spared, in calls a second.
const STEADY_MIN: u32 = 10;

/// How many times more calls each second may make than the one before, and for how many seconds there is a limit: the
/// first second makes as many as usual, and by the end of the third there was room for those of twenty.
const FACTOR: u32 = 4;
const STEPS: u32 = 3;

const STEP: Duration = Duration::from_secs(1);

/// Counts calls while all is well, and limits them for some seconds after it was not.
#[derive(Debug)]
pub(super) struct Ramp {
    /// What seconds are counted from.
    start: Instant,
    /// The number of a second and the calls made in it.
    seconds: [(u64, u32); WINDOW_SECONDS],
    /// Calls in a second before the server went away.
    steady: u32,
    /// When it came back, and the calls of the present step.
    back: Option<(Instant, u32, u32)>,
}

impl Ramp {
    pub(super) fn new(now: Instant) -> Self {
        Self { start: now, seconds: Default::default(), steady: STEADY_MIN, back: None }
    }

    /// How long no call can be made yet, if that is so.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let (began, step, calls) = self.back?;
        let present = step_of(began, now)?;
        let limit = self.steady.saturating_mul(FACTOR.pow(present));
        let is_full = step == present && calls >= limit;
        is_full.then(|| (began + STEP * (present + 1)).saturating_duration_since(now))
    }

    /// Counts a call that is made.
    pub(super) fn count(&mut self, now: Instant) {
        let number = (now - self.start).as_secs();
        let length = WINDOW_SECONDS as u64;
        for (place, second) in (0..).zip(self.seconds.iter_mut()) {
            if place == number % length {
                let calls = if second.0 == number { second.1 } else { 0 };
                *second = (number, calls.saturating_add(1));
            }
        }
        self.back = self.back.and_then(|(began, step, calls)| {
            let present = step_of(began, now)?;
            let calls = if step == present { calls } else { 0 };
            Some((began, present, calls.saturating_add(1)))
        });
    }

    /// The server went away: what was usual until now will be so again. While calls are limited they tell nothing of that.
    pub(super) fn go_away(&mut self, now: Instant) {
        if self.back.take().is_some_and(|(began, _, _)| step_of(began, now).is_some()) {
            return;
        }
        let number = (now - self.start).as_secs();
        let length = WINDOW_SECONDS as u64;
        let recent = self.seconds.iter().filter(|second| second.0 + length > number);
        let calls: u32 = recent.fold(0, |calls, second| calls.saturating_add(second.1));
        self.steady = calls.div_ceil(u32::try_from(WINDOW_SECONDS).unwrap_or(1)).max(STEADY_MIN);
    }

    /// The server came back.
    pub(super) fn come_back(&mut self, now: Instant) {
        self.back = Some((now, 0, 0));
    }
}

/// The step of a moment; none when there is no limit any more.
fn step_of(began: Instant, now: Instant) -> Option<u32> {
    let seconds = u32::try_from((now - began).as_secs()).ok()?;
    (seconds < STEPS).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes as many calls as it may.
    fn burst(ramp: &mut Ramp) -> u32 {
        (0..10_000)
            .take_while(|_| {
                let is_free = ramp.wait(Instant::now()).is_none();
                if is_free {
                    ramp.count(Instant::now());
                }
                is_free
            })
            .count()
            .try_into()
            .unwrap()
    }

    async fn make_calls(ramp: &mut Ramp, seconds: u32, each: u32) {
        for _ in 0..seconds {
            (0..each).for_each(|_| ramp.count(Instant::now()));
            tokio::time::advance(STEP).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_second_makes_as_many_calls_as_usual_and_each_further_one_four_times_more() {
        let mut ramp = Ramp::new(Instant::now());
        make_calls(&mut ramp, 30, 50).await;
        ramp.go_away(Instant::now());
        tokio::time::advance(60 * STEP).await;
        ramp.come_back(Instant::now());
        // The ten seconds before are nine whole ones and one that has just begun.
        assert_eq!(burst(&mut ramp), 45);
        assert_eq!(ramp.wait(Instant::now()), Some(STEP));
        tokio::time::advance(STEP).await;
        assert_eq!(burst(&mut ramp), 180);
        tokio::time::advance(STEP).await;
        assert_eq!(burst(&mut ramp), 720);
        tokio::time::advance(STEP).await;
        assert_eq!(burst(&mut ramp), 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_goes_away_again_at_once_is_spared_as_before() {
        let mut ramp = Ramp::new(Instant::now());
        make_calls(&mut ramp, 30, 50).await;
        for _ in 0..3 {
            ramp.go_away(Instant::now());
            tokio::time::advance(20 * STEP).await;
            ramp.come_back(Instant::now());
            assert_eq!(burst(&mut ramp), 45);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn few_calls_are_never_held_back() {
        let mut ramp = Ramp::new(Instant::now());
        ramp.go_away(Instant::now());
        ramp.come_back(Instant::now());
        assert_eq!(burst(&mut ramp), STEADY_MIN);
    }
}
