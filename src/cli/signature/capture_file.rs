//! A capture file: one JSON object whose members are the texts of a signed request.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Faults;
use super::request::{BODY_MAX_BYTES, Given, Origin, RawRequest, signature};
use super::source::StandardInput;
use crate::ozeki::signature::detect::Capture;

/// A body of which each byte is written as an escape of six, and some room for the rest.
const FILE_MAX_BYTES: u64 = 7 * BODY_MAX_BYTES;

const MEMBERS: [&str; 8] =
    ["user", "station", "api", "action", "timestamp", "body", "signature", "key"];

/// Reads a capture; `key` stands in where the file has none.
pub(super) fn read(
    file: &str,
    key: Option<&Zeroizing<String>>,
    input: &mut StandardInput<'_>,
    faults: &mut Faults,
) -> Option<Capture> {
    let bytes = input.read_file(file, "--capture", FILE_MAX_BYTES, faults)?;
    let place = format!("--capture {file}");
    let mut members: Map<String, Value> = match serde_json::from_slice(&bytes) {
        Ok(members) => members,
        Err(error) if error.is_data() => {
            faults.add(place, "a capture is one JSON object");
            return None;
        }
        // Only the place in the file is told: what stands there may be a key.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            faults.add(place, format_args!("not valid JSON at line {line}, column {column}"));
            return None;
        }
    };
    let origin = Origin::CaptureFile(file);
    for name in members.keys().filter(|it| !MEMBERS.contains(&it.as_str())) {
        let known = MEMBERS.join(", ");
        faults.add(&place, format_args!("unknown member {name}; a capture has {known}"));
    }
    let mut take = |name: &str| text(members.remove(name), origin, name, faults);
    let raw = RawRequest {
        user: take("user"),
        station: take("station"),
        api: take("api"),
        action: take("action"),
        timestamp: take("timestamp"),
        body: match take("body") {
            Given::Text(body) => Given::Text(body.into_bytes()),
            Given::Not => Given::Not,
            Given::Unusable => Given::Unusable,
        },
        key: match (take("key"), key) {
            (Given::Text(_), Some(_)) => {
                faults.add(origin.place("key"), "give the key in one place only");
                Given::Unusable
            }
            (Given::Text(text), None) => Given::Text(Zeroizing::new(text)),
            (Given::Not, Some(key)) => Given::Text(key.clone()),
            (Given::Not, None) => Given::Not,
            (Given::Unusable, _) => Given::Unusable,
        },
    };
    let signature_text = text(members.remove("signature"), origin, "signature", faults);
    let request = raw.check(origin, faults);
    let signature = signature(signature_text, origin, faults);
    Some(Capture { request: request?, signature: signature? })
}

fn text(
    value: Option<Value>,
    origin: Origin<'_>,
    name: &str,
    faults: &mut Faults,
) -> Given<String> {
    match value {
        None | Some(Value::Null) => Given::Not,
        Some(Value::String(text)) => Given::Text(text),
        Some(_) if name == "body" => {
            faults.add(
                origin.place(name),
                "must be a string with the exact bytes: a JSON value has lost its blanks and their order",
            );
            Given::Unusable
        }
        Some(_) => {
            faults.add(origin.place(name), "must be a string");
            Given::Unusable
        }
    }
}
