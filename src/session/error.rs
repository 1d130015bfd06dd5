//! Why there is no session.

use std::sync::Arc;

use super::RateLimited;
use crate::ozeki::UpstreamError;

/// Why a login gave no session.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionError {
    /// The upstream refused the API key.
    #[error("the chat server refused the login")]
    Refused,
    /// There were too many logins.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The upstream gave no usable answer.
    #[error("the chat server gave no usable answer to the login")]
    Upstream(#[source] Arc<UpstreamError>),
    /// The token could not be made: a bug, or a machine without a random source.
    #[error("a session token could not be made")]
    Sealing,
    /// The login was begun and its task ended early: a bug, or the end of the process.
    #[error("the login was interrupted")]
    Interrupted,
}
