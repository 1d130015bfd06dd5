//! Scripted failures, so that tests can play a bad upstream.
//!
//! A fault meets a call after it was carried out and journalled: what it changed stays changed, and a held answer
//! tells the state from before it was held.

mod playback;

pub(super) use playback::answered;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::watch;

/// The most faults that wait to be met, far above what one test scripts.
const MAX_SCRIPTED: usize = 256;

/// What a client gets in place of, or as, the answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The answer as it should be.
    Genuine,
    /// This answer, whole.
    Scripted {
        /// The HTTP status.
        status: StatusCode,
        /// The `Content-Type`.
        content_type: &'static str,
        /// The body.
        body: Bytes,
    },
    /// A JSON string of this many bytes that has no end: use [`u64::MAX`] for an endless one.
    Oversized {
        /// How many bytes are sent before the connection is closed.
        bytes: u64,
    },
    /// A closed connection, with nothing sent.
    Closed,
    /// The head and the first half of the answer, then a closed connection.
    Truncated,
    /// The head and the first half of the answer, then nothing while the sandbox runs.
    Stalled,
}

impl Reply {
    /// This JSON (or what pretends to be) with HTTP status 200.
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::Scripted {
            status: StatusCode::OK,
            content_type: "application/json",
            body: body.into(),
        }
    }

    /// This text with this HTTP status, as a web server in front of Ozeki might answer.
    pub fn status(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::Scripted { status, content_type: "text/html", body: body.into() }
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum Wait {
    #[default]
    None,
    Held,
    Delayed(Duration),
}

/// A failure to inject: what to wait for, then what to reply.
#[derive(Clone, Debug)]
pub struct Fault {
    wait: Wait,
    reply: Reply,
}

impl Fault {
    /// Replies this at once.
    pub const fn new(reply: Reply) -> Self {
        Self { wait: Wait::None, reply }
    }

    /// Waits for [`Injection::release`] before it replies.
    #[must_use]
    pub const fn held(mut self) -> Self {
        self.wait = Wait::Held;
        self
    }

    /// Waits this long before it replies: for demos; a test holds.
    #[must_use]
    pub const fn delayed(mut self, by: Duration) -> Self {
        self.wait = Wait::Delayed(by);
        self
    }
}

/// How many calls a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next so many.
    Next(usize),
    /// All, until it is [cancelled](Injection::cancel).
    All,
}

struct Scripted {
    injection: Injection,
    api: String,
    action: String,
    times: Times,
    fault: Fault,
}

/// The faults that wait to be met; cheap to clone.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Scripted>>>);

impl Faults {
    /// Scripts the next answers to calls of this api and action. Faults for the same calls are met in the order of
    /// injection.
    ///
    /// # Panics
    ///
    /// When 256 faults already wait.
    pub fn inject(&self, api: &str, action: &str, times: Times, fault: Fault) -> Injection {
        let injection = Injection { faults: self.clone(), gate: Arc::new(Gate::default()) };
        let scripted = Scripted {
            injection: injection.clone(),
            api: api.to_owned(),
            action: action.to_owned(),
            times,
            fault,
        };
        let mut waiting = self.lock();
        assert!(waiting.len() < MAX_SCRIPTED, "256 faults already wait");
        waiting.push(scripted);
        drop(waiting);
        injection
    }

    /// How many faults still wait for a call: a test that ends with one has not tested it.
    pub fn waiting(&self) -> usize {
        self.lock().iter().filter(|scripted| scripted.times != Times::All).count()
    }

    /// The fault that a call of this api and action meets, if any.
    pub(super) fn meet(&self, api: &str, action: &str) -> Option<(Fault, Injection)> {
        let mut waiting = self.lock();
        let position =
            waiting.iter().position(|scripted| scripted.api == api && scripted.action == action)?;
        let scripted = &mut waiting[position];
        let met = (scripted.fault.clone(), scripted.injection.clone());
        match &mut scripted.times {
            Times::All => {}
            Times::Next(left @ 2..) => *left -= 1,
            Times::Next(_) => drop(waiting.remove(position)),
        }
        Some(met)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Scripted>> {
        // Each change is one push, removal or count, so that a panic elsewhere leaves the list whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Gate {
    arrived: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

/// A fault that was injected; cheap to clone. Dropping it neither cancels nor releases.
#[derive(Clone)]
pub struct Injection {
    faults: Faults,
    gate: Arc<Gate>,
}

impl Injection {
    /// Waits until at least `calls` calls have met the fault.
    ///
    /// # Cancel safety
    ///
    /// Holds no state: it may be dropped and called again.
    pub async fn arrived(&self, calls: usize) {
        self.gate
            .arrived
            .subscribe()
            .wait_for(|arrived| *arrived >= calls)
            .await
            .expect("the sender lives as long as the gate");
    }

    /// How many calls have met the fault.
    pub fn arrivals(&self) -> usize {
        *self.gate.arrived.borrow()
    }

    /// Lets every held call go on, and those that meet the fault later.
    pub fn release(&self) {
        self.gate.released.send_replace(true);
    }

    /// Takes the fault back from the calls that have not met it yet.
    pub fn cancel(&self) {
        self.faults.lock().retain(|scripted| !Arc::ptr_eq(&scripted.injection.gate, &self.gate));
    }

    fn arrive(&self) {
        self.gate.arrived.send_modify(|arrived| *arrived += 1);
    }

    async fn until_released(&self) {
        self.gate
            .released
            .subscribe()
            .wait_for(|released| *released)
            .await
            .expect("the sender lives as long as the gate");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_met_in_order_as_often_as_scripted() {
        let faults = Faults::default();
        let twice = faults.inject("api", "list", Times::Next(2), Fault::new(Reply::Closed));
        let rest = faults.inject("api", "list", Times::All, Fault::new(Reply::Truncated));
        let met: Vec<_> =
            (0..4).filter_map(|_| Some(faults.meet("api", "list")?.0.reply)).collect();
        assert!(matches!(
            met[..],
            [Reply::Closed, Reply::Closed, Reply::Truncated, Reply::Truncated]
        ));
        assert_eq!((faults.waiting(), twice.arrivals()), (0, 0));
        assert!(faults.meet("api", "clear").is_none());
        rest.cancel();
        assert!(faults.meet("api", "list").is_none());
    }

    #[test]
    #[should_panic(expected = "256 faults")]
    fn scripting_more_faults_than_the_bound_panics() {
        let faults = Faults::default();
        for _ in 0..=MAX_SCRIPTED {
            faults.inject("api", "list", Times::Next(1), Fault::new(Reply::Closed));
        }
    }
}
