//! Finished answers as responses: what was compressed once is sent as it is.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::HttpOptions;
use super::negotiation::MediaType;
use crate::graphql::Finished;

/// What compression may add to a text that it cannot shorten, in bytes: a head, and some for each block.
const ENCODING_OVERHEAD_MAX: usize = 1 << 10;

/// What compression says that its choice depends on.
const VARY_BY_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// The response of a finished answer. An answer without errors has status 200 in every media type.
pub(super) fn to_response(
    finished: Arc<Finished>,
    headers: &HeaderMap,
    media_type: MediaType,
) -> Response {
    let content_type = HeaderValue::from_static(media_type.content_type());
    let encoded = accepted(headers).and_then(|accepted| finished.encoded_for(accepted));
    if let Some(encoded) = encoded {
        let headers = [
            (CONTENT_TYPE, content_type),
            (CONTENT_ENCODING, encoded.encoding.clone()),
            (VARY, VARY_BY_ENCODING),
        ];
        return (StatusCode::OK, headers, encoded.body.clone()).into_response();
    }
    let body = finished.body().clone();
    let mut response = (StatusCode::OK, [(CONTENT_TYPE, content_type)], body).into_response();
    response.extensions_mut().insert(finished);
    response
}

/// Keeps the compressed form of an answer that may be asked for again.
pub(super) async fn keep_encoded(
    State(options): State<HttpOptions>,
    request: Request,
    next: Next,
) -> Response {
    let accepted = accepted(request.headers()).cloned();
    let mut response = next.run(request).await;
    let Some(finished) = response.extensions_mut().remove::<Arc<Finished>>() else {
        return response;
    };
    let encoding = response.headers().get(CONTENT_ENCODING).cloned();
    let (Some(accepted), Some(encoding)) = (accepted, encoding) else {
        return response;
    };
    let (mut head, body) = response.into_parts();
    let most = finished.body().len().saturating_add(ENCODING_OVERHEAD_MAX);
    if let Ok(body) = to_bytes(body, most).await {
        options.engine.keep_encoded(&finished, accepted, encoding, body.clone());
        return Response::from_parts(head, Body::from(body));
    }
    head.headers.remove(CONTENT_ENCODING);
    Response::from_parts(head, Body::from(finished.body().clone()))
}

/// The client's list of encodings, if it sent one list.
fn accepted(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut lists = headers.get_all(ACCEPT_ENCODING).iter();
    match (lists.next(), lists.next()) {
        (only, None) => only,
        (_, Some(_)) => None,
    }
}
