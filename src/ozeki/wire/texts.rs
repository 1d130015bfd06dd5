//! Texts that stand in memory as one: thousands of lists are kept, and each piece of memory costs more than its bytes.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// A number of texts, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Texts<const N: usize> {
    all: Box<str>,
    /// Where each ends.
    ends: [u32; N],
}

impl<const N: usize> Texts<N> {
    /// None where they are too long together to be counted, which no answer is that is accepted.
    pub(super) fn new(texts: [&str; N]) -> Option<Self> {
        let mut ends = [0; N];
        let mut length = 0;
        for (end, text) in ends.iter_mut().zip(texts) {
            length += text.len();
            *end = u32::try_from(length).ok()?;
        }
        Some(Self { all: texts.concat().into(), ends })
    }

    /// As [`new`](Self::new), for a deserializer.
    pub(super) fn read<E: Error>(texts: [&str; N]) -> Result<Self, E> {
        Self::new(texts).ok_or_else(|| E::custom("texts without an end"))
    }

    /// The text with this number, counted from zero.
    pub(super) fn of(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start as usize..self.ends[index] as usize]
    }

    /// The text with this number, unless it is empty.
    pub(super) fn non_empty(&self, index: usize) -> Option<&str> {
        Some(self.of(index)).filter(|text| !text.is_empty())
    }

    /// What they occupy on the heap, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.all.len()
    }
}

/// Reads a text where it stands, a null as an empty one.
pub(super) fn borrowed<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cow<'de, str>, D::Error> {
    deserializer.deserialize_option(TextVisitor)
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_some<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_between_empty_ones() {
        let texts = Texts::new(["", "one", "", "zwei és", ""]).unwrap();
        let all: Vec<_> = (0..5).map(|index| texts.of(index)).collect();
        assert_eq!(all, ["", "one", "", "zwei és", ""]);
        assert_eq!((texts.non_empty(1), texts.non_empty(2)), (Some("one"), None));
        assert_eq!(texts.heap_bytes(), 11);
    }
}
