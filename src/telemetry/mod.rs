//! Logs, metrics and traces: what an operator sees.
//!
//! Names and units of all metrics are in one file, `metrics.rs`; no label holds a user, a conversation or any other unbounded
//! value. Logs have constant messages with fields.

mod account;
mod cache_sizes;
mod exposition;
mod labels;
mod log;
mod metrics;
mod process;
mod random;
mod trace;

pub use account::{Account, Counts, OK, OperationFacts, attributed};
pub use labels::{
    BreakerState, CacheOutcome, LoginOutcome, NoticeKind, OperationKind, OperationOutcome,
    RateLimit, StreamKind, TraceOutcome,
};
pub use log::{LogEnd, LogStyle, is_log_written_out, start_log};
pub use metrics::{Gauged, Metrics};
pub use random::random;
pub use trace::{
    Attribute, Ending, Span, Trace, TraceId, TraceOptions, TraceSetupError, Tracer, Value,
};
