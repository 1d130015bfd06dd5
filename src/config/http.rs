//! What the gateway offers to its own callers.

use std::net::{AddrParseError, IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::fault::{Fault, quoted};
use super::nearest::nearest;
use super::quotas::QuotasConfig;
use super::reader::{Expected, Reader, Refused};
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

/// Far more than one process has under way while its chat server answers within a second.
pub(super) const OPERATIONS_IN_FLIGHT_MAX_DEFAULT: &str = "512";

/// Less than the thirty seconds after which orchestrators kill.
pub(super) const SHUTDOWN_GRACE_DEFAULT: &str = "25s";

/// Some load balancers ask every second whether to send more.
pub(super) const SHUTDOWN_DELAY_DEFAULT: &str = "1s";

/// No load balancer stands before a demo, and Ctrl-C should end it.
pub(super) const SHUTDOWN_DELAY_DEFAULT_OF_SANDBOX: &str = "0s";

pub(super) const TLS_FILE_FORM: &str = "the path of a readable PEM file";

pub(super) const CORS_ORIGINS_FORM: &str = "origins as browsers write them, such as https://chat.example or http://localhost:5173, with commas between";

/// Whoever is named here may say who is asking: that is a decision too.
pub(super) const TRUSTED_PROXIES_DEFAULT: &str = NONE;

pub(super) const TRUSTED_PROXIES_FORM: &str =
    "IP addresses and networks, such as 10.0.0.7,2001:db8::/64, or `none`";

/// The word for no proxy at all.
const NONE: &str = "none";

/// More than any operator lists; each request that comes by a proxy is compared with all.
const TRUSTED_PROXIES_MAX: usize = 256;

/// The word that turns the admin address off.
const OFF: &str = "off";

/// The servers that callers and operators reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where GraphQL and the playground are served · `OZEKI_GRAPHQL_LISTEN` · 127.0.0.1:8080 · port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where metrics are served, if anywhere · `OZEKI_GRAPHQL_ADMIN_LISTEN` · 127.0.0.1:9090 · `off`, or as for `listen`.
    pub admin_listen: Option<SocketAddr>,
    /// The files of certificate and key, if frontends come by https · `OZEKI_GRAPHQL_TLS_CERT`, `…_TLS_KEY` · none ·
    /// both or neither.
    pub tls: Option<TlsConfig>,
    /// The origins whose pages may ask, as browsers write them · `OZEKI_GRAPHQL_CORS_ORIGINS` · none.
    pub cors_origins: Vec<String>,
    /// Whether the playground is served and introspection allowed · `OZEKI_GRAPHQL_PLAYGROUND` · off; on for `sandbox`.
    pub playground: bool,
    /// Whether rate limits hold · `OZEKI_GRAPHQL_RATE_LIMITS` · on.
    pub rate_limits: bool,
    /// How much each of them lets through · `OZEKI_GRAPHQL_RATE_LIMIT_QUOTAS` · see [`QuotasConfig`].
    pub quotas: QuotasConfig,
    /// The proxies that are believed when they say who asked them · `OZEKI_GRAPHQL_TRUSTED_PROXIES` · none · at most 256.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a request may take · `OZEKI_GRAPHQL_REQUEST_TIMEOUT` · 15s · 100ms to 10m.
    pub request_timeout: Duration,
    /// The longest request body, in bytes · `OZEKI_GRAPHQL_REQUEST_BODY_MAX` · 256KiB · 1KiB to 16MiB.
    pub body_max_bytes: usize,
    /// What documents and variables must keep to · `OZEKI_GRAPHQL_OPERATION_LIMITS` · see there · those that are named
    /// change.
    pub operation_limits: OperationLimits,
    /// How many operations run at once; 128 more wait for a moment · `OZEKI_GRAPHQL_OPERATIONS_IN_FLIGHT_MAX` · 512 · 1 to
    /// 100000.
    pub operations_in_flight_max: NonZeroUsize,
    /// How long requests are still taken after a signal to stop, while `/readyz` tells load balancers to send no more ·
    /// `OZEKI_GRAPHQL_SHUTDOWN_DELAY` · 1s; 0s for `sandbox` · 0s to 1m.
    pub shutdown_delay: Duration,
    /// How long requests in flight may run on after a signal to stop · `OZEKI_GRAPHQL_SHUTDOWN_GRACE` · 25s · 0s to 10m.
    pub shutdown_grace: Duration,
}

/// The certificate that is shown, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The file of the certificate chain, in PEM.
    pub certificate: PathBuf,
    /// The file of the private key, in PEM.
    pub key: PathBuf,
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
        let tls = read_tls(reader);
        let cors_origins = reader.parse_optional("cors_origins", parse_origins);
        let playground = reader.switch("playground");
        let rate_limits = reader.switch("rate_limits");
        let quotas = reader.parse("rate_limit_quotas", QuotasConfig::parse);
        let trusted_proxies = reader.parse("trusted_proxies", parse_networks);
        let request_timeout = reader.duration("request_timeout");
        let body_max_bytes = reader.memory_size("request_body_max");
        let operation_limits = reader.parse("operation_limits", parse_limits);
        let operations_in_flight_max = reader.count("operations_in_flight_max");
        let shutdown_delay = reader.duration("shutdown_delay");
        let shutdown_grace = reader.duration("shutdown_grace");
        Some(Self {
            listen: listen?,
            admin_listen: admin_listen?,
            tls: tls.ok()?,
            cors_origins: cors_origins.ok()?.unwrap_or_default(),
            playground: playground?,
            rate_limits: rate_limits?,
            quotas: quotas?,
            trusted_proxies: trusted_proxies?,
            request_timeout: request_timeout?,
            body_max_bytes: body_max_bytes?,
            operation_limits: operation_limits?,
            operations_in_flight_max: operations_in_flight_max?,
            shutdown_delay: shutdown_delay?,
            shutdown_grace: shutdown_grace?,
        })
    }
}

/// Reads the two files' names. Whether they can be used is found out at the start.
fn read_tls(reader: &mut Reader) -> Result<Option<TlsConfig>, Refused> {
    let path = |text: &str| match text {
        "" => Err(TLS_FILE_FORM.to_owned()),
        text => Ok(PathBuf::from(text)),
    };
    let certificate = reader.parse_optional("tls_cert", path)?;
    let key = reader.parse_optional("tls_key", path)?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsConfig { certificate, key })),
        (None, None) => Ok(None),
        (certificate, _) => {
            let (given, missing, flag) = match certificate {
                Some(_) => ("tls_cert", "tls_key", "--tls-key"),
                None => ("tls_key", "tls_cert", "--tls-cert"),
            };
            reader.add_fault(Fault::new(format!(
                "{given} is set and {missing} ({flag}) is not: https needs both"
            )));
            Err(Refused)
        }
    }
}

/// Reads origins, each as it must stand in the header `Origin` to be recognised.
fn parse_origins(text: &str) -> Result<Vec<String>, Expected> {
    text.split(',').map(|origin| parse_origin(origin.trim())).collect()
}

fn parse_origin(text: &str) -> Result<String, Expected> {
    let expected = || CORS_ORIGINS_FORM.to_owned();
    let url = Url::parse(text).map_err(|_| expected())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(expected());
    }
    let origin = url.origin().ascii_serialization();
    // What differs by more than letter case or a default port was meant otherwise.
    let is_bare = url.as_str().strip_suffix('/') == Some(&origin) && !text.ends_with('/');
    is_bare.then_some(origin).ok_or_else(expected)
}

/// Reads an IP address with its port.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, Expected> {
    text.trim()
        .parse()
        .map_err(|_| "an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned())
}

/// Reads a list of IP addresses and networks.
fn parse_networks(text: &str) -> Result<Vec<IpNet>, Expected> {
    if text.trim() == NONE {
        return Ok(Vec::new());
    }
    let parse = |part: &str| {
        let address = |_| part.parse().map(|address: IpAddr| address.to_canonical().into());
        part.parse().or_else(address).map_err(|_: AddrParseError| part.to_owned())
    };
    let parsed: Result<Vec<IpNet>, String> = text.split(',').map(str::trim).map(parse).collect();
    match parsed {
        Ok(networks) if networks.len() <= TRUSTED_PROXIES_MAX => Ok(networks),
        Ok(_) => Err(format!("at most {TRUSTED_PROXIES_MAX} {TRUSTED_PROXIES_FORM}")),
        Err(part) => Err(format!("{TRUSTED_PROXIES_FORM}: {} is none", quoted(&part))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_taken_as_browsers_write_them() {
        let origins = parse_origins("https://chat.example, HTTP://LocalHost:5173,https://a:443");
        assert_eq!(
            origins.unwrap(),
            ["https://chat.example", "http://localhost:5173", "https://a"]
        );
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "*",
            "null",
            "chat.example",
            "https://chat.example/",
            "https://chat.example/app",
            "https://chat.example?x",
            "https://*.chat.example/",
            "https://user@chat.example",
            "file:///index.html",
            "https://chat.example,",
            "https://a https://b",
        ] {
            assert!(parse_origins(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let networks = parse_networks("10.0.0.7, 192.0.2.0/24,2001:db8::/64,::ffff:10.0.0.8");
        let networks: Vec<_> = networks.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["10.0.0.7/32", "192.0.2.0/24", "2001:db8::/64", "10.0.0.8/32"]);
        assert_eq!(parse_networks("none"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for (text, part) in
            [("10.0.0.7,proxy", "`proxy` is none"), ("10.0.0.0/33", "`10.0.0.0/33`"), ("", "``")]
        {
            let told = parse_networks(text).unwrap_err();
            assert!(told.contains(part), "{told}");
        }
        assert!(parse_networks(&["10.0.0.7"; 257].join(",")).is_err());
    }
}
