//! What is asked, by whom.

use tokio::time::Instant;

use crate::graphql::Freshness;
use crate::graphql::persisted::DocumentHash;
use crate::session::{Authentication, ClientNetwork};

/// A GraphQL request, as any transport reads it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The document; empty where only its hash was sent.
    pub query: String,
    /// The hash of the document, from a client that hopes to need no more than this the next time.
    pub persisted: Option<DocumentHash>,
    /// Which of the document's operations to run; needed where there are several.
    pub operation_name: Option<String>,
    /// Values of the operation's variables.
    pub variables: serde_json::Map<String, serde_json::Value>,
}

/// Who asks, and how fresh the answer must be.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks.
    pub authentication: Authentication,
    /// From where, as far as limits go by it.
    pub client: ClientNetwork,
    /// Whether reads may be answered from memory.
    pub freshness: Freshness,
    /// When the answer must be there.
    pub deadline: Instant,
}

impl RequestContext {
    /// Whether the request shows who asks.
    pub(super) fn shows_who_asks(&self) -> bool {
        matches!(self.authentication, Authentication::Caller(_))
    }
}
