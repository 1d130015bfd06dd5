//! Sessions that were ended before their time.

use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;

use super::{Session, SessionId};
use crate::ozeki::{Timestamp, UserId};

/// The room for ended sessions, in bytes. Only some hundred *users* who end as many as they can push one out, so nobody can
/// do it alone.
const MAX_BYTES: u64 = 64 << 20;

/// How many of one user's ended sessions are remembered one by one: more than logins are allowed by default within the
/// life of a token, 3,610 in twelve hours.
const SESSIONS_PER_USER_MAX: usize = 4_096;

/// The sessions that are refused although their tokens have not expired.
#[derive(Debug)]
pub(super) struct Revocations(moka::sync::Cache<UserId, Arc<Ended>, RandomState>);

/// What one user has ended.
#[derive(Clone, Debug, Default)]
struct Ended {
    /// In the order of their ids.
    sessions: Vec<EndedSession>,
    /// All sessions that began no later than this.
    all_until: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct EndedSession {
    id: SessionId,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl Revocations {
    /// Remembers ends for as long as a token can be accepted.
    pub(super) fn new(token_life: Duration) -> Self {
        let ended = moka::sync::Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|_user, ended: &Arc<Ended>| u32::try_from(ended.bytes()).unwrap_or(u32::MAX))
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .time_to_live(token_life)
            .build_with_hasher(RandomState::default());
        Self(ended)
    }

    /// Remembers that the user has ended the session.
    pub(super) fn revoke(&self, user: UserId, session: &Session, now: Timestamp) {
        self.0.entry(user).and_upsert_with(|known| {
            let mut ended = known.map_or_else(Ended::default, |known| (**known.value()).clone());
            ended.add(session, now);
            Arc::new(ended)
        });
    }

    /// Whether the user has ended the session.
    pub(super) fn contains(&self, user: UserId, session: &Session) -> bool {
        self.0.get(&user).is_some_and(|ended| ended.contains(session))
    }
}

impl Ended {
    fn add(&mut self, session: &Session, now: Timestamp) {
        self.sessions.retain(|it| it.expires_at > now);
        let Session { id, issued_at, expires_at, name: _ } = *session;
        if let Err(place) = self.place(id) {
            // It is copied for each end, so that room for further ones would never be used.
            self.sessions.reserve_exact(1);
            self.sessions.insert(place, EndedSession { id, issued_at, expires_at });
        }
        if self.sessions.len() > SESSIONS_PER_USER_MAX {
            self.forget_the_first();
        }
    }

    /// Makes room: what is no longer remembered by itself is ended with all that began before it. What is theirs costs a
    /// bounded amount, and no end is forgotten.
    fn forget_the_first(&mut self) {
        let first = self.sessions.iter().map(|it| it.issued_at).min();
        self.all_until = self.all_until.max(first);
        self.sessions.retain(|it| Some(it.issued_at) > first);
    }

    fn contains(&self, session: &Session) -> bool {
        self.all_until.is_some_and(|until| session.issued_at <= until)
            || self.place(session.id).is_ok()
    }

    /// Where a session stands, or would stand.
    fn place(&self, id: SessionId) -> Result<usize, usize> {
        self.sessions.binary_search_by(|it| it.id.0.cmp(&id.0))
    }

    fn bytes(&self) -> usize {
        // What the table itself needs for a user is as much again as this.
        2 * size_of::<Self>() + self.sessions.capacity() * size_of::<EndedSession>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_709_906_147;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(NOW + seconds).unwrap()
    }

    fn session(number: u64, issued_at: i64) -> Session {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let (issued_at, expires_at) = (at(issued_at), at(issued_at + 60));
        Session { id: SessionId(id), name: None, issued_at, expires_at }
    }

    fn user(number: u64) -> UserId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        UserId::from_bytes(id)
    }

    #[test]
    fn whoever_ends_session_after_session_pushes_out_nobodys_end_and_none_of_their_own() {
        let revocations = Revocations::new(Duration::from_secs(60));
        let others = session(u64::MAX, 0);
        revocations.revoke(user(1), &others, at(0));
        let many = u64::try_from(SESSIONS_PER_USER_MAX).unwrap() + 100;
        // Four of them began in each second, and were ended in the same.
        let began = |number: u64| i64::try_from(number / 4).unwrap();
        let mut sessions = (0..many).map(|number| {
            let mut session = session(number, began(number));
            session.expires_at = at(1_000_000);
            session
        });
        let lasting = sessions.next_back().unwrap();
        let ended: Vec<_> = sessions.collect();
        for session in &ended {
            revocations.revoke(user(2), session, session.issued_at);
        }
        assert!(revocations.contains(user(1), &others));
        assert!(ended.iter().all(|session| revocations.contains(user(2), session)));
        let kept = revocations.0.get(&user(2)).unwrap();
        assert!(kept.sessions.len() <= SESSIONS_PER_USER_MAX && kept.all_until.is_some());
        assert!(kept.sessions.capacity() <= SESSIONS_PER_USER_MAX + 1);
        // One that began in the very second of the last ends goes on; one from before the first of them does not.
        assert!(!revocations.contains(user(2), &lasting));
        assert!(revocations.contains(user(2), &session(1_000_000, 0)));
    }

    #[test]
    fn ends_leave_the_other_sessions_of_the_user() {
        let revocations = Revocations::new(Duration::from_secs(60));
        let old = session(10_000, 0);
        for number in 0..300 {
            revocations.revoke(user(2), &session(number, 0), at(0));
        }
        assert!(!revocations.contains(user(2), &old));
        // Those that have expired since need no place any more.
        revocations.revoke(user(2), &session(1_000, 59), at(60));
        assert_eq!(revocations.0.get(&user(2)).unwrap().sessions.len(), 1);
        assert!(!revocations.contains(user(2), &session(1_001, 59)));
    }

    #[test]
    fn an_end_belongs_to_its_user() {
        let revocations = Revocations::new(Duration::from_secs(60));
        revocations.revoke(user(1), &session(7, 0), at(0));
        assert!(!revocations.contains(user(2), &session(7, 0)));
    }
}
