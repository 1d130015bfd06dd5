//! The gateway through its HTTP face, in front of the sandbox.

mod caching;
mod edge;
mod isolation;
mod lists;
mod sessions;
mod support;
mod upstream_faults;
