//! The ids of users, stations and conversations: 16 bytes, written as 32 lower-case hex digits.

use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const BYTES: usize = 16;
const DIGITS: usize = 2 * BYTES;

/// The longest e-mail address that RFC 5321 lets a mail path carry, in bytes.
const EMAIL_MAX_BYTES: usize = 254;

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hex digits, such as d574638619cbff603bf857164c47e850")]
pub struct InvalidId;

/// A text that is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address looks like name@host.example, with no blanks inside")]
pub struct InvalidEmail;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; BYTES]);

        impl $name {
            /// Builds the id from its 16 bytes.
            pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
                Self(bytes)
            }

            /// The id's 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; BYTES] {
                &self.0
            }

            /// The id's 32 lower-case hex digits, in ASCII.
            pub fn digits(&self) -> [u8; DIGITS] {
                hex(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Reads 32 hex digits of either case.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(std::str::from_utf8(&hex(&self.0)).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(IdVisitor).map(Self)
            }
        }
    };
}

hex_id! {
    /// A user: the MD5 of the e-mail address.
    ///
    /// Source: "Where the examples mislead", 2.
    UserId
}
hex_id! {
    /// One installation of a chat client; a session of the gateway is one.
    ///
    /// Source: "Calling convention".
    StationId
}
hex_id! {
    /// A conversation between two or more users.
    ///
    /// Source: "conv".
    ConversationId
}

impl UserId {
    /// Derives the id of the user with this e-mail address: its MD5, as given, without surrounding blanks.
    ///
    /// The vendor does not say whether an address is lower-cased first, so it is not.
    /// Source: "Where the examples mislead", 2, and "What is not documented".
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`] when the text is not `name@host`, has blanks inside or is longer than 254 bytes.
    pub fn from_email(email: &str) -> Result<Self, InvalidEmail> {
        let email = email.trim();
        let (name, host) = email.rsplit_once('@').ok_or(InvalidEmail)?;
        let is_printable = |text: &str| !text.chars().any(|c| c.is_whitespace() || c.is_control());
        let is_valid = !name.is_empty()
            && !name.contains('@')
            && !host.is_empty()
            && email.len() <= EMAIL_MAX_BYTES
            && is_printable(email);
        is_valid.then(|| Self(Md5::digest(email.as_bytes()).into())).ok_or(InvalidEmail)
    }
}

impl StationId {
    /// A station id that nobody has had before, from the machine's random source.
    ///
    /// # Errors
    ///
    /// [`getrandom::Error`] when the machine has no random source.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

/// Lets a deserializer hand over the digits wherever they stand, without a copy.
struct IdVisitor;

impl serde::de::Visitor<'_> for IdVisitor {
    type Value = [u8; BYTES];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an id of 32 hex digits")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        // The text itself stays out of the error: what an upstream sent is not for logs.
        parse_hex(text).map_err(E::custom)
    }
}

fn parse_hex(text: &str) -> Result<[u8; BYTES], InvalidId> {
    let digits: &[u8; DIGITS] = text.as_bytes().try_into().map_err(|_| InvalidId)?;
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (nibble(pair[0])? << 4) | nibble(pair[1])?;
    }
    Ok(bytes)
}

fn nibble(digit: u8) -> Result<u8, InvalidId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(InvalidId),
    }
}

fn hex(bytes: &[u8; BYTES]) -> [u8; DIGITS] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 0x0f)];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_administrators_id_is_the_md5_of_the_address() {
        let id = UserId::from_email("admin@ozeki.hu").unwrap();
        assert_eq!(id.to_string(), "d574638619cbff603bf857164c47e850");
    }

    #[test]
    fn the_vendors_wrong_example_is_not_made_to_pass() {
        let id = UserId::from_email("alice@ozeki.hu").unwrap();
        assert_eq!(id.to_string(), "f22e679ed4bc266b4245954020c26e0e");
    }

    #[test]
    fn surrounding_blanks_are_dropped_and_letters_keep_their_case() {
        let plain = UserId::from_email("admin@ozeki.hu").unwrap();
        assert_eq!(UserId::from_email("  admin@ozeki.hu\n").unwrap(), plain);
        assert_ne!(UserId::from_email("Admin@ozeki.hu").unwrap(), plain);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in
            ["", " ", "alice", "@", "alice@", "@host", "a b@host", "a@b@c", "a@ho\0st", &long]
        {
            assert_eq!(UserId::from_email(text), Err(InvalidEmail), "{text:?}");
        }
    }

    #[test]
    fn hex_of_either_case_is_read_and_written_in_lower_case() {
        let id: UserId = "D574638619CBFF603BF857164C47E850".parse().unwrap();
        assert_eq!(id.to_string(), "d574638619cbff603bf857164c47e850");
        assert_eq!(format!("{id:?}"), "UserId(d574638619cbff603bf857164c47e850)");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in
            ["", "d574", "d574638619cbff603bf857164c47e85g", "d574638619cbff603bf857164c47e8500"]
        {
            assert_eq!(text.parse::<ConversationId>(), Err(InvalidId), "{text:?}");
        }
        assert_eq!("é574638619cbff603bf857164c47e85".parse::<StationId>(), Err(InvalidId));
    }

    #[test]
    fn random_stations_differ() {
        assert_ne!(StationId::random().unwrap(), StationId::random().unwrap());
    }
}
