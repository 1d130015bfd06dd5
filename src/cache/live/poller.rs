//! The one task that asks for a station's notices.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::pace::Pace;
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
        Station { poller: self.number, wake, followers: HashMap::new() }
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
        let mut polled: Option<Instant> = None;
        while self.until_due(&pace, polled).await.is_some() {
            let outcome = self.data.client.notices(self.station).await;
            // From here to the end of the notices' application nothing waits.
            let finding = self.data.apply(self.station, &outcome);
            pace.find(finding);
            polled = Some(Instant::now());
        }
    }

    /// Waits until it is time for the next poll; none when nobody needs it any more.
    async fn until_due(&self, pace: &Pace, polled: Option<Instant>) -> Option<()> {
        let mut dice = [0];
        // Without a random source the pollers are not spread.
        let _ = getrandom::fill(&mut dice);
        loop {
            let (need, is_behind) = self.data.live.need(self.station)?;
            let Some(polled) = polled else { return Some(()) };
            // Who has just come is covered by the next poll only.
            if is_behind && !pace.is_failing() {
                return Some(());
            }
            tokio::select! {
                () = sleep_until(polled + pace.wait(need, dice[0])) => {
                    // Who went away meanwhile is noticed before the poll.
                    return self.data.live.need(self.station).map(|_| ());
                }
                () = self.wake.notified() => {}
            }
        }
    }
}
