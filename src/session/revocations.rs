//! Sessions that were ended before their time.

use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;

use super::{Session, SessionId};
use crate::ozeki::{Timestamp, UserId};

/// How many users' ended sessions are remembered. Only as many *users* can push one out, so nobody can do it alone; a
/// user takes some 200 bytes, and about 3 kB at most.
const USERS_MAX: u64 = 50_000;

/// How many of one user's ended sessions are remembered one by one. Whoever ends more within the life of a token ends
/// all that they have: what is theirs costs a bounded amount, and nothing of it is forgotten.
const SESSIONS_PER_USER_MAX: usize = 64;

/// The sessions that are refused although their tokens have not expired.
#[derive(Debug)]
pub(super) struct Revocations(moka::sync::Cache<UserId, Arc<Ended>, RandomState>);

/// What one user has ended.
#[derive(Clone, Debug, Default)]
struct Ended {
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
            .max_capacity(USERS_MAX)
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
        self.sessions.push(EndedSession { id, issued_at, expires_at });
        if self.sessions.len() > SESSIONS_PER_USER_MAX {
            self.all_until = self.all_until.max(Some(now));
            // What another replica's clock dates later stays for itself.
            self.sessions.retain(|it| it.issued_at > now);
        }
    }

    fn contains(&self, session: &Session) -> bool {
        self.all_until.is_some_and(|until| session.issued_at <= until)
            || self.sessions.iter().any(|it| it.id == session.id)
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
        let ended: Vec<_> = (0..300_u64).map(|number| session(number, 0)).collect();
        for session in &ended {
            revocations.revoke(user(2), session, at(0));
        }
        assert!(revocations.contains(user(1), &others));
        assert!(ended.iter().all(|session| revocations.contains(user(2), session)));
        let kept = revocations.0.get(&user(2)).unwrap();
        assert!(kept.sessions.len() <= SESSIONS_PER_USER_MAX);
        // A session that begins afterwards is none of those.
        assert!(!revocations.contains(user(2), &session(1_000, 1)));
    }

    #[test]
    fn a_few_ends_leave_the_other_sessions_of_the_user() {
        let revocations = Revocations::new(Duration::from_secs(60));
        let limit = u64::try_from(SESSIONS_PER_USER_MAX).unwrap();
        for number in 0..limit {
            revocations.revoke(user(2), &session(number, 0), at(0));
        }
        assert!(!revocations.contains(user(2), &session(limit, 0)));
        // Those that have expired since need no place any more.
        for number in limit..2 * limit {
            revocations.revoke(user(2), &session(number, 59), at(60));
        }
        assert!(!revocations.contains(user(2), &session(1_000, 59)));
    }

    #[test]
    fn an_end_belongs_to_its_user() {
        let revocations = Revocations::new(Duration::from_secs(60));
        revocations.revoke(user(1), &session(7, 0), at(0));
        assert!(!revocations.contains(user(2), &session(7, 0)));
    }
}
