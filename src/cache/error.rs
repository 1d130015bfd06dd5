//! Why the data service gives no value, or made no change.

use std::sync::Arc;

use super::BudgetSpent;
use crate::ozeki::UpstreamError;

/// Why a read gave no value; the same for all who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The upstream refused or failed.
    #[error(transparent)]
    Upstream(Arc<UpstreamError>),
    /// The read needed more calls than its operation may make.
    #[error(transparent)]
    BudgetSpent(#[from] BudgetSpent),
}

impl From<UpstreamError> for ReadError {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(Arc::new(error))
    }
}

impl ReadError {
    /// Whether the upstream is down, rather than of another opinion.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Upstream(error) if error.is_outage())
    }

    /// Whether the upstream refused the call: then it did nothing.
    pub(super) fn is_rejection(&self) -> bool {
        matches!(self, Self::Upstream(error) if matches!(**error, UpstreamError::Rejected { .. }))
    }
}

/// Why a change was not made, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// The caller has no such conversation.
    #[error("the caller has no such conversation")]
    NotFound,
    /// A message that the change names is not among those that the caller can be shown to have.
    #[error("the conversation has no such message")]
    UnknownMessage,
    /// An id that the caller gave to a message was given to another one before.
    #[error("the id was given to another message")]
    IdTaken,
    /// The operation has begun as many calls as it may, and the change was not made.
    #[error(transparent)]
    BudgetSpent(#[from] BudgetSpent),
    /// The change was not made.
    #[error("the change was not made")]
    NotMade(#[source] Arc<UpstreamError>),
    /// The call was sent and its outcome is not known.
    #[error("it is not known whether the change was made")]
    OutcomeUnknown(#[source] Arc<UpstreamError>),
}

impl ChangeError {
    /// What a failed read means for the change that needed it first: the change was not begun.
    pub(super) fn before_change(error: ReadError) -> Self {
        match error {
            ReadError::Upstream(error) => Self::NotMade(error),
            ReadError::BudgetSpent(error) => Self::BudgetSpent(error),
        }
    }

    /// What a failed look for the outcome of an earlier call means: that outcome is as unknown as before.
    pub(super) fn still_unknown(error: ReadError) -> Self {
        match error {
            ReadError::Upstream(error) => Self::OutcomeUnknown(error),
            ReadError::BudgetSpent(error) => Self::BudgetSpent(error),
        }
    }

    /// Whether the upstream refused the call: then it did nothing.
    pub(super) fn is_rejection(&self) -> bool {
        matches!(self, Self::NotMade(error) if matches!(**error, UpstreamError::Rejected { .. }))
    }
}

impl From<UpstreamError> for ChangeError {
    fn from(error: UpstreamError) -> Self {
        if was_not_made(&error) {
            Self::NotMade(Arc::new(error))
        } else {
            Self::OutcomeUnknown(Arc::new(error))
        }
    }
}

/// Whether a call that failed so can have changed nothing: it was refused, or never sent.
pub(super) fn was_not_made(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Rejected { .. }
        | UpstreamError::Unreachable { .. }
        | UpstreamError::KnownDown { .. } => true,
        UpstreamError::TimedOut { .. }
        | UpstreamError::ConnectionLost { .. }
        | UpstreamError::Failed { .. }
        | UpstreamError::Throttled { .. }
        | UpstreamError::TooLarge { .. }
        | UpstreamError::Malformed { .. }
        | UpstreamError::Interrupted { .. } => false,
    }
}
