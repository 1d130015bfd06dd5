//! Logs and metrics: what an operator sees.
//!
//! Names and units of all metrics are in one file, `metrics.rs`; no label holds a user, a conversation or any other unbounded
//! value. Logs have constant messages with fields.

mod account;
mod cache_sizes;
mod exposition;
mod log;
mod metrics;
mod process;

pub use account::{Account, Counts, OK, OperationFacts, attributed};
pub use log::{LogStyle, start_log};
pub use metrics::{
    CacheOutcome, Gauged, LoginOutcome, Metrics, NoticeKind, OperationKind, OperationOutcome,
    RateLimit, StreamKind,
};
