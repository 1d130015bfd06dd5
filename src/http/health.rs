//! Whether the process lives, and whether it takes new work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::graphql::Engine;

/// Whether the gateway takes new work; shared by all clones.
#[derive(Clone, Debug)]
pub struct Readiness {
    is_withdrawn: Arc<AtomicBool>,
    engine: Arc<Engine>,
}

impl Readiness {
    /// Ready, while the engine has room.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { is_withdrawn: Arc::default(), engine }
    }

    /// Tells load balancers to send no more, as before a shutdown.
    pub fn withdraw(&self) {
        self.is_withdrawn.store(true, Ordering::Release);
    }

    fn status(&self) -> (StatusCode, &'static str) {
        if self.is_withdrawn.load(Ordering::Acquire) {
            (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
        } else if self.engine.is_overloaded() {
            (StatusCode::SERVICE_UNAVAILABLE, "overloaded\n")
        } else {
            (StatusCode::OK, "ready\n")
        }
    }
}

pub(super) fn router(readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(async move || readiness.status()))
}
