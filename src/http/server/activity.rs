//! What a connection is waiting for, and until when.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;
use hyper::Version;
use tokio::time::Instant;

use super::limits::ConnectionLimits;

/// Shared by a connection's socket, its requests and the task that watches it.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    /// Whoever watches the deadline.
    watcher: AtomicWaker,
}

#[derive(Debug)]
struct State {
    waits_for: WaitsFor,
    since: Instant,
    requests: usize,
    /// Counts what moved the deadline.
    changes: u64,
    /// Whether the watcher is at work, and looks at the deadline when it is done.
    is_watched: bool,
    /// Whether a byte in a pause can only belong to the next head or the last answer, which is not so in HTTP/2.
    is_http1: bool,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitsFor {
    /// A head: the first one, or one that has begun to come.
    Head,
    /// The next request, or nothing more.
    NextRequest,
    /// Nothing: it waits for us.
    Answer,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        let state = State {
            waits_for: WaitsFor::Head,
            since: Instant::now(),
            requests: 0,
            changes: 0,
            is_watched: false,
            is_http1: false,
        };
        Arc::new(Self { state: Mutex::new(state), watcher: AtomicWaker::new() })
    }

    /// Notes that the first head may come from now on.
    pub(super) fn restart(&self) {
        self.change(|state| {
            state.wait_for(WaitsFor::Head);
            true
        });
    }

    /// Notes that bytes came in.
    pub(super) fn received(&self) {
        self.change(|state| {
            let begins = state.waits_for == WaitsFor::NextRequest && state.is_http1;
            if begins {
                state.wait_for(WaitsFor::Head);
            }
            begins
        });
    }

    /// What is waited for in HTTP/1; nothing is known in HTTP/2, where every answer ends when its connection does.
    pub(super) fn waits_for_in_http1(&self) -> Option<WaitsFor> {
        let state = self.lock();
        state.is_http1.then_some(state.waits_for)
    }

    /// Notes that bytes went out: a pause begins only when the last of an answer has gone.
    ///
    /// In HTTP/2 an answer is under way for as long as it takes, and what goes out in a pause is our own pings.
    pub(super) fn sent(&self) {
        self.change(|state| {
            if state.waits_for == WaitsFor::NextRequest && state.is_http1 {
                state.since = Instant::now();
            }
            // Who sleeps until the deadline looks again then.
            false
        });
    }

    /// Notes that a request has begun; it lasts until the returned value is dropped.
    pub(super) fn begin_request(self: &Arc<Self>, version: Version) -> UnderWay {
        self.change(|state| {
            state.requests += 1;
            state.is_http1 = version < Version::HTTP_2;
            state.wait_for(WaitsFor::Answer);
            true
        });
        UnderWay(Arc::clone(self))
    }

    /// Runs a piece of the connection's own work, and tells what the client owes after it. What moves the deadline until
    /// the next piece wakes the watcher.
    pub(super) fn watch<T>(
        &self,
        context: &mut Context<'_>,
        limits: &ConnectionLimits,
        work: impl FnOnce(&mut Context<'_>) -> T,
    ) -> (T, Owed) {
        self.watcher.register(context.waker());
        self.lock().is_watched = true;
        let done = work(context);
        let mut state = self.lock();
        state.is_watched = false;
        let limit = match state.waits_for {
            WaitsFor::Head => Some(limits.head_timeout),
            WaitsFor::NextRequest => Some(limits.idle_timeout),
            WaitsFor::Answer => None,
        };
        let deadline = limit.map(|limit| state.since + limit);
        (
            done,
            Owed {
                waits_for: state.waits_for,
                since: state.since,
                deadline,
                changes: state.changes,
            },
        )
    }

    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let mut state = self.lock();
        if change(&mut state) {
            state.changes += 1;
            let is_watched = state.is_watched;
            drop(state);
            if !is_watched {
                self.watcher.wake();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the client owes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    pub(super) waits_for: WaitsFor,
    /// Since when; in HTTP/1 a pause begins anew with each byte of the last answer.
    pub(super) since: Instant,
    /// Until when; none where it owes nothing.
    pub(super) deadline: Option<Instant>,
    /// How often the deadline was moved so far.
    pub(super) changes: u64,
}

impl State {
    fn wait_for(&mut self, waits_for: WaitsFor) {
        self.waits_for = waits_for;
        self.since = Instant::now();
    }
}

/// A request whose answer has not been handed over as a whole.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.requests -= 1;
            let is_last = state.requests == 0;
            if is_last {
                state.wait_for(WaitsFor::NextRequest);
            }
            is_last
        });
    }
}
