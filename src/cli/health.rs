//! `health`: asks a running gateway whether it takes work; for images, which hold nothing else to ask with.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use url::Url;

use crate::app::url_of;
use crate::config::Variables;

/// Less than what orchestrators give a check by default.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where `serve` listens when nothing says otherwise; metrics are served without encryption, so no certificate is in the
/// way.
const ADMIN_LISTEN_DEFAULT: &str = "127.0.0.1:9090";

/// Why a gateway does not count as healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The argument is no URL: exit status 2.
    #[error("--url must be an http or https URL, such as http://127.0.0.1:9090")]
    Url,
    /// Nobody answered.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was asked for.
        url: Url,
        /// Why there is none.
        #[source]
        source: reqwest::Error,
    },
    /// It takes no work.
    #[error("{url} answers with status {status}")]
    NotReady {
        /// What was asked for.
        url: Url,
        /// The answer's status.
        status: u16,
    },
}

/// The command line of `health`.
pub fn command() -> Command {
    Command::new("health")
        .about("Ask a running gateway whether it takes work: exit status 0 or 1")
        .long_about(
            "Ask a running gateway for /readyz: exit status 0 if it takes work, 1 if not. Without --url, the gateway of this \
             machine or container is asked, at the address of OZEKI_GRAPHQL_ADMIN_LISTEN, or of OZEKI_GRAPHQL_LISTEN \
             where the former is off.",
        )
        .arg(
            Arg::new("url")
                .long("url")
                .value_name("URL")
                .help("The gateway, such as http://127.0.0.1:9090; its admin address or its public one"),
        )
}

/// Asks for `/readyz`.
///
/// # Errors
///
/// Any [`HealthError`].
pub async fn run(matches: &ArgMatches, variables: &Variables) -> Result<(), HealthError> {
    let url = match matches.get_one::<String>("url") {
        Some(url) => url.clone(),
        None => url_of("http", own_address(variables).ok_or(HealthError::Url)?),
    };
    let url = readiness_url(&url).ok_or(HealthError::Url)?;
    match ask(url.clone()).await {
        Ok(200) => Ok(()),
        Ok(status) => Err(HealthError::NotReady { url, status }),
        Err(source) => Err(HealthError::Unreachable { url, source: source.without_url() }),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is no upstream call")]
async fn ask(url: Url) -> Result<u16, reqwest::Error> {
    // A second installation is refused, and is the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    Ok(http.get(url).send().await?.status().as_u16())
}

/// Where the gateway of this machine is asked, by the variables that it was started with.
fn own_address(variables: &Variables) -> Option<SocketAddr> {
    let value = |name| variables.value(name).and_then(|value| value.to_str());
    let address = match value("OZEKI_GRAPHQL_ADMIN_LISTEN") {
        Some("off") => value("OZEKI_GRAPHQL_LISTEN").unwrap_or("127.0.0.1:8080"),
        Some(address) => address,
        None => ADMIN_LISTEN_DEFAULT,
    };
    address.parse().ok()
}

fn readiness_url(base: &str) -> Option<Url> {
    let url = Url::parse(base).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.join("/readyz").ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_of_this_machine_is_found_by_its_variables() {
        let found = |variables: &[(&str, &str)]| {
            own_address(&variables.iter().copied().collect()).map(|it| url_of("http", it))
        };
        let (admin, listen) = ("OZEKI_GRAPHQL_ADMIN_LISTEN", "OZEKI_GRAPHQL_LISTEN");
        assert_eq!(found(&[]).as_deref(), Some("http://127.0.0.1:9090"));
        assert_eq!(found(&[(admin, "0.0.0.0:9")]).as_deref(), Some("http://127.0.0.1:9"));
        let off = found(&[(admin, "off"), (listen, "[::]:8")]);
        assert_eq!(off.as_deref(), Some("http://[::1]:8"));
        assert_eq!(found(&[(admin, "nonsense")]), None);
    }

    #[test]
    fn only_what_is_asked_by_http_is_taken() {
        let asked = |base| readiness_url(base).map(String::from);
        assert_eq!(asked("https://a.example").as_deref(), Some("https://a.example/readyz"));
        assert_eq!(asked("127.0.0.1:9090"), None);
        assert_eq!(asked("file:///readyz"), None);
    }
}
