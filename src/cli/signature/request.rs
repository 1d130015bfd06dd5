//! The parts of a request before they are checked, from flags or from a capture file.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use super::Faults;
use crate::ozeki::signature::Signature;
use crate::ozeki::signature::detect::Request;
use crate::ozeki::{ApiKey, UserId};

/// Far above any call of a chat client; a search hashes the body millions of times.
pub(super) const BODY_MAX_BYTES: u64 = 1024 * 1024;

/// A text that was asked for.
#[derive(Default)]
pub(super) enum Given<T> {
    #[default]
    Not,
    /// It was given, but not usable: there is a fault about it already.
    Unusable,
    Text(T),
}

impl<T> Given<T> {
    pub(super) fn from_readable(text: Option<T>) -> Self {
        text.map_or(Self::Unusable, Self::Text)
    }

    fn required(self, place: impl fmt::Display, what: &str, faults: &mut Faults) -> Option<T> {
        match self {
            Self::Text(text) => Some(text),
            Self::Unusable => None,
            Self::Not => {
                faults.add(place, format_args!("missing; {what}"));
                None
            }
        }
    }
}

impl<T> From<Option<T>> for Given<T> {
    fn from(text: Option<T>) -> Self {
        text.map_or(Self::Not, Self::Text)
    }
}

/// Where a request came from: what a fault about one of its parts names.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    Flags,
    CaptureFile(&'a str),
}

impl Origin<'_> {
    pub(super) fn place(self, name: &str) -> String {
        match self {
            Self::Flags if matches!(name, "body" | "key") => format!("--{name} or --{name}-file"),
            Self::Flags => format!("--{name}"),
            Self::CaptureFile(file) if name == "key" => {
                format!("--capture {file}: member key, or --key-file")
            }
            Self::CaptureFile(file) => format!("--capture {file}: member {name}"),
        }
    }
}

/// The texts of a request before they are checked.
#[derive(Default)]
pub(super) struct RawRequest {
    pub(super) user: Given<String>,
    pub(super) station: Given<String>,
    pub(super) api: Given<String>,
    pub(super) action: Given<String>,
    pub(super) timestamp: Given<String>,
    pub(super) body: Given<Vec<u8>>,
    pub(super) key: Given<Zeroizing<String>>,
}

impl RawRequest {
    /// Checks every part; `None` when there is at least one fault.
    pub(super) fn check(self, origin: Origin<'_>, faults: &mut Faults) -> Option<Request> {
        let user = self.user.required(
            origin.place("user"),
            "the Ozeki-User header, or the e-mail address it is made of",
            faults,
        );
        let user = user.and_then(|text| parsed(user_id(&text), origin.place("user"), faults));
        let station =
            self.station.required(origin.place("station"), "the Ozeki-Station header", faults);
        let station =
            station.and_then(|text| parsed(text.trim().parse(), origin.place("station"), faults));
        let api = self.api.required(
            origin.place("api"),
            "the api of the query string, such as chatconversation",
            faults,
        );
        let body = self.body.required(origin.place("body"), "the exact bytes of the body", faults);
        let key = self.key.required(origin.place("key"), "the caller's API key", faults);
        let key = key.and_then(|text| parsed(ApiKey::parse(&text), origin.place("key"), faults));
        let body = body?;
        let members = Members::of(&body);
        Some(Request {
            user: user?,
            station: station?,
            api: api?,
            action: members.or(self.action, "action"),
            timestamp: members.or(self.timestamp, "timestamp"),
            body,
            key: key?,
        })
    }
}

/// Checks a captured signature.
pub(super) fn signature(
    text: Given<String>,
    origin: Origin<'_>,
    faults: &mut Faults,
) -> Option<Signature> {
    let place = origin.place("signature");
    let text = text.required(&place, "the Ozeki-Signature header", faults)?;
    parsed(Signature::parse(text.trim()), place, faults)
}

fn user_id(text: &str) -> Result<UserId, String> {
    if text.contains('@') {
        UserId::from_email(text).map_err(|error| error.to_string())
    } else {
        let id = text.trim().parse();
        id.map_err(|error| format!("{error}, or an e-mail address"))
    }
}

fn parsed<T, E: fmt::Display>(
    result: Result<T, E>,
    place: String,
    faults: &mut Faults,
) -> Option<T> {
    result.map_err(|error| faults.add(place, error)).ok()
}

/// The members of a body that a recipe can name.
struct Members(Value);

impl Members {
    /// A body that is no JSON has none.
    fn of(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    /// The text given, else the member, else nothing.
    fn or(&self, given: Given<String>, name: &str) -> String {
        match given {
            Given::Text(text) => text,
            Given::Not | Given::Unusable => {
                self.0.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
            }
        }
    }
}
