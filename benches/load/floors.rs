//! What the gateway is compared with: servers that do nothing but what cannot be left out.

use std::future::Future;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::standin;

/// Reads the request's body and sends bytes from memory.
pub(crate) fn memory(address: &str, file: &str) {
    let answer = Bytes::from(std::fs::read(file).unwrap());
    let route = post(|_body: Bytes| async move {
        ([(CONTENT_TYPE, "application/json; charset=utf-8")], answer)
    });
    run(serve(address.to_owned(), Router::new().route("/graphql", route)));
}

/// Reads the request's body, asks the upstream for a list of conversations and hands its bytes on.
pub(crate) fn pass_through(address: &str, upstream: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let route = post(hand_on).with_state((http, upstream.to_owned()));
    run(serve(address.to_owned(), Router::new().route("/graphql", route)));
}

#[expect(clippy::disallowed_methods, reason = "this is no call of the gateway's")]
async fn hand_on(
    State((http, upstream)): State<(reqwest::Client, String)>,
    _body: Bytes,
) -> ([(axum::http::HeaderName, &'static str); 1], Bytes) {
    let request = http
        .post(format!("{upstream}?srv=chatserver&api=chatconversation"))
        .header(CONTENT_TYPE, "application/json")
        .header("ozeki-user", standin::user(0))
        .body(r#"{"action":"list","clientversioncode":3,"timestamp":"2024-03-08 14:12:48"}"#);
    let answer = request.send().await.unwrap().bytes().await.unwrap();
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], answer)
}

async fn serve(address: String, router: Router) {
    let listener = TcpListener::bind(address).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}

fn run(work: impl Future<Output = ()>) {
    // As the gateway's own: one worker for each processor that it may use.
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work);
}
