//! Tells those who serve a session for long when it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{Session, SessionId};
use crate::clock::Clock;
use crate::ozeki::UserId;

/// The sessions that are watched; as many as there are watches, each of which removes its own.
#[derive(Debug, Default)]
pub(super) struct Watches(Mutex<HashMap<SessionId, Watched>>);

#[derive(Debug)]
struct Watched {
    user: UserId,
    session: Session,
    ended: CancellationToken,
    watches: usize,
}

impl Watches {
    /// Tells all who watch those of the user's sessions that have ended.
    pub(super) fn end(&self, user: UserId, has_ended: impl Fn(&Session) -> bool) {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = sessions.values().filter(|watched| watched.user == user);
        for watched in watched.filter(|watched| has_ended(&watched.session)) {
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
        user: UserId,
        session: &Session,
        clock: Clock,
    ) -> Self {
        let mut sessions = watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = sessions.entry(session.id).or_insert_with(|| Watched {
            user,
            session: session.clone(),
            ended: CancellationToken::new(),
            watches: 0,
        });
        entry.watches += 1;
        let ended = entry.ended.clone();
        drop(sessions);
        let expires_at = session.expires_at.unix_seconds();
        let (watches, session) = (Arc::clone(watches), session.id);
        Self(Some(Watch { watches, session, ended, clock, expires_at }))
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
    use crate::ozeki::Timestamp;

    const ALICE: UserId = UserId::from_bytes([1; 16]);

    fn session(number: u8) -> Session {
        let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        let id = SessionId([number; 16]);
        Session { id, name: None, issued_at: at(90), expires_at: at(110) }
    }

    fn watch(watches: &Arc<Watches>, number: u8, clock: &Clock) -> SessionWatch {
        SessionWatch::new(watches, ALICE, &session(number), clock.clone())
    }

    #[tokio::test]
    async fn an_end_reaches_all_who_watch_the_session_and_nobody_else() {
        let (watches, clock) = (Arc::<Watches>::default(), Clock::manual(100));
        let [first, second, other] = [1, 1, 2].map(|session| watch(&watches, session, &clock));
        assert!(first.ended().now_or_never().is_none());
        watches.end(UserId::from_bytes([2; 16]), |_| true);
        assert!(first.ended().now_or_never().is_none());
        watches.end(ALICE, |session| session.id == SessionId([1; 16]));
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
