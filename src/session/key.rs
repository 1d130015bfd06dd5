//! The key that seals session tokens, and whom they are sealed for.

use std::fmt;

use sha2::{Digest, Sha256};
use url::Url;
use zeroize::{Zeroize, ZeroizeOnDrop};

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

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Names the key without telling anything of it.
    pub(super) fn id(&self) -> KeyId {
        let digest = Sha256::new().chain_update(KEY_ID_PURPOSE).chain_update(self.0).finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        id
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKey(..)")
    }
}

/// Tells the digest from any other that is made of the key.
const KEY_ID_PURPOSE: &[u8] = b"ozeki-graphql session key id 1";

/// Enough that no two keys of one operator have the same; divisible by three, so that its base64 has no spare bits.
const KEY_ID_BYTES: usize = 12;

/// A digest of a key.
pub(super) type KeyId = [u8; KEY_ID_BYTES];

/// Whom tokens are for: gateways with the same key take each other's only if they stand for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audience([u8; 32]);

impl Audience {
    /// The gateways in front of this server. Its URL must be the same text at each, but for its user info.
    pub fn of_upstream(url: &Url) -> Self {
        let mut url = url.clone();
        // A URL that cannot have user info has none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Self::named(url.as_str())
    }

    /// The gateways that were given this name.
    pub fn named(name: &str) -> Self {
        Self(Sha256::digest(name).into())
    }

    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_the_server_whoever_calls_it() {
        let audience = |url: &str| Audience::of_upstream(&url.parse().unwrap());
        let plain = audience("http://chat.example/index.php");
        assert_eq!(plain, audience("http://gate:opensesame@chat.example/index.php"));
        for other in ["https://chat.example/index.php", "http://chat.example/", "http://b.example/"]
        {
            assert_ne!(plain, audience(other), "{other}");
        }
    }

    #[test]
    fn a_key_is_named_by_a_part_of_a_digest_only() {
        let key = SessionKey::from_bytes([3; 32]);
        assert_ne!(key.id(), SessionKey::from_bytes([4; 32]).id());
        assert_ne!(key.id(), [3; KEY_ID_BYTES]);
        assert_eq!(format!("{key:?}"), "SessionKey(..)");
    }
}
