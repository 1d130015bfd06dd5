//! What operators scrape, on an address of its own.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::Redirect;
use axum::routing::get;

use super::{Readiness, health};
use crate::telemetry::Metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes of the admin address.
pub fn admin_router(metrics: Arc<Metrics>, readiness: Readiness) -> Router {
    let scrape = move |headers: HeaderMap| {
        let accepts_open_metrics = headers.get_all(ACCEPT).iter().any(|value| {
            value.to_str().is_ok_and(|it| it.contains("application/openmetrics-text"))
        });
        let (media_type, text) = if accepts_open_metrics {
            (OPEN_METRICS, metrics.encode())
        } else {
            (CLASSIC, metrics.encode_classic())
        };
        async move { ([(CONTENT_TYPE, media_type)], text) }
    };
    // A person who opens the address should not have to know the path.
    let root = get(async || Redirect::temporary("/metrics"));
    let router = Router::new().route("/metrics", get(scrape)).route("/", root);
    // Orchestrators ask here without a certificate in the way.
    router.merge(health::router(readiness))
}
