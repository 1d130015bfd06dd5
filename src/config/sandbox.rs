//! The stand-in of an Ozeki server.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::http::parse_address;
use super::reader::Reader;

/// Any free port: the gateway beside it is told which.
pub(super) const OZEKI_LISTEN_DEFAULT: &str = "127.0.0.1:0";

/// What the command `sandbox` needs beyond a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Where the stand-in listens · `OZEKI_GRAPHQL_OZEKI_LISTEN` · 127.0.0.1:0 · port 0 picks a free one.
    pub ozeki_listen: SocketAddr,
    /// Where to write the URLs as JSON once all is ready · `OZEKI_GRAPHQL_PORT_FILE` · none.
    pub port_file: Option<PathBuf>,
}

impl SandboxConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let ozeki_listen = reader.parse("ozeki_listen", parse_address);
        let port_file = reader.path("port_file");
        Some(Self { ozeki_listen: ozeki_listen?, port_file })
    }
}
