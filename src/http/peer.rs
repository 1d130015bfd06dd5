//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// The address that a request's connection comes from: the client's, or that of a proxy before the gateway.
///
/// The server puts it into the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);
