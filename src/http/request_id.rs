//! An id for each request, in its log line and its answer.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

use super::summary::Summary;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer than the ids of common proxies; it bounds what a client can put into our log.
const REQUEST_ID_MAX_BYTES: usize = 64;

/// Takes the client's or proxy's id, if it is a plain one, or makes one; one line tells what became of the request.
pub(super) async fn with_request_id(mut request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(new_id);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let text = id.to_str().unwrap_or_default().to_owned();
    let method = request.method().clone();
    // The route and not the path: a GET's query string may hold variables.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    // At every level of the log, so that its lines keep the id.
    let span = tracing::error_span!("request", request_id = text);
    let summary = Summary::of_request(span.clone(), method, route);
    let answered = next.run(request).instrument(span);
    let mut response = summary.account().scope(answered).await;
    response.headers_mut().insert(REQUEST_ID, id);
    let (parts, body) = response.into_parts();
    let body = summary.follow(parts.status, body);
    Response::from_parts(parts, body)
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
