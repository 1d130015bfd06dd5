//! `/graphql` over HTTP.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::BytesMut;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::error::RequestError;
use super::negotiation::{Accepted, EventStream, MediaType};
use super::turns::Shown;
use super::{HttpOptions, Peer, client_address, credentials, finished, request, sse, websocket};
use crate::graphql::{Answer, Freshness, OperationType, Request, RequestContext};
use crate::recent::TextHash;
use crate::session::{Authentication, ClientNetwork};

/// What may be run by POST.
const BY_POST: [OperationType; 3] =
    [OperationType::Query, OperationType::Mutation, OperationType::Subscription];

/// What may be run by GET: what changes nothing.
const BY_GET: [OperationType; 2] = [OperationType::Query, OperationType::Subscription];

/// The routes of all methods but POST.
pub(super) fn router(options: Arc<HttpOptions>) -> Router {
    let methods = get(get_graphql).fallback(other_method);
    Router::new().route("/graphql", methods).with_state(options)
}

/// How far a request by POST came before anything was run.
pub(super) enum Begun {
    /// To its end: it was refused, or its answer was ready.
    Answered(Response),
    /// It was read.
    Read(Box<Posted>),
}

/// A request by POST that was read.
pub(super) struct Posted {
    context: RequestContext,
    body: Bytes,
    /// By what the body is known if it comes again, where its answer may be kept.
    hash: Option<TextHash>,
    accepted: Accepted,
}

/// Reads a request by POST, and answers it if its answer is ready. It logs nothing.
pub(super) async fn begin_post(
    options: &HttpOptions,
    peer: &Peer,
    headers: &HeaderMap,
    body: Body,
) -> Begun {
    let accepted = Accepted::by(headers);
    match read_post(options, peer, headers, body, accepted).await {
        Ok(posted) => {
            let finished = posted.hash.filter(|_| accepted.events != EventStream::Preferred);
            let finished =
                finished.and_then(|hash| options.engine.recall_body(&hash, &posted.context));
            if let Some(finished) = finished {
                let media_type = media_type_of(accepted);
                return Begun::Answered(finished::to_response(finished, headers, media_type));
            }
            peer.standing.end_piece().await;
            Begun::Read(Box::new(posted))
        }
        Err(error) => Begun::Answered(error.into_response(media_type_of(accepted))),
    }
}

async fn read_post(
    options: &HttpOptions,
    peer: &Peer,
    headers: &HeaderMap,
    body: Body,
    accepted: Accepted,
) -> Result<Posted, RequestError> {
    let deadline = Instant::now() + options.request_timeout;
    let asker = Asker::accepted(options, peer, headers, accepted)?;
    request::check_content_type(headers)?;
    let body = read_body(headers, body, options.body_max_bytes, deadline).await?;
    let context = asker.context(headers, deadline);
    let hash = options.engine.may_be_ready(&context).then(|| TextHash::of(&body));
    Ok(Posted { context, body, hash, accepted })
}

/// Runs a request by POST that was read.
pub(super) async fn finish_post(
    options: &HttpOptions,
    posted: Posted,
    headers: &HeaderMap,
) -> Response {
    let Posted { context, body, hash, accepted } = posted;
    let media_type = media_type_of(accepted);
    if let Err(answer) = options.engine.check_text(&body) {
        return refuse(&answer, accepted);
    }
    let answered = match request::from_body(&body) {
        Ok(request) => {
            let come = Come { request, body: hash };
            run(options, come, context, headers, accepted, &BY_POST).await
        }
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| error.into_response(media_type))
}

async fn get_graphql(
    State(options): State<Arc<HttpOptions>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    RawQuery(query_string): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if websocket::is_asked_for(&headers) {
        let opened = Asker::admitted(&options, &peer, &headers)
            .and_then(|asker| websocket::open(&options, asker, peer.standing, &headers, upgrade));
        return opened.unwrap_or_else(|error| error.into_response(MediaType::Json));
    }
    let deadline = Instant::now() + options.request_timeout;
    let accepted = Accepted::by(&headers);
    let answered = async {
        let asker = Asker::accepted(&options, &peer, &headers, accepted)?;
        request::check_preflight_header(&headers)?;
        // Not scanned as a body is: a URL has at most 64 KiB, and that bounds what is decoded from it.
        let request = request::from_query_string(query_string.as_deref().unwrap_or_default())?;
        let context = asker.context(&headers, deadline);
        peer.standing.end_piece().await;
        let come = Come { request, body: None };
        run(&options, come, context, &headers, accepted, &BY_GET).await
    };
    answered.await.unwrap_or_else(|error| error.into_response(media_type_of(accepted)))
}

async fn other_method(
    State(options): State<Arc<HttpOptions>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let accepted = Accepted::by(&headers);
    let asker = Asker::accepted(&options, &peer, &headers, accepted);
    let refusal = asker.err().unwrap_or(RequestError::MethodNotAllowed);
    refusal.into_response(media_type_of(accepted))
}

/// The media type of an answer. Who takes events only gets refusals all the same: of HTTP, and not of GraphQL.
fn media_type_of(accepted: Accepted) -> MediaType {
    accepted.media_type.unwrap_or(MediaType::Json)
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
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Self, RequestError> {
        let Peer { address, standing } = peer;
        let client = client_address::of(*address, headers, &options.trusted_proxies).into();
        let authentication = options.sessions.authenticate(credentials::presented(headers));
        let admitted = options.sessions.admit(&authentication, client);
        standing.note(Shown::by(&authentication, &options.engine), admitted.is_ok());
        admitted?;
        Ok(Self { authentication, client })
    }

    /// The same, for an answer that must have a media type that the client takes.
    fn accepted(
        options: &HttpOptions,
        peer: &Peer,
        headers: &HeaderMap,
        accepted: Accepted,
    ) -> Result<Self, RequestError> {
        let asker = Self::admitted(options, peer, headers)?;
        let takes_any = accepted.media_type.is_some() || accepted.events != EventStream::Refused;
        takes_any.then_some(asker).ok_or(RequestError::NotAcceptable)
    }

    fn context(self, headers: &HeaderMap, deadline: Instant) -> RequestContext {
        let Self { authentication, client } = self;
        RequestContext { authentication, client, freshness: freshness(headers), deadline }
    }
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
    let read = timeout_at(deadline, whole(body, limit)).await;
    read.unwrap_or(Err(RequestError::BodyTooSlow))
}

/// The bytes of a body. Those of a small one come at once, and are not copied.
async fn whole(mut body: Body, limit: usize) -> Result<Bytes, RequestError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| RequestError::BodyIncomplete)?.into_data() else {
            // Trailers say nothing to us.
            continue;
        };
        if first.len() + all.len() + data.len() > limit {
            return Err(RequestError::BodyTooLarge { limit });
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// A request that was decoded.
struct Come {
    request: Request,
    /// What it was read from, if from a body that may be known the next time.
    body: Option<TextHash>,
}

/// Runs a request, if it is of one of these kinds, and answers in the way that the client asked for.
async fn run(
    options: &HttpOptions,
    Come { request, body }: Come,
    context: RequestContext,
    headers: &HeaderMap,
    accepted: Accepted,
    kinds: &[OperationType],
) -> Result<Response, RequestError> {
    let (events, media_type) = (accepted.events, media_type_of(accepted));
    // Only queries are kept, and those may be asked in any way.
    if events != EventStream::Preferred
        && let Some(finished) = options.engine.recall(&request, body, &context)
    {
        return Ok(finished::to_response(finished, headers, media_type));
    }
    let operation = match options.engine.prepare(request).await {
        Ok(operation) => operation,
        Err(answer) => return Ok(refuse(&answer, accepted)),
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

/// A refusal in the way that the client asked to be answered.
fn refuse(answer: &Answer, accepted: Accepted) -> Response {
    if accepted.events == EventStream::Preferred {
        sse::refuse(answer)
    } else {
        to_response(answer, media_type_of(accepted))
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
