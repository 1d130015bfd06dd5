//! Session tokens: PASETO v4.local, sealed with a key that only gateways hold.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasetors::Local;
use pasetors::keys::SymmetricKey;
use pasetors::token::UntrustedToken;
use pasetors::version4::{LocalToken, V4};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key::KeyId;
use super::{Audience, Caller, Session, SessionId, SessionKey};
use crate::ozeki::{ApiKey, Credential, Identity, StationId, Timestamp, UserId};

/// Authenticated with every token, before the audience, so that one sealed for another purpose under the same key is no
/// session.
const PURPOSE: &[u8] = b"ozeki-graphql session 2";

/// No token of ours is longer: the longest key and name, in base64, with room to spare.
pub(super) const TOKEN_MAX_BYTES: usize = 4096;

/// The version, the purpose, the payload and, as footer, the key's id.
const TOKEN_PARTS: usize = 4;

/// How far the clocks of replicas may differ: a token of one that is ahead is taken although it is from the future. Beyond
/// that a clock was wrong, and its tokens would be good for too long. An expiry is held to the second, by the clock of
/// the replica that is asked.
pub(super) const CLOCK_SKEW_MAX: Duration = Duration::from_secs(60);

/// As much of a name as is carried in a token; names of people are shorter.
const NAME_MAX_CHARS: usize = 200;

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
pub(super) struct Sealer {
    current: SealingKey,
    /// Opens what it has sealed before the other took its place; seals nothing.
    previous: Option<SealingKey>,
    assertion: Vec<u8>,
    time_to_live: i64,
}

struct SealingKey {
    key: SymmetricKey<V4>,
    id: KeyId,
    /// The id as it stands in a token.
    id_text: String,
}

impl SealingKey {
    fn new(key: &SessionKey) -> Self {
        let id = key.id();
        let key = SymmetricKey::from(key.expose()).expect("32 bytes are a v4.local key");
        Self { key, id, id_text: URL_SAFE_NO_PAD.encode(id) }
    }
}

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
    iat: i64,
    exp: i64,
}

impl Sealer {
    /// Tokens are for `audience`, and no token is accepted for longer than `time_to_live`, whatever it says itself.
    pub(super) fn new(
        key: &SessionKey,
        previous: Option<&SessionKey>,
        audience: Audience,
        time_to_live: Duration,
    ) -> Self {
        Self {
            current: SealingKey::new(key),
            previous: previous.map(SealingKey::new),
            assertion: [PURPOSE, audience.digest()].concat(),
            time_to_live: i64::try_from(time_to_live.as_secs()).unwrap_or(i64::MAX),
        }
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
            iat: session.issued_at.unix_seconds(),
            exp: session.expires_at.unix_seconds(),
        };
        let claims = Zeroizing::new(serde_json::to_vec(&claims).ok()?);
        let SealingKey { key, id, id_text: _ } = &self.current;
        LocalToken::encrypt(key, &claims, Some(id), Some(&self.assertion)).ok().map(SessionToken)
    }

    /// Opens a token that was sealed with one of the keys for this audience and has not expired at `now`; says no more
    /// than that.
    pub(super) fn open(&self, token: &str, now: i64) -> Option<Caller> {
        // The text is held to one form: of an authentic token there must be no second one.
        if token.len() > TOKEN_MAX_BYTES || token.split('.').count() != TOKEN_PARTS {
            return None;
        }
        // Which keys there are is no secret: the id of one stands readable in each token.
        let (_sealed, id) = token.rsplit_once('.')?;
        let keys = [Some(&self.current), self.previous.as_ref()];
        let SealingKey { key, id, .. } = keys.into_iter().flatten().find(|it| it.id_text == id)?;
        let token = UntrustedToken::<Local, V4>::try_from(token).ok()?;
        let trusted = LocalToken::decrypt(key, &token, Some(id), Some(&self.assertion)).ok()?;
        let claims: Claims = serde_json::from_str(trusted.payload()).ok()?;
        // The gateway that sealed it may have been told a longer life than this one.
        let expires_at = claims.exp.min(claims.iat.checked_add(self.time_to_live)?);
        let session = Session {
            id: SessionId(claims.id),
            name: claims.name,
            issued_at: Timestamp::from_unix_seconds(claims.iat).ok()?,
            expires_at: Timestamp::from_unix_seconds(expires_at).ok()?,
        };
        if !is_in_force(&session, now) {
            return None;
        }
        let credential = Credential::ApiKey(ApiKey::parse(&claims.key).ok()?);
        let identity = Identity { user: claims.user, station: claims.station, credential };
        Some(Caller::new(identity, Some(session)))
    }
}

/// Whether a session has begun, as far as clocks agree, and has not expired at `now`.
pub(super) fn is_in_force(session: &Session, now: i64) -> bool {
    let skew = i64::try_from(CLOCK_SKEW_MAX.as_secs()).unwrap_or_default();
    let begins_at_latest = now.saturating_add(skew);
    session.expires_at.unix_seconds() > now && session.issued_at.unix_seconds() <= begins_at_latest
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_709_906_147;
    const LIFE: Duration = Duration::from_secs(60);

    fn sealer(key: u8, previous: Option<u8>, audience: &str) -> Sealer {
        let key_of = |byte| SessionKey::from_bytes([byte; 32]);
        let audience = Audience::named(audience);
        Sealer::new(&key_of(key), previous.map(key_of).as_ref(), audience, LIFE)
    }

    fn sealed_at(sealer: &Sealer, issued_at: i64, name: &str, key: &str) -> SessionToken {
        let session = Session {
            id: SessionId([7; 16]),
            name: Some(name.into()),
            issued_at: Timestamp::from_unix_seconds(issued_at).unwrap(),
            expires_at: Timestamp::from_unix_seconds(issued_at + 60).unwrap(),
        };
        let (user, station) = (UserId::from_bytes([1; 16]), StationId::from_bytes([2; 16]));
        sealer.seal(&session, user, station, &ApiKey::parse(key).unwrap()).unwrap()
    }

    fn sealed(sealer: &Sealer) -> SessionToken {
        sealed_at(sealer, NOW, "Alice \"A\"", "alice\"-\\demo")
    }

    #[test]
    fn a_token_opens_to_what_was_sealed_until_it_expires() {
        let sealer = sealer(3, None, "a");
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
    fn a_token_of_another_key_or_audience_or_altered_anywhere_does_not_open() {
        let sealer = sealer(3, None, "a");
        let token = sealed(&sealer);
        for other in [super::tests::sealer(4, None, "a"), super::tests::sealer(3, None, "b")] {
            assert!(other.open(token.expose(), NOW).is_none());
        }
        // Every other character where bits may be spare, at the end of a part; a few elsewhere. Base64 must not have
        // two texts for the same bytes.
        let text = token.expose();
        for (position, original) in text.char_indices() {
            let is_last = [None, Some('.')].contains(&text[position + 1..].chars().next());
            let others = if is_last { '!'..='~' } else { 'A'..='C' };
            for other in others.filter(|other| *other != original) {
                let mut altered = text.to_owned();
                altered.replace_range(position..=position, &other.to_string());
                assert!(sealer.open(&altered, NOW).is_none(), "position {position}: {other}");
            }
        }
        let (body, id) = token.expose().rsplit_once('.').unwrap();
        for text in [
            body.to_owned(),
            format!("{body}."),
            format!("{body}.{id}."),
            format!("{body}.{id}.."),
            format!("{body}.{id}.{id}"),
            format!("{body}.{id}="),
            format!("{body}={id}"),
            format!("{body}=.{id}"),
            String::new(),
            "v4.local.".to_owned(),
            format!("v4.local.{id}"),
            format!("v4.local..{id}"),
            format!("v4.local.AAAA.{id}"),
            format!("v4.public.abc.{id}"),
            "v4.local.".repeat(1000),
        ] {
            assert!(sealer.open(&text, NOW).is_none(), "{text}");
        }
    }

    #[test]
    fn a_previous_key_opens_and_never_seals() {
        let before = sealer(3, None, "a");
        let rotated = sealer(4, Some(3), "a");
        let after = sealer(4, None, "a");
        let (old, new) = (sealed(&before), sealed(&rotated));
        assert!(rotated.open(old.expose(), NOW).is_some());
        assert!(rotated.open(new.expose(), NOW).is_some());
        assert!(after.open(new.expose(), NOW).is_some());
        assert!(before.open(new.expose(), NOW).is_none());
        assert!(after.open(old.expose(), NOW).is_none());
        // The id is authentic too: that of the other key is no help.
        let (_, id) = new.expose().rsplit_once('.').unwrap();
        let (sealed, _) = old.expose().rsplit_once('.').unwrap();
        assert!(rotated.open(&format!("{sealed}.{id}"), NOW).is_none());
    }

    #[test]
    fn a_token_from_the_future_is_taken_as_far_as_clocks_differ() {
        let sealer = sealer(3, None, "a");
        let ahead = |seconds| sealed_at(&sealer, NOW + seconds, "Alice", "alice-demo");
        assert!(sealer.open(ahead(60).expose(), NOW).is_some());
        assert!(sealer.open(ahead(61).expose(), NOW).is_none());
    }

    #[test]
    fn a_life_that_was_shortened_counts_for_tokens_of_before() {
        let long = sealer(3, None, "a");
        let key = SessionKey::from_bytes([3; 32]);
        let short = Sealer::new(&key, None, Audience::named("a"), Duration::from_secs(20));
        let token = sealed(&long);
        let caller = short.open(token.expose(), NOW + 19).unwrap();
        assert_eq!(caller.session().unwrap().expires_at.unix_seconds(), NOW + 20);
        assert!(short.open(token.expose(), NOW + 20).is_none());
    }

    #[test]
    fn a_key_longer_than_most_fits_into_a_token() {
        let sealer = sealer(3, None, "a");
        let token = sealed_at(&sealer, NOW, &"ő".repeat(1000), &"\\".repeat(512));
        assert!(sealer.open(token.expose(), NOW).is_some());
    }
}
