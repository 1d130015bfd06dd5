//! The playground's files, as `build.rs` embedded them.

use super::encoding::Encoding;

/// One file of the built playground.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asset {
    /// Below `/playground/`, without a leading slash.
    pub(super) path: &'static str,
    pub(super) content_type: &'static str,
    /// Whether the name carries a hash of the content, so that the name never means another content.
    pub(super) is_hashed: bool,
    /// The content in the codings in which it is embedded: as it is, or else packed by gzip and by brotli.
    pub(super) copies: &'static [(Encoding, &'static [u8])],
}

impl Asset {
    /// The embedded copy in `encoding`.
    pub(super) fn copy(&self, encoding: Encoding) -> Option<&'static [u8]> {
        let (_, bytes) = self.copies.iter().find(|(coding, _)| *coding == encoding)?;
        Some(bytes)
    }
}

/// The page of a program that was built without Node.
pub(super) const ABSENT: &Asset = &Asset {
    path: INDEX,
    content_type: "text/html; charset=utf-8",
    is_hashed: false,
    copies: &[(Encoding::Identity, include_bytes!("absent.html"))],
};

/// Empty where the program was built without Node.
pub(super) const EMBEDDED: &[Asset] = include!(concat!(env!("OUT_DIR"), "/playground_assets.rs"));

/// The page itself, served as `/`.
pub(super) const INDEX: &str = "index.html";

/// Finds a file by its path in a table that is sorted by paths.
pub(super) fn find(table: &'static [Asset], path: &str) -> Option<&'static Asset> {
    let index = table.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    table.get(index)
}
