//! What the gateway tells of itself.

use std::net::SocketAddr;

use crate::http::Connection;

/// The text of the gateway's metrics.
pub(crate) async fn scrape(admin: SocketAddr) -> String {
    let mut connection = Connection::open(admin).await.unwrap();
    let reply = connection.exchange(b"GET /metrics HTTP/1.1\r\nhost: bench\r\n\r\n").await.unwrap();
    String::from_utf8_lossy(reply.body).into_owned()
}

/// The value of a metric without labels; zero where nothing was counted yet.
pub(crate) fn value(text: &str, name: &str) -> i64 {
    let prefix = format!("ozeki_graphql_{name} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    line.map_or(0, |value| value.parse().unwrap())
}
