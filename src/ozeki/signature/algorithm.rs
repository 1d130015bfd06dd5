//! Hash functions, plain and keyed.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A hash function that a part of the payload can go through before it is put in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hash {
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
}

impl Hash {
    /// Every hash function.
    pub const ALL: [Self; 3] = [Self::Md5, Self::Sha1, Self::Sha256];

    /// The digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
        }
    }

    /// The name used in a payload template.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// A name that is no hash function's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hash functions are md5, sha1 and sha256")]
pub struct UnknownHash;

impl FromStr for Hash {
    type Err = UnknownHash;

    fn from_str(text: &str) -> Result<Self, UnknownHash> {
        Self::ALL.into_iter().find(|hash| hash.name() == text).ok_or(UnknownHash)
    }
}

/// How the payload becomes a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// The hash of the payload; the key counts only where the payload names it.
    Plain(Hash),
    /// HMAC of the payload under the API key.
    Hmac(Hash),
}

impl Algorithm {
    /// Every algorithm, in the order in which they are documented.
    pub const ALL: [Self; 6] = [
        Self::Plain(Hash::Md5),
        Self::Plain(Hash::Sha1),
        Self::Plain(Hash::Sha256),
        Self::Hmac(Hash::Md5),
        Self::Hmac(Hash::Sha1),
        Self::Hmac(Hash::Sha256),
    ];

    /// The digest of `payload`, keyed with `key` where the algorithm takes one.
    pub fn digest(self, key: &[u8], payload: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain(hash) => hash.digest(payload),
            Self::Hmac(Hash::Md5) => keyed(hmac_of::<Hmac<Md5>>(key), payload),
            Self::Hmac(Hash::Sha1) => keyed(hmac_of::<Hmac<Sha1>>(key), payload),
            Self::Hmac(Hash::Sha256) => keyed(hmac_of::<Hmac<Sha256>>(key), payload),
        }
    }

    /// The name used in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain(hash) => hash.name(),
            Self::Hmac(Hash::Md5) => "hmac-md5",
            Self::Hmac(Hash::Sha1) => "hmac-sha1",
            Self::Hmac(Hash::Sha256) => "hmac-sha256",
        }
    }
}

fn hmac_of<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn keyed<M: Mac>(mut mac: M, payload: &[u8]) -> Vec<u8> {
    mac.update(payload);
    mac.finalize().into_bytes().to_vec()
}

/// A name that is no algorithm's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the algorithms are md5, sha1, sha256, hmac-md5, hmac-sha1 and hmac-sha256")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(UnknownAlgorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
