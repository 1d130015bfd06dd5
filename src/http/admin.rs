//! What operators scrape, on an address of its own.

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Redirect;
use axum::routing::get;

use crate::telemetry::Metrics;

/// The media type of the text that [`Metrics::encode`] writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the admin address.
pub fn admin_router(metrics: Arc<Metrics>) -> Router {
    let scrape = move || {
        let text = metrics.encode();
        async move { ([(CONTENT_TYPE, OPEN_METRICS)], text) }
    };
    // A person who opens the address should not have to know the path.
    let root = get(async || Redirect::temporary("/metrics"));
    Router::new().route("/metrics", get(scrape)).route("/", root)
}
