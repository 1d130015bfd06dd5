//! A recipe and what it makes.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Algorithm, Encoding, Hash, Part, Payload, Piece};
use crate::ozeki::{ApiKey, StationId, UserId};

/// Longer than any digest in any encoding; forwarded signatures of other makes have room too.
const SIGNATURE_MAX_BYTES: usize = 1024;

/// How signatures are made: an algorithm over a payload, written in an encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// How the payload becomes a digest.
    pub algorithm: Algorithm,
    /// What is signed.
    pub payload: Payload,
    /// How the digest is written.
    pub encoding: Encoding,
}

impl Default for Recipe {
    /// `md5` of `{body}{key}`, in `hex`: the gateway's default, since the vendor publishes none.
    fn default() -> Self {
        let pieces = vec![Piece::Part(Part::Body, None), Piece::Part(Part::Key, None)];
        Self {
            algorithm: Algorithm::Plain(Hash::Md5),
            payload: Payload::try_new(pieces).expect("two parts are a template"),
            encoding: Encoding::Hex,
        }
    }
}

/// The parts of one request that a recipe can sign.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// Whose call it is.
    pub user: UserId,
    /// From which station; `{station}` is empty where a call names none.
    pub station: Option<StationId>,
    /// The `api` of the query string.
    pub api: &'a str,
    /// The `action` member of the body.
    pub action: &'a str,
    /// The `timestamp` member of the body.
    pub timestamp: &'a str,
    /// The exact bytes of the body.
    pub body: &'a [u8],
    /// The user's key.
    pub key: &'a ApiKey,
}

impl SignedRequest<'_> {
    fn append(&self, part: Part, hash: Option<Hash>, payload: &mut Vec<u8>) {
        let text;
        let bytes = match part {
            Part::User => {
                text = self.user.to_string();
                text.as_bytes()
            }
            Part::Station => {
                text = self.station.map(|station| station.to_string()).unwrap_or_default();
                text.as_bytes()
            }
            Part::Api => self.api.as_bytes(),
            Part::Action => self.action.as_bytes(),
            Part::Timestamp => self.timestamp.as_bytes(),
            Part::Body => self.body,
            Part::Key => self.key.expose().as_bytes(),
        };
        match hash {
            None => payload.extend_from_slice(bytes),
            Some(hash) => {
                let digest = Zeroizing::new(Encoding::Hex.encode(&hash.digest(bytes)));
                payload.extend_from_slice(digest.as_bytes());
            }
        }
    }
}

impl Recipe {
    /// Signs the request.
    pub fn sign(&self, request: &SignedRequest<'_>) -> Signature {
        let payload = self.payload_of(request);
        let digest = self.algorithm.digest(request.key.expose().as_bytes(), &payload);
        Signature(self.encoding.encode(&digest).into())
    }

    /// The bytes that are hashed; wiped when dropped, since the key may be among them.
    pub fn payload_of(&self, request: &SignedRequest<'_>) -> Zeroizing<Vec<u8>> {
        // Room for the body and every fixed part, so that no copy with the key is left behind by growing.
        let mut payload = Vec::with_capacity(request.body.len() + 2048);
        for piece in self.payload.pieces() {
            match piece {
                Piece::Literal(text) => payload.extend_from_slice(text.as_bytes()),
                Piece::Part(part, hash) => request.append(*part, *hash, &mut payload),
            }
        }
        Zeroizing::new(payload)
    }
}

/// A text that can be no signature. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 1 to 1024 visible ASCII characters")]
pub struct InvalidSignature;

/// The value of the `Ozeki-Signature` header; it admits to an account, so it never prints.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Signature(Box<str>);

impl Signature {
    /// Takes a signature that a client made.
    ///
    /// # Errors
    ///
    /// [`InvalidSignature`] when the text is empty, longer than 1024 bytes or not visible ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidSignature> {
        let is_valid = (1..=SIGNATURE_MAX_BYTES).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic());
        is_valid.then(|| Self(text.into())).ok_or(InvalidSignature)
    }

    /// The signature itself: for the header only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signature(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(algorithm: &str, payload: &str, encoding: &str) -> String {
        let key = ApiKey::parse("key").unwrap();
        let request = SignedRequest {
            user: "d574638619cbff603bf857164c47e850".parse().unwrap(),
            station: "00000000000000000000000000000001".parse().ok(),
            api: "chatfriends",
            action: "list",
            timestamp: "2024-03-08 13:55:47",
            body: b"The quick brown fox jumps over the lazy dog",
            key: &key,
        };
        let recipe = Recipe {
            algorithm: algorithm.parse().unwrap(),
            payload: payload.parse().unwrap(),
            encoding: encoding.parse().unwrap(),
        };
        recipe.sign(&request).expose().to_owned()
    }

    // The digests of the pangram are published test vectors of each function; the HMAC ones are under "key".
    #[test]
    fn plain_digests_match_their_published_vectors() {
        assert_eq!(sign("md5", "{body}", "hex"), "9e107d9d372bb6826bd81d3542a419d6");
        assert_eq!(sign("sha1", "{body}", "hex"), "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12");
        assert_eq!(
            sign("sha256", "{body}", "HEX"),
            "D7A8FBB307D7809469CA9ABCB0082E4F8D5651E46D3CDB762D02D0BF37C9E592"
        );
    }

    #[test]
    fn keyed_digests_match_their_published_vectors() {
        assert_eq!(sign("hmac-md5", "{body}", "hex"), "80070713463e7749b90c2dc24911e275");
        assert_eq!(sign("hmac-sha1", "{body}", "hex"), "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9");
        assert_eq!(
            sign("hmac-sha256", "{body}", "hex"),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        );
    }

    #[test]
    fn base64_is_standard_with_padding() {
        assert_eq!(sign("md5", "{body}", "base64"), "nhB9nTcrtoJr2B01QqQZ1g==");
    }

    #[test]
    fn every_part_and_its_hash_stand_where_the_template_says() {
        let payload: Payload =
            "{user}/{station}/{api}/{action}/{timestamp}/{key}/{body|md5}".parse().unwrap();
        let key = ApiKey::parse("secret").unwrap();
        let request = SignedRequest {
            user: UserId::from_bytes([1; 16]),
            station: Some(StationId::from_bytes([2; 16])),
            api: "chatconversation",
            action: "list",
            timestamp: "2024-03-08 13:55:47",
            body: b"The quick brown fox jumps over the lazy dog",
            key: &key,
        };
        let recipe = Recipe { payload, ..Recipe::default() };
        assert_eq!(
            std::str::from_utf8(&recipe.payload_of(&request)).unwrap(),
            "01010101010101010101010101010101/02020202020202020202020202020202/chatconversation/list/\
             2024-03-08 13:55:47/secret/9e107d9d372bb6826bd81d3542a419d6"
        );
    }

    #[test]
    fn a_signature_does_not_print() {
        let signature = Signature::parse("9e107d9d").unwrap();
        assert_eq!(format!("{signature:?}"), "Signature(..)");
        assert!(signature.matches(&Signature::parse("9e107d9d").unwrap()));
        assert!(!signature.matches(&Signature::parse("9e107d9e").unwrap()));
        assert!(!signature.matches(&Signature::parse("9e107d9").unwrap()));
    }
}
