//! Traces: spans of requests, cache loads and upstream calls, sent to a collector as OTLP over HTTP, in JSON.
//!
//! A trace travels with the [`Account`](super::Account) of its request, so what a request begins finds it without being
//! handed anything; where no collector is named there is none, and nothing is done. No attribute holds a user, a
//! conversation, a credential, a document, a variable or a text of the upstream.

mod export;
mod id;
mod otlp;
mod parent;
mod span;
mod tracer;

pub use id::TraceId;
pub use span::{Attribute, Ending, Span, Trace, Value};
pub use tracer::{TraceOptions, TraceSetupError, Tracer};
