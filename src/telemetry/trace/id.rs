//! Ids of traces and spans: random, and never zero.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use crate::telemetry::random;

/// The id of a trace, in all processes that take part in it; prints as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

/// The id of a span; prints as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId(NonZeroU64);

impl TraceId {
    /// A new one; none on a machine without a random source.
    pub(super) fn random() -> Option<Self> {
        NonZeroU128::new(u128::from(random()?) << 64 | u128::from(random()?)).map(Self)
    }

    /// Reads 32 hex digits in lower case, not all zero.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = lower_hex(text, 32)?;
        u128::from_str_radix(digits, 16).ok().and_then(NonZeroU128::new).map(Self)
    }
}

impl SpanId {
    /// A new one; none on a machine without a random source.
    pub(super) fn random() -> Option<Self> {
        NonZeroU64::new(random()?).map(Self)
    }

    /// Reads 16 hex digits in lower case, not all zero.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = lower_hex(text, 16)?;
        u64::from_str_radix(digits, 16).ok().and_then(NonZeroU64::new).map(Self)
    }
}

/// The text, if it is so many hex digits in lower case.
pub(super) fn lower_hex(text: &str, length: usize) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == length && text.bytes().all(is_digit)).then_some(text)
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}
