//! How often a station is polled.

use std::time::Duration;

/// The longest interval while nothing happens and somebody listens, in shortest ones: by the default of 1 s a subscriber
/// hears of the first message after a silence at most 2 s late, and a silent station costs half as many calls.
const QUIET_MAX: u32 = 2;

/// The shortest interval while nobody listens but readers, and the longest while polls fail, in shortest ones: a server
/// that comes back is found within seconds, and one that is down is not asked more often than for readers.
const SLOW: u32 = 8;

/// What a poll found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Something changed: more may follow soon, as in a conversation.
    News,
    /// Nothing changed.
    Nothing,
    /// The poll failed.
    Failure,
    /// No poll was made, since the server is known to be down.
    HeldBack,
}

/// Who waits for what a poll finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nobody in particular: callers who read now and then, and whose lists may be a little behind.
    Readers,
    /// Subscribers, who want to hear of a change soon.
    Subscribers,
}

/// The interval between polls: short after activity, longer when quiet, longer still after failures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    shortest: Duration,
    interval: Duration,
    is_failing: bool,
}

impl Pace {
    pub(super) fn new(shortest: Duration) -> Self {
        Self { shortest, interval: shortest, is_failing: false }
    }

    pub(super) fn find(&mut self, finding: Finding) {
        let times = |factor: u32| self.shortest.saturating_mul(factor);
        self.interval = match finding {
            Finding::News => self.shortest,
            // Half as long again: somebody may just be writing an answer.
            Finding::Nothing if self.is_failing => self.shortest,
            Finding::Nothing => (self.interval + self.interval / 2).min(times(QUIET_MAX)),
            Finding::Failure => (self.interval.saturating_mul(2)).min(times(SLOW)),
            // It cost the server nothing, and a server that comes back is to be heard of soon.
            Finding::HeldBack => self.interval.min(times(QUIET_MAX)),
        };
        self.is_failing = matches!(finding, Finding::Failure | Finding::HeldBack);
    }

    pub(super) fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// How long to wait until the next poll. `dice`, any random number, spreads pollers by a tenth to either side, so
    /// that those which began together do not stay together.
    pub(super) fn wait(&self, need: Need, dice: u8) -> Duration {
        let interval = match need {
            Need::Subscribers => self.interval,
            Need::Readers => self.interval.max(self.shortest.saturating_mul(SLOW)),
        };
        let tenth = interval / 10;
        interval.saturating_sub(tenth)
            + tenth.saturating_mul(2).saturating_mul(u32::from(dice)) / 255
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// In tenths of a second, by a dice that moves nothing to either side, but for rounding.
    fn wait(pace: &Pace, need: Need) -> u128 {
        (pace.wait(need, 127).as_millis() + 50) / 100
    }

    #[test]
    fn it_slows_down_while_nothing_happens_and_is_fast_again_at_once() {
        let mut pace = Pace::new(SECOND);
        let mut waits = Vec::new();
        for _ in 0..3 {
            pace.find(Finding::Nothing);
            waits.push(wait(&pace, Need::Subscribers));
        }
        assert_eq!(waits, [15, 20, 20]);
        pace.find(Finding::News);
        assert_eq!(wait(&pace, Need::Subscribers), 10);
        assert_eq!(wait(&pace, Need::Readers), 80);
    }

    #[test]
    fn it_backs_off_from_a_server_that_fails_and_not_longer_than_that() {
        let mut pace = Pace::new(SECOND);
        for _ in 0..100 {
            pace.find(Finding::Failure);
        }
        assert_eq!((wait(&pace, Need::Subscribers), pace.is_failing()), (80, true));
        pace.find(Finding::Nothing);
        assert_eq!((wait(&pace, Need::Subscribers), pace.is_failing()), (10, false));
    }

    #[test]
    fn polls_that_are_held_back_become_no_rarer() {
        let mut pace = Pace::new(SECOND);
        pace.find(Finding::Failure);
        for _ in 0..100 {
            pace.find(Finding::HeldBack);
        }
        assert_eq!((wait(&pace, Need::Subscribers), pace.is_failing()), (20, true));
        (0..100).for_each(|_| pace.find(Finding::Failure));
        pace.find(Finding::HeldBack);
        assert_eq!(wait(&pace, Need::Subscribers), 20);
    }

    #[test]
    fn the_dice_moves_it_by_a_tenth_at_most() {
        let pace = Pace::new(SECOND);
        assert_eq!(pace.wait(Need::Subscribers, 0), Duration::from_millis(900));
        assert_eq!(pace.wait(Need::Subscribers, 255), Duration::from_millis(1100));
    }
}
