//! The server: accepts connections, bounds what each may cost, and ends them in good order.
//!
//! It knows nothing of what the routes do. A connection is one task, and each of its HTTP/2 streams is one more; all
//! are waited for when the server stops.

mod activity;
mod answer;
mod connection;
mod half_closed;
mod limits;
mod open;
mod routes;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::Peer;
use crate::http::turns::{Standing, Turns};
use crate::telemetry::Metrics;
use connection::Shared;
use limits::ACCEPT_PAUSES;
pub use limits::ConnectionLimits;
use open::Open;
pub use routes::Routes;
use tls::Certificate;
pub use tls::{TlsError, TlsFiles};

/// What is served where, and its bounds.
pub struct ServerOptions<R> {
    /// Where connections come in.
    pub listener: TcpListener,
    /// What answers.
    pub routes: R,
    /// What connections may cost.
    pub limits: ConnectionLimits,
    /// The certificate to encrypt with, if any.
    pub tls: Option<TlsFiles>,
    /// Where open connections are counted, if anywhere.
    pub gauge: Option<Arc<Metrics>>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    is_leaving: Arc<AtomicBool>,
    stop: CancellationToken,
    abort: CancellationToken,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Begins to serve.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when there should be a certificate and there is none to use.
    pub fn start<R: Routes>(options: ServerOptions<R>) -> Result<Self, TlsError> {
        let ServerOptions { listener, routes, limits, tls, gauge } = options;
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let is_leaving = Arc::<AtomicBool>::default();
        let tasks = TaskTracker::new();
        let mut acceptor = None;
        if let Some(files) = tls {
            let certificate = Certificate::read(files)?;
            acceptor = Some(certificate.acceptor()?);
            tasks.spawn(certificate.follow(stop.clone()));
        }
        let shared = Shared {
            routes,
            limits,
            tls: acceptor,
            tasks: tasks.clone(),
            turns: Turns::default(),
            is_leaving: Arc::clone(&is_leaving),
            stop: stop.clone(),
            abort: abort.clone(),
        };
        let accepting = tokio::spawn(async move {
            accept(listener, &shared, gauge).await;
            tasks.close();
            tasks.wait().await;
        });
        Ok(Self { is_leaving, stop, abort, accepting })
    }

    /// Asks clients to come back by other connections, each with its next answer; all is served as before.
    pub fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Takes no more connections and closes those without a request; requests under way go on.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until all has ended after [`stop`](Self::stop).
    pub async fn ended(&mut self) {
        // A task that was aborted has nothing left to finish.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    /// Ends every connection, whatever is under way.
    fn drop(&mut self) {
        self.stop.cancel();
        self.abort.cancel();
    }
}

async fn accept<R: Routes>(listener: TcpListener, shared: &Shared<R>, gauge: Option<Arc<Metrics>>) {
    let places = Arc::new(Semaphore::new(shared.limits.connections_max));
    let mut pauses = Pauses::default();
    let accepting = async {
        loop {
            // When all places are taken, new connections wait in the system's queue, which is bounded too. Slow ones
            // give their place back within seconds; to refuse would make a client that waits ask again and again.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, address)) => {
                    pauses.end();
                    // Answers are small: waiting to fill a packet would only add latency.
                    let _ = stream.set_nodelay(true);
                    let open = Open::new(place, gauge.clone());
                    let standing = Standing::newcomer(shared.turns.clone());
                    let peer = Peer { address, standing: standing.clone() };
                    let serving = connection::serve(shared.clone(), stream, peer, open);
                    shared.tasks.spawn(standing.by_turns(serving));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    let pause = pauses.next();
                    tracing::error!(%error, pause_ms = pause.as_millis(), "no connection can be accepted");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    };
    shared.stop.run_until_cancelled(accepting).await;
}

/// Whether only the connection failed that was to be accepted, as one whose client has gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
    ]
    .contains(&error.kind())
}

/// Growing pauses, so that a lasting failure costs neither the processor nor the log.
#[derive(Debug, Default)]
struct Pauses {
    last: Option<Duration>,
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let (first, longest) = ACCEPT_PAUSES;
        let pause = self.last.map_or(first, |last| last.saturating_mul(2).min(longest));
        self.last = Some(pause);
        pause
    }

    fn end(&mut self) {
        self.last = None;
    }
}
