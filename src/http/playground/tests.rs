use std::io::Write as _;

use http::Request;
use http::header::ACCEPT_ENCODING;
use tower::ServiceExt as _;

use super::*;

const INDEX_TEXT: &str = "<!doctype html><title>test</title>";
const SCRIPT_TEXT: &str = "console.info('played')";

/// A table as `build.rs` makes it, so that the tests do not depend on Node.
fn table() -> &'static [Asset] {
    let asset =
        |path, content_type, is_hashed, copies| Asset { path, content_type, is_hashed, copies };
    Vec::leak(vec![
        asset("assets/app-abc.js", "text/javascript; charset=utf-8", true, compressed(SCRIPT_TEXT)),
        asset("assets/font-abc.woff2", "font/woff2", true, &[(Encoding::Identity, b"wOF2")]),
        asset("index.html", "text/html; charset=utf-8", false, compressed(INDEX_TEXT)),
    ])
}

fn compressed(text: &str) -> &'static [(Encoding, &'static [u8])] {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let gzip: &[u8] = Vec::leak(encoder.finish().unwrap());
    Vec::leak(vec![(Encoding::Gzip, gzip), (Encoding::Brotli, b"brotli bytes")])
}

fn settings() -> SettingsSource {
    let mut settings = Settings::new("/graphql");
    settings.headers.insert("Authorization".to_owned(), "Bearer demo".to_owned());
    settings.tabs.push(Tab {
        title: "Who am I".to_owned(),
        query: "query Viewer { viewer { id } }".to_owned(),
        variables: None,
    });
    SettingsSource::fixed(settings)
}

async fn get_with(
    table: &'static [Asset],
    path: &str,
    headers: &[(HeaderName, &str)],
) -> (http::response::Parts, Bytes) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = router_with(table, settings()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts, axum::body::to_bytes(body, usize::MAX).await.unwrap())
}

fn header(parts: &http::response::Parts, name: HeaderName) -> Option<&str> {
    parts.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_page_comes_with_the_policy_and_is_revalidated() {
    let (parts, body) = get_with(table(), "/", &[]).await;

    assert_eq!(parts.status, StatusCode::OK);
    assert_eq!(body, INDEX_TEXT);
    assert_eq!(header(&parts, CONTENT_TYPE), Some("text/html; charset=utf-8"));
    assert_eq!(header(&parts, CACHE_CONTROL), Some("no-cache"));
    assert_eq!(header(&parts, X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
    assert_eq!(header(&parts, REFERRER_POLICY), Some("no-referrer"));
    assert_eq!(header(&parts, X_FRAME_OPTIONS), Some("DENY"));
    let policy = header(&parts, CONTENT_SECURITY_POLICY).unwrap();
    assert!(policy.contains("default-src 'none'"));
    assert!(policy.contains("script-src 'self';"));
    assert!(!policy.contains("unsafe-eval") && !policy.contains("http") && !policy.contains('*'));
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let (first, _) = get_with(table(), "/", &[]).await;
    let tag = header(&first, ETAG).unwrap();

    for known in [tag, "*", &format!("\"other\", {tag}"), tag.trim_start_matches("W/")] {
        let (parts, body) = get_with(table(), "/", &[(IF_NONE_MATCH, known)]).await;
        assert_eq!(parts.status, StatusCode::NOT_MODIFIED, "{known}");
        assert!(body.is_empty());
        assert_eq!(header(&parts, ETAG), Some(tag));
    }
    let (parts, _) = get_with(table(), "/", &[(IF_NONE_MATCH, "\"other\"")]).await;
    assert_eq!(parts.status, StatusCode::OK);
}

#[tokio::test]
async fn a_hashed_file_is_cached_for_good_and_sent_in_the_best_coding() {
    let path = "/playground/assets/app-abc.js";
    let (parts, body) = get_with(table(), path, &[(ACCEPT_ENCODING, "gzip, br")]).await;
    assert_eq!(header(&parts, CONTENT_ENCODING), Some("br"));
    assert_eq!(header(&parts, VARY), Some("accept-encoding"));
    assert_eq!(header(&parts, CACHE_CONTROL), Some("public, max-age=31536000, immutable"));
    assert!(parts.headers.contains_key(CONTENT_SECURITY_POLICY));
    assert_eq!(body, "brotli bytes");

    let (parts, body) = get_with(table(), path, &[(ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!(header(&parts, CONTENT_ENCODING), Some("gzip"));
    assert!(body.starts_with(&[0x1f, 0x8b]));

    let (parts, body) = get_with(table(), path, &[]).await;
    assert_eq!(header(&parts, CONTENT_ENCODING), None);
    assert_eq!(body, SCRIPT_TEXT);
}

#[tokio::test]
async fn a_font_is_sent_as_it_is() {
    let path = "/playground/assets/font-abc.woff2";
    let (parts, body) = get_with(table(), path, &[(ACCEPT_ENCODING, "br")]).await;
    assert_eq!(header(&parts, CONTENT_ENCODING), None);
    assert_eq!(body, "wOF2");
}

#[tokio::test]
async fn an_unknown_file_is_not_found() {
    for path in ["/playground/assets/other.js", "/playground/..%2Findex.html"] {
        let (parts, _) = get_with(table(), path, &[]).await;
        assert_eq!(parts.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn settings_are_told_and_never_stored() {
    let (parts, body) = get_with(table(), "/playground/settings.json", &[]).await;
    assert_eq!(header(&parts, CACHE_CONTROL), Some("no-store"));
    let settings: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        settings,
        serde_json::json!({
            "endpoint": "/graphql",
            "headers": { "Authorization": "Bearer demo" },
            "tabs": [{ "title": "Who am I", "query": "query Viewer { viewer { id } }" }],
            "notice": null,
        })
    );
}

#[tokio::test]
async fn settings_are_asked_for_each_load() {
    let loads = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&loads);
    let source = SettingsSource::new(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async { Settings::new("/graphql") }
    });
    let router = router(source);
    for _ in 0..2 {
        let request = Request::get("/playground/settings.json");
        let request = request.body(axum::body::Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap();
    }
    assert_eq!(loads.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_program_without_the_playground_says_how_to_add_it() {
    let (parts, body) = get_with(&[], "/", &[]).await;
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(parts.status, StatusCode::OK);
    assert!(header(&parts, CONTENT_TYPE).unwrap().starts_with("text/html"));
    assert!(parts.headers.contains_key(CONTENT_SECURITY_POLICY));
    assert!(body.contains("Node.js") && body.contains("curl") && body.contains("/graphql"));
    assert!(!body.contains("<script"));
}

#[test]
fn the_embedded_table_is_whole_and_loads_nothing_from_elsewhere() {
    let table = assets::EMBEDDED;
    assert!(table.is_sorted_by_key(|asset| asset.path));
    for asset in table.iter().filter(|asset| !asset.path.starts_with("assets/")) {
        assert!(!asset.is_hashed, "{} has no hash in its name", asset.path);
    }
    let Some(index) = assets::find(table, assets::INDEX) else {
        assert!(table.is_empty(), "files without a page");
        return;
    };
    let gzip = index.copy(Encoding::Gzip).unwrap();
    let mut page = String::new();
    GzDecoder::new(gzip).read_to_string(&mut page).unwrap();
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("=\"//"));
    let links = page.split('"').filter_map(|text| text.strip_prefix("/playground/"));
    for path in links {
        assert!(assets::find(table, path).is_some(), "{path} is linked but not embedded");
    }
}
