//! Spans as OTLP's JSON. Source: opentelemetry-proto, `trace/v1/trace.proto`, and "JSON Protobuf Encoding" of OTLP: ids in
//! hex, names in lowerCamelCase, 64-bit numbers as text.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::span::{Attribute, Ended, SpanKind, Value};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `STATUS_CODE_ERROR`; what has not failed is left unset.
const STATUS_ERROR: u8 = 2;

/// The trace is kept: the standard's flag, which stands on all that is sent.
const FLAGS: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: [KeyValue<'a>; 3],
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<SpanMessage<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanMessage<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    flags: u32,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<KeyValue<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    #[serde(serialize_with = "any_value")]
    value: &'a Value,
}

fn any_value<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    match value {
        Value::Text(text) => map.serialize_entry("stringValue", text)?,
        Value::Number(number) => map.serialize_entry("intValue", &number.to_string())?,
    }
    map.end()
}

fn nanoseconds(time: Duration) -> String {
    time.as_nanos().to_string()
}

impl<'a> From<&'a Ended> for SpanMessage<'a> {
    fn from(span: &'a Ended) -> Self {
        Self {
            trace_id: span.trace.to_string(),
            span_id: span.span.to_string(),
            parent_span_id: span.parent.as_ref().map(ToString::to_string),
            flags: FLAGS,
            name: &span.ending.name,
            kind: match span.kind {
                SpanKind::Internal => 1,
                SpanKind::Server => 2,
                SpanKind::Client => 3,
            },
            start_time_unix_nano: nanoseconds(span.start),
            end_time_unix_nano: nanoseconds(span.end),
            attributes: span.ending.attributes.iter().map(key_value).collect(),
            status: span.ending.is_error.then_some(Status { code: STATUS_ERROR }),
        }
    }
}

const fn key_value((key, value): &Attribute) -> KeyValue<'_> {
    KeyValue { key, value }
}

/// The body that sends these spans of this instance of the gateway.
pub(super) fn body(spans: &[Ended], instance: &Value) -> Vec<u8> {
    let (name, version) = (Value::Text(NAME.into()), Value::Text(VERSION.into()));
    let attributes = [
        KeyValue { key: "service.name", value: &name },
        KeyValue { key: "service.version", value: &version },
        KeyValue { key: "service.instance.id", value: instance },
    ];
    let spans = spans.iter().map(SpanMessage::from).collect();
    let scope_spans = [ScopeSpans { scope: Scope { name: NAME, version: VERSION }, spans }];
    let resource_spans = [ResourceSpans { resource: Resource { attributes }, scope_spans }];
    serde_json::to_vec(&Request { resource_spans })
        .expect("text and numbers can be written as JSON")
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    partial_success: PartialSuccess,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    rejected_spans: Rejected,
}

/// A 64-bit number is text by the standard, and a number from some who write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Rejected {
    Number(u64),
    Text(String),
}

impl Default for Rejected {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// How many spans the collector says that it did not take. An answer that cannot be read says nothing of any.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let answer: Answer = serde_json::from_slice(answer).unwrap_or_default();
    match answer.partial_success.rejected_spans {
        Rejected::Number(count) => count,
        Rejected::Text(count) => count.parse().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_did_not_take_is_read() {
        for (answer, expected) in [
            ("", 0),
            ("{}", 0),
            ("not JSON", 0),
            (r#"{"partialSuccess":{}}"#, 0),
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":4}}"#, 4),
            (r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#, 0),
        ] {
            assert_eq!(rejected(answer.as_bytes()), expected, "{answer}");
        }
    }
}
