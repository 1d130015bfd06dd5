//! Sessions: the key that seals their tokens, and how long they last.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{
    GeneralPurpose, STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::file::read_bounded_bytes;
use super::reader::Reader;
use super::setting::CommandKind;
use super::sources::Origin;

/// A working day, so that a person logs in once a day.
pub(super) const TIME_TO_LIVE_DEFAULT: &str = "12h";

/// Longer than a weekend, so that nobody logs in anew for having been at home; it counts only where sessions are made to
/// last longer still.
pub(super) const IDLE_TIMEOUT_DEFAULT: &str = "3d";

/// A token in a stranger's request is worth nothing to the gateway unless it was told to hand credentials on.
pub(super) const FORWARD_CREDENTIALS_DEFAULT: &str = "off";

const KEY_BYTES: usize = 32;

/// A key of 64 digits with room for blanks around it.
const KEY_FILE_MAX_BYTES: u64 = 4096;

/// Base64 as commands and libraries write it: either alphabet, with and without padding.
const BASE64: [GeneralPurpose; 4] = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];

/// The 32 bytes that seal session tokens: wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SessionKeyBytes([u8; KEY_BYTES]);

impl SessionKeyBytes {
    /// Reads 64 hex digits, or 32 bytes in base64 or base64url, without surrounding blanks.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        parse_hex(text).or_else(|| {
            let decoded = |base64: &GeneralPurpose| base64.decode(text).ok().map(Zeroizing::new);
            let bytes = BASE64.iter().find_map(decoded)?;
            bytes.as_slice().try_into().ok().map(Self)
        })
    }

    /// Reads what a file holds: a text, or else the 32 bytes themselves.
    fn of_file(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok();
        text.and_then(Self::parse).or_else(|| bytes.try_into().ok().map(Self))
    }

    /// The secret itself: for the sealing of tokens only.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

fn parse_hex(text: &str) -> Option<SessionKeyBytes> {
    let digits = text.as_bytes();
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    let mut key = SessionKeyBytes([0; KEY_BYTES]);
    for (byte, pair) in key.0.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(key)
}

impl fmt::Debug for SessionKeyBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKeyBytes(..)")
    }
}

/// Sessions and what a caller may present instead of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// The key that seals tokens, or none for a random one per start · `OZEKI_GRAPHQL_SESSION_KEY` · none · 64 hex
    /// digits, 32 bytes in base64, or the path of a file that holds either or the bytes themselves.
    pub key: Option<SessionKeyBytes>,
    /// The key before that one: it opens tokens and seals none · `OZEKI_GRAPHQL_SESSION_KEY_PREVIOUS` · none · as for `key`.
    pub key_previous: Option<SessionKeyBytes>,
    /// How long a session lasts · `OZEKI_GRAPHQL_SESSION_TIME_TO_LIVE` · 12h · 1m to 30d.
    pub time_to_live: Duration,
    /// How long a session may go unused · `OZEKI_GRAPHQL_SESSION_IDLE_TIMEOUT` · 3d · 1m to 30d.
    pub idle_timeout: Duration,
    /// Whether requests with the three `Ozeki-*` headers are taken as well · `OZEKI_GRAPHQL_FORWARD_CREDENTIALS` · off.
    pub forward_credentials: bool,
}

impl SessionConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        // A demo and a test of the configuration keep no sessions that anybody would miss.
        if reader.command() == CommandKind::Serve && reader.secret(KEY).is_none() {
            reader.warn(
                "no session key is set: a random one is used, so sessions end when this process does, \
                 and no other replica takes them; `openssl rand -hex 32` makes one for --session-key",
            );
        }
        let key = read_key(reader, KEY);
        let key_previous = read_key(reader, KEY_PREVIOUS);
        let time_to_live = reader.duration("session_time_to_live");
        let idle_timeout = reader.duration("session_idle_timeout");
        let forward_credentials = reader.switch("forward_credentials");
        Some(Self {
            key,
            key_previous,
            time_to_live: time_to_live?,
            idle_timeout: idle_timeout?,
            forward_credentials: forward_credentials?,
        })
    }
}

const KEY: &str = "session_key";

const KEY_PREVIOUS: &str = "session_key_previous";

/// Reads a key; `None` when there is none, or a fault.
fn read_key(reader: &mut Reader, name: &str) -> Option<SessionKeyBytes> {
    let given = reader.secret(name)?;
    if let Some(key) = SessionKeyBytes::parse(&given.text) {
        if matches!(given.origin, Origin::Flag(_)) {
            reader.warn(format!(
                "{name} stands on the command line, where process lists show it: \
                 put it in a file and give its path",
            ));
        }
        return Some(key);
    }
    // The text may be a key with a digit missing: it is described, never repeated.
    let path = Path::new(&given.text);
    let found = match read_bounded_bytes(path, KEY_FILE_MAX_BYTES).map(Zeroizing::new) {
        Ok(bytes) => match SessionKeyBytes::of_file(&bytes) {
            Some(key) => return Some(key),
            None => format!("the path of a file whose {} bytes are no key", bytes.len()),
        },
        Err(error) => format!(
            "{} characters that are no key, and as a path of a file cannot be read ({error})",
            given.text.chars().count()
        ),
    };
    reader.refuse_as(name, &found, &given.origin);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_hex_and_in_every_base64() {
        let hex = "fb".repeat(32);
        let bytes = [0xfb; 32];
        for text in [
            hex.clone(),
            hex.to_ascii_uppercase(),
            format!(" {hex}\n"),
            STANDARD.encode(bytes),
            STANDARD_NO_PAD.encode(bytes),
            URL_SAFE.encode(bytes),
            URL_SAFE_NO_PAD.encode(bytes),
        ] {
            let key = SessionKeyBytes::parse(&text).unwrap();
            assert_eq!(key.expose(), &bytes);
            assert_eq!(format!("{key:?}"), "SessionKeyBytes(..)");
        }
    }

    #[test]
    fn a_file_may_hold_the_bytes_themselves() {
        let raw: [u8; 32] = std::array::from_fn(|index| u8::try_from(255 - index).unwrap());
        assert_eq!(SessionKeyBytes::of_file(&raw).unwrap().expose(), &raw);
        let hex = "fb".repeat(32);
        assert_eq!(SessionKeyBytes::of_file(hex.as_bytes()).unwrap().expose(), &[0xfb; 32]);
        for bytes in [&raw[1..], &[0; 33], b""] {
            assert_eq!(SessionKeyBytes::of_file(bytes), None);
        }
    }

    #[test]
    fn another_length_is_no_key() {
        for text in [
            "",
            "fb",
            &"fb".repeat(31),
            &"fb".repeat(33),
            &"g".repeat(64),
            &STANDARD.encode([0; 31]),
        ] {
            assert_eq!(SessionKeyBytes::parse(text), None, "{text:?}");
        }
    }
}
