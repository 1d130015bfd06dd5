//! The gateway through its HTTP face, in front of the sandbox.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod caching;
mod edge;
mod hostile;
mod isolation;
mod lists;
mod sessions;
mod support;
mod upstream_faults;
