//! One subscriber's ear: what it hears, and when it tries again.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant, sleep_until};

use super::{FeedEnd, Signal};
use crate::cache::{CallBudget, Data, ReadError};
use crate::session::Caller;
use crate::telemetry::Gauged;

/// How long to wait before what failed is tried again, at first and at most; doubled each time.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// How often in a row the upstream may refuse before the subscription ends: a stale instance is refused once.
const REJECTIONS_MAX: u32 = 3;

/// How many calls one reading may make: a page of the longest is four of the upstream's and one to see its end.
const CALLS_MAX: NonZeroUsize = NonZeroUsize::new(8).expect("it is not zero");

/// What a subscriber hears. Of a failed read nothing is lost: it is tried again until it succeeds.
pub(super) struct Attention {
    pub(super) data: Arc<Data>,
    pub(super) caller: Arc<Caller>,
    // Dropped before the poller is told that somebody left.
    receiver: broadcast::Receiver<Signal>,
    _leaving: Leaving,
    _counted: Gauged,
    retry: Option<Instant>,
    delay: Duration,
    rejections: u32,
}

struct Leaving(Arc<Notify>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Attention {
    pub(super) fn new(
        data: Arc<Data>,
        caller: Arc<Caller>,
        receiver: broadcast::Receiver<Signal>,
        wake: Arc<Notify>,
    ) -> Self {
        let counted = data.metrics.subscription();
        Self {
            data,
            caller,
            receiver,
            _leaving: Leaving(wake),
            _counted: counted,
            // What changed between the read that proved the credential and this moment was told to nobody.
            retry: Some(Instant::now()),
            delay: RETRY_MIN,
            rejections: 0,
        }
    }

    /// Waits until something may have changed, or until it is time to try again, and hands over every signal that waits.
    pub(super) async fn hear(&mut self, mut each: impl FnMut(&Signal)) -> Result<(), FeedEnd> {
        let first = match self.retry {
            None => Some(self.receiver.recv().await),
            Some(retry) => tokio::select! {
                signal = self.receiver.recv() => Some(signal),
                () = sleep_until(retry) => None,
            },
        };
        self.retry = None;
        if let Some(first) = first {
            let first = first.map_err(|error| match error {
                RecvError::Lagged(_) => self.lagged(),
                RecvError::Closed => FeedEnd::Interrupted,
            })?;
            self.heed(&first)?;
            each(&first);
        }
        // Bounded by the buffer: nothing is waited for.
        loop {
            match self.receiver.try_recv() {
                Ok(signal) => {
                    self.heed(&signal)?;
                    each(&signal);
                }
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Closed) => return Err(FeedEnd::Interrupted),
                Err(TryRecvError::Lagged(_)) => return Err(self.lagged()),
            }
        }
    }

    /// What one reading may spend.
    pub(super) fn budget() -> CallBudget {
        CallBudget::new(CALLS_MAX, NonZeroUsize::MIN)
    }

    /// Whether a failed read waits to be tried again.
    pub(super) fn is_retrying(&self) -> bool {
        self.retry.is_some()
    }

    /// The end of a subscriber who missed something.
    pub(super) fn lagged(&self) -> FeedEnd {
        self.data.metrics.lagged();
        FeedEnd::Lagged
    }

    /// Whether the subscription goes on after this signal.
    fn heed(&self, signal: &Signal) -> Result<(), FeedEnd> {
        let session = self.caller.session();
        let is_over = match signal {
            Signal::Expired(now) => session.is_some_and(|session| session.expires_at <= *now),
            Signal::LoggedOut(id) => session.map(|session| session.id) == *id,
            Signal::Told(_) | Signal::Changed { .. } | Signal::Gap => false,
        };
        if is_over { Err(FeedEnd::SessionEnded) } else { Ok(()) }
    }

    pub(super) fn succeeded(&mut self) {
        self.delay = RETRY_MIN;
        self.rejections = 0;
    }

    /// Sees to it that what failed is tried again, unless the upstream has refused it too often.
    pub(super) fn failed(&mut self, error: ReadError) -> Result<(), FeedEnd> {
        if error.is_rejection() {
            self.rejections += 1;
            if self.rejections >= REJECTIONS_MAX {
                return Err(FeedEnd::Upstream(error));
            }
        }
        self.retry = Some(Instant::now() + self.delay);
        self.delay = (self.delay * 2).min(RETRY_MAX);
        Ok(())
    }
}
