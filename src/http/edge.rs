//! What every request passes on its way in and every answer on its way out, in one place and in this order.

use std::any::Any;
use std::convert::Infallible;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;
use tracing::Instrument;

use super::endpoint::{self, Begun};
use super::finished::{self, AcceptedEncodings};
use super::negotiation::MediaType;
use super::request_id::{self, REQUEST_ID};
use super::server::Routes;
use super::summary::Summary;
use super::{HttpOptions, Peer, health, playground};
use crate::graphql::{Answer, ErrorCode};
use crate::telemetry::Account;

const GRAPHQL: &str = "/graphql";

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

/// The routes that frontends use, and all that stands around them. Cheap to clone.
///
/// From the outside in: the request's id and its line in the log; headers; CORS; panics; compression, on `/graphql`. They
/// are steps of one function and no layers of a router: a layer costs more than an answer that is ready.
#[derive(Clone)]
pub struct Edge(Arc<Shared>);

struct Shared {
    options: Arc<HttpOptions>,
    /// All routes but `POST /graphql`.
    router: Router,
    cors: Option<CorsLayer>,
    headers_of_graphql: HeaderMap,
    headers_of_pages: HeaderMap,
}

impl Edge {
    /// Builds the routes.
    pub fn new(options: HttpOptions) -> Self {
        let readiness = options.readiness.clone();
        let playground = options.playground.clone().map(playground::router).unwrap_or_default();
        let cors = options.origins.cors_layer();
        let options = Arc::new(options);
        let router = endpoint::router(Arc::clone(&options));
        let router = router.merge(health::router(readiness)).merge(playground);
        let router = router.route_layer(middleware::from_fn(with_route));
        let [headers_of_graphql, headers_of_pages] =
            [true, false].map(|is_graphql| headers_of(is_graphql, options.is_encrypted));
        Self(Arc::new(Shared { options, router, cors, headers_of_graphql, headers_of_pages }))
    }
}

impl Routes for Edge {
    async fn answer(&self, request: Request, peer: &Peer) -> Response {
        let id = request_id::of(request.headers());
        let path = request.uri().path();
        let is_graphql = path == GRAPHQL;
        let is_below_graphql = is_graphql || path.starts_with("/graphql/");
        let route = is_graphql.then_some(GRAPHQL);
        let tracer = self.0.options.tracer.as_ref();
        let trace = tracer.and_then(|tracer| tracer.of_request(request.headers()));
        let summary = Summary::of_request(id.clone(), request.method().clone(), route, trace);
        let answering = self.0.with_cors(request, peer, is_graphql, &summary);
        // Around the answers to preflights as well.
        let mut response = summary.account().scope(answering).await;
        self.0.add_headers(response.headers_mut(), is_below_graphql);
        response.headers_mut().insert(REQUEST_ID, id);
        let route = response.extensions_mut().remove::<MatchedPath>();
        let (parts, body) = response.into_parts();
        let body = summary.follow(parts.status, route, body);
        Response::from_parts(parts, body)
    }
}

impl Shared {
    /// Around all that answers, so that a page of a listed origin can read every refusal too.
    async fn with_cors(
        &self,
        request: Request,
        peer: &Peer,
        is_graphql: bool,
        summary: &Summary,
    ) -> Response {
        let Some(cors) = &self.cors else {
            return self.without_panic(request, peer, is_graphql, summary).await;
        };
        if request.method() == Method::OPTIONS {
            // It is answered without the routes.
            peer.standing.note_preflight();
        }
        let within = service_fn(async |request| {
            Ok::<_, Infallible>(self.without_panic(request, peer, is_graphql, summary).await)
        });
        // Boxed, or every request would carry the room for this twice.
        let Ok(response) = Box::pin(cors.layer(within).oneshot(request)).await;
        response
    }

    /// Next to the routes: a panic costs one answer, and that answer still gets the headers and its log line.
    async fn without_panic(
        &self,
        request: Request,
        peer: &Peer,
        is_graphql: bool,
        summary: &Summary,
    ) -> Response {
        let answering = self.routed(request, peer, is_graphql, summary);
        let answered = AssertUnwindSafe(answering).catch_unwind().await;
        answered.unwrap_or_else(|panic| summary.span().in_scope(|| panicked(&*panic)))
    }

    async fn routed(
        &self,
        request: Request,
        peer: &Peer,
        is_graphql: bool,
        summary: &Summary,
    ) -> Response {
        if !is_graphql {
            peer.standing.note_uncharged();
            return self.by_router(request, peer, summary).await;
        }
        let accepted = AcceptedEncodings::of(request.headers());
        let response = if request.method() == Method::POST {
            self.posted(request, peer, summary).await
        } else {
            self.by_router(request, peer, summary).await
        };
        finished::encoded(&self.options.engine, &accepted, response).await
    }

    async fn posted(&self, request: Request, peer: &Peer, summary: &Summary) -> Response {
        let (parts, body) = request.into_parts();
        // Nothing is logged so far, and an answer that is ready needs no span.
        match endpoint::begin_post(&self.options, peer, &parts.headers, body).await {
            Begun::Answered(response) => response,
            Begun::Read(posted) => {
                // Boxed, or every request would carry the room that one needs which is run.
                let finishing = endpoint::finish_post(&self.options, *posted, &parts.headers);
                Box::pin(finishing).instrument(summary.span().clone()).await
            }
        }
    }

    async fn by_router(&self, mut request: Request, peer: &Peer, summary: &Summary) -> Response {
        request.extensions_mut().insert(peer.clone());
        let routing = self.router.clone().oneshot(request);
        let Ok(response) = Box::pin(routing).instrument(summary.span().clone()).await;
        response
    }

    /// Sees to it that no answer of GraphQL is stored, whoever of us gave it, and that all are safe to show.
    fn add_headers(&self, headers: &mut HeaderMap, is_graphql: bool) {
        let ours = if is_graphql { &self.headers_of_graphql } else { &self.headers_of_pages };
        let own = mem::replace(headers, ours.clone());
        let mut name = None;
        for (next_name, value) in own {
            let is_first = next_name.is_some();
            name = next_name.or(name);
            let Some(name) = &name else { continue };
            match *name {
                CACHE_CONTROL if is_graphql => {}
                // Those of compression and of CORS stand behind ours.
                VARY if is_graphql => _ = headers.append(VARY, value),
                _ if is_first => _ = headers.insert(name.clone(), value),
                _ => _ = headers.append(name.clone(), value),
            }
        }
    }
}

/// What stands on every answer that does not say otherwise. It is made once: to copy it costs less than to add each.
fn headers_of(is_graphql: bool, is_encrypted: bool) -> HeaderMap {
    let mut headers = HeaderMap::from_iter(SECURITY_HEADERS);
    headers.insert(CACHE_CONTROL, NEVER_STORED);
    if is_graphql {
        headers.insert(VARY, VARY_BY);
    }
    if is_encrypted {
        headers.insert(STRICT_TRANSPORT_SECURITY, ENCRYPTED_ONLY);
    }
    headers
}

/// Tells by which route an answer came: the route and not the path stands in the log, for a query string may hold
/// variables.
async fn with_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let content_type = [(CONTENT_TYPE, MediaType::Json.content_type())];
    let body = panic_answer(panic).to_bytes();
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
