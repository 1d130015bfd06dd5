//! Messages and reports: what a conversation's timelines hold.

use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

use crate::ozeki::{Timestamp, UserId};
use crate::sandbox::seed::Seed;

/// A few cipher blocks: what reports carry is not documented.
const REPORT_DATA_BYTES: usize = 32;

/// How long a report is valid, in seconds: as long as the message of the vendor's sample. Source: "message and report".
const REPORT_VALIDITY: i64 = 7 * 24 * 60 * 60;

/// A message, or a report about one; both have the same envelope.
///
/// Source: "message and report".
#[derive(Clone)]
pub(in crate::sandbox) struct Entry {
    pub(in crate::sandbox) id: EntryId,
    pub(in crate::sandbox) kind: Kind,
    pub(in crate::sandbox) created: Timestamp,
    pub(in crate::sandbox) valid_until: Timestamp,
    pub(in crate::sandbox) data: Data,
}

/// What an entry is. Source: "message and report".
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Kind {
    Message,
    /// A report that a message reached a participant.
    Delivered,
    /// A report that a participant saw a message.
    Viewed,
}

impl Kind {
    /// The wire's word, in `Type`.
    pub(in crate::sandbox) const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "Message",
            Self::Delivered => "delivered",
            Self::Viewed => "viewed",
        }
    }
}

/// The id of an entry: a message's is a UUID that its sender made, a report's 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum EntryId {
    Message(Uuid),
    Report([u8; 16]),
}

impl EntryId {
    /// Reads a message's id in the documented form only: lower-case digits in five groups.
    pub(in crate::sandbox) fn of_message(text: &str) -> Option<Self> {
        let id = Self::Message(Uuid::try_parse(text).ok()?);
        (id.to_string() == text).then_some(id)
    }

    /// Reads a report's id in the documented form only.
    pub(in crate::sandbox) fn of_report(text: &str) -> Option<Self> {
        let id = Self::Report(u128::from_str_radix(text, 16).ok()?.to_be_bytes());
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(id) => id.fmt(formatter),
            Self::Report(id) => write!(formatter, "{:032x}", u128::from_be_bytes(*id)),
        }
    }
}

/// Base64 ciphertext.
#[derive(Clone)]
pub(in crate::sandbox) enum Data {
    /// Made up from the seed whenever it is asked for, so that a demo of thousands of messages needs little memory.
    MadeUp {
        seed: Seed,
        /// Before base64.
        bytes: usize,
    },
    /// What a client sent.
    Sent(Box<str>),
}

impl Data {
    pub(in crate::sandbox) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::MadeUp { seed, bytes } => seed.base64(*bytes).into(),
            Self::Sent(text) => text.as_ref().into(),
        }
    }

    /// How much memory it holds beside its own size.
    pub(super) const fn held_bytes(&self) -> usize {
        match self {
            Self::MadeUp { .. } => 0,
            Self::Sent(text) => text.len(),
        }
    }
}

impl Entry {
    /// A report of this kind, by this user, about this message.
    ///
    /// Its id follows from what it reports: told twice, it is the same report. How a real report names its message
    /// and its user is not documented.
    pub(in crate::sandbox) fn report(
        kind: Kind,
        message: EntryId,
        user: UserId,
        created: Timestamp,
    ) -> Self {
        let seed = Seed::new("report").and(format_args!("{} {message} {user}", kind.as_str()));
        Self {
            id: EntryId::Report(seed.bytes()),
            kind,
            created,
            valid_until: created_plus(created, REPORT_VALIDITY),
            data: Data::MadeUp { seed, bytes: REPORT_DATA_BYTES },
        }
    }
}

/// The moment `seconds` later, or the same one at the end of time.
pub(in crate::sandbox) fn created_plus(created: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(created.unix_seconds().saturating_add(seconds)).unwrap_or(created)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_the_documented_form_only() {
        let message = "bd31713d-0f99-453b-a0c1-6311d1fc24c5";
        let report = "035d8b8de4c395f50405e617e636dbbb";
        assert_eq!(EntryId::of_message(message).map(|id| id.to_string()).as_deref(), Some(message));
        assert_eq!(EntryId::of_report(report).map(|id| id.to_string()).as_deref(), Some(report));
        for text in ["", "bd31713d0f99453ba0c16311d1fc24c5", &message.to_uppercase(), report] {
            assert!(EntryId::of_message(text).is_none(), "{text}");
        }
        for text in ["", "+35d8b8de4c395f50405e617e636dbbb", &report.to_uppercase(), message] {
            assert!(EntryId::of_report(text).is_none(), "{text}");
        }
    }
}
