//! The gateway through its HTTP face, in front of the sandbox.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod author;
mod caching;
mod changes;
mod documents;
mod edge;
mod finished;
mod guide;
mod hostile;
mod hostile_upstream;
mod isolation;
mod isolation_property;
mod limits;
mod lists;
mod live;
mod merging;
mod messages;
mod model;
mod overload;
mod persisted;
mod places;
mod plans;
mod reliability;
mod rolling;
mod sending;
mod sessions;
mod socket_bounds;
mod sockets;
mod sse;
mod streaming;
mod support;
mod traces;
mod transport;
mod upstream_faults;
