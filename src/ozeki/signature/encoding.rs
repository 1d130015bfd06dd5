//! How the bytes of a digest are written.

use std::fmt::{self, Write};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How a digest is written in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Lower-case hex digits.
    Hex,
    /// Upper-case hex digits.
    UpperHex,
    /// Base64 with the standard alphabet and padding.
    Base64,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 3] = [Self::Hex, Self::UpperHex, Self::Base64];

    /// Writes `digest` as text.
    pub fn encode(self, digest: &[u8]) -> String {
        match self {
            Self::Hex => hex(digest),
            Self::UpperHex => hex(digest).to_ascii_uppercase(),
            Self::Base64 => STANDARD.encode(digest),
        }
    }

    /// The name used in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::UpperHex => "HEX",
            Self::Base64 => "base64",
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all that is written to it");
        text
    })
}

/// A name that is no encoding's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encodings are hex, HEX (upper case) and base64")]
pub struct UnknownEncoding;

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(text: &str) -> Result<Self, UnknownEncoding> {
        Self::ALL.into_iter().find(|encoding| encoding.name() == text).ok_or(UnknownEncoding)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
