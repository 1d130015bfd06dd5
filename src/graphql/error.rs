//! The one way in which an error reaches a client.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::ErrorExtensionValues;

use crate::cache::{BudgetSpent, ChangeError, FeedEnd, FollowError, ReadError};
use crate::ozeki::UpstreamError;
use crate::session::SessionError;

/// The stable code of an error, in `extensions.code`; the only thing that a client needs to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The HTTP request is no GraphQL request.
    BadRequest,
    /// The document has a syntax error.
    GraphqlParseFailed,
    /// The document does not fit the schema, or the operation cannot be chosen.
    GraphqlValidationFailed,
    /// Only the hash of a document was sent, and the gateway does not have the document; send both.
    PersistedQueryNotFound,
    /// No, or an invalid or expired, session; or a refused login.
    Unauthenticated,
    /// An argument is invalid; `extensions.argument` names it.
    BadUserInput,
    /// A mutation names what does not exist for this caller; queries give null.
    NotFound,
    /// Ozeki answered with a status other than OK; the message tells its own.
    UpstreamRejected,
    /// No connection, a lost one, or HTTP 5xx.
    UpstreamUnavailable,
    /// No whole answer in time.
    UpstreamTimeout,
    /// The answer is not what the API promises, or too large.
    UpstreamInvalidResponse,
    /// The request exceeds a limit of operations, which `extensions.limit` names, or needs more upstream calls than one may make.
    OperationTooExpensive,
    /// Too many requests or logins; `extensions.retryAfterSeconds` tells when to try again.
    RateLimited,
    /// The gateway has more to do than it takes on at once; `extensions.retryAfterSeconds` tells when to try again.
    Overloaded,
    /// The client of a subscription does not keep up: it has to subscribe and read anew.
    SubscriptionLagged,
    /// A bug; logged with the request id that the client also gets.
    Internal,
}

/// The member of `extensions` that tells, beside `RATE_LIMITED` and `OVERLOADED`, when to try again.
pub(super) const RETRY_AFTER_SECONDS: &str = "retryAfterSeconds";

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 16] = [
        Self::BadRequest,
        Self::GraphqlParseFailed,
        Self::GraphqlValidationFailed,
        Self::PersistedQueryNotFound,
        Self::Unauthenticated,
        Self::BadUserInput,
        Self::NotFound,
        Self::UpstreamRejected,
        Self::UpstreamUnavailable,
        Self::UpstreamTimeout,
        Self::UpstreamInvalidResponse,
        Self::OperationTooExpensive,
        Self::RateLimited,
        Self::Overloaded,
        Self::SubscriptionLagged,
        Self::Internal,
    ];

    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::NotFound => "NOT_FOUND",
            Self::UpstreamRejected => "UPSTREAM_REJECTED",
            Self::UpstreamUnavailable => "UPSTREAM_UNAVAILABLE",
            Self::UpstreamTimeout => "UPSTREAM_TIMEOUT",
            Self::UpstreamInvalidResponse => "UPSTREAM_INVALID_RESPONSE",
            Self::OperationTooExpensive => "OPERATION_TOO_EXPENSIVE",
            Self::RateLimited => "RATE_LIMITED",
            Self::Overloaded => "OVERLOADED",
            Self::SubscriptionLagged => "SUBSCRIPTION_LAGGED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// Why a field has no value.
///
/// It has no `Display` and is no `Error`, on purpose: the schema library publishes the text of any error that has one,
/// and this type, with its fixed texts, is the only one that a resolver can return.
#[derive(Clone, Debug)]
pub struct FieldError {
    code: ErrorCode,
    message: Cow<'static, str>,
    argument: Option<&'static str>,
    retry_after_seconds: Option<u64>,
    /// Whether a change may have been made although it failed.
    is_outcome_unknown: bool,
    cause: Option<Arc<UpstreamError>>,
}

impl FieldError {
    fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self {
            code,
            message,
            argument: None,
            retry_after_seconds: None,
            is_outcome_unknown: false,
            cause: None,
        }
    }

    /// No session stands behind the request.
    pub(super) fn unauthenticated() -> Self {
        Self::new(
            ErrorCode::Unauthenticated,
            "this needs a session: call the mutation `login` and send its token as `Authorization: Bearer <token>`",
        )
    }

    /// An argument of a subscription names a conversation that the viewer does not have.
    pub(super) fn unknown_conversation(argument: &'static str) -> Self {
        let message = "you have no conversation with this id";
        Self { argument: Some(argument), ..Self::new(ErrorCode::NotFound, message) }
    }

    /// An argument is invalid. The message says what it should be; it repeats nothing that was sent.
    pub(super) fn bad_input(argument: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { argument: Some(argument), ..Self::new(ErrorCode::BadUserInput, message) }
    }
}

impl From<Arc<UpstreamError>> for FieldError {
    fn from(error: Arc<UpstreamError>) -> Self {
        let (code, message): (_, Cow<'static, str>) = match &*error {
            UpstreamError::TimedOut { .. } => (
                ErrorCode::UpstreamTimeout,
                "the chat server did not answer in time; try again".into(),
            ),
            UpstreamError::Unreachable { .. } => (
                ErrorCode::UpstreamUnavailable,
                "the chat server cannot be reached; try again later".into(),
            ),
            UpstreamError::KnownDown { retry_after, .. } => {
                let seconds = retry_after.as_millis().div_ceil(1000).max(1);
                let message =
                    format!("the chat server is known to be down; next try in {seconds} s");
                (ErrorCode::UpstreamUnavailable, message.into())
            }
            UpstreamError::ConnectionLost { .. } => (
                ErrorCode::UpstreamUnavailable,
                "the connection to the chat server was lost; try again".into(),
            ),
            UpstreamError::Failed { .. } => {
                (ErrorCode::UpstreamUnavailable, "the chat server failed; try again later".into())
            }
            UpstreamError::Throttled { .. } => (
                ErrorCode::UpstreamUnavailable,
                "the chat server takes no more calls for now; try again later".into(),
            ),
            UpstreamError::Rejected { message, .. } => (
                ErrorCode::UpstreamRejected,
                format!("the chat server rejected the call: {message}").into(),
            ),
            // These two name the call and the member, and never a value.
            UpstreamError::TooLarge { .. } | UpstreamError::Malformed { .. } => {
                (ErrorCode::UpstreamInvalidResponse, error.to_string().into())
            }
            UpstreamError::Interrupted { .. } => {
                (ErrorCode::Internal, "the gateway could not finish this; try again".into())
            }
        };
        Self { cause: Some(error), ..Self::new(code, message) }
    }
}

impl From<ReadError> for FieldError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Upstream(error) => error.into(),
            ReadError::BudgetSpent(error) => error.into(),
        }
    }
}

impl From<BudgetSpent> for FieldError {
    fn from(_: BudgetSpent) -> Self {
        Self::new(
            ErrorCode::OperationTooExpensive,
            "the operation needs more calls to the chat server than one operation may make; ask for less at once",
        )
    }
}

impl From<FollowError> for FieldError {
    fn from(error: FollowError) -> Self {
        let message = match error {
            FollowError::CallerFull => {
                "you have as many subscriptions as one user may have; end some"
            }
            FollowError::Full => {
                "the gateway has as many subscribers as it can serve; try again later"
            }
        };
        Self::new(ErrorCode::OperationTooExpensive, message)
    }
}

impl From<FeedEnd> for FieldError {
    fn from(end: FeedEnd) -> Self {
        match end {
            FeedEnd::Lagged => Self::new(
                ErrorCode::SubscriptionLagged,
                "too much changed at once for this subscription; subscribe again, then read anew",
            ),
            FeedEnd::SessionEnded => Self::unauthenticated(),
            FeedEnd::Upstream(error) => error.into(),
            FeedEnd::Interrupted => {
                Self::new(ErrorCode::Internal, "the subscription was interrupted; subscribe again")
            }
        }
    }
}

impl From<ChangeError> for FieldError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => {
                Self::new(ErrorCode::NotFound, "you have no conversation with this id")
            }
            ChangeError::UnknownMessage => Self {
                argument: Some("messageIds"),
                ..Self::new(
                    ErrorCode::NotFound,
                    "the conversation has no message with one of these ids",
                )
            },
            ChangeError::IdTaken => {
                Self::bad_input("id", "this id was given to another message; make a new one")
            }
            ChangeError::BudgetSpent(error) => error.into(),
            ChangeError::NotMade(error) => error.into(),
            ChangeError::OutcomeUnknown(error) => {
                let told = Self::from(error);
                // Without the advice to try again: that is just what must not be done.
                let what = told.message.split(';').next().unwrap_or_default();
                let message = format!(
                    "{what}. It is not known whether the change was made: read again before you repeat it"
                );
                Self { message: message.into(), is_outcome_unknown: true, ..told }
            }
        }
    }
}

impl From<SessionError> for FieldError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Refused => Self::new(
                ErrorCode::Unauthenticated,
                "the chat server refused the login; check the API key",
            ),
            SessionError::RateLimited(limited) => Self {
                retry_after_seconds: Some(limited.retry_after_seconds()),
                ..Self::new(ErrorCode::RateLimited, limited.to_string())
            },
            SessionError::Upstream(error) => error.into(),
            SessionError::Sealing | SessionError::Interrupted => {
                Self::new(ErrorCode::Internal, "the gateway could not make a session; try again")
            }
        }
    }
}

impl From<FieldError> for async_graphql::Error {
    fn from(error: FieldError) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code.as_str());
        if let Some(argument) = error.argument {
            extensions.set("argument", argument);
        }
        if let Some(seconds) = error.retry_after_seconds {
            extensions.set(RETRY_AFTER_SECONDS, seconds);
        }
        if error.is_outcome_unknown {
            extensions.set("outcome", "unknown");
        }
        let mut answer = Self::new(error.message);
        answer.extensions = Some(extensions);
        // For our log: the library does not serialise it.
        answer.source = error.cause.map(|cause| cause as _);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_written_in_capitals() {
        let codes: std::collections::HashSet<_> =
            ErrorCode::ALL.into_iter().map(ErrorCode::as_str).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
        assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
    }
}
