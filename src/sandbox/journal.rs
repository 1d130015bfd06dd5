//! What was called, by whom and with what outcome.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Refusal;
use crate::ozeki::UserId;

/// The most calls that are kept, the newest: more than any test makes, and a few hundred KiB for a demo that runs
/// for weeks.
pub const JOURNAL_MAX: usize = 4096;

/// How a call ended, before any [fault](super::Fault) spoilt its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered,
    /// It was refused.
    Refused(Refusal),
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => formatter.write_str("OK"),
            Self::Refused(refusal) => refusal.fmt(formatter),
        }
    }
}

/// One call that reached the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The `api` of the query; empty when it could not be read.
    pub api: String,
    /// The `action` of the body; empty when it could not be read.
    pub action: String,
    /// Who called: the user of a checked credential, else whom the call claimed to be from, if anybody.
    pub user: Option<UserId>,
    /// How it ended.
    pub outcome: Outcome,
}

/// The newest calls that reached the sandbox; cheap to clone.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    calls: Mutex<VecDeque<Call>>,
    changed: watch::Sender<()>,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner { calls: Mutex::default(), changed: watch::Sender::new(()) }))
    }

    /// The newest calls (at most [`JOURNAL_MAX`]), oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().iter().cloned().collect()
    }

    /// How many of the kept calls were of this api and action, whatever their outcome.
    pub fn count(&self, api: &str, action: &str) -> usize {
        self.lock().iter().filter(|call| call.api == api && call.action == action).count()
    }

    /// Waits until at least `count` of the kept calls are of this api and action.
    ///
    /// # Cancel safety
    ///
    /// Holds no state: it may be dropped and called again.
    pub async fn reaches(&self, api: &str, action: &str, count: usize) {
        self.0
            .changed
            .subscribe()
            .wait_for(|()| self.count(api, action) >= count)
            .await
            .expect("the sender lives as long as the journal");
    }

    /// Forgets all calls so far.
    pub fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn record(&self, call: Call) {
        // Polls come all the time, and would hide the others.
        if call.api == "chatnotification" && call.outcome == Outcome::Answered {
            tracing::debug!(target: "ozeki_graphql::sandbox", "ozeki notifications");
        } else {
            tracing::info!(
                target: "ozeki_graphql::sandbox",
                api = call.api,
                action = call.action,
                user = call.user.map(tracing::field::display),
                outcome = %call.outcome,
                "ozeki call"
            );
        }
        {
            let mut calls = self.lock();
            if calls.len() == JOURNAL_MAX {
                calls.pop_front();
            }
            calls.push_back(call);
        }
        self.0.changed.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Call>> {
        // Each change is one push or clear, so that a panic elsewhere leaves the calls whole.
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(action: &str) -> Call {
        Call {
            api: "chatfriends".into(),
            action: action.into(),
            user: None,
            outcome: Outcome::Answered,
        }
    }

    #[test]
    fn only_the_newest_calls_are_kept() {
        let journal = Journal::new();
        for number in 0..=JOURNAL_MAX {
            journal.record(call(&number.to_string()));
        }
        assert_eq!(journal.calls().len(), JOURNAL_MAX);
        assert_eq!(journal.calls()[0].action, "1");
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_call_is_logged_with_api_action_user_and_outcome() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let user = UserId::from_email("admin@ozeki.hu").unwrap();
            Journal::new().record(Call { user: Some(user), ..call("list") });
            Journal::new().record(Call {
                outcome: Outcome::Refused(Refusal::WrongSignature),
                ..call("list")
            });
        });
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            concat!(
                " INFO ozeki_graphql::sandbox: ozeki call api=\"chatfriends\" action=\"list\" ",
                "user=d574638619cbff603bf857164c47e850 outcome=OK\n",
                " INFO ozeki_graphql::sandbox: ozeki call api=\"chatfriends\" action=\"list\" ",
                "outcome=the signature does not match\n",
            )
        );
    }

    #[tokio::test]
    async fn waiting_for_a_call_that_was_made_ends_at_once() {
        let journal = Journal::new();
        journal.record(call("list"));
        journal.reaches("chatfriends", "list", 1).await;
        journal.clear();
        assert_eq!(journal.count("chatfriends", "list"), 0);
    }
}
