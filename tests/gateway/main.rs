//! The gateway through its HTTP face, in front of the sandbox.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod caching;
mod edge;
mod isolation;
mod lists;
mod messages;
mod sessions;
mod support;
mod upstream_faults;
