//! What can go wrong with an upstream call.

use std::io;
use std::iter::successors;
use std::time::Duration;

use http::StatusCode;

use super::Call;

/// Why a call gave no usable answer. No variant holds a credential, a signature or the upstream's URL.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The whole answer did not come in time.
    #[error("no whole answer to {call} within {limit:?}")]
    TimedOut {
        /// The call that was made.
        call: Call,
        /// How long it was given.
        limit: Duration,
    },
    /// No connection could be made, so nothing was sent.
    #[error("could not connect to the chat server for {call}")]
    Unreachable {
        /// The call that was made.
        call: Call,
        /// Why, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// So many calls have failed that no more are made for a while; nothing was sent.
    #[error(
        "the chat server is known to be down, so {call} was not made; next try in {retry_after:?}"
    )]
    KnownDown {
        /// The call that was not made.
        call: Call,
        /// How long no call will be made yet.
        retry_after: Duration,
    },
    /// The connection broke after it was made; the call may have been carried out.
    #[error("the connection to the chat server was lost during {call}")]
    ConnectionLost {
        /// The call that was made.
        call: Call,
        /// Whether an answer had begun.
        has_begun: bool,
        /// Why, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The server failed: HTTP 5xx without a word from the chat API itself.
    #[error("the chat server failed with HTTP {status} on {call}")]
    Failed {
        /// The call that was made.
        call: Call,
        /// The HTTP status.
        status: StatusCode,
    },
    /// Too many calls, says the server, or what stands before it: HTTP 429 without a word from the chat API itself.
    #[error("the chat server refuses {call} because there are too many calls")]
    Throttled {
        /// The call that was made.
        call: Call,
    },
    /// The chat API refused: `status` is not `OK`.
    #[error("the chat server rejected {call}: {message}")]
    Rejected {
        /// The call that was made.
        call: Call,
        /// The upstream's `errormessage`, shortened, without credentials.
        message: Box<str>,
    },
    /// The answer is longer than is accepted.
    #[error("the answer to {call} is larger than {limit} bytes")]
    TooLarge {
        /// The call that was made.
        call: Call,
        /// The most that is accepted, in bytes.
        limit: usize,
    },
    /// The answer is not what the API promises.
    #[error("the answer to {call} is not what the chat API promises: {detail}")]
    Malformed {
        /// The call that was made.
        call: Call,
        /// What is wrong, naming the member and never its value.
        detail: Box<str>,
    },
    /// The call ended without a result: a bug of the gateway, or its shutdown.
    #[error("{call} was interrupted")]
    Interrupted {
        /// The call that was made.
        call: Call,
    },
}

impl UpstreamError {
    /// Whether the server showed a certificate that is not trusted, so that nothing was sent.
    pub fn is_untrusted(&self) -> bool {
        successors(std::error::Error::source(self), |cause| cause.source()).any(is_of_certificate)
    }

    /// Whether the server could not be reached, failed, or had too much to do, rather than answered something of no use.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::KnownDown { .. }
            | Self::ConnectionLost { .. }
            | Self::Failed { .. }
            | Self::Throttled { .. } => true,
            Self::Rejected { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::Interrupted { .. } => false,
        }
    }

    /// A short, stable name of the class of failure, for logs and metrics.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::TimedOut { .. } => "timeout",
            Self::Unreachable { .. } => "unreachable",
            Self::KnownDown { .. } => "known_down",
            Self::ConnectionLost { .. } => "connection_lost",
            Self::Failed { .. } => "http_5xx",
            Self::Throttled { .. } => "throttled",
            Self::Rejected { .. } => "rejected",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed { .. } => "malformed",
            Self::Interrupted { .. } => "interrupted",
        }
    }
}

/// Below HTTP the TLS library's error travels inside I/O errors, which do not count it as their source.
fn is_of_certificate(cause: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(carried) = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return is_of_certificate(carried);
    }
    matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
}
