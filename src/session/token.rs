//! Session tokens: PASETO v4.local, sealed with a key that only gateways hold.

use std::fmt;

use pasetors::Local;
use pasetors::keys::SymmetricKey;
use pasetors::token::UntrustedToken;
use pasetors::version4::{LocalToken, V4};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Caller, Session, SessionId};
use crate::ozeki::{ApiKey, Credential, Identity, StationId, Timestamp, UserId};

/// Authenticated with every token, so that one sealed for another purpose under the same key is no session.
const PURPOSE: &[u8] = b"ozeki-graphql session 1";

/// No token of ours is longer: the longest key and name, in base64, with room to spare.
const TOKEN_MAX_BYTES: usize = 4096;

/// The version, the purpose and the payload.
const TOKEN_PARTS: usize = 3;

/// As much of a name as is carried in a token; names of people are shorter.
const NAME_MAX_CHARS: usize = 200;

/// The 32 bytes that seal and open session tokens; wiped when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Takes the key's bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key that nobody has had before, from the machine's random source.
    ///
    /// # Errors
    ///
    /// [`getrandom::Error`] when the machine has no random source.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKey(..)")
    }
}

/// A sealed token; a bearer secret, so it never prints.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionToken(String);

impl SessionToken {
    /// The token itself: for the login's answer only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionToken(..)")
    }
}

/// Seals callers into tokens and opens them again.
pub(super) struct Sealer(SymmetricKey<V4>);

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(..)")
    }
}

/// What a token says, under the encryption. Short names: the token travels with every request.
#[derive(Serialize, Deserialize)]
struct Claims {
    id: [u8; 16],
    user: UserId,
    station: StationId,
    key: Zeroizing<String>,
    name: Option<Box<str>>,
    exp: i64,
}

impl Sealer {
    pub(super) fn new(key: &SessionKey) -> Self {
        Self(SymmetricKey::from(&key.0).expect("32 bytes are a v4.local key"))
    }

    /// Seals what is needed to sign for the user until the session expires.
    pub(super) fn seal(
        &self,
        session: &Session,
        user: UserId,
        station: StationId,
        key: &ApiKey,
    ) -> Option<SessionToken> {
        let name = session.name.as_deref().map(|name| name.chars().take(NAME_MAX_CHARS).collect());
        let claims = Claims {
            id: session.id.0,
            user,
            station,
            key: Zeroizing::new(key.expose().to_owned()),
            name,
            exp: session.expires_at.unix_seconds(),
        };
        let claims = Zeroizing::new(serde_json::to_vec(&claims).ok()?);
        LocalToken::encrypt(&self.0, &claims, None, Some(PURPOSE)).ok().map(SessionToken)
    }

    /// Opens a token that was sealed with this key and has not expired at `now`; says no more than that.
    pub(super) fn open(&self, token: &str, now: i64) -> Option<Caller> {
        // Ours have no footer; the library takes an empty one, so that two texts would be one token.
        if token.len() > TOKEN_MAX_BYTES || token.split('.').count() != TOKEN_PARTS {
            return None;
        }
        let token = UntrustedToken::<Local, V4>::try_from(token).ok()?;
        let trusted = LocalToken::decrypt(&self.0, &token, None, Some(PURPOSE)).ok()?;
        let claims: Claims = serde_json::from_str(trusted.payload()).ok()?;
        if claims.exp <= now {
            return None;
        }
        let session = Session {
            id: SessionId(claims.id),
            name: claims.name,
            expires_at: Timestamp::from_unix_seconds(claims.exp).ok()?,
        };
        let credential = Credential::ApiKey(ApiKey::parse(&claims.key).ok()?);
        let identity = Identity { user: claims.user, station: claims.station, credential };
        Some(Caller::new(identity, Some(session)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_709_906_147;

    fn sealed(sealer: &Sealer) -> SessionToken {
        let session = Session {
            id: SessionId([7; 16]),
            name: Some("Alice \"A\"".into()),
            expires_at: Timestamp::from_unix_seconds(NOW + 60).unwrap(),
        };
        let (user, station) = (UserId::from_bytes([1; 16]), StationId::from_bytes([2; 16]));
        sealer.seal(&session, user, station, &ApiKey::parse("alice\"-\\demo").unwrap()).unwrap()
    }

    #[test]
    fn a_token_opens_to_what_was_sealed_until_it_expires() {
        let sealer = Sealer::new(&SessionKey::from_bytes([3; 32]));
        let token = sealed(&sealer);
        assert!(token.expose().starts_with("v4.local."));
        let caller = sealer.open(token.expose(), NOW).unwrap();
        assert_eq!(caller.user(), UserId::from_bytes([1; 16]));
        assert_eq!(caller.session().unwrap().name.as_deref(), Some("Alice \"A\""));
        let Credential::ApiKey(key) = &caller.identity().credential else { panic!("a key") };
        assert_eq!(key.expose(), "alice\"-\\demo");
        assert!(sealer.open(token.expose(), NOW + 59).is_some());
        assert!(sealer.open(token.expose(), NOW + 60).is_none());
    }

    #[test]
    fn a_token_of_another_key_or_with_any_character_altered_or_added_does_not_open() {
        let sealer = Sealer::new(&SessionKey::from_bytes([3; 32]));
        let token = sealed(&sealer);
        assert!(Sealer::new(&SessionKey::from_bytes([4; 32])).open(token.expose(), NOW).is_none());
        for position in 0..token.expose().len() {
            let mut altered = token.expose().as_bytes().to_vec();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(sealer.open(&altered, NOW).is_none(), "position {position}");
        }
        for footer in [".", "..", ".YQ"] {
            assert!(sealer.open(&format!("{}{footer}", token.expose()), NOW).is_none(), "{footer}");
        }
        for text in ["", "v4.local.", "v4.public.abc", &"v4.local.".repeat(1000)] {
            assert!(sealer.open(text, NOW).is_none());
        }
    }

    #[test]
    fn a_key_longer_than_most_fits_into_a_token() {
        let sealer = Sealer::new(&SessionKey::from_bytes([3; 32]));
        let session = Session {
            id: SessionId([7; 16]),
            name: Some("ő".repeat(1000).into()),
            expires_at: Timestamp::from_unix_seconds(NOW + 60).unwrap(),
        };
        let (user, station) = (UserId::from_bytes([1; 16]), StationId::from_bytes([2; 16]));
        let key = ApiKey::parse(&"\\".repeat(512)).unwrap();
        let token = sealer.seal(&session, user, station, &key).unwrap();
        assert!(sealer.open(token.expose(), NOW).is_some());
    }
}
