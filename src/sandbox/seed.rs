//! Values that look random and are the same in every run.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use uuid::Uuid;

const ALPHANUMERICS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// As long as the one documented instance, `PqjfKSn7V8`. Source: "conv".
const INSTANCE_LENGTH: u64 = 10;

/// The root of a value that is made up: the MD5 of what it is for.
#[derive(Clone, Copy)]
pub(super) struct Seed([u8; 16]);

impl Seed {
    pub(super) fn new(purpose: &str) -> Self {
        Self(Md5::digest(purpose).into())
    }

    /// A seed of its own for this part of what the seed is for.
    pub(super) fn and(self, part: impl Display) -> Self {
        let mut hasher = Md5::new();
        hasher.update(self.0);
        hasher.update(part.to_string());
        Self(hasher.finalize().into())
    }

    pub(super) const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// A UUID, the form of a message id.
    pub(super) fn uuid(self) -> Uuid {
        uuid::Builder::from_random_bytes(self.0).into_uuid()
    }

    /// Ten alphanumerics, the form of a conversation's instance.
    pub(super) fn instance(self) -> String {
        (0..INSTANCE_LENGTH)
            .map(|position| char::from(ALPHANUMERICS[self.and(position).below(62)]))
            .collect()
    }

    /// Base64 of `length` bytes that mean nothing, the form of every ciphertext and public key.
    pub(super) fn base64(self, length: usize) -> String {
        let blocks = length.div_ceil(self.0.len());
        let mut bytes: Vec<u8> = (0..blocks).flat_map(|block| self.and(block).0).collect();
        bytes.truncate(length);
        STANDARD.encode(bytes)
    }

    /// A number below `bound`, which must be within 1 to 65536.
    pub(super) fn below(self, bound: usize) -> usize {
        let [high, low, ..] = self.0;
        usize::from(u16::from_be_bytes([high, low])) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_purpose_gives_the_same_value_and_another_part_another() {
        let seed = Seed::new("conversation");
        assert_eq!(seed.and(1).bytes(), Seed::new("conversation").and(1).bytes());
        assert_ne!(seed.and(1).bytes(), seed.and(2).bytes());
    }

    #[test]
    fn made_up_values_have_the_documented_forms() {
        let seed = Seed::new("forms");
        assert_eq!(seed.uuid().get_version_num(), 4);
        assert_eq!(seed.instance().len(), 10);
        assert!(seed.instance().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(STANDARD.decode(seed.base64(40)).unwrap().len(), 40);
    }
}
