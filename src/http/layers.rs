//! The layers around all routes, and why each stands where it does.

use std::any::Any;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::negotiation::MediaType;
use super::origin::AllowedOrigins;
use super::request_id;
use crate::graphql::{Answer, ErrorCode};
use crate::telemetry::Account;

/// What an answer of GraphQL depends on besides the URL; a cache in between must know, although it must not keep it
/// anyway.
const VARY_BY: HeaderValue =
    HeaderValue::from_static("Accept, Authorization, Ozeki-User, Ozeki-Station, Ozeki-Signature");

const NEVER_STORED: HeaderValue = HeaderValue::from_static("private, no-store");

/// On every answer that does not say otherwise: nothing of it is guessed, framed, run or read by another site.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// A year. Neighbouring names are the company's to decide on, so they are not included.
const ENCRYPTED_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Wraps the routes; the last layer is the outermost.
pub(super) fn with_layers(router: Router, origins: &AllowedOrigins, is_encrypted: bool) -> Router {
    // Next to the routes: a panic costs one answer, and that answer still gets the headers and its log line.
    let mut router = router.layer(CatchPanicLayer::custom(panicked));
    if let Some(cors) = origins.cors_layer() {
        // Around all that answers, so that a page of a listed origin can read every refusal too.
        router = router.layer(cors);
    }
    // Around the answers to preflights as well.
    router = router.layer(middleware::from_fn(with_headers));
    if is_encrypted {
        let header = STRICT_TRANSPORT_SECURITY;
        router = router.layer(SetResponseHeaderLayer::overriding(header, ENCRYPTED_ONLY));
    }
    // Outermost: every answer has an id, and every log line within is under it.
    router.layer(middleware::from_fn(request_id::with_request_id))
}

/// Sees to it that no answer of GraphQL is stored, whoever of us gave it, and that all are safe to show.
async fn with_headers(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_graphql = path == "/graphql" || path.starts_with("/graphql/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if is_graphql {
        headers.insert(CACHE_CONTROL, NEVER_STORED);
        // Those of compression and of CORS stand behind it.
        let further: Vec<HeaderValue> = headers.get_all(VARY).iter().cloned().collect();
        headers.insert(VARY, VARY_BY);
        for value in further {
            headers.append(VARY, value);
        }
    } else {
        headers.entry(CACHE_CONTROL).or_insert(NEVER_STORED);
    }
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(value);
    }
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the layer asks for this signature")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let content_type = [(CONTENT_TYPE, MediaType::Json.content_type())];
    let body = panic_answer(&*panic).to_bytes();
    (StatusCode::INTERNAL_SERVER_ERROR, content_type, body).into_response()
}

/// Logs a panic and makes the answer that it costs.
pub(super) fn panic_answer(panic: &(dyn Any + Send)) -> Answer {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("no text"), "a request panicked");
    Account::note_outcome(ErrorCode::Internal.as_str());
    Answer::request_error(
        ErrorCode::Internal,
        "the gateway failed on this request; its `x-request-id` names it in the log",
    )
}
