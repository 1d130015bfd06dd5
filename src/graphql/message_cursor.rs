//! Cursors of messages: the four coordinates that the upstream pages by, bound to their conversation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ozeki::{ConversationId, Position, Timestamp};

/// Longer than any cursor of ours: two dates and two ids of at most 128 characters.
const CURSOR_MAX_CHARS: usize = 1024;

/// The longest id that is put into a cursor; UUIDs and digests are much shorter.
const ID_MAX_BYTES: usize = 128;

/// Enough to tell an altered cursor from a whole one; it keeps no secret.
const CHECK_BYTES: usize = 6;

/// Dates in Unix seconds and ids: message, then report.
#[derive(Serialize, Deserialize)]
struct Content(i64, Box<str>, i64, Box<str>);

/// A place in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageCursor {
    pub(super) conversation: ConversationId,
    pub(super) position: Position,
}

impl MessageCursor {
    /// The cursor as clients see it.
    pub(super) fn encode(&self) -> String {
        let Position { message_date, message_id, report_date, report_id } = &self.position;
        let content = Content(
            message_date.unix_seconds(),
            message_id.clone(),
            report_date.unix_seconds(),
            report_id.clone(),
        );
        let content =
            serde_json::to_vec(&content).expect("numbers and text can be written as JSON");
        let mut bytes = check(self.conversation.as_bytes(), &content).to_vec();
        bytes.extend(self.conversation.as_bytes());
        bytes.extend(content);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that was written here and not altered since.
    pub(super) fn decode(text: &str) -> Option<Self> {
        if text.len() > CURSOR_MAX_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (found, rest) = bytes.split_first_chunk::<CHECK_BYTES>()?;
        let (conversation, content) = rest.split_first_chunk::<16>()?;
        if *found != check(conversation, content) {
            return None;
        }
        let Content(message_date, message_id, report_date, report_id) =
            serde_json::from_slice(content).ok()?;
        if message_id.len() > ID_MAX_BYTES || report_id.len() > ID_MAX_BYTES {
            return None;
        }
        let position = Position {
            message_date: Timestamp::from_unix_seconds(message_date).ok()?,
            message_id,
            report_date: Timestamp::from_unix_seconds(report_date).ok()?,
            report_id,
        };
        Some(Self { conversation: ConversationId::from_bytes(*conversation), position })
    }
}

/// A cursor with any content behind a check that holds, for the fuzzer.
#[cfg(any(test, fuzzing))]
pub(super) fn with_check(conversation: [u8; 16], content: &[u8]) -> String {
    let bytes = [&check(&conversation, content)[..], &conversation, content].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn check(conversation: &[u8; 16], content: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new()
        .chain_update(b"message cursor 2")
        .chain_update(conversation)
        .chain_update(content)
        .finalize();
    *digest.first_chunk().expect("a SHA-256 digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_cursor_survives_a_round_trip_and_no_alteration(
            message_date in 0_i64..4_000_000_000, report_date in 0_i64..4_000_000_000,
            message_id in "[0-9a-f-]{0,40}", report_id in "\\PC{0,30}",
            altered_at in 0_usize..200, replacement in "[A-Za-z0-9_-]",
        ) {
            let position = Position {
                message_date: Timestamp::from_unix_seconds(message_date).unwrap(),
                message_id: message_id.into(),
                report_date: Timestamp::from_unix_seconds(report_date).unwrap(),
                report_id: report_id.into(),
            };
            let conversation = ConversationId::from_bytes([1; 16]);
            let place = MessageCursor { conversation, position };
            let cursor = place.encode();
            proptest::prop_assert_eq!(MessageCursor::decode(&cursor), Some(place));
            let at = altered_at % cursor.len();
            let altered = format!("{}{replacement}{}", &cursor[..at], &cursor[at + 1..]);
            proptest::prop_assert!(altered == cursor || MessageCursor::decode(&altered).is_none());
        }
    }
}
