//! The messages of graphql-transport-ws, as text. Specification: "Message types" of the protocol.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::graphql::{Answer, Request};
use crate::http::error::RequestError;
use crate::http::request;

/// The sub-protocol; the older `graphql-ws` is not spoken.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// The longest id of an operation, in bytes: a UUID has 36, and each is kept as long as its operation.
const ID_MAX_BYTES: usize = 128;

/// What a client calls an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct OperationId(Box<str>);

impl From<&str> for OperationId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The payload of messages that leave it to both sides what is in it.
pub(super) type Payload = Map<String, Value>;

/// What a client says.
#[derive(Debug)]
pub(super) enum ClientMessage {
    /// `connection_init`.
    Init(Option<Payload>),
    /// `ping`.
    Ping(Option<Payload>),
    /// `pong`.
    Pong,
    /// `subscribe`: an operation of any kind.
    Subscribe(OperationId, Request),
    /// `complete`: the answers of an operation are no more wanted.
    Complete(OperationId),
}

/// A message is none of the protocol's. The text goes into the reason of a close frame and repeats nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidMessage {
    #[error("a message is text, not binary")]
    Binary,
    #[error("the message holds more values, or deeper ones, than a request may")]
    TooManyValues,
    #[error("the message is no JSON object")]
    NotAnObject,
    #[error("`type` must name a message that a client may send")]
    UnknownType,
    #[error("`id` must be a text of 1 to {ID_MAX_BYTES} bytes")]
    WrongId,
    #[error("`payload` must be a JSON object")]
    WrongPayload,
    #[error("{0}")]
    NoRequest(RequestError),
}

impl ClientMessage {
    /// Reads a message of at most the length that a socket takes.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`] when it is none that the protocol lets a client send.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidMessage> {
        let mut members: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| InvalidMessage::NotAnObject)?;
        let kind = members.remove("type");
        match kind.as_ref().and_then(Value::as_str) {
            Some("connection_init") => Ok(Self::Init(free_payload(&mut members)?)),
            Some("ping") => Ok(Self::Ping(free_payload(&mut members)?)),
            Some("pong") => free_payload(&mut members).map(|_| Self::Pong),
            Some("subscribe") => {
                let id = id(&members)?;
                let payload = free_payload(&mut members)?.ok_or(InvalidMessage::WrongPayload)?;
                let request = request::from_members(payload).map_err(InvalidMessage::NoRequest)?;
                Ok(Self::Subscribe(id, request))
            }
            Some("complete") => Ok(Self::Complete(id(&members)?)),
            _ => Err(InvalidMessage::UnknownType),
        }
    }
}

fn id(members: &Map<String, Value>) -> Result<OperationId, InvalidMessage> {
    let id = members.get("id").and_then(Value::as_str).ok_or(InvalidMessage::WrongId)?;
    if (1..=ID_MAX_BYTES).contains(&id.len()) {
        Ok(OperationId::from(id))
    } else {
        Err(InvalidMessage::WrongId)
    }
}

fn free_payload(members: &mut Map<String, Value>) -> Result<Option<Payload>, InvalidMessage> {
    match members.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(InvalidMessage::WrongPayload)
        }
    }
}

/// What the gateway says.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServerMessage<'a> {
    /// `connection_ack`.
    Acknowledge,
    /// `ping`.
    Ping,
    /// `pong`, with what the ping brought.
    Pong(Option<&'a Payload>),
    /// `next`: an answer of an operation.
    Next(&'a OperationId, &'a Answer),
    /// `error`: the errors of an operation that was not run.
    Error(&'a OperationId, &'a Answer),
    /// `complete`: there are no more answers.
    Complete(&'a OperationId),
}

impl ServerMessage<'_> {
    /// The message as text.
    pub(super) fn to_text(self) -> String {
        let text = match self {
            Self::Acknowledge => envelope("connection_ack", None, None::<()>),
            Self::Ping => envelope("ping", None, None::<()>),
            Self::Pong(payload) => envelope("pong", None, payload),
            Self::Next(id, answer) => next(id, &answer.to_bytes()),
            Self::Error(id, answer) => envelope("error", Some(id), Some(answer.listed_errors())),
            Self::Complete(id) => envelope("complete", Some(id), None::<()>),
        };
        text.expect("text, numbers and lists can be written as JSON")
    }
}

/// The answer's bytes are ready; they stand in the message as they are.
fn next(id: &OperationId, answer: &[u8]) -> serde_json::Result<String> {
    let id = serde_json::to_string(id)?;
    let answer = std::str::from_utf8(answer).expect("JSON is UTF-8");
    Ok(format!(r#"{{"id":{id},"type":"next","payload":{answer}}}"#))
}

fn envelope(
    kind: &'static str,
    id: Option<&OperationId>,
    payload: Option<impl Serialize>,
) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Envelope<'a, P> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a OperationId>,
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<P>,
    }
    serde_json::to_string(&Envelope { id, kind, payload })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graphql::ErrorCode;

    #[test]
    fn a_message_of_a_client_is_read() {
        let parse = |text: &str| ClientMessage::parse(text).unwrap();
        assert!(matches!(parse(r#"{"type":"connection_init"}"#), ClientMessage::Init(None)));
        assert!(matches!(
            parse(r#"{"type":"connection_init","payload":{"a":1}}"#),
            ClientMessage::Init(Some(_))
        ));
        assert!(matches!(parse(r#"{"type":"ping","payload":null}"#), ClientMessage::Ping(None)));
        assert!(matches!(parse(r#"{"payload":{},"type":"pong"}"#), ClientMessage::Pong));
        let subscribe =
            r#"{"id":"1","type":"subscribe","payload":{"query":"{a}","variables":null}}"#;
        let ClientMessage::Subscribe(id, request) = parse(subscribe) else { panic!("subscribe") };
        assert_eq!((id, &*request.query), (OperationId::from("1"), "{a}"));
        assert!(matches!(parse(r#"{"type":"complete","id":"1"}"#), ClientMessage::Complete(_)));
    }

    #[test]
    fn what_is_no_message_of_a_client_is_refused() {
        let long_id = "x".repeat(ID_MAX_BYTES + 1);
        let refused = |text: &str| ClientMessage::parse(text).unwrap_err();
        for text in ["", "{", "[]", "null", "\"ping\"", "{} {}"] {
            assert_eq!(refused(text), InvalidMessage::NotAnObject, "{text}");
        }
        for text in ["{}", r#"{"type":1}"#, r#"{"type":"start","id":"1"}"#, r#"{"type":"next"}"#] {
            assert_eq!(refused(text), InvalidMessage::UnknownType, "{text}");
        }
        for id in ["", r#""id":1,"#, r#""id":"","#, &format!(r#""id":"{long_id}","#)] {
            let text = format!(r#"{{{id}"type":"subscribe","payload":{{"query":"a"}}}}"#);
            assert_eq!(refused(&text), InvalidMessage::WrongId, "{text}");
        }
        for (kind, payload) in [("subscribe", "null"), ("subscribe", "[]"), ("ping", "1")] {
            let text = format!(r#"{{"id":"1","type":"{kind}","payload":{payload}}}"#);
            assert_eq!(refused(&text), InvalidMessage::WrongPayload, "{text}");
        }
        let text = r#"{"id":"1","type":"subscribe","payload":{"query":"a","variables":[]}}"#;
        assert!(matches!(refused(text), InvalidMessage::NoRequest(_)));
    }

    #[test]
    fn a_message_of_the_gateway_has_the_members_that_the_protocol_names() {
        let id = OperationId::from("a\"b");
        let answer = Answer::request_error(ErrorCode::BadRequest, "no");
        let errors = r#"[{"message":"no","extensions":{"code":"BAD_REQUEST"}}]"#;
        for (message, expected) in [
            (ServerMessage::Acknowledge, r#"{"type":"connection_ack"}"#.to_owned()),
            (ServerMessage::Pong(None), r#"{"type":"pong"}"#.to_owned()),
            (ServerMessage::Complete(&id), r#"{"id":"a\"b","type":"complete"}"#.to_owned()),
            (
                ServerMessage::Next(&id, &answer),
                format!(r#"{{"id":"a\"b","type":"next","payload":{{"errors":{errors}}}}}"#),
            ),
            (
                ServerMessage::Error(&id, &answer),
                format!(r#"{{"id":"a\"b","type":"error","payload":{errors}}}"#),
            ),
        ] {
            assert_eq!(message.to_text(), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in "\\PC{0,60}|[{}\\[\\]\":,a-z0-9 ]{0,80}",
            kind in "connection_init|ping|pong|subscribe|complete|\\PC{0,8}",
            payload in "null|\\{\\}|\\{\"query\":\"\\PC{0,12}\"\\}|\\[|1",
        ) {
            let _ = ClientMessage::parse(&text);
            let text = format!(r#"{{"type":"{kind}","id":"{text}","payload":{payload}}}"#);
            if let Err(error) = ClientMessage::parse(&text) {
                prop_assert!(error.to_string().len() < 200);
            }
        }
    }
}
