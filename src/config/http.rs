//! What the gateway offers to its own callers.

use std::net::SocketAddr;
use std::time::Duration;

use super::nearest::nearest;
use super::reader::{Expected, Reader};
use crate::graphql::{InvalidLimits, LIMITS_DEFAULT, Limit, OperationLimits};

/// This machine only: to listen on a network is a decision.
pub(super) const LISTEN_DEFAULT: &str = "127.0.0.1:8080";

/// Metrics are for the operator: another port, and this machine only.
pub(super) const ADMIN_LISTEN_DEFAULT: &str = "127.0.0.1:9090";

/// One upstream call may use its whole deadline, and the answer still arrives.
pub(super) const REQUEST_TIMEOUT_DEFAULT: &str = "15s";

/// A message of some hundred thousand characters of ciphertext, with the query around it.
pub(super) const REQUEST_BODY_MAX_DEFAULT: &str = "256KiB";

/// Each of them with its reason is in `graphql/limits.rs`.
pub(super) const OPERATION_LIMITS_DEFAULT: &str = LIMITS_DEFAULT;

/// Less than the thirty seconds after which orchestrators kill.
pub(super) const SHUTDOWN_GRACE_DEFAULT: &str = "25s";

/// Some load balancers ask every second whether to send more.
pub(super) const SHUTDOWN_DELAY_DEFAULT: &str = "1s";

/// No load balancer stands before a demo, and Ctrl-C should end it.
pub(super) const SHUTDOWN_DELAY_DEFAULT_OF_SANDBOX: &str = "0s";

/// The word that turns the admin address off.
const OFF: &str = "off";

/// The servers that callers and operators reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where GraphQL and the playground are served · `OZEKI_GRAPHQL_LISTEN` · 127.0.0.1:8080 · port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where metrics are served, if anywhere · `OZEKI_GRAPHQL_ADMIN_LISTEN` · 127.0.0.1:9090 · `off`, or as for `listen`.
    pub admin_listen: Option<SocketAddr>,
    /// Whether the playground is served and introspection allowed · `OZEKI_GRAPHQL_PLAYGROUND` · off; on for `sandbox`.
    pub playground: bool,
    /// Whether rate limits hold · `OZEKI_GRAPHQL_RATE_LIMITS` · on.
    pub rate_limits: bool,
    /// How long a request may take · `OZEKI_GRAPHQL_REQUEST_TIMEOUT` · 15s · 100ms to 10m.
    pub request_timeout: Duration,
    /// The longest request body, in bytes · `OZEKI_GRAPHQL_REQUEST_BODY_MAX` · 256KiB · 1KiB to 16MiB.
    pub body_max_bytes: usize,
    /// What documents and variables must keep to · `OZEKI_GRAPHQL_OPERATION_LIMITS` · see there · those that are named
    /// change.
    pub operation_limits: OperationLimits,
    /// How long requests are still taken after a signal to stop, while `/readyz` tells load balancers to send no more ·
    /// `OZEKI_GRAPHQL_SHUTDOWN_DELAY` · 1s; 0s for `sandbox` · 0s to 1m.
    pub shutdown_delay: Duration,
    /// How long requests in flight may run on after a signal to stop · `OZEKI_GRAPHQL_SHUTDOWN_GRACE` · 25s · 0s to 10m.
    pub shutdown_grace: Duration,
}

impl HttpConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let listen = reader.parse("listen", parse_address);
        let admin_listen = reader.parse("admin_listen", |text| match text {
            OFF => Ok(None),
            text => {
                parse_address(text).map(Some).map_err(|expected| format!("{expected}, or `{OFF}`"))
            }
        });
        let playground = reader.switch("playground");
        let rate_limits = reader.switch("rate_limits");
        let request_timeout = reader.duration("request_timeout");
        let body_max_bytes = reader.memory_size("request_body_max");
        let operation_limits = reader.parse("operation_limits", parse_limits);
        let shutdown_delay = reader.duration("shutdown_delay");
        let shutdown_grace = reader.duration("shutdown_grace");
        Some(Self {
            listen: listen?,
            admin_listen: admin_listen?,
            playground: playground?,
            rate_limits: rate_limits?,
            request_timeout: request_timeout?,
            body_max_bytes: body_max_bytes?,
            operation_limits: operation_limits?,
            shutdown_delay: shutdown_delay?,
            shutdown_grace: shutdown_grace?,
        })
    }
}

/// Reads an IP address with its port.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, Expected> {
    text.trim()
        .parse()
        .map_err(|_| "an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned())
}

/// Reads limits, and names the nearest where there is none of a name.
fn parse_limits(text: &str) -> Result<OperationLimits, Expected> {
    OperationLimits::parse(text).map_err(|error| {
        let known = Limit::ALL.map(Limit::as_str);
        let hint = match &error {
            InvalidLimits::Unknown(name) => match nearest(name, known) {
                Some(nearest) => format!("; did you mean {nearest}?"),
                None => format!("; the limits are {}", known.join(", ")),
            },
            InvalidLimits::NoPair(_)
            | InvalidLimits::Repeated(_)
            | InvalidLimits::OutOfRange { .. } => String::new(),
        };
        format!("limits such as tokens=3000,depth=12, but {error}{hint}")
    })
}
