//! What a request's own span tells: what its line in the log tells, by OpenTelemetry's conventions.

use std::borrow::Cow;

use axum::http::{HeaderValue, Method, StatusCode};

use crate::telemetry::{Attribute, Ending, OperationFacts, OperationKind, Value};

/// Methods that a client made up are one: a span's name is one of few, and a line in the log is short.
const KNOWN_METHODS: [Method; 9] = [
    Method::GET,
    Method::POST,
    Method::OPTIONS,
    Method::HEAD,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::CONNECT,
    Method::TRACE,
];

/// The name under which log and spans tell of a method; none of one that a client made up.
fn known_name(method: &Method) -> Option<&str> {
    KNOWN_METHODS.contains(method).then(|| method.as_str())
}

/// The same, with a name for those that a client made up.
pub(super) fn name_of(method: &Method) -> &str {
    known_name(method).unwrap_or("_OTHER")
}

/// How much of its answer the client got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    CutOff,
    Abandoned,
}

/// What HTTP says of a request.
pub(super) struct HttpFacts<'a> {
    pub(super) id: Option<&'a HeaderValue>,
    pub(super) method: &'a Method,
    /// None where no route was met.
    pub(super) route: Option<&'a str>,
    pub(super) status: Option<StatusCode>,
    pub(super) delivery: Delivery,
}

/// The span of a request over HTTP.
pub(super) fn of_request(facts: &HttpFacts<'_>, operation: OperationFacts) -> Ending {
    let method = name_of(facts.method);
    let shown = known_name(facts.method).unwrap_or("HTTP");
    let name = match facts.route {
        Some(route) => format!("{shown} {route}"),
        None => shown.to_owned(),
    };
    let mut attributes = of_operation(operation);
    attributes.push(("http.request.method", text(method.to_owned())));
    if let Some(route) = facts.route {
        attributes.push(("http.route", text(route.to_owned())));
    }
    if let Some(id) = facts.id.and_then(|id| id.to_str().ok()) {
        attributes.push(("ozeki_graphql.request_id", text(id.to_owned())));
    }
    if let Some(status) = facts.status {
        let status = status.as_u16().into();
        attributes.push(("http.response.status_code", Value::Number(status)));
    }
    let delivery = match facts.delivery {
        Delivery::Whole => "whole",
        Delivery::CutOff => "cut_off",
        Delivery::Abandoned => "abandoned",
    };
    attributes.push(("ozeki_graphql.delivery", text(delivery)));
    let failure = facts.status.filter(StatusCode::is_server_error);
    if let Some(status) = failure {
        attributes.push(("error.type", text(status.as_str().to_owned())));
    }
    Ending { name: name.into(), attributes, is_error: failure.is_some() }
}

/// The span of an operation over a socket.
pub(super) fn of_socket_operation(operation: OperationFacts) -> Ending {
    // The operation's name is the client's to choose, so it is an attribute only.
    let name = operation.kind.map_or("operation", OperationKind::as_str);
    Ending { name: name.into(), attributes: of_operation(operation), is_error: false }
}

fn of_operation(operation: OperationFacts) -> Vec<Attribute> {
    let OperationFacts { name, kind, document, outcome } = operation;
    let facts = [
        // As long as the limit `name_bytes` allows: longer names are refused before an operation is chosen.
        ("graphql.operation.name", name.map(|name| text(String::from(name)))),
        ("graphql.operation.type", kind.map(|kind| text(kind.as_str()))),
        ("ozeki_graphql.document_hash", document.map(|hash| text(String::from(hash)))),
        ("ozeki_graphql.outcome", outcome.map(text)),
    ];
    facts.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn text(text: impl Into<Cow<'static, str>>) -> Value {
    Value::Text(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_a_client_made_up_has_one_short_name() {
        let long = Method::from_bytes(&[b'X'; 10_000]).unwrap();
        assert_eq!([name_of(&long), name_of(&Method::PATCH)], ["_OTHER", "PATCH"]);
    }
}
