//! The HTTP edge: routes, layers, and GraphQL over HTTP by its specification.
//!
//! It turns HTTP requests into GraphQL requests and answers into responses; it knows nothing of upstream calls.

mod admin;
mod client_address;
mod credentials;
mod edge;
mod endpoint;
mod error;
mod finished;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod negotiation;
mod origin;
mod peer;
pub mod playground;
mod request;
mod request_id;
mod server;
mod span;
mod sse;
mod streams;
mod summary;
#[cfg(test)]
mod tests;
mod turns;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::graphql::Engine;
use crate::session::Sessions;
use crate::telemetry::Tracer;

pub use admin::admin_router;
pub use edge::Edge;
pub use health::Readiness;
pub use origin::AllowedOrigins;
pub use peer::Peer;
pub use server::{ConnectionLimits, Routes, Server, ServerOptions, TlsError, TlsFiles};
pub use streams::Streams;
pub use turns::Standing;

/// What the routes need, and their bounds.
pub struct HttpOptions {
    /// Runs operations.
    pub engine: Arc<Engine>,
    /// Tells who calls.
    pub sessions: Arc<Sessions>,
    /// Counts sockets and event streams, and tells them when to end.
    pub streams: Streams,
    /// Whether the gateway takes new work.
    pub readiness: Readiness,
    /// The proxies that are believed when they say who asked them.
    pub trusted_proxies: Arc<[IpNet]>,
    /// The largest body of a request, in bytes.
    pub body_max_bytes: usize,
    /// The longest that an operation may take.
    pub request_timeout: Duration,
    /// The origins whose pages may ask.
    pub origins: AllowedOrigins,
    /// Whether browsers are told to come by https only.
    pub is_encrypted: bool,
    /// Where the playground's settings come from; without a source there is no playground.
    pub playground: Option<playground::SettingsSource>,
    /// Traces requests, if anything does.
    pub tracer: Option<Tracer>,
}
