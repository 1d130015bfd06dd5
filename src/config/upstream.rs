//! The Ozeki server and the limits of calls to it.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use super::file::read_bounded_bytes;
use super::reader::{Expected, Reader};
use super::setting::Form;

/// The URL of the vendor's pages, on another host.
pub(super) const URL_EXAMPLE: &str = "http://chat.example/ozeki/index.php";

/// A healthy server answers within a second; ten of them outlast a garbage collection, not a person's patience.
pub(super) const TIMEOUT_DEFAULT: &str = "10s";

/// The server stands on the same network: a connection that takes longer will not come.
pub(super) const CONNECT_TIMEOUT_DEFAULT: &str = "2s";

/// A list of ten thousand conversations, at some 800 bytes each.
pub(super) const BODY_MAX_DEFAULT: &str = "8MiB";

/// What a small PHP server can work on without queueing for longer than a call takes.
pub(super) const CONCURRENCY_DEFAULT: &str = "100";

/// The last message of fifty conversations, and both lists, with room to spare.
pub(super) const OPERATION_CALLS_MAX_DEFAULT: &str = "64";

/// Enough to hide a round trip behind others; few enough that twelve such operations fit into all calls at once.
pub(super) const OPERATION_CONCURRENCY_DEFAULT: &str = "8";

pub(super) const CA_FORM: &str = "the path of a PEM file of certificates";

/// Every authority that a system trusts, twice over.
const CA_FILE_MAX_BYTES: u64 = 1 << 20;

/// The limits of calls to the Ozeki server, wherever that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// How long a call may take, to the last byte of its answer · `OZEKI_GRAPHQL_UPSTREAM_TIMEOUT` · 10s · 100ms to 5m.
    pub timeout: Duration,
    /// How long a connection may take · `OZEKI_GRAPHQL_UPSTREAM_CONNECT_TIMEOUT` · 2s · 10ms to 1m.
    pub connect_timeout: Duration,
    /// The longest answer, in bytes · `OZEKI_GRAPHQL_UPSTREAM_BODY_MAX` · 8MiB · 1KiB to 64MiB.
    pub body_max_bytes: usize,
    /// How many calls run at once · `OZEKI_GRAPHQL_UPSTREAM_CONCURRENCY` · 100 · 1 to 10000.
    pub concurrency: NonZeroUsize,
    /// The certificates to trust beside the system's · `OZEKI_GRAPHQL_UPSTREAM_CA` · none · a PEM file.
    pub roots: Vec<CertificateDer<'static>>,
    /// The proxy that calls go through · `OZEKI_GRAPHQL_UPSTREAM_PROXY` · none.
    pub proxy: Option<UpstreamUrl>,
    /// How many calls one operation may make · `OZEKI_GRAPHQL_OPERATION_CALLS_MAX` · 64 · 1 to 10000.
    pub operation_calls_max: NonZeroUsize,
    /// How many of them run at once · `OZEKI_GRAPHQL_OPERATION_CONCURRENCY` · 8 · 1 to 10000.
    pub operation_concurrency: NonZeroUsize,
}

impl UpstreamConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let timeout = reader.duration("upstream_timeout");
        let connect_timeout = reader.duration("upstream_connect_timeout");
        let body_max_bytes = reader.memory_size("upstream_body_max");
        let concurrency = reader.count("upstream_concurrency");
        let roots = reader.parse_optional("upstream_ca", read_roots);
        let proxy = reader.parse_optional("upstream_proxy", |text| {
            UpstreamUrl::parse(text).map_err(|_| PROXY_EXPECTED.to_owned())
        });
        let operation_calls_max = reader.count("operation_calls_max");
        let operation_concurrency = reader.count("operation_concurrency");
        Some(Self {
            operation_calls_max: operation_calls_max?,
            operation_concurrency: operation_concurrency?,
            timeout: timeout?,
            connect_timeout: connect_timeout?,
            body_max_bytes: body_max_bytes?,
            concurrency: concurrency?,
            roots: roots.ok()?.unwrap_or_default(),
            proxy: proxy.ok()?,
        })
    }
}

/// What a proxy's URL must be; the form's own example is of a chat server.
const PROXY_EXPECTED: &str = "the http or https URL of a proxy, such as http://proxy.example:3128";

/// Reads certificates that can be trusted: at least one, and each whole.
fn read_roots(path: &str) -> Result<Vec<CertificateDer<'static>>, Expected> {
    let bytes = read_bounded_bytes(Path::new(path), CA_FILE_MAX_BYTES)
        .map_err(|error| format!("{CA_FORM}, and it cannot be read ({error})"))?;
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let mut store = RootCertStore::empty();
    roots
        .ok()
        .filter(|roots| !roots.is_empty())
        .filter(|roots| roots.iter().all(|root| store.add(root.clone()).is_ok()))
        .ok_or_else(|| format!("{CA_FORM}, and it holds none or a damaged one"))
}

/// The base URL of the Ozeki API: http or https, without query or fragment.
///
/// User info in it is a credential: it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamUrl(Url);

impl UpstreamUrl {
    /// Reads the URL · `OZEKI_GRAPHQL_UPSTREAM_URL` · no default.
    ///
    /// # Errors
    ///
    /// What is expected instead, as a phrase.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        Url::parse(text.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .filter(|url| url.query().is_none() && url.fragment().is_none())
            .map(Self)
            .ok_or_else(|| Form::Url(URL_EXAMPLE).to_string())
    }

    /// Takes the URL of a server of our own.
    pub fn of_stand_in(url: Url) -> Self {
        Self(url)
    }

    /// The whole URL, with its user info: for the client only.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        reader.require("upstream_url", Self::parse)
    }
}

impl fmt::Display for UpstreamUrl {
    /// Writes the URL without its user info.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without user info, an `@` belongs to the path.
        if self.0.username().is_empty() && self.0.password().is_none() {
            return formatter.write_str(self.0.as_str());
        }
        formatter.write_str(&without_user_info(self.0.as_str()))
    }
}

impl fmt::Debug for UpstreamUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UpstreamUrl({self})")
    }
}

/// Takes out of a text that was meant as a URL what may be secret in it: user info, query and fragment.
///
/// The text need not be a URL: whatever stands before the last `@` counts as user info.
pub(super) fn without_user_info(text: &str) -> String {
    let text = match text.rsplit_once('@') {
        None => text.to_owned(),
        Some((before, after)) => {
            let scheme = ["http://", "https://"].into_iter().find(|scheme| {
                let start = before.get(..scheme.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            });
            format!("{}…@{after}", scheme.unwrap_or_default())
        }
    };
    match text.split_once(['?', '#']) {
        None => text,
        Some((base, _)) => format!("{base}{}…", &text[base.len()..=base.len()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_without_its_user_info_and_keeps_it() {
        let url =
            UpstreamUrl::parse("http://gate:opensesame@chat.example/ozeki/index.php").unwrap();
        assert_eq!(url.to_string(), "http://…@chat.example/ozeki/index.php");
        assert!(!format!("{url:?}").contains("opensesame"));
        assert_eq!(url.expose().password(), Some("opensesame"));
        let url = UpstreamUrl::parse("http://chat.example/@home").unwrap();
        assert_eq!(url.to_string(), "http://chat.example/@home");
    }

    #[test]
    fn what_may_be_secret_is_taken_out_of_any_text() {
        for (text, expected) in [
            ("chat.example", "chat.example"),
            ("ftp://a:b@chat.example/", "…@chat.example/"),
            ("HTTP://a:b@c@chat.example", "http://…@chat.example"),
            ("http://chat.example/?key=opensesame", "http://chat.example/?…"),
            ("http://chat.example/#opensesame", "http://chat.example/#…"),
            ("http://chat.example/?", "http://chat.example/?…"),
            ("opensesame@", "…@"),
        ] {
            assert_eq!(without_user_info(text), expected);
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in [
            "",
            "chat.example",
            "ftp://chat.example",
            "http://",
            "//chat.example",
            "http://a/?b=c",
            "http://a/#b",
            "file:///etc/passwd",
        ] {
            assert!(UpstreamUrl::parse(text).is_err(), "{text:?}");
        }
    }
}
