//! The configuration: defaults, then a TOML file, then variables, then flags; the last to speak counts.
//!
//! Owns the names of settings, their forms and limits, and the reading of files and of the environment: no other
//! module reads either for its settings. It knows nothing of how the parts that it configures work, and nothing of
//! the parser of the command line, which fills [`Flags`]. All that is wrong is told at once.

mod cache;
mod check;
mod effective;
mod fault;
mod file;
mod flags;
mod http;
mod log;
mod nearest;
mod quantity;
mod quotas;
mod reader;
mod reference;
mod sandbox;
mod session;
mod setting;
mod signature;
mod sources;
mod table;
#[cfg(test)]
mod tests;
mod traces;
mod upstream;
mod variables;

pub use cache::CacheConfig;
pub use check::CheckConfig;
pub use fault::{ConfigError, Fault};
pub use flags::Flags;
pub use http::{HttpConfig, TlsConfig};
pub use log::{LogConfig, LogFormat};
pub use quotas::{QuotaConfig, QuotasConfig};
pub use reference::reference_table;
pub use sandbox::SandboxConfig;
pub use session::{SessionConfig, SessionKeyBytes};
pub use setting::{CommandKind, Form, Group, Setting, VARIABLE_PREFIX};
pub use table::{settings, settings_for};
pub use traces::TracesConfig;
pub use upstream::{UpstreamConfig, UpstreamUrl};
pub use variables::Variables;

use crate::ozeki::signature::Recipe;
use effective::Effective;
use quantity::shown_duration;
use reader::Reader;
use sources::Sources;

/// What a command alone needs.
#[derive(Clone, Debug)]
pub enum CommandConfig {
    /// `serve` stands in front of this server.
    Serve(UpstreamUrl),
    /// `sandbox` brings its own.
    Sandbox(SandboxConfig),
    /// `check` tries this server.
    Check(CheckConfig),
}

/// The whole configuration of one command, valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// What this command alone needs.
    pub command: CommandConfig,
    /// The limits of calls to the Ozeki server.
    pub upstream: UpstreamConfig,
    /// What the gateway offers to its own callers.
    pub http: HttpConfig,
    /// How calls are signed · `OZEKI_GRAPHQL_SIGNATURE_ALGORITHM`, `…_PAYLOAD`, `…_ENCODING` · md5 of `{body}{key}` in hex.
    pub signature: Recipe,
    /// Sessions and credentials.
    pub session: SessionConfig,
    /// The cache of what callers read.
    pub cache: CacheConfig,
    /// The log.
    pub log: LogConfig,
    /// The traces.
    pub traces: TracesConfig,
    /// What the operator should know, though nothing is wrong: a sentence each, to be logged at the start.
    pub warnings: Vec<String>,
    effective: Vec<Effective>,
}

impl Config {
    /// Weighs the sources against each other and reads what counts.
    ///
    /// The file is the one that the flag `--config` or its variable names; paths are relative to the working directory.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is wrong, the faults of the command line first.
    pub fn load(
        command: CommandKind,
        flags: &Flags,
        variables: &Variables,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(command, Sources::gather(command, flags, variables));
        let command = CommandConfig::read(&mut reader);
        let mut upstream = UpstreamConfig::read(&mut reader);
        let http = HttpConfig::read(&mut reader);
        let signature = signature::read(&mut reader);
        let session = SessionConfig::read(&mut reader);
        let cache = CacheConfig::read(&mut reader);
        let log = LogConfig::read(&mut reader);
        let traces = TracesConfig::read(&mut reader);
        if let (Some(upstream), Some(http)) = (&mut upstream, &http) {
            fit_call_into_request(&mut reader, upstream, http);
        }
        if let (Some(command), Some(http)) = (&command, &http) {
            refuse_shared_address(&mut reader, command, http);
        }
        let (effective, warnings) = reader.finish().map_err(|faults| ConfigError { faults })?;
        let config = move || {
            Some(Self {
                command: command?,
                upstream: upstream?,
                http: http?,
                signature: signature?,
                session: session?,
                cache: cache?,
                log: log?,
                traces: traces?,
                warnings,
                effective,
            })
        };
        Ok(config().expect("what could not be read left a fault"))
    }

    /// Writes what counts as a TOML file, secrets masked, each line with where its value is from.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for setting in &self.effective {
            text.push_str(&setting.to_string());
            text.push('\n');
        }
        text
    }
}

impl CommandConfig {
    fn read(reader: &mut Reader) -> Option<Self> {
        match reader.command() {
            CommandKind::Serve => UpstreamUrl::read(reader).map(Self::Serve),
            CommandKind::Sandbox => SandboxConfig::read(reader).map(Self::Sandbox),
            CommandKind::Check => CheckConfig::read(reader).map(Self::Check),
        }
    }
}

/// A call that times out costs its own field, and a request that ends before it costs them all: so a call is given
/// nine tenths of its request's time at most.
fn fit_call_into_request(reader: &mut Reader, upstream: &mut UpstreamConfig, http: &HttpConfig) {
    let longest = http.request_timeout * 9 / 10;
    if upstream.timeout > longest {
        reader.warn(format!(
            "upstream_timeout is {} and request_timeout {}: calls are given {}, so that a slow one costs its own field only",
            shown_duration(upstream.timeout),
            shown_duration(http.request_timeout),
            shown_duration(longest),
        ));
        upstream.timeout = longest;
    }
}

/// Two servers cannot share an address, save that port 0 picks another each time.
fn refuse_shared_address(reader: &mut Reader, command: &CommandConfig, http: &HttpConfig) {
    let stand_in = match command {
        CommandConfig::Sandbox(sandbox) => Some(sandbox.ozeki_listen),
        CommandConfig::Serve(_) | CommandConfig::Check(_) => None,
    };
    let listen = ("listen", Some(http.listen));
    let admin_listen = ("admin_listen", http.admin_listen);
    let ozeki_listen = ("ozeki_listen", stand_in);
    for ((left, address), (right, other)) in
        [(listen, admin_listen), (listen, ozeki_listen), (admin_listen, ozeki_listen)]
    {
        if let Some(address) = address.filter(|it| it.port() != 0 && Some(*it) == other) {
            reader.add_fault(Fault::new(format!(
                "{left} and {right} are both {address}: give each a port of its own"
            )));
        }
    }
}
