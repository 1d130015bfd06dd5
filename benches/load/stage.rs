//! What all measurements share: the programs, the stand-in, people who are logged in, and the questions.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::http::{Connection, post};
use crate::server::Server;
use crate::standin::{self, Standin};

/// One resource: fifty conversations with their participants.
pub(crate) const ONE: &str = "query Screen { conversations(first: 50) { nodes { id displayName isGroup isMuted isFavorite lastAccess lastMessageId participants { id name isViewer } } } }";

/// Both resources.
pub(crate) const BOTH: &str = "query Screen { conversations(first: 50) { nodes { id displayName isGroup isMuted isFavorite lastAccess lastMessageId participants { id name isViewer } } } friends(first: 50) { nodes { id name isAvailable } } }";

/// Logins and first readings under way at once.
const PREPARED_AT_ONCE: usize = 64;

/// What a measurement needs.
pub(crate) struct Stage {
    pub(crate) gateway: PathBuf,
    pub(crate) own: PathBuf,
    pub(crate) pinned: bool,
    pub(crate) standin: Standin,
    pub(crate) slice: Duration,
    pub(crate) rounds: usize,
    /// How long the soak takes.
    pub(crate) soak: Duration,
}

impl Stage {
    /// The gateway with `serve`'s defaults and what else is said.
    pub(crate) async fn gateway(&self, more: &[&str]) -> (Server, Duration) {
        self.gateway_with_admin("127.0.0.1:0", more).await
    }

    /// The same, with its metrics at this address.
    pub(crate) async fn gateway_with_admin(
        &self,
        admin: &str,
        more: &[&str],
    ) -> (Server, Duration) {
        let upstream = self.standin.url();
        let arguments = |address: &str| {
            let own = ["serve", "--upstream-url", &*upstream, "--listen", address];
            let own = own.into_iter().chain(["--admin-listen", admin]);
            own.chain(more.iter().copied()).map(str::to_owned).collect()
        };
        Server::start(&self.gateway, arguments, self.pinned).await
    }

    /// A floor that sends these bytes.
    pub(crate) async fn memory_floor(&self, answer: &[u8]) -> (Server, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), answer).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        (self.floor("memory-floor", path).await, file)
    }

    /// A floor that hands the upstream's bytes on.
    pub(crate) async fn pass_through_floor(&self) -> Server {
        self.floor("pass-through-floor", self.standin.url()).await
    }

    async fn floor(&self, role: &str, argument: String) -> Server {
        let arguments = |address: &str| vec![role.to_owned(), address.to_owned(), argument];
        Server::start(&self.own, arguments, self.pinned).await.0
    }
}

/// Logs these users in; the tokens in their order.
pub(crate) async fn log_in(to: SocketAddr, users: std::ops::Range<usize>) -> Vec<String> {
    let logins = stream::iter(users).map(|number| async move {
        let mut connection = Connection::open(to).await.unwrap();
        let request = login(&standin::user(number));
        let reply = connection.exchange(&request).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(reply.body).unwrap();
        let token = json["data"]["login"]["token"].as_str();
        token.unwrap_or_else(|| panic!("no token: {json}")).to_owned()
    });
    logins.buffered(PREPARED_AT_ONCE).collect().await
}

/// The request of a login with this key.
pub(crate) fn login(key: &str) -> Vec<u8> {
    let query = format!("mutation {{ login(input: {{ apiKey: \\\"{key}\\\" }}) {{ token }} }}");
    post("/graphql", &[], &format!(r#"{{"query":"{query}"}}"#))
}

/// The request of each of these sessions.
pub(crate) fn requests(
    tokens: &[String],
    query: &str,
    headers: &[(&str, &str)],
) -> Arc<Vec<Vec<u8>>> {
    let body = serde_json::json!({ "query": query }).to_string();
    let requests = tokens.iter().map(|token| {
        let bearer = format!("Bearer {token}");
        let mut headers = headers.to_vec();
        headers.push(("authorization", &bearer));
        post("/graphql", &headers, &body)
    });
    Arc::new(requests.collect())
}

/// Asks each request once, and returns the last answer, whose data must be whole.
pub(crate) async fn ask_each(to: SocketAddr, requests: &Arc<Vec<Vec<u8>>>) -> Vec<u8> {
    let answers = stream::iter(requests.iter()).map(|request| async move {
        let mut connection = Connection::open_from(Ipv4Addr::LOCALHOST, to).await.unwrap();
        let reply = connection.exchange(request).await.unwrap();
        let text = String::from_utf8_lossy(reply.body);
        assert!(reply.status == 200 && !text.contains(r#""errors""#), "{text:.300}");
        reply.body.to_vec()
    });
    let mut answers = answers.buffered(PREPARED_AT_ONCE);
    let mut last = Vec::new();
    while let Some(answer) = answers.next().await {
        last = answer;
    }
    last
}
