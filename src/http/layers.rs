//! The layers around all routes, and why each stands where it does.

use std::any::Any;

use axum::Router;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::negotiation::MediaType;
use super::request_id;
use crate::graphql::{Answer, ErrorCode};

/// Wraps the routes; the last layer is the outermost.
pub(super) fn with_layers(router: Router) -> Router {
    let no_sniffing = SetResponseHeaderLayer::if_not_present(
        X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    router
        // Next to the routes: a panic costs one answer, and that answer still gets the headers and its log line.
        .layer(CatchPanicLayer::custom(panicked))
        .layer(no_sniffing)
        // Outermost: every answer has an id, and every log line within is under it.
        .layer(middleware::from_fn(request_id::with_request_id))
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
    Answer::request_error(
        ErrorCode::Internal,
        "the gateway failed on this request; its `x-request-id` names it in the log",
    )
}
