//! The caller: a user, a station and the credential that was presented.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

use crate::ozeki::{Credential, Identity, StationId, Timestamp, UserId};

/// Whoever presents a credential.
#[derive(Clone, Debug)]
pub struct Caller {
    identity: Identity,
    key: CallerKey,
    session: Option<Session>,
}

impl Caller {
    /// A caller by this identity; `session` is absent where credentials are forwarded.
    pub fn new(identity: Identity, session: Option<Session>) -> Self {
        let key = CallerKey::of(&identity);
        Self { identity, key, session }
    }

    /// What signed calls are made with.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What cached data is kept under.
    pub fn key(&self) -> CallerKey {
        self.key
    }

    /// The user's id.
    pub fn user(&self) -> UserId {
        self.identity.user
    }

    /// The session, unless credentials are forwarded.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }
}

/// What a login granted.
#[derive(Clone, Debug)]
pub struct Session {
    /// Names the session, for its end.
    pub id: SessionId,
    /// The user's name as the login told it.
    pub name: Option<Box<str>>,
    /// When it began.
    pub issued_at: Timestamp,
    /// When the token ceases to be accepted.
    pub expires_at: Timestamp,
}

/// Names one session: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub(super) [u8; 16]);

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionId(..)")
    }
}

/// Tells one caller's data from all others': the user, the station and a digest of the credential.
///
/// It can be made from an [`Identity`] only, so no cache entry can be addressed without the credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CallerKey {
    user: UserId,
    station: StationId,
    credential: [u8; 32],
}

impl Hash for CallerKey {
    /// A part of the digest is as good as all of it to find a place, and each request looks for several. With one
    /// credential there can be many stations, and many users where credentials are forwarded, which anybody can invent.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (part, _rest) = self.credential.split_at(size_of::<u64>());
        state.write(part);
        self.station.hash(state);
        self.user.hash(state);
    }
}

impl CallerKey {
    /// The user whom it belongs to.
    pub fn user(&self) -> UserId {
        self.user
    }

    fn of(identity: &Identity) -> Self {
        // The kind is hashed too: a signature that equals another user's key in its text is still another credential.
        let (kind, secret) = match &identity.credential {
            Credential::ApiKey(key) => (b"key:", key.expose()),
            Credential::Forwarded(signature) => (b"sig:", signature.expose()),
        };
        let credential = Sha256::new().chain_update(kind).chain_update(secret).finalize().into();
        Self { user: identity.user, station: identity.station, credential }
    }
}

impl CallerKey {
    /// Whose requests are counted together.
    pub(super) fn account(self) -> AccountKey {
        AccountKey { user: self.user, credential: self.credential }
    }
}

/// A user with a credential, from whatever station: each login may bring a new one, and must not bring a new quota.
///
/// The credential belongs to it, since without one anybody could use up the quota of any user.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AccountKey {
    user: UserId,
    credential: [u8; 32],
}

impl fmt::Debug for CallerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CallerKey({}, ..)", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ozeki::{ApiKey, Signature};

    fn key(user: u8, station: u8, credential: Credential) -> CallerKey {
        let (user, station) =
            (UserId::from_bytes([user; 16]), StationId::from_bytes([station; 16]));
        Caller::new(Identity { user, station, credential }, None).key()
    }

    #[test]
    fn a_key_differs_by_user_station_credential_and_its_kind() {
        let api_key = |text| Credential::ApiKey(ApiKey::parse(text).unwrap());
        let signature = Credential::Forwarded(Signature::parse("a").unwrap());
        let keys = [
            key(1, 1, api_key("a")),
            key(2, 1, api_key("a")),
            key(1, 2, api_key("a")),
            key(1, 1, api_key("b")),
            key(1, 1, signature),
        ];
        assert_eq!(keys.into_iter().collect::<std::collections::HashSet<_>>().len(), keys.len());
        assert_eq!(keys[0], key(1, 1, api_key("a")));
    }

    #[test]
    fn whoever_invents_users_stations_or_credentials_finds_no_two_at_one_place() {
        let hasher = foldhash::quality::RandomState::default();
        let signature = |text: &str| Credential::Forwarded(Signature::parse(text).unwrap());
        let invented = (0..=255).flat_map(|number| {
            let text = format!("{number}");
            [
                key(number, 1, signature("a")),
                key(1, number, signature("a")),
                key(1, 1, signature(&text)),
            ]
        });
        let places: std::collections::HashSet<u64> =
            invented.map(|key| std::hash::BuildHasher::hash_one(&hasher, key)).collect();
        // One of the first is one of the second, too.
        assert_eq!(places.len(), 3 * 256 - 1);
    }

    #[test]
    fn no_credential_prints() {
        let credential = Credential::ApiKey(ApiKey::parse("canary").unwrap());
        let (user, station) = (UserId::from_bytes([1; 16]), StationId::from_bytes([2; 16]));
        let caller = Caller::new(Identity { user, station, credential }, None);
        assert!(!format!("{caller:?}").contains("canary"));
    }
}
