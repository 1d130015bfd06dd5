//! Who is at the other end of a connection.

use std::net::SocketAddr;

use super::turns::Standing;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether it has shown who it is.
    pub standing: Standing,
}
