//! Durations and sizes as text: `10s`, `8MiB`.

use std::time::Duration;

const MILLISECONDS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const BYTES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Why a text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvalidQuantity {
    /// A bare number, where a unit is needed.
    NoUnit,
    /// Not a number and a unit, or too large for any.
    Malformed,
}

/// Reads a whole number with a unit of ms, s, m, h or d.
pub(super) fn parse_duration(text: &str) -> Result<Duration, InvalidQuantity> {
    let (number, unit) = split(text)?;
    if unit.is_empty() {
        return Err(InvalidQuantity::NoUnit);
    }
    scale(number, unit, &MILLISECONDS).map(Duration::from_millis)
}

/// Reads a whole number of bytes, or of `KiB`, `MiB` or `GiB`.
pub(super) fn parse_size(text: &str) -> Result<u64, InvalidQuantity> {
    let (number, unit) = split(text)?;
    let unit = if unit.is_empty() { "B" } else { unit };
    scale(number, unit, &BYTES)
}

/// Writes a duration in the largest unit that divides it.
pub(super) fn shown_duration(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    shown(milliseconds, &MILLISECONDS)
}

/// Writes a size in the largest unit that divides it.
pub(super) fn shown_size(bytes: u64) -> String {
    shown(bytes, &BYTES)
}

fn split(text: &str) -> Result<(u64, &str), InvalidQuantity> {
    let text = text.trim();
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let number = digits.parse().map_err(|_| InvalidQuantity::Malformed)?;
    Ok((number, unit.trim_start()))
}

fn scale(number: u64, unit: &str, units: &[(&str, u64)]) -> Result<u64, InvalidQuantity> {
    units
        .iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, factor)| number.checked_mul(*factor))
        .ok_or(InvalidQuantity::Malformed)
}

fn shown(number: u64, units: &[(&str, u64)]) -> String {
    units
        .iter()
        .find(|(_, factor)| number >= *factor && number.is_multiple_of(*factor))
        .map_or_else(|| number.to_string(), |(unit, factor)| format!("{}{unit}", number / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_in_their_unit() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("500ms", 500),
            ("10s", 10_000),
            ("5m", 300_000),
            ("12h", 43_200_000),
            ("1d", 86_400_000),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration::from_millis(milliseconds));
            assert_eq!(shown_duration(duration), text);
        }
    }

    #[test]
    fn a_duration_without_a_unit_is_told_from_a_malformed_one() {
        assert_eq!(parse_duration("10"), Err(InvalidQuantity::NoUnit));
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "10 seconds",
            "10S",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert_eq!(parse_duration(text), Err(InvalidQuantity::Malformed), "{text:?}");
        }
    }

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        for (text, bytes) in [
            ("1000", 1000),
            ("1000B", 1000),
            ("64KiB", 64 << 10),
            ("8 MiB", 8 << 20),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text:?}");
        }
        assert_eq!(shown_size(8 << 20), "8MiB");
        assert_eq!(shown_size(1000), "1000B");
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "8MB", "8mib", "-1", "0.5GiB", "18446744073709551615GiB"] {
            assert_eq!(parse_size(text), Err(InvalidQuantity::Malformed), "{text:?}");
        }
    }
}
