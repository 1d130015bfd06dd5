//! Reads an answer: status first, then the members, and says what is wrong without repeating it.

use std::fmt::Write;

use http::StatusCode;
use serde_path_to_error::{Path, Segment};
use zeroize::Zeroizing;

use crate::ozeki::wire::{Answer, Envelope};
use crate::ozeki::{ApiKey, Call, Signature, UpstreamError};

/// The status of a call that was carried out. Source: "Calls".
const STATUS_OK: &str = "OK";

/// As much of an `errormessage` as a person reads; the rest is cut.
const MESSAGE_MAX_CHARS: usize = 300;

/// As much of a member's path as a person needs to find it; an upstream can make keys of any length.
const PATH_MAX_CHARS: usize = 120;

/// The members of answers. Source: "Calls", "conv", "message and report" and "friends".
const MEMBERS: [&str; 59] = [
    "status",
    "errormessage",
    "server",
    "listeners",
    "udp",
    "ws",
    "wss",
    "registration",
    "rsakey",
    "userid",
    "fullname",
    "nick",
    "urls",
    "login",
    "availability",
    "conversation",
    "conversationgroup",
    "blocklist",
    "fileserver",
    "notification",
    "friends",
    "availabilities",
    "friendid",
    "friendname",
    "publickey",
    "friendavailabilitesof",
    "conversationchangedof",
    "conversationlistchangedof",
    "conversations",
    "id",
    "isgroup",
    "participantids",
    "participants",
    "username",
    "displayname",
    "lastmessageid",
    "lastreportid",
    "lastaccess",
    "secret",
    "instance",
    "mutedby",
    "favoriteby",
    "hiddenby",
    "properties",
    "ismuted",
    "isfavorite",
    "hideid",
    "listitembackgroundcolor",
    "message",
    "messages",
    "reports",
    "ID",
    "Type",
    "Created",
    "ValidUntil",
    "Data",
    "blockedusers",
    "blockedconversations",
    "workspacename",
];

/// What is known to the upstream and must not come back in an error text.
pub(super) struct Secrets {
    pub(super) key: Option<ApiKey>,
    pub(super) signature: Option<Signature>,
}

/// Reads an answer. `status` decides, whatever the HTTP status says; without one, an HTTP failure is told as such.
///
/// `secrets` are what was sent with the call; an upstream that repeats it does not get it into an error.
pub(super) fn decode<A: Answer>(
    call: Call,
    status: StatusCode,
    body: &[u8],
    secrets: &Secrets,
) -> Result<A::Content, UpstreamError> {
    let malformed = |detail: String| UpstreamError::Malformed { call, detail: detail.into() };
    let or_rejection = |error: UpstreamError| rejection(call, body, secrets).unwrap_or(error);
    if status.is_server_error() {
        return Err(or_rejection(UpstreamError::Failed { call, status }));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(or_rejection(UpstreamError::Throttled { call }));
    }
    if !status.is_success() {
        let status = status.as_u16();
        return Err(rejection(call, body, secrets).unwrap_or_else(|| {
            malformed(if is_ok(body) {
                format!("HTTP {status} beside status OK")
            } else {
                format!("HTTP {status} without a status from the chat API")
            })
        }));
    }
    // Text that is checked once is not checked again for each string in it.
    let answer: Result<A, _> = match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    };
    let answer = answer.map_err(|error| or_rejection(malformed(explain::<A>(body, &error))))?;
    match answer.status() {
        Some(STATUS_OK) => answer
            .into_content()
            .map_err(|member| malformed(format!("`{member}` is missing beside status OK"))),
        Some(_) => Err(or_rejection(malformed("`errormessage` is no text".to_owned()))),
        None => Err(malformed("`status` is missing".to_owned())),
    }
}

/// The rejection that an answer holds, if it does: its other members need not be what the call promises.
fn rejection(call: Call, body: &[u8], secrets: &Secrets) -> Option<UpstreamError> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let status = envelope.status.filter(|status| **status != *STATUS_OK)?;
    let message = envelope.errormessage.filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| format!("status {status}, without a reason").into());
    let message = presentable(&message, secrets);
    Some(UpstreamError::Rejected { call, message })
}

fn is_ok(body: &[u8]) -> bool {
    let envelope: Option<Envelope> = serde_json::from_slice(body).ok();
    envelope.and_then(|envelope| envelope.status).is_some_and(|status| *status == *STATUS_OK)
}

/// Says where decoding failed, and never what stood there.
fn explain<A: Answer>(body: &[u8], error: &serde_json::Error) -> String {
    if !error.is_data() {
        return format!(
            "not JSON, or cut off, at byte {} of line {}",
            error.column(),
            error.line()
        );
    }
    let deserializer = &mut serde_json::Deserializer::from_slice(body);
    let path = match serde_path_to_error::deserialize::<_, A>(deserializer) {
        Ok(_) => String::new(),
        Err(error) => shorten(&shown_path(error.path()), PATH_MAX_CHARS),
    };
    // These two texts of serde name a member of ours and no value; all others may repeat what was sent.
    let text = error.to_string();
    let named = ["missing field `", "duplicate field `"].into_iter().find_map(|beginning| {
        let member = text.strip_prefix(beginning)?.split('`').next()?;
        Some(format!("{beginning}{member}` in `{path}`"))
    });
    named.unwrap_or_else(|| format!("`{path}` has a wrong type or value"))
}

/// A path without what an upstream may have put there: the key of a map can be any text, so that only names of members
/// and ids stand as they are.
fn shown_path(path: &Path) -> String {
    path.iter().fold(String::new(), |mut text, segment| {
        let dot = if text.is_empty() { "" } else { "." };
        let _ = match segment {
            Segment::Seq { index } => write!(text, "[{index}]"),
            Segment::Map { key } if MEMBERS.contains(&key.as_str()) || is_id(key) => {
                write!(text, "{dot}{key}")
            }
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => {
                write!(text, "{dot}…")
            }
        };
        text
    })
}

fn is_id(key: &str) -> bool {
    key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit())
}

/// An `errormessage` that may be shown: short, on one line, without the credential that was sent.
fn presentable(message: &str, secrets: &Secrets) -> Box<str> {
    let key = secrets.key.as_ref().map(ApiKey::expose);
    let signature = secrets.signature.as_ref().map(Signature::expose);
    let message = key
        .into_iter()
        .chain(signature)
        .fold(message.to_owned(), |message, secret| redacted(&message, secret));
    shorten(&message, MESSAGE_MAX_CHARS).into()
}

/// Takes a secret out of a text, in upper and lower case: keys and signatures in hex are the same in both.
fn redacted(text: &str, secret: &str) -> String {
    // In ASCII both cases have one length, so that what is found here stands at the same place there.
    let searched = text.to_ascii_lowercase();
    let secret = Zeroizing::new(secret.to_ascii_lowercase());
    let (mut shown, mut end) = (String::with_capacity(text.len()), 0);
    for (start, found) in searched.match_indices(secret.as_str()) {
        shown.push_str(&text[end..start]);
        shown.push_str("[redacted]");
        end = start + found.len();
    }
    shown.push_str(&text[end..]);
    shown
}

fn shorten(text: &str, max_chars: usize) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().map(printable).take(max_chars).collect();
    if text.chars().nth(max_chars).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ozeki::wire::{ConversationListAnswer, FriendsAnswer};

    const CALL: Call = Call::CONVERSATION_LIST;

    fn secrets() -> Secrets {
        Secrets { key: ApiKey::parse("s3cret").ok(), signature: Signature::parse("51g").ok() }
    }

    fn list(status: u16, body: &str) -> Result<usize, UpstreamError> {
        let status = StatusCode::from_u16(status).unwrap();
        decode::<ConversationListAnswer>(CALL, status, body.as_bytes(), &secrets())
            .map(|list| list.len())
    }

    fn told(result: Result<usize, UpstreamError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn status_decides_and_not_the_message() {
        let sample = include_str!("../../../tests/fixtures/conversation-list.json");
        assert_eq!(list(200, sample).unwrap(), 1);
        let refused = r#"{"status":"ERROR","errormessage":"no such user"}"#;
        for status in [200, 401, 403, 429, 500, 503] {
            assert_eq!(
                told(list(status, refused)),
                "the chat server rejected chatconversation/list: no such user"
            );
        }
        let mixed = r#"{"status":"ERROR","conversations":"none"}"#;
        assert!(told(list(200, mixed)).ends_with("status ERROR, without a reason"));
    }

    #[test]
    fn an_http_failure_without_a_status_is_told_as_such() {
        assert_eq!(list(503, "<html>").unwrap_err().class(), "http_5xx");
        assert_eq!(
            list(500, r#"{"status":"OK","conversations":[]}"#).unwrap_err().class(),
            "http_5xx"
        );
        assert_eq!(list(429, "slow down").unwrap_err().class(), "throttled");
        for status in [301, 401, 404] {
            assert_eq!(list(status, "").unwrap_err().class(), "malformed");
            let text = told(list(status, r#"{"status":"OK","conversations":[]}"#));
            assert!(text.ends_with(&format!(": HTTP {status} beside status OK")), "{text}");
        }
    }

    #[test]
    fn a_wrong_answer_names_the_member_and_never_its_value() {
        let wrong = |members: &str| {
            let conversation = format!(r#"{{"id":"8ca16186c36a4e0a1ef2096e6c60b613",{members}}}"#);
            told(list(200, &format!(r#"{{"status":"OK","conversations":[{conversation}]}}"#)))
        };
        let text = wrong(r#""isgroup":"canary""#);
        assert!(text.ends_with("`conversations[0].isgroup` has a wrong type or value"), "{text}");
        let text = wrong(r#""properties":[{"ismuted":false}]"#);
        assert!(text.contains("missing field `userid`"), "{text}");
        for body in [
            "",
            "null",
            "[]",
            "\u{feff}{}",
            "{\"status\":\"OK\"",
            r#"{"status":1}"#,
            r#"{"status":"OK"}"#,
        ] {
            assert_eq!(list(200, body).unwrap_err().class(), "malformed", "{body}");
        }
    }

    #[test]
    fn a_key_of_a_map_is_shown_only_if_it_is_an_id() {
        let id = "8ca16186c36a4e0a1ef2096e6c60b613";
        let call = Call::FRIENDS_LIST;
        for (key, value, shown) in [
            ("alice@example.com canary", "\"x\"", "`friends.…`"),
            ("alice", "\"x\"", "`friends.…`"),
            (id, "7", "`friends.8ca16186c36a4e0a1ef2096e6c60b613`"),
        ] {
            let friends = format!(r#"{{"status":"OK","friends":{{"{key}":{value}}}}}"#);
            let error =
                decode::<FriendsAnswer>(call, StatusCode::OK, friends.as_bytes(), &secrets());
            let text = error.err().map(|error| error.to_string()).unwrap();
            assert!(text.contains("chatfriends/list") && text.contains(shown), "{text}");
        }
    }

    #[test]
    fn every_member_of_a_documented_answer_can_be_shown() {
        fn check(value: &serde_json::Value) {
            for (key, value) in value.as_object().into_iter().flatten() {
                assert!(MEMBERS.contains(&key.as_str()) || is_id(key), "{key}");
                check(value);
            }
            value.as_array().into_iter().flatten().for_each(check);
        }
        for sample in [
            include_str!("../../../tests/fixtures/conversation-list.json"),
            include_str!("../../../tests/fixtures/friends-list.json"),
        ] {
            check(&serde_json::from_str(sample).unwrap());
        }
    }

    #[test]
    fn a_shown_message_is_short_and_holds_no_credential() {
        let text =
            told(list(200, r#"{"status":"NO","errormessage":"wrong key s3cret\r\nfor 51g"}"#));
        assert!(text.ends_with("wrong key [redacted]  for [redacted]"), "{text}");
        let text = told(list(200, r#"{"status":"NO","errormessage":"ő S3CRET, 51G and s3CreT"}"#));
        assert!(text.ends_with("ő [redacted], [redacted] and [redacted]"), "{text}");
        let shown = presentable(&"x".repeat(1000), &secrets());
        assert_eq!(shown.chars().count(), MESSAGE_MAX_CHARS + 1);
    }
}
