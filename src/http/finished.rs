//! Finished answers as responses: what was compressed once is sent as it is.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::negotiation::MediaType;
use crate::graphql::{Engine, Finished};

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
    let encoded = only_list(headers).and_then(|accepted| finished.encoded_for(accepted));
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

/// The encodings that a client takes: every list that it sent.
pub(super) struct AcceptedEncodings(Vec<HeaderValue>);

impl AcceptedEncodings {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self(headers.get_all(ACCEPT_ENCODING).iter().cloned().collect())
    }
}

/// Compresses an answer for a client that takes it, and keeps the compressed form of one that may be asked for again.
///
/// At the fastest level: answers are made once each.
pub(super) async fn encoded(
    engine: &Engine,
    accepted: &AcceptedEncodings,
    mut response: Response,
) -> Response {
    let finished = response.extensions_mut().remove::<Arc<Finished>>();
    if response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let AcceptedEncodings(accepted) = accepted;
    if finished.is_some() && accepted.iter().all(|list| list == "identity") {
        response.headers_mut().append(VARY, VARY_BY_ENCODING);
        return response;
    }
    let response = Box::pin(compressed(accepted, response)).await;
    let encoding = response.headers().get(CONTENT_ENCODING).cloned();
    let (Some(finished), Some(encoding), [accepted]) = (finished, encoding, &accepted[..]) else {
        return response;
    };
    let (mut head, body) = response.into_parts();
    let most = finished.body().len().saturating_add(ENCODING_OVERHEAD_MAX);
    if let Ok(body) = to_bytes(body, most).await {
        engine.keep_encoded(&finished, accepted.clone(), encoding, body.clone());
        return Response::from_parts(head, Body::from(body));
    }
    head.headers.remove(CONTENT_ENCODING);
    Response::from_parts(head, Body::from(finished.body().clone()))
}

async fn compressed(accepted: &[HeaderValue], response: Response) -> Response {
    let mut request = Request::new(());
    for list in accepted {
        request.headers_mut().append(ACCEPT_ENCODING, list.clone());
    }
    let mut response = Some(response);
    let service = service_fn(move |_request: Request<()>| {
        ready(Ok::<_, Infallible>(response.take().unwrap_or_default()))
    });
    let layer = CompressionLayer::new().gzip(true).br(true).quality(CompressionLevel::Fastest);
    let Ok(response) = layer.layer(service).oneshot(request).await;
    response.map(Body::new)
}

/// The client's list of encodings, if it sent one list.
fn only_list(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut lists = headers.get_all(ACCEPT_ENCODING).iter();
    match (lists.next(), lists.next()) {
        (only, None) => only,
        (_, Some(_)) => None,
    }
}
