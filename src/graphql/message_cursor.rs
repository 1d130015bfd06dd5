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

/// Writes a position of this conversation.
pub(super) fn encode(conversation: ConversationId, position: &Position) -> String {
    let content = Content(
        position.message_date.unix_seconds(),
        position.message_id.clone(),
        position.report_date.unix_seconds(),
        position.report_id.clone(),
    );
    let content = serde_json::to_vec(&content).expect("numbers and text can be written as JSON");
    let mut bytes = check(conversation, &content).to_vec();
    bytes.extend(content);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor that was written for this conversation and not altered since.
pub(super) fn decode(text: &str, conversation: ConversationId) -> Option<Position> {
    if text.len() > CURSOR_MAX_CHARS {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (found, content) = bytes.split_first_chunk::<CHECK_BYTES>()?;
    if *found != check(conversation, content) {
        return None;
    }
    let Content(message_date, message_id, report_date, report_id) =
        serde_json::from_slice(content).ok()?;
    if message_id.len() > ID_MAX_BYTES || report_id.len() > ID_MAX_BYTES {
        return None;
    }
    Some(Position {
        message_date: Timestamp::from_unix_seconds(message_date).ok()?,
        message_id,
        report_date: Timestamp::from_unix_seconds(report_date).ok()?,
        report_id,
    })
}

fn check(conversation: ConversationId, content: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new()
        .chain_update(b"message cursor 1")
        .chain_update(conversation.as_bytes())
        .chain_update(content)
        .finalize();
    *digest.first_chunk().expect("a SHA-256 digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONVERSATION: ConversationId = ConversationId::from_bytes([1; 16]);

    proptest::proptest! {
        #[test]
        fn a_cursor_survives_a_round_trip_and_no_alteration(
            message_date in 0_i64..4_000_000_000, report_date in 0_i64..4_000_000_000,
            message_id in "[0-9a-f-]{0,40}", report_id in "\\PC{0,30}",
            position in 0_usize..60, replacement in "[A-Za-z0-9_-]",
        ) {
            let place = Position {
                message_date: Timestamp::from_unix_seconds(message_date).unwrap(),
                message_id: message_id.into(),
                report_date: Timestamp::from_unix_seconds(report_date).unwrap(),
                report_id: report_id.into(),
            };
            let cursor = encode(CONVERSATION, &place);
            proptest::prop_assert_eq!(decode(&cursor, CONVERSATION), Some(place));
            proptest::prop_assert_eq!(decode(&cursor, ConversationId::from_bytes([2; 16])), None);
            let at = position % cursor.len();
            let altered = format!("{}{replacement}{}", &cursor[..at], &cursor[at + 1..]);
            proptest::prop_assert!(altered == cursor || decode(&altered, CONVERSATION).is_none());
        }
    }
}
