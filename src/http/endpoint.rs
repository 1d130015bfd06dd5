//! `/graphql` over HTTP.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router, middleware};
use tokio::time::{Instant, timeout_at};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::error::RequestError;
use super::negotiation::{EventStream, MediaType};
use super::{
    HttpOptions, PeerAddress, client_address, credentials, finished, request, sse, websocket,
};
use crate::graphql::{Answer, Freshness, OperationType, Request, RequestContext};
use crate::session::{Authentication, ClientNetwork};

/// What may be run by POST.
const BY_POST: [OperationType; 3] =
    [OperationType::Query, OperationType::Mutation, OperationType::Subscription];

/// What may be run by GET: what changes nothing.
const BY_GET: [OperationType; 2] = [OperationType::Query, OperationType::Subscription];

pub(super) fn router(options: HttpOptions) -> Router {
    let compression =
        CompressionLayer::new().gzip(true).br(true).quality(CompressionLevel::Fastest);
    let methods = post(post_graphql).get(get_graphql).fallback(other_method);
    // Around compression: it keeps what that made.
    let keeping = middleware::from_fn_with_state(options.clone(), finished::keep_encoded);
    Router::new().route("/graphql", methods).with_state(options).layer(compression).layer(keeping)
}

async fn post_graphql(
    State(options): State<HttpOptions>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let deadline = Instant::now() + options.request_timeout;
    answered(&options, peer, &headers, async |media_type, asker| {
        request::check_content_type(&headers)?;
        let body = read_body(&headers, body, options.body_max_bytes, deadline).await?;
        if let Err(answer) = options.engine.check_text(&body) {
            return Ok(to_response(&answer, media_type));
        }
        let request = request::from_body(&body)?;
        run(&options, request, asker.context(&headers, deadline), &headers, media_type, &BY_POST)
            .await
    })
    .await
}

async fn get_graphql(
    State(options): State<HttpOptions>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    RawQuery(query_string): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if websocket::is_asked_for(&headers) {
        let opened = Asker::admitted(&options, peer, &headers)
            .and_then(|asker| websocket::open(&options, asker, &headers, upgrade));
        return opened.unwrap_or_else(|error| error.into_response(MediaType::Json));
    }
    let deadline = Instant::now() + options.request_timeout;
    answered(&options, peer, &headers, async |media_type, asker| {
        request::check_preflight_header(&headers)?;
        // Not scanned as a body is: a URL has at most 64 KiB, and that bounds what is decoded from it.
        let request: Request =
            request::from_query_string(query_string.as_deref().unwrap_or_default())?;
        run(&options, request, asker.context(&headers, deadline), &headers, media_type, &BY_GET)
            .await
    })
    .await
}

async fn other_method(
    State(options): State<HttpOptions>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
) -> Response {
    let refused = async |_media_type, _asker| Err(RequestError::MethodNotAllowed);
    answered(&options, peer, &headers, refused).await
}

/// Who asks, and from where.
pub(super) struct Asker {
    pub(super) authentication: Authentication,
    pub(super) client: ClientNetwork,
}

impl Asker {
    /// Finds out who asks, and charges them for it: before a body is read, so that one that is too many costs little.
    fn admitted(
        options: &HttpOptions,
        peer: PeerAddress,
        headers: &HeaderMap,
    ) -> Result<Self, RequestError> {
        let client = client_address::of(peer, headers, &options.trusted_proxies).into();
        let authentication = options.sessions.authenticate(credentials::presented(headers));
        options.sessions.admit(&authentication, client)?;
        Ok(Self { authentication, client })
    }

    fn context(self, headers: &HeaderMap, deadline: Instant) -> RequestContext {
        let Self { authentication, client } = self;
        RequestContext { authentication, client, freshness: freshness(headers), deadline }
    }
}

/// Settles the media type first, so that every refusal has the one that the client asked for; then who asks.
async fn answered(
    options: &HttpOptions,
    peer: PeerAddress,
    headers: &HeaderMap,
    respond: impl AsyncFnOnce(MediaType, Asker) -> Result<Response, RequestError>,
) -> Response {
    let accepted = MediaType::accepted(headers);
    // Who takes events only gets refusals all the same: of HTTP, and not of GraphQL.
    let media_type = accepted.unwrap_or(MediaType::Json);
    let takes_events = MediaType::event_stream(headers) != EventStream::Refused;
    let result = match Asker::admitted(options, peer, headers) {
        Ok(asker) if accepted.is_some() || takes_events => respond(media_type, asker).await,
        Ok(_) => Err(RequestError::NotAcceptable),
        Err(error) => Err(error),
    };
    result.unwrap_or_else(|error| error.into_response(media_type))
}

/// Reads a body of at most `limit` bytes until the deadline; one that is announced as longer is not begun.
async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    deadline: Instant,
) -> Result<Bytes, RequestError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| usize::try_from(length).map_or(true, |it| it > limit)) {
        return Err(RequestError::BodyTooLarge { limit });
    }
    let is_limit = |error: &axum::Error| {
        let source = std::error::Error::source(error);
        source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>)
    };
    let body = timeout_at(deadline, axum::body::to_bytes(body, limit)).await;
    body.map_err(|_elapsed| RequestError::BodyTooSlow)?.map_err(|error| {
        if is_limit(&error) {
            RequestError::BodyTooLarge { limit }
        } else {
            RequestError::BodyIncomplete
        }
    })
}

/// Runs a request, if it is of one of these kinds, and answers in the way that the client asked for.
async fn run(
    options: &HttpOptions,
    request: Request,
    context: RequestContext,
    headers: &HeaderMap,
    media_type: MediaType,
    kinds: &[OperationType],
) -> Result<Response, RequestError> {
    let events = MediaType::event_stream(headers);
    // Only queries are kept, and those may be asked in any way.
    if events != EventStream::Preferred
        && let Some(finished) = options.engine.recall(&request, &context)
    {
        return Ok(finished::to_response(finished, headers, media_type));
    }
    let operation = match options.engine.prepare(request, &context).await {
        Ok(operation) => operation,
        Err(answer) if events == EventStream::Preferred => return Ok(sse::refuse(&answer)),
        Err(answer) => return Ok(to_response(&answer, media_type)),
    };
    if !kinds.contains(&operation.kind()) {
        return Err(RequestError::NotAQuery);
    }
    match (events, operation.kind()) {
        (EventStream::Preferred, _) | (EventStream::Accepted, OperationType::Subscription) => {
            sse::respond(options, operation, context)
        }
        (EventStream::Refused, OperationType::Subscription) => {
            Err(RequestError::SubscriptionNeedsStream)
        }
        (_, OperationType::Query | OperationType::Mutation) => {
            Ok(to_response(&options.engine.execute(operation, context).await, media_type))
        }
    }
}

/// `Cache-Control: no-cache` on a request makes its reads go upstream.
fn freshness(headers: &HeaderMap) -> Freshness {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = values.flat_map(|value| value.split(',')).map(str::trim);
    if directives.any(|directive| directive.eq_ignore_ascii_case("no-cache")) {
        Freshness::Upstream
    } else {
        Freshness::Cached
    }
}

fn to_response(answer: &Answer, media_type: MediaType) -> Response {
    let status: StatusCode = media_type.status(answer);
    let content_type = [(CONTENT_TYPE, media_type.content_type())];
    let mut response = (status, content_type, answer.to_bytes()).into_response();
    if let Some(seconds) = answer.overloaded_for_seconds() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if let Some(finished) = answer.finished() {
        response.extensions_mut().insert(Arc::clone(finished));
    }
    response
}
