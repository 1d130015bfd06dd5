//! Whose pages may ask: cross-origin requests (CORS), and the origin of WebSocket upgrades.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, request};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::request_id::REQUEST_ID;

/// What a page of a listed origin may send, beside what every page may.
const ALLOWED_HEADERS: [HeaderName; 11] = [
    ACCEPT,
    AUTHORIZATION,
    CACHE_CONTROL,
    CONTENT_TYPE,
    HeaderName::from_static("ozeki-user"),
    HeaderName::from_static("ozeki-station"),
    HeaderName::from_static("ozeki-signature"),
    HeaderName::from_static("apollo-require-preflight"),
    HeaderName::from_static("graphql-require-preflight"),
    HeaderName::from_static("x-apollo-operation-name"),
    REQUEST_ID,
];

/// What a page may read, beside what every page may.
const EXPOSED_HEADERS: [HeaderName; 2] = [REQUEST_ID, RETRY_AFTER];

/// Two hours, the longest that Chromium keeps a preflight's answer.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(2 * 60 * 60);

/// The origins whose pages may use the gateway, beside its own.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins {
    listed: Arc<[HeaderValue]>,
    /// Whether this server encrypts, so that its own pages cannot have come without.
    is_encrypted: bool,
}

impl AllowedOrigins {
    /// Takes origins as browsers write them: `https://chat.example`, without a default port.
    ///
    /// What no header can hold is left out, as no browser can send it.
    pub fn new<'a>(listed: impl IntoIterator<Item = &'a str>, is_encrypted: bool) -> Self {
        let values = listed.into_iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
        Self { listed: values.collect(), is_encrypted }
    }

    /// Whether a page of `origin`, the header of that name, may open a WebSocket on `host`, the header of that name or
    /// the authority of an HTTP/2 request.
    ///
    /// A missing origin is no browser's, and nobody's page. `null`, as of a sandboxed frame or a file, is never allowed.
    pub fn permits(&self, origin: Option<&HeaderValue>, host: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        if self.listed.contains(origin) {
            return true;
        }
        let (Ok(origin), Some(host)) = (origin.to_str(), host) else { return false };
        let own = origin.strip_prefix("https://").or_else(|| {
            // Before a proxy that encrypts, the gateway cannot know how its page was fetched.
            origin.strip_prefix("http://").filter(|_| !self.is_encrypted)
        });
        own.is_some_and(|own| own.eq_ignore_ascii_case(host))
    }

    /// Answers preflights on `/graphql` and lets pages of listed origins read answers; none where none are listed.
    ///
    /// There are no cookies to send along, and so no credentials to allow.
    pub(super) fn cors_layer(&self) -> Option<CorsLayer> {
        if self.listed.is_empty() {
            return None;
        }
        let listed = Arc::clone(&self.listed);
        let is_listed = move |origin: &HeaderValue, request: &request::Parts| {
            request.uri.path() == "/graphql" && listed.contains(origin)
        };
        let layer = CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(is_listed))
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(ALLOWED_HEADERS)
            .expose_headers(EXPOSED_HEADERS)
            .max_age(PREFLIGHT_MAX_AGE);
        Some(layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(origins: &AllowedOrigins, origin: &'static str, host: &str) -> bool {
        origins.permits(Some(&HeaderValue::from_static(origin)), Some(host))
    }

    #[test]
    fn a_websocket_is_for_the_own_page_the_listed_ones_and_what_is_no_browser() {
        let origins = AllowedOrigins::new(["https://chat.example"], false);
        assert!(origins.permits(None, Some("gate.example")));
        assert!(permits(&origins, "https://chat.example", "gate.example"));
        assert!(permits(&origins, "http://gate.example:8080", "gate.example:8080"));
        assert!(permits(&origins, "https://gate.example", "Gate.Example"));
        for origin in [
            "null",
            "",
            "*",
            "gate.example",
            "https://evil.example",
            "https://chat.example.evil.example",
            "https://evil.example/https://chat.example",
            "https://chat.example:444",
            "http://chat.example",
            "https://gate.example:444",
            "https://gate.example@evil.example",
            "file://gate.example",
        ] {
            assert!(!permits(&origins, origin, "gate.example"), "{origin}");
        }
        let unreadable = HeaderValue::from_bytes(b"https://\xff").unwrap();
        assert!(!origins.permits(Some(&unreadable), Some("gate.example")));
        assert!(!origins.permits(Some(&HeaderValue::from_static("https://")), None));
    }

    #[test]
    fn a_server_that_encrypts_does_not_take_a_page_that_came_without() {
        let origins = AllowedOrigins::new([], true);
        assert!(permits(&origins, "https://gate.example", "gate.example"));
        assert!(!permits(&origins, "http://gate.example", "gate.example"));
    }
}
