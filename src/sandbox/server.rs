//! A running sandbox.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::demo;
use super::endpoint::{Shared, endpoint};
use super::life;
use super::{Faults, Journal};
use crate::clock::Clock;
use crate::ozeki::signature::Recipe;

/// Where the vendor's own pages place the API. Source: "Calling convention".
const PATH: &str = "/ozeki/index.php";

/// How long a shutdown waits for clients that do not read their answers.
const SHUTDOWN_GRACE_PERIOD: Duration = Duration::from_secs(2);

/// How to run a sandbox.
pub struct SandboxOptions {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// How the sandbox expects calls to be signed.
    pub recipe: Recipe,
    /// What timestamps are checked against, and when the demo data begins.
    pub clock: Clock,
}

/// A running stand-in of an Ozeki Chat server; it stops when dropped.
pub struct Sandbox {
    url: Url,
    shared: Arc<Shared>,
    server: JoinHandle<io::Result<()>>,
    closing: DropGuard,
}

impl Sandbox {
    /// Starts a sandbox with the demo data; once this returns, it accepts calls.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when it cannot listen at the address.
    pub async fn start(options: SandboxOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let url = Url::parse(&format!("http://{address}{PATH}"))
            .expect("a socket address and a fixed path make a URL");
        let closing = CancellationToken::new();
        let shared = Arc::new(Shared {
            world: Mutex::new(demo::world(options.clock.unix_seconds())),
            recipe: options.recipe,
            clock: options.clock,
            journal: Journal::new(),
            faults: Faults::default(),
            closing: closing.clone(),
        });
        let router = Router::new().route(PATH, any(endpoint)).with_state(Arc::clone(&shared));
        // Answers are small: waiting to fill a packet would only add latency.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let server = tokio::spawn(
            axum::serve(listener, router)
                .with_graceful_shutdown(closing.clone().cancelled_owned())
                .into_future(),
        );
        Ok(Self { url, shared, server, closing: closing.drop_guard() })
    }

    /// The base URL of its API, such as `http://127.0.0.1:40123/ozeki/index.php`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What was called so far.
    pub fn journal(&self) -> Journal {
        self.shared.journal.clone()
    }

    /// Where faults are injected.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Lets the demo's people write, come and leave by themselves, a step each time, until the sandbox stops; needs a
    /// Tokio runtime.
    pub fn come_alive(&self, every: Duration) {
        tokio::spawn(life::live(Arc::clone(&self.shared), every));
    }

    /// Lets one of the demo's people do the next thing: what comes when is the same in every run.
    pub fn step(&self) {
        life::step(&self.shared);
    }

    /// Stops: accepts no more calls, ends held and delayed answers unanswered, and waits for the others.
    ///
    /// A client that does not read its answer is left after two seconds.
    pub async fn shutdown(self) {
        let Self { server, closing, .. } = self;
        drop(closing);
        let abort = server.abort_handle();
        if tokio::time::timeout(SHUTDOWN_GRACE_PERIOD, server).await.is_err() {
            abort.abort();
        }
    }
}
