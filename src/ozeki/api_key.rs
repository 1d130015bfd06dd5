//! The secret that a user signs calls with.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Long enough for any digest in hex; short enough to keep a session token within a header.
const MAX_BYTES: usize = 512;

/// A text that can be no API key. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key is 1 to 512 visible ASCII characters")]
pub struct InvalidApiKey;

/// A user's API key: a secret that is wiped when dropped and that never prints.
///
/// The vendor calls it hex, but its length and form are not documented; any visible ASCII is taken.
/// Source: "Calls", Login.
#[derive(Clone, Zeroize, ZeroizeOnDrop, PartialEq, Eq)]
pub struct ApiKey(Box<str>);

impl ApiKey {
    /// Takes the key from text, without surrounding blanks.
    ///
    /// # Errors
    ///
    /// [`InvalidApiKey`] when the text is empty, longer than 512 bytes or not visible ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let text = text.trim();
        let is_valid =
            (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        is_valid.then(|| Self(text.into())).ok_or(InvalidApiKey)
    }

    /// The secret itself: for the login body, the signer and the sealed session token only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_print() {
        let key = ApiKey::parse(" alice-demo ").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(..)");
        assert_eq!(key.expose(), "alice-demo");
    }

    #[test]
    fn what_can_be_no_key_is_refused() {
        let long = "a".repeat(513);
        for text in ["", "  ", "a b", "a\nb", "ключ", &long] {
            assert_eq!(ApiKey::parse(text), Err(InvalidApiKey), "{text:?}");
        }
    }
}
