//! HTTP requests that are no GraphQL requests.

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::negotiation::MediaType;
use crate::graphql::{Answer, ErrorCode};
use crate::session::RateLimited;

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
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
}

impl RequestError {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NotAQuery | Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            // In `application/json` too: proxies and clients go by it.
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyIncomplete
            | Self::BodyNotJson { .. }
            | Self::BodyNotAnObject
            | Self::QueryMissing
            | Self::WrongParameter { .. }
            | Self::HashOfAnother
            | Self::UnknownPersistedQuery
            | Self::RepeatedParameter { .. }
            | Self::PreflightHeaderMissing => StatusCode::BAD_REQUEST,
        }
    }

    /// The response, in the media type that the client asked for.
    pub(super) fn into_response(self, media_type: MediaType) -> Response {
        let answer = if let Self::RateLimited(limited) = &self {
            Answer::rate_limited(limited)
        } else {
            Answer::request_error(ErrorCode::BadRequest, self.to_string())
        };
        let content_type = [(CONTENT_TYPE, media_type.content_type())];
        let mut response = (self.status(), content_type, answer.to_bytes()).into_response();
        let allow = if self == Self::NotAQuery { "POST" } else { "GET, POST" };
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Self::RateLimited(limited) = self {
            response.headers_mut().insert(RETRY_AFTER, limited.retry_after_seconds().into());
        }
        response
    }
}
