//! What a signature's own look says: which hash, and how its digest is written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::DetectError;
use crate::ozeki::signature::{Encoding, Hash, Signature};

/// The digest inside a signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The only hash with a digest of this length.
    pub(super) hash: Hash,
    /// The encodings that write the digest so; two of them when its hex digits are all decimal.
    pub(super) encodings: Vec<Encoding>,
    pub(super) digest: Vec<u8>,
}

impl Form {
    pub(super) fn of(signature: &Signature) -> Result<Self, DetectError> {
        let text = signature.expose();
        let digest =
            unhex(text).or_else(|| STANDARD.decode(text).ok()).ok_or(DetectError::UnknownForm)?;
        let hash = Hash::ALL
            .into_iter()
            .find(|hash| hash.digest(b"").len() == digest.len())
            .ok_or(DetectError::UnknownForm)?;
        let encodings: Vec<_> =
            Encoding::ALL.into_iter().filter(|encoding| encoding.encode(&digest) == text).collect();
        if encodings.is_empty() {
            return Err(DetectError::MixedCase);
        }
        Ok(Self { hash, encodings, digest })
    }
}

/// No digest's length is hex in one encoding and base64 in another, so hex may be tried first.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| value.try_into().ok()))
        .collect();
    let digits = digits?;
    let is_digest = Hash::ALL.into_iter().any(|hash| 2 * hash.digest(b"").len() == digits.len());
    is_digest.then(|| digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Result<Form, DetectError> {
        Form::of(&Signature::parse(text).unwrap())
    }

    #[test]
    fn every_encoding_of_every_digest_is_recognised() {
        for hash in Hash::ALL {
            for encoding in Encoding::ALL {
                let digest = hash.digest(b"payload");
                let found = form(&encoding.encode(&digest)).unwrap();
                assert_eq!(found.hash, hash);
                assert_eq!(found.encodings, [encoding]);
                assert_eq!(found.digest, digest);
            }
        }
    }

    #[test]
    fn decimal_digits_fit_hex_of_either_case() {
        let found = form(&"1234".repeat(8)).unwrap();
        assert_eq!(found.encodings, [Encoding::Hex, Encoding::UpperHex]);
    }

    #[test]
    fn what_no_recipe_can_write_is_refused() {
        assert_eq!(form("abc"), Err(DetectError::UnknownForm));
        assert_eq!(form(&"a".repeat(128)), Err(DetectError::UnknownForm));
        assert_eq!(form("nhB9nTcrtoJr2B01QqQZ1g"), Err(DetectError::UnknownForm));
        assert_eq!(form(&"aA".repeat(16)), Err(DetectError::MixedCase));
    }
}
