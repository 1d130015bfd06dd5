//! An id for each request, in its log line and its answer.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer than the ids of common proxies; it bounds what a client can put into our log.
const REQUEST_ID_MAX_BYTES: usize = 64;

/// Takes the client's or proxy's id, if it is a plain one, or makes one; logs one line when the request is answered.
pub(super) async fn with_request_id(mut request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(new_id);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let text = id.to_str().unwrap_or_default().to_owned();
    let method = request.method().clone();
    // The route and not the path: a GET's query string may hold variables.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let started = Instant::now();
    // At every level of the log, so that its lines keep the id.
    let span = tracing::error_span!("request", request_id = text);
    let mut response = next.run(request).instrument(span.clone()).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    let route = route.as_deref().unwrap_or("none");
    span.in_scope(|| tracing::info!(%method, route, status, duration_ms, "request answered"));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    let is_valid =
        (1..=REQUEST_ID_MAX_BYTES).contains(&id.len()) && id.as_bytes().iter().all(is_plain);
    is_valid.then(|| id.clone())
}

fn new_id() -> HeaderValue {
    HeaderValue::from_str(&Uuid::new_v4().to_string()).expect("a UUID is visible ASCII")
}
