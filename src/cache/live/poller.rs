//! The one task that asks for a station's notices.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::pace::{Need, Pace};
use super::{Data, Station};
use crate::ozeki::StationId;
use crate::telemetry::Gauged;

/// Numbers the pollers of the process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Asks for a station's notices while somebody needs them. However it ends, nobody counts as covered by it any more.
pub(super) struct Poller {
    data: Arc<Data>,
    station: StationId,
    number: u64,
    wake: Arc<Notify>,
    _counted: Gauged,
}

/// What the wait for the next poll is counted from.
#[derive(Clone, Copy)]
enum Last {
    Begun(Instant),
    Polled(Instant),
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.data.live.abandon(self.station, self.number);
    }
}

impl Poller {
    pub(super) fn new(data: Arc<Data>, station: StationId) -> Self {
        let counted = data.metrics.poller();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { data, station, number, wake: Arc::default(), _counted: counted }
    }

    /// The station that it polls for, without anybody yet.
    pub(super) fn station(&self) -> Station {
        let wake = Arc::clone(&self.wake);
        Station { poller: self.number, wake, followers: HashMap::default() }
    }

    pub(super) fn begin(self) {
        let tasks = self.data.tasks.clone();
        tasks.spawn(self.run());
    }

    async fn run(self) {
        let closing = self.data.live.closing.clone();
        // A poll is interrupted only where the process ends: what it has read is applied.
        closing.run_until_cancelled(self.poll()).await;
    }

    async fn poll(&self) {
        let mut pace = Pace::new(self.data.live.interval);
        let mut last = Last::Begun(Instant::now());
        while self.until_due(&pace, last).await.is_some() {
            let outcome = self.data.client.notices(self.station).await;
            // From here to the end of the notices' application nothing waits.
            let finding = self.data.apply(self.station, &outcome);
            pace.find(finding);
            last = Last::Polled(Instant::now());
        }
    }

    /// Waits until it is time for the next poll; none when nobody needs it any more.
    async fn until_due(&self, pace: &Pace, last: Last) -> Option<()> {
        let mut dice = [0];
        // Without a random source the pollers are not spread.
        let _ = getrandom::fill(&mut dice);
        loop {
            let (need, is_behind) = self.data.live.need(self.station)?;
            let is_first = matches!(last, Last::Begun(_));
            // A subscriber who has just come is covered by the next poll only. Who reads has no hurry: what was just read
            // is believed for a while without any poll, and who asks once costs none.
            if need == Need::Subscribers && (is_first || is_behind && !pace.is_failing()) {
                return Some(());
            }
            let (Last::Begun(since) | Last::Polled(since)) = last;
            tokio::select! {
                () = sleep_until(since + pace.wait(need, dice[0])) => {
                    // Who went away meanwhile is noticed before the poll.
                    return self.data.live.need(self.station).map(|_| ());
                }
                () = self.wake.notified() => {}
            }
        }
    }
}
