//! What a server serves.

use std::future::Future;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tower::ServiceExt;

use crate::http::Peer;

/// Answers the requests of a server's connections.
pub trait Routes: Clone + Send + Sync + 'static {
    /// Answers a request of `peer`.
    fn answer(&self, request: Request, peer: &Peer) -> impl Future<Output = Response> + Send;
}

impl Routes for Router {
    /// The peer is an extension of the request.
    async fn answer(&self, mut request: Request, peer: &Peer) -> Response {
        request.extensions_mut().insert(peer.clone());
        let Ok(response) = self.clone().oneshot(request).await;
        response
    }
}
