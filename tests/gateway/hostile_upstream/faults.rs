//! The faults, and what becomes of a call that meets them.

#![expect(
    clippy::unnecessary_wraps,
    reason = "every answer has one form, and some apply not to all calls"
)]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{ALICE, ANOTHER};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The answer is right all the same.
    Right,
    /// It does not come in time.
    TimedOut,
    /// The connection is lost, or the server says that it restarts.
    Lost,
    /// The server fails, or takes no more calls.
    Failed,
    /// What was answered is not what the API promises.
    Invalid,
    /// The API refused.
    Rejected,
}

/// What happens after the bytes of an answer.
#[derive(Clone, Copy)]
pub(super) enum Then {
    StaysOpen,
    Closes,
    Resets,
    Hangs,
    /// After so many bytes at once the others come one at a time.
    Drips(usize),
    /// The bytes do not come before the time is over.
    IsLate,
    /// More of this without end.
    Repeats(&'static [u8]),
}

#[derive(Clone, Copy)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// The answer in place of the one with this body; none where the fault does not apply.
    pub(super) bytes: fn(&str) -> Option<Vec<u8>>,
    pub(super) then: Then,
    pub(super) fate: Fate,
    /// Whether only members beside `status` are wrong.
    pub(super) is_of_members: bool,
}

const fn fault(
    name: &'static str,
    fate: Fate,
    then: Then,
    bytes: fn(&str) -> Option<Vec<u8>>,
) -> Fault {
    Fault { name, bytes, then, fate, is_of_members: false }
}

const fn of_members(name: &'static str, bytes: fn(&str) -> Option<Vec<u8>>) -> Fault {
    Fault { name, bytes, then: Then::StaysOpen, fate: Fate::Invalid, is_of_members: true }
}

/// Stands for the address of another host, to which an answer must never lead the gateway.
pub(super) const ELSEWHERE: &str = "ELSEWHERE";

/// A chunk of a body without end.
const CHUNK: &[u8; 0x407] = &{
    let mut chunk = [b' '; 0x407];
    chunk.split_at_mut(5).0.copy_from_slice(b"400\r\n");
    chunk[0x405] = b'\r';
    chunk[0x406] = b'\n';
    chunk
};

/// More than any answer of the sandbox takes, and less than what is made of it here.
pub(super) const BODY_MAX_BYTES: usize = 512 << 10;

use Fate::{Failed, Invalid, Lost, Rejected, Right, TimedOut};
use Then::{Closes, Drips, Hangs, IsLate, Repeats, Resets, StaysOpen};

/// Every fault, in the order of the document's table.
pub(super) const FAULTS: &[Fault] = &[
    fault("no answer", TimedOut, Hangs, |_| Some(Vec::new())),
    fault("the right answer, after the time", TimedOut, IsLate, ok),
    fault("half of a head, then nothing", TimedOut, Hangs, half_a_head),
    fault("half of a body, then nothing", TimedOut, Hangs, half_a_body),
    fault("a longer length than is sent, then nothing", TimedOut, Hangs, |body| {
        with_length(body, body.len() + 1)
    }),
    fault("a head, a byte each second", TimedOut, Drips(0), ok),
    fault("a body, a byte each second", TimedOut, Drips(80), ok),
    fault("closed without an answer", Lost, Closes, |_| Some(Vec::new())),
    fault("reset without an answer", Lost, Resets, |_| Some(Vec::new())),
    fault("closed inside the head", Lost, Closes, half_a_head),
    fault("reset inside the head", Lost, Resets, half_a_head),
    fault("reset after the head", Lost, Resets, |body| {
        let mut bytes = ok(body)?;
        bytes.truncate(bytes.len() - body.len());
        Some(bytes)
    }),
    fault("closed inside the body", Lost, Closes, half_a_body),
    fault("reset inside the body", Lost, Resets, half_a_body),
    fault("a longer length than is sent, then closed", Lost, Closes, |body| {
        with_length(body, body.len() + 1)
    }),
    fault("a body in chunks, cut off", Lost, Closes, |body| {
        chunked(&format!("{:x}\r\n{body}\r\n", body.len()))
    }),
    fault("a chunk without a size", Lost, StaysOpen, |body| chunked(&format!("CANARY\r\n{body}"))),
    fault("HTTP 500", Failed, StaysOpen, |_| status("500 Internal Server Error", "CANARY")),
    fault("HTTP 501 with the right body", Failed, StaysOpen, |body| {
        status("501 Not Implemented", body)
    }),
    fault("HTTP 502", Lost, StaysOpen, |_| status("502 Bad Gateway", "<html>CANARY")),
    fault("HTTP 503", Lost, StaysOpen, |_| status("503 Service Unavailable", "CANARY")),
    fault("HTTP 504", Lost, StaysOpen, |_| status("504 Gateway Timeout", "")),
    fault("HTTP 401", Invalid, StaysOpen, |_| status("401 Unauthorized", "CANARY")),
    fault("HTTP 429", Failed, StaysOpen, |_| status("429 Too Many Requests", "CANARY")),
    fault("HTTP 204", Invalid, StaysOpen, |_| Some(b"HTTP/1.1 204 No Content\r\n\r\n".into())),
    fault("HTTP 101, unasked", Invalid, StaysOpen, |_| {
        Some(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n".into(),
        )
    }),
    fault("HTTP 301 to another host", Invalid, StaysOpen, |_| moved("301 Moved Permanently")),
    fault("HTTP 307 to another host", Invalid, StaysOpen, |_| moved("307 Temporary Redirect")),
    fault("`status` is `ERROR`, with HTTP 200", Rejected, StaysOpen, |_| ok(REJECTION)),
    fault("`status` is `ERROR`, with HTTP 401", Rejected, StaysOpen, |_| {
        status("401 Unauthorized", REJECTION)
    }),
    fault("`status` is `ERROR`, with HTTP 503", Rejected, StaysOpen, |_| {
        status("503 Service Unavailable", REJECTION)
    }),
    fault("no HTTP", Invalid, Closes, |_| Some(b"220 CANARY ESMTP\r\n".into())),
    fault("two lengths", Invalid, Closes, |body| {
        let two = format!("content-length: 1\r\ncontent-length: {}", body.len());
        Some(format!("HTTP/1.1 200 OK\r\n{two}\r\n\r\n{body}").into())
    }),
    fault("a shorter length than is sent", Invalid, StaysOpen, |body| {
        with_length(body, body.len() / 2)
    }),
    fault("a head without end", Invalid, Repeats(&[b'x'; 4096]), |_| {
        Some(b"HTTP/1.1 200 OK\r\nx: ".into())
    }),
    fault("a body without end", Invalid, Repeats(&[b' '; 64 << 10]), |_| {
        Some(b"HTTP/1.1 200 OK\r\n\r\n".into())
    }),
    fault("chunks without end", Invalid, Repeats(CHUNK), |_| chunked("")),
    fault("a length of 9 EB", Invalid, Hangs, |body| with_length(body, usize::MAX >> 1)),
    fault("a gzip bomb", Invalid, StaysOpen, |_| gzip_bomb()),
    fault("an empty body", Invalid, StaysOpen, |_| ok("")),
    fault("HTML", Invalid, StaysOpen, |_| status("200 OK", "<html>CANARY</html>")),
    fault("`null`", Invalid, StaysOpen, |_| ok("null")),
    fault("a list", Invalid, StaysOpen, |_| ok("[]")),
    fault("no members", Invalid, StaysOpen, |_| ok("{}")),
    of_members("no members but `status`", |body| {
        edited(body, |members, name| drop(members.remove(name)))
    }),
    of_members("members that are null", |body| {
        edited(body, |members, name| drop(members.insert(name.to_owned(), Value::Null)))
    }),
    of_members("members of a wrong type", |body| {
        edited(body, |members, name| drop(members.insert(name.to_owned(), json!(7))))
    }),
    fault("a member twice", Invalid, StaysOpen, |body| {
        ok(&body.replacen('{', r#"{"status":"OK","#, 1))
    }),
    fault("text that is no UTF-8", Invalid, StaysOpen, |body| {
        let mut bytes = ok(body)?;
        let at = bytes.windows(4).position(|four| four == b"\"OK\"")?;
        bytes[at + 1] = 0xff;
        Some(bytes)
    }),
    fault("5,000 brackets for a member", Invalid, StaysOpen, |body| {
        let at = ["conversations", "conversation", "friends", "messages", "message", "userid"];
        let at = at.into_iter().find(|name| body.contains(&format!("\"{name}\":")))?;
        ok(&format!(r#"{{"status":"OK","{at}":{}}}"#, nested()))
    }),
    of_members("numbers and dates out of range", out_of_range),
    fault("another user's conversations", Invalid, StaysOpen, of_another),
    fault("further members", Right, StaysOpen, |body| {
        let more = r#"{"news":{"x":[1,{"y":null}],"z":1e300},"#;
        ok(&body.replacen('{', more, 1).replace(r#"{"id":"#, r#"{"news":["CANARY"],"id":"#))
    }),
    fault("5,000 brackets beside the members", Right, StaysOpen, |body| {
        ok(&body.replacen('{', &format!(r#"{{"x":{},"#, nested()), 1))
    }),
    fault("the right answer, called HTML", Right, StaysOpen, |body| status("200 OK", body)),
    fault("the right answer without a length", Right, Closes, |body| {
        Some(format!("HTTP/1.1 200 OK\r\n\r\n{body}").into())
    }),
    fault("the right answer in thousands of chunks", Right, StaysOpen, |body| {
        let mut chunks = Vec::new();
        for text in body.as_bytes().chunks(16) {
            chunks.extend_from_slice(format!("{:x}\r\n", text.len()).as_bytes());
            chunks.extend_from_slice(&[text, b"\r\n"].concat());
        }
        Some([chunked("")?, chunks, b"0\r\n\r\n".into()].concat())
    }),
    fault("the right answer, then one that nobody asked for", Right, StaysOpen, |body| {
        let lie = ok(r#"{"status":"OK","conversations":[],"friends":{},"messages":[]}"#)?;
        Some([ok(body)?, lie].concat())
    }),
];

const REJECTION: &str = r#"{"status":"ERROR","errormessage":"not today"}"#;

fn ok(body: &str) -> Option<Vec<u8>> {
    with_length(body, body.len())
}

fn with_length(body: &str, length: usize) -> Option<Vec<u8>> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
    Some(format!("{head}: {length}\r\n\r\n{body}").into())
}

fn nested() -> String {
    "[".repeat(5_000) + &"]".repeat(5_000)
}

fn half_a_head(body: &str) -> Option<Vec<u8>> {
    ok(body).map(|bytes| bytes[..40].to_vec())
}

fn half_a_body(body: &str) -> Option<Vec<u8>> {
    ok(body).map(|bytes| bytes[..bytes.len() - body.len() / 2].to_vec())
}

fn status(line: &str, body: &str) -> Option<Vec<u8>> {
    let length = body.len();
    let head = format!("HTTP/1.1 {line}\r\ncontent-type: text/html\r\ncontent-length: {length}");
    Some(format!("{head}\r\n\r\n{body}").into())
}

fn chunked(chunks: &str) -> Option<Vec<u8>> {
    Some(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}").into())
}

fn moved(line: &str) -> Option<Vec<u8>> {
    let head = format!("HTTP/1.1 {line}\r\nlocation: http://{ELSEWHERE}/\r\ncontent-length: 0");
    Some(format!("{head}\r\n\r\n").into())
}

/// A thousand times what is accepted, in less than is accepted.
fn gzip_bomb() -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..1 << 14 {
        encoder.write_all(&[b' '; 4096]).ok()?;
    }
    let body = encoder.finish().ok()?;
    assert!(body.len() < BODY_MAX_BYTES);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
    );
    Some([head.into_bytes(), body].concat())
}

/// Changes each member that the call is made for.
fn edited(body: &str, edit: fn(&mut serde_json::Map<String, Value>, &str)) -> Option<Vec<u8>> {
    let mut answer: Value = serde_json::from_str(body).ok()?;
    let members = answer.as_object_mut()?;
    let mut names: Vec<_> = members.keys().cloned().collect();
    names.retain(|name| name != "status" && name != "errormessage");
    for name in &names {
        edit(members, name);
    }
    // Some answers tell nothing but that it was done.
    if names.is_empty() { None } else { ok(&answer.to_string()) }
}

fn out_of_range(body: &str) -> Option<Vec<u8>> {
    let mut changed = String::with_capacity(body.len());
    let mut rest = body;
    for member in [r#""lastaccess":"#, r#""Created":"#] {
        while let Some((before, after)) = rest.split_once(member) {
            let end = after.find([',', '}'])?;
            let value = if member.contains('C') { r#""9999-99-99 99:99:99""# } else { "1e30" };
            changed.extend([before, member, value]);
            rest = &after[end..];
        }
    }
    if changed.is_empty() { None } else { ok(&(changed + rest)) }
}

/// A list of conversations that the caller has no part in, or another conversation than was changed.
fn of_another(body: &str) -> Option<Vec<u8>> {
    if body.contains(r#""conversations":"#) {
        return ok(&body.replace(ALICE, ANOTHER));
    }
    let (before, after) = body.split_once(r#""conversation":{"id":""#)?;
    ok(&format!(r#"{before}"conversation":{{"id":"{ANOTHER}{}"#, &after[ANOTHER.len()..]))
}
