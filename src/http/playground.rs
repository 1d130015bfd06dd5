//! The playground: `GraphiQL`, from files that are part of the program, so that it works without internet.
//!
//! Owns `/` and `/playground/…`. It knows nothing of sessions: whoever builds the router says in a
//! [`SettingsSource`] what the page starts with. `ui/` holds the page's own source.

mod assets;
mod encoding;
mod settings;
mod tabs;

use std::io::Read as _;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use self::assets::Asset;
use self::encoding::Encoding;
pub use self::settings::{Settings, SettingsSource, Tab};
pub use self::tabs::tabs;

/// Nothing but this host, no `eval`, no inline script, no frame around the page.
///
/// `style-src` allows inline styles, because the editor (Monaco) writes `<style>` elements for its themes and line
/// heights; `img-src` allows `data:`, because its stylesheet draws squiggles and icons that way.
const CONTENT_SECURITY_POLICY_VALUE: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; \
    connect-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Sent with every answer. The policy stands on scripts as well as on the page, since a worker obeys its own.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 7] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY_VALUE)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // What the page never asks for, a script that got into it cannot ask for either.
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ),
];

/// A year, the longest that caches honour.
const HASHED_CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// The routes `/` and `/playground/…`.
pub fn router(settings: SettingsSource) -> Router {
    router_with(assets::EMBEDDED, settings)
}

fn router_with(table: &'static [Asset], settings: SettingsSource) -> Router {
    let page = move |headers: HeaderMap| async move {
        let index = assets::find(table, assets::INDEX);
        serve(index.unwrap_or(assets::ABSENT), &headers).await
    };
    let asset = move |Path(path): Path<String>, headers: HeaderMap| async move {
        match assets::find(table, &path) {
            Some(asset) => serve(asset, &headers).await,
            None => (StatusCode::NOT_FOUND, SECURITY_HEADERS, "no such file").into_response(),
        }
    };
    Router::new()
        .route("/", get(page))
        .route("/playground/settings.json", get(tell_settings))
        .route("/playground/{*path}", get(asset))
        .with_state(settings)
}

async fn tell_settings(State(source): State<SettingsSource>) -> Response {
    let headers = [(CACHE_CONTROL, "no-store")];
    (SECURITY_HEADERS, headers, Json(source.settings().await)).into_response()
}

async fn serve(asset: &'static Asset, request: &HeaderMap) -> Response {
    let Some((bytes, encoding)) = encoded(asset, Encoding::negotiate(request)).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (SECURITY_HEADERS, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = encoding.header_value() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if asset.is_hashed {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(HASHED_CACHE_CONTROL));
        return response;
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let tag = entity_tag(asset);
    let is_known = is_known(&tag, request);
    if let Ok(value) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, value);
    }
    if is_known {
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_ENCODING);
        *response.body_mut() = axum::body::Body::empty();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// The content in the wanted coding, or as it is where it is not kept in that coding; none if it were damaged.
async fn encoded(asset: &'static Asset, wanted: Encoding) -> Option<(Bytes, Encoding)> {
    for encoding in [wanted, Encoding::Identity] {
        if let Some(bytes) = asset.copy(encoding) {
            return Some((Bytes::from_static(bytes), encoding));
        }
    }
    let gzip = asset.copy(Encoding::Gzip)?;
    // It takes milliseconds, which the threads that serve should not spend.
    let unpacked = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        GzDecoder::new(gzip).read_to_end(&mut bytes).map(|_| bytes)
    });
    Some((Bytes::from(unpacked.await.ok()?.ok()?), Encoding::Identity))
}

/// A weak tag, the same for every coding of a file.
fn entity_tag(asset: &Asset) -> String {
    let content = asset.copies.first().map_or(&[][..], |(_, bytes)| bytes);
    let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(content));
    // 96 bits are ample to tell the versions of one file apart.
    format!("W/\"{}\"", digest.get(..16).unwrap_or(&digest))
}

fn is_known(tag: &str, request: &HeaderMap) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

#[cfg(test)]
mod tests;
