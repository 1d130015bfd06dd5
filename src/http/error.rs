//! HTTP requests that are no GraphQL requests.

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::negotiation::MediaType;
use crate::graphql::{Answer, ErrorCode};
use crate::session::RateLimited;
use crate::telemetry::Account;

/// When a place among sockets and event streams may be free again, in seconds: those of clients that have gone without a
/// word are found by then.
const STREAMS_RETRY_AFTER_SECONDS: u64 = 30;

/// Why a request did not get as far as GraphQL. The text is for the developer of the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    #[error("send the request as `Content-Type: application/json`, in UTF-8")]
    UnsupportedMediaType,
    #[error(
        "the answer can be application/graphql-response+json or application/json, and `Accept` allows neither"
    )]
    NotAcceptable,
    #[error("the request's body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the request's body did not arrive as a whole")]
    BodyIncomplete,
    #[error("the request's body did not arrive in time")]
    BodyTooSlow,
    #[error("the request's body is no JSON: byte {column} of line {line}")]
    BodyNotJson { line: usize, column: usize },
    #[error("the request's body must be one JSON object; lists of requests are not taken")]
    BodyNotAnObject,
    #[error("`query` must be a text that holds a GraphQL document")]
    QueryMissing,
    #[error("`{parameter}` must be {expected} or null")]
    WrongParameter { parameter: &'static str, expected: &'static str },
    #[error("`extensions.persistedQuery.sha256Hash` is not the hash of `query`")]
    HashOfAnother,
    #[error("`extensions.persistedQuery` must have `version` 1 and `sha256Hash` in 64 hex digits")]
    UnknownPersistedQuery,
    #[error("the parameter `{parameter}` stands twice in the URL")]
    RepeatedParameter { parameter: &'static str },
    #[error(
        "a GET request needs a header that a foreign page cannot send unasked, such as `GraphQL-Require-Preflight: 1`; \
         or use POST"
    )]
    PreflightHeaderMissing,
    #[error("only queries can be run by GET; use POST")]
    NotAQuery,
    #[error("GraphQL takes GET and POST")]
    MethodNotAllowed,
    #[error(
        "a subscription's events come over a WebSocket of the sub-protocol graphql-transport-ws, or with `Accept: \
         text/event-stream`"
    )]
    SubscriptionNeedsStream,
    #[error("the request asks for a WebSocket, but not as RFC 6455 says: {what}")]
    NoWebSocketHandshake { what: &'static str },
    #[error("pages of this origin may not open a WebSocket here")]
    OriginRefused,
    #[error("there are too many open sockets and event streams; try again later")]
    TooManyStreams,
    #[error("you have too many open event streams; close one first")]
    TooManyStreamsOfCaller,
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
}

impl RequestError {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable | Self::SubscriptionNeedsStream => StatusCode::NOT_ACCEPTABLE,
            Self::OriginRefused => StatusCode::FORBIDDEN,
            Self::TooManyStreams => StatusCode::SERVICE_UNAVAILABLE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NotAQuery | Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            // In `application/json` too: proxies and clients go by it.
            Self::RateLimited(_) | Self::TooManyStreamsOfCaller => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyIncomplete
            | Self::BodyNotJson { .. }
            | Self::BodyNotAnObject
            | Self::QueryMissing
            | Self::WrongParameter { .. }
            | Self::HashOfAnother
            | Self::UnknownPersistedQuery
            | Self::RepeatedParameter { .. }
            | Self::NoWebSocketHandshake { .. }
            | Self::PreflightHeaderMissing => StatusCode::BAD_REQUEST,
        }
    }

    /// When it is worth trying again, where it was only one too many.
    fn retry_after_seconds(&self) -> Option<u64> {
        if let Self::RateLimited(limited) = self {
            return Some(limited.retry_after_seconds());
        }
        let is_about_streams = matches!(self, Self::TooManyStreams | Self::TooManyStreamsOfCaller);
        is_about_streams.then_some(STREAMS_RETRY_AFTER_SECONDS)
    }

    /// The response, in the media type that the client asked for.
    pub(super) fn into_response(self, media_type: MediaType) -> Response {
        let answer = match self.retry_after_seconds() {
            Some(seconds) => Answer::too_many(self.to_string(), seconds),
            None => Answer::request_error(ErrorCode::BadRequest, self.to_string()),
        };
        Account::note_outcome(answer.outcome_name());
        let content_type = [(CONTENT_TYPE, media_type.content_type())];
        let mut response = (self.status(), content_type, answer.to_bytes()).into_response();
        let allow = if self == Self::NotAQuery { "POST" } else { "GET, POST" };
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(seconds) = self.retry_after_seconds() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
