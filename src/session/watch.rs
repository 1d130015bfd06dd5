//! Tells those who serve a session for long when it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::SessionId;
use crate::clock::Clock;

/// The sessions that are watched; as many as there are watches, each of which removes its own.
#[derive(Debug, Default)]
pub(super) struct Watches(Mutex<HashMap<SessionId, Watched>>);

#[derive(Debug, Default)]
struct Watched {
    ended: CancellationToken,
    watches: usize,
}

impl Watches {
    /// Tells all who watch the session that it has ended.
    pub(super) fn end(&self, session: SessionId) {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = sessions.get(&session) {
            watched.ended.cancel();
        }
    }
}

/// Waits for the end of one session.
#[derive(Debug)]
pub struct SessionWatch(Option<Watch>);

#[derive(Debug)]
struct Watch {
    watches: Arc<Watches>,
    session: SessionId,
    ended: CancellationToken,
    clock: Clock,
    expires_at: i64,
}

impl SessionWatch {
    pub(super) fn new(
        watches: &Arc<Watches>,
        session: SessionId,
        clock: Clock,
        expires_at: i64,
    ) -> Self {
        let mut sessions = watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = sessions.entry(session).or_default();
        entry.watches += 1;
        let ended = entry.ended.clone();
        drop(sessions);
        Self(Some(Watch { watches: Arc::clone(watches), session, ended, clock, expires_at }))
    }

    /// For callers without a session, such as those whose credentials are forwarded.
    pub fn endless() -> Self {
        Self(None)
    }

    /// Waits until the session is logged out or expires; for ever where there is none.
    ///
    /// # Cancel safety
    ///
    /// An end is not missed: once it has come, every wait returns at once.
    pub async fn ended(&self) {
        let Some(watch) = &self.0 else {
            return std::future::pending().await;
        };
        tokio::select! {
            () = watch.ended.cancelled() => {}
            () = watch.clock.reached(watch.expires_at) => {}
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut sessions = self.watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = sessions.get_mut(&self.session) {
            watched.watches -= 1;
            if watched.watches == 0 {
                sessions.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    fn watch(watches: &Arc<Watches>, session: u8, clock: &Clock) -> SessionWatch {
        SessionWatch::new(watches, SessionId([session; 16]), clock.clone(), 110)
    }

    #[tokio::test]
    async fn an_end_reaches_all_who_watch_the_session_and_nobody_else() {
        let (watches, clock) = (Arc::<Watches>::default(), Clock::manual(100));
        let [first, second, other] = [1, 1, 2].map(|session| watch(&watches, session, &clock));
        assert!(first.ended().now_or_never().is_none());
        watches.end(SessionId([1; 16]));
        assert!(first.ended().now_or_never().is_some() && second.ended().now_or_never().is_some());
        assert!(other.ended().now_or_never().is_none());
        assert!(SessionWatch::endless().ended().now_or_never().is_none());
        drop((first, second, other));
        assert!(watches.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_session_ends_when_its_time_has_come() {
        let (watches, clock) = (Arc::<Watches>::default(), Clock::manual(100));
        let watch = watch(&watches, 1, &clock);
        clock.advance(Duration::from_secs(9));
        assert!(watch.ended().now_or_never().is_none());
        clock.advance(Duration::from_secs(1));
        assert!(watch.ended().now_or_never().is_some());
    }
}
