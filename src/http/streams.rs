//! Answers that go on: how many sockets and event streams there may be, and how they come to an end.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::edge::panic_answer;
use crate::graphql::{Answer, Engine, Operation, OperationType, RequestContext};
use crate::session::CallerKey;
use crate::telemetry::{Gauged, Metrics, StreamKind};

/// Sockets and event streams at once: some hundred megabytes at the twenty kilobytes that an idle one takes.
const STREAMS_MAX: usize = 10_000;

/// How many of them may belong to nobody: a socket that opens does, until its first message says who calls. A fifth, so
/// that those who have nothing to show cannot keep out those who have.
const UNCLAIMED_MAX: usize = 2_000;

/// Sockets of one caller, who is one user at one station: some tabs, and sockets that died and are not yet missed.
const SOCKETS_OF_CALLER_MAX: usize = 10;

/// Event streams of one caller. Each carries one operation, so as many as a socket may run.
const EVENT_STREAMS_OF_CALLER_MAX: usize = 50;

/// Counts sockets and event streams, and tells them when to end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Streams(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stop: CancellationToken,
    tracker: TaskTracker,
    metrics: Arc<Metrics>,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    taken: usize,
    unclaimed: usize,
    /// Only callers that have one stand here.
    of_callers: HashMap<(CallerKey, StreamKind), usize>,
}

impl Streams {
    /// None yet; all end when `stop` is cancelled.
    pub fn new(stop: CancellationToken, metrics: Arc<Metrics>) -> Self {
        let tracker = TaskTracker::new();
        tracker.close();
        Self(Arc::new(Shared { stop, tracker, metrics, places: Mutex::default() }))
    }

    /// Waits until every socket's task has ended; event streams end with their responses.
    pub async fn ended(&self) {
        self.0.tracker.wait().await;
    }

    pub(super) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    pub(super) fn tracker(&self) -> &TaskTracker {
        &self.0.tracker
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Takes a place that belongs to nobody yet, if there is one.
    pub(super) fn take_place(&self, kind: StreamKind) -> Option<Place> {
        let mut places = self.places();
        if places.taken >= STREAMS_MAX || places.unclaimed >= UNCLAIMED_MAX {
            return None;
        }
        places.taken += 1;
        places.unclaimed += 1;
        let counted = self.0.metrics.open_stream(kind);
        Some(Place { streams: self.clone(), kind, caller: None, _counted: counted })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among all sockets and event streams, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    streams: Streams,
    kind: StreamKind,
    caller: Option<CallerKey>,
    _counted: Gauged,
}

impl Place {
    /// Whether it is somebody's.
    pub(super) fn is_claimed(&self) -> bool {
        self.caller.is_some()
    }

    /// Makes it one of the caller's. False: the caller has as many as one may have.
    pub(super) fn claim(&mut self, caller: CallerKey) -> bool {
        let max = match self.kind {
            StreamKind::WebSocket => SOCKETS_OF_CALLER_MAX,
            StreamKind::EventStream => EVENT_STREAMS_OF_CALLER_MAX,
        };
        let mut places = self.streams.places();
        let taken = places.of_callers.entry((caller, self.kind)).or_default();
        if *taken >= max {
            return false;
        }
        *taken += 1;
        places.unclaimed -= 1;
        drop(places);
        self.caller = Some(caller);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.streams.places();
        places.taken -= 1;
        let Some(caller) = self.caller else {
            places.unclaimed -= 1;
            return;
        };
        let key = (caller, self.kind);
        if let Some(taken) = places.of_callers.get_mut(&key) {
            *taken -= 1;
            if *taken == 0 {
                places.of_callers.remove(&key);
            }
        }
    }
}

/// Runs an operation of any kind: one answer, or one for each event of a subscription. A panic costs the operation only.
pub(super) fn answers(
    engine: &Arc<Engine>,
    operation: Operation,
    context: RequestContext,
) -> BoxStream<'static, Answer> {
    let answers = if operation.kind() == OperationType::Subscription {
        engine.subscribe(operation, context).boxed()
    } else {
        let engine = Arc::clone(engine);
        let answer = async move {
            match engine.recall_prepared(&operation, &context) {
                Some(answer) => answer,
                None => engine.execute(operation, context).await,
            }
        };
        answer.into_stream().boxed()
    };
    let answers = AssertUnwindSafe(answers).catch_unwind();
    answers.map(|answer| answer.unwrap_or_else(|panic| panic_answer(&*panic))).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ozeki::{ApiKey, Credential, Identity, StationId, UserId};
    use crate::session::Caller;

    fn streams() -> Streams {
        Streams::new(CancellationToken::new(), Arc::new(Metrics::default()))
    }

    fn caller(user: u8) -> CallerKey {
        let credential = Credential::ApiKey(ApiKey::parse("key").unwrap());
        let (user, station) = (UserId::from_bytes([user; 16]), StationId::from_bytes([1; 16]));
        Caller::new(Identity { user, station, credential }, None).key()
    }

    #[test]
    fn a_caller_has_so_many_places_of_a_kind_and_others_keep_theirs() {
        let streams = streams();
        let take = |kind, user| {
            let mut place = streams.take_place(kind).unwrap();
            place.claim(caller(user)).then_some(place)
        };
        let mut sockets: Vec<_> =
            (0..SOCKETS_OF_CALLER_MAX).map(|_| take(StreamKind::WebSocket, 1).unwrap()).collect();
        assert!(take(StreamKind::WebSocket, 1).is_none());
        assert!(take(StreamKind::WebSocket, 2).is_some());
        assert!(take(StreamKind::EventStream, 1).is_some());
        sockets.pop();
        sockets.push(take(StreamKind::WebSocket, 1).unwrap());
        drop(sockets);
        let places = streams.places();
        assert_eq!((places.taken, places.unclaimed, places.of_callers.len()), (0, 0, 0));
        assert!(streams.0.metrics.encode().contains("streams_open{kind=\"websocket\"} 0"));
    }

    #[test]
    fn places_of_nobody_run_out_before_all_places_do() {
        let streams = streams();
        let take = || streams.take_place(StreamKind::WebSocket);
        let mut unclaimed: Vec<_> = (0..UNCLAIMED_MAX).map(|_| take().unwrap()).collect();
        assert!(take().is_none());
        assert!(unclaimed[0].claim(caller(1)));
        assert!(take().is_some());
    }
}
