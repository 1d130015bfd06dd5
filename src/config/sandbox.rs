//! The stand-in of an Ozeki server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::http::parse_address;
use super::reader::{Expected, Reader};

/// Any free port: the gateway beside it is told which.
pub(super) const OZEKI_LISTEN_DEFAULT: &str = "127.0.0.1:0";

/// A demo shows what is live.
pub(super) const LIFE_DEFAULT: &str = "on";

pub(super) const PORT_FILE_FORM: &str = "the path of a file to write";

/// What the command `sandbox` needs beyond a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Where the stand-in listens · `OZEKI_GRAPHQL_OZEKI_LISTEN` · 127.0.0.1:0 · port 0 picks a free one.
    pub ozeki_listen: SocketAddr,
    /// Where to write the URLs as JSON once all is ready · `OZEKI_GRAPHQL_PORT_FILE` · none.
    pub port_file: Option<PathBuf>,
    /// Whether the demo's people write, come and leave by themselves · `OZEKI_GRAPHQL_LIFE` · on.
    pub life: bool,
}

impl SandboxConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let ozeki_listen = reader.parse("ozeki_listen", parse_address);
        let port_file = reader.parse("port_file", parse_port_file);
        let life = reader.switch("life");
        Some(Self { ozeki_listen: ozeki_listen?, port_file, life: life? })
    }
}

/// Reads a path that a file can be written to, so that a start does not fail at its end.
fn parse_port_file(text: &str) -> Result<PathBuf, Expected> {
    let path = PathBuf::from(text);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let is_writable =
        path.file_name().is_some() && !path.is_dir() && folder.unwrap_or(Path::new(".")).is_dir();
    is_writable.then_some(path).ok_or_else(|| format!("{PORT_FILE_FORM}, in a folder that exists"))
}
