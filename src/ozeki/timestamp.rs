//! Points in time as the upstream writes them.

use std::fmt;
use std::str::FromStr;

use crate::clock::Clock;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// `yyyy-MM-dd HH:mm:ss`, 24-hour. Source: "Calling convention" and "Where the examples mislead", 3.
const UPSTREAM: StaticFormatDescription =
    format_description!(version = 2, "[year]-[month]-[day] [hour]:[minute]:[second]");

/// The first second of the year 0, in Unix seconds.
const YEAR_0: i64 = -62_167_219_200;

/// The last second of the year 9999, in Unix seconds.
const YEAR_9999: i64 = 253_402_300_799;

const RFC_3339: StaticFormatDescription =
    format_description!(version = 2, "[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// A text or number that is no point in time between the years 0 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a timestamp is written yyyy-MM-dd HH:mm:ss, in UTC")]
pub struct InvalidTimestamp;

/// A point in time to the second, in UTC; displayed in the upstream's format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Takes seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] when the year is not within 0 to 9999, which no format here can write.
    pub fn from_unix_seconds(seconds: i64) -> Result<Self, InvalidTimestamp> {
        (YEAR_0..=YEAR_9999).contains(&seconds).then_some(Self(seconds)).ok_or(InvalidTimestamp)
    }

    /// What the clock shows; a clock that is off by millennia shows the nearest moment that can be written.
    pub fn now(clock: &Clock) -> Self {
        Self(clock.unix_seconds()).later_by(0)
    }

    /// The moment so many seconds later, or the last one that can be written.
    #[must_use]
    pub fn later_by(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds).clamp(YEAR_0, YEAR_9999))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Writes the moment by RFC 3339, in UTC: `2024-03-08T13:55:47Z`.
    pub fn to_rfc_3339(self) -> String {
        self.write(RFC_3339)
    }

    /// Reads RFC 3339 with any offset; fractions of a second are cut.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] when the text is no such date and time.
    pub fn from_rfc_3339(text: &str) -> Result<Self, InvalidTimestamp> {
        let moment = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
        Self::from_unix_seconds(moment.map_err(|_| InvalidTimestamp)?.unix_timestamp())
    }

    fn write(self, format: StaticFormatDescription) -> String {
        OffsetDateTime::from_unix_timestamp(self.0)
            .expect("the constructors admit years 0 to 9999 only")
            .format(format)
            .expect("the format has no part that a date and time lacks")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads the upstream's format.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let moment = PrimitiveDateTime::parse(text, UPSTREAM).map_err(|_| InvalidTimestamp)?;
        Self::from_unix_seconds(moment.assume_utc().unix_timestamp())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.write(UPSTREAM))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Timestamp({self})")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_timestamp_is_read_as_24_hour_utc_and_written_back() {
        let moment: Timestamp = "2024-03-08 13:55:47".parse().unwrap();
        assert_eq!(moment.unix_seconds(), 1_709_906_147);
        assert_eq!(moment.to_string(), "2024-03-08 13:55:47");
        assert_eq!(moment.to_rfc_3339(), "2024-03-08T13:55:47Z");
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        assert_eq!(Timestamp(YEAR_9999).later_by(1).to_string(), "9999-12-31 23:59:59");
        assert_eq!(Timestamp::from_unix_seconds(YEAR_9999 + 1), Err(InvalidTimestamp));
        for text in [
            "",
            "2024-03-08",
            "2024-03-08T13:55:47Z",
            "2024-02-30 00:00:00",
            "2024-03-08 24:00:00",
            "2024-3-8 1:2:3",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text:?}");
        }
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX), Err(InvalidTimestamp));
    }

    #[test]
    fn every_second_survives_a_round_trip() {
        proptest::proptest!(|(seconds in YEAR_0..=YEAR_9999)| {
            let moment = Timestamp::from_unix_seconds(seconds).unwrap();
            proptest::prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        });
    }
}
