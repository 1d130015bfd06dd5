//! A call as it arrived, read as far as it can be, but not checked yet.

use std::str::FromStr;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::Refusal;
use crate::ozeki::{ConversationId, Timestamp, UserId};

/// The most that a call may carry, told in the refusal.
const BODY_MAX_BYTES: usize = 1024 * 1024;

/// How much of too large a body is read and dropped, so that the client reads the refusal and no broken pipe.
const DRAIN_MAX_BYTES: usize = 8 * BODY_MAX_BYTES;

/// The longest name that the journal keeps: every documented `api` and `action` is shorter.
const JOURNALLED_NAME_MAX: usize = 64;

const ID: &str = "32 lower-case hex digits";

/// What a member that dates something has to be.
pub(super) const TIMESTAMP: &str = "a UTC time written yyyy-MM-dd HH:mm:ss";

/// A call as it arrived.
pub(super) struct Incoming {
    pub(super) method: Method,
    pub(super) service: String,
    pub(super) api: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    members: Result<Map<String, Value>, Refusal>,
}

impl Incoming {
    /// Reads the whole call; what is wrong with its body is told when a member is asked for.
    pub(super) async fn read(parts: Parts, body: Body) -> Self {
        let body = read(body).await;
        let members = body.clone().and_then(|bytes| members(&bytes));
        Self {
            method: parts.method,
            service: query_value(parts.uri.query(), "srv"),
            api: query_value(parts.uri.query(), "api"),
            headers: parts.headers,
            body: body.unwrap_or_default(),
            members,
        }
    }

    /// The body's members.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the body is too large, was interrupted or is not a JSON object.
    pub(super) fn members(&self) -> Result<&Map<String, Value>, Refusal> {
        self.members.as_ref().map_err(|refusal| *refusal)
    }

    /// A member that has to be a string.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when there is no such member, or no string.
    pub(super) fn text(&self, name: &'static str) -> Result<&str, Refusal> {
        let value = self.member(name)?;
        value.as_str().ok_or(Refusal::InvalidMember { name, expected: "a string" })
    }

    /// A member that has to be an integer.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when there is no such member, or no integer.
    pub(super) fn integer(&self, name: &'static str) -> Result<i64, Refusal> {
        let value = self.member(name)?;
        value.as_i64().ok_or(Refusal::InvalidMember { name, expected: "an integer" })
    }

    /// A member that has to be a point in time.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when there is no such member, or no timestamp.
    pub(super) fn timestamp(&self, name: &'static str) -> Result<Timestamp, Refusal> {
        let text = self.text(name)?;
        text.parse().map_err(|_| Refusal::InvalidMember { name, expected: TIMESTAMP })
    }

    /// A member that has to be a conversation's id, in the documented form only.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when there is no such member, or no id.
    pub(super) fn conversation_id(&self, name: &'static str) -> Result<ConversationId, Refusal> {
        documented_id(self.text(name)?).ok_or(Refusal::InvalidMember { name, expected: ID })
    }

    /// A member that has to be a list.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when there is no such member, or no list.
    pub(super) fn list(&self, name: &'static str) -> Result<&[Value], Refusal> {
        let list = self.member(name)?.as_array();
        list.map(Vec::as_slice).ok_or(Refusal::InvalidMember { name, expected: "a list" })
    }

    /// A header that has to be there.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it is not, or is not ASCII.
    pub(super) fn header(&self, name: &'static str) -> Result<&str, Refusal> {
        let value = self.headers.get(name).ok_or(Refusal::MissingHeader(name))?;
        value.to_str().map_err(|_| Refusal::InvalidHeader { name, expected: "visible ASCII" })
    }

    /// A header that has to be an id, in the documented form only.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it is not there, or no id.
    pub(super) fn id_header<Id: FromStr + ToString>(
        &self,
        name: &'static str,
    ) -> Result<Id, Refusal> {
        documented_id(self.header(name)?).ok_or(Refusal::InvalidHeader { name, expected: ID })
    }

    /// Whether the call says that its body is JSON, in whatever charset.
    pub(super) fn is_json(&self) -> bool {
        let content_type = self.header(header::CONTENT_TYPE.as_str()).unwrap_or("");
        let media_type = content_type.split(';').next().unwrap_or("").trim();
        media_type.eq_ignore_ascii_case("application/json")
    }

    /// The api and action as far as they can be read, made fit for a log line.
    pub(super) fn journalled_names(&self) -> (String, String) {
        let action = self.text("action").unwrap_or("");
        (journalled(&self.api), journalled(action))
    }

    /// Whom the call claims to be from.
    pub(super) fn claimed_user(&self) -> Option<UserId> {
        self.header("Ozeki-User").ok()?.parse().ok()
    }

    fn member(&self, name: &'static str) -> Result<&Value, Refusal> {
        self.members()?.get(name).ok_or(Refusal::MissingMember(name))
    }
}

/// Reads an id in lower-case digits: the ids themselves read digits of either case.
fn documented_id<Id: FromStr + ToString>(text: &str) -> Option<Id> {
    text.parse().ok().filter(|id: &Id| id.to_string() == text)
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    let mut chunks = body.into_data_stream();
    let mut buffer = BytesMut::new();
    let mut length = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::BodyInterrupted)?;
        length = length.saturating_add(chunk.len());
        if length > DRAIN_MAX_BYTES {
            break;
        }
        if length <= BODY_MAX_BYTES {
            buffer.extend_from_slice(&chunk);
        }
    }
    if length > BODY_MAX_BYTES {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(buffer.freeze())
}

fn members(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(Refusal::NotAnObject),
    }
}

fn query_value(query: Option<&str>, name: &str) -> String {
    url::form_urlencoded::parse(query.unwrap_or("").as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn journalled(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(JOURNALLED_NAME_MAX).collect()
}
