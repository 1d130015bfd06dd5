//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::{Activity, WaitsFor};
use super::answer::{self, AnswerBody, Streams};
use super::half_closed::HalfClosed;
use super::limits::{self, ConnectionLimits};
use super::open::Open;
use super::routes::Routes;
use super::socket::Socket;
use crate::http::Peer;
use crate::http::turns::{Standing, Turns};

/// What all connections of a server share.
#[derive(Clone)]
pub(super) struct Shared<R> {
    pub(super) routes: R,
    pub(super) limits: ConnectionLimits,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) tasks: TaskTracker,
    /// Who has shown nothing yet is served by turns.
    pub(super) turns: Turns,
    /// Whether clients are asked to come back by other connections.
    pub(super) is_leaving: Arc<AtomicBool>,
    pub(super) stop: CancellationToken,
    pub(super) abort: CancellationToken,
}

/// Serves one connection until it ends, or must be ended.
pub(super) async fn serve<R, S>(shared: Shared<R>, inner: S, peer: Peer, open: Open)
where
    R: Routes,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new();
    let socket = Socket::new(inner, Arc::clone(&activity), shared.limits.write_timeout, open);
    let Some(tls) = &shared.tls else {
        return serve_http(&shared, socket, peer, activity).await;
    };
    let handshake = timeout(shared.limits.handshake_timeout, tls.accept(socket));
    let encrypted = tokio::select! {
        encrypted = handshake => encrypted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        () = shared.stop.cancelled() => return,
    };
    match encrypted {
        // The head's time begins now, not with the handshake.
        Ok(encrypted) => {
            activity.restart();
            serve_http(&shared, encrypted, peer, activity).await;
        }
        Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
    }
}

async fn serve_http<R, S>(shared: &Shared<R>, io: S, peer: Peer, activity: Arc<Activity>)
where
    R: Routes,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = builder(shared, &peer.standing);
    let requests = Requests {
        routes: shared.routes.clone(),
        peer,
        activity: Arc::clone(&activity),
        is_leaving: Arc::clone(&shared.is_leaving),
    };
    let io = TokioIo::new(HalfClosed::new(io, Arc::clone(&activity)));
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, requests));
    let (mut stop, mut abort) = (pin!(shared.stop.cancelled()), pin!(shared.abort.cancelled()));
    let mut listening: Option<Waker> = None;
    // It is late at times and then set anew: most deadlines are moved before they come.
    let mut patience = pin!(sleep_until(Instant::now() + shared.limits.head_timeout));
    let mut stopped: Option<Instant> = None;
    // Until when a connection that was told goodbye may stay, unless something else has happened since.
    let mut goodbye: Option<(Instant, u64)> = None;
    poll_fn(|context| {
        loop {
            let (polled, owed) = activity
                .watch(context, &shared.limits, |context| connection.as_mut().poll(context));
            if let Poll::Ready(result) = polled {
                if let Err(error) = result {
                    tracing::debug!(error, "a connection ended early");
                }
                return Poll::Ready(());
            }
            // All connections share the lists of who is woken: each enters them once.
            if listening.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
                let _ = (stop.as_mut().poll(context), abort.as_mut().poll(context));
                listening = Some(context.waker().clone());
            }
            if shared.abort.is_cancelled() {
                return Poll::Ready(());
            }
            if shared.stop.is_cancelled() && stopped.is_none() {
                stopped = Some(Instant::now());
                connection.as_mut().graceful_shutdown();
                continue;
            }
            // A request that came just before the goodbye has its own time.
            goodbye = goodbye.filter(|(_, changes)| *changes == owed.changes);
            // HTTP/2 ends only when the client has answered a ping, which it may never do.
            let stopping = stopped.filter(|_| owed.waits_for == WaitsFor::NextRequest);
            let last = stopping.map(|stopped| stopped.max(owed.since) + limits::CLOSE_TIMEOUT);
            let closing = goodbye.map(|(deadline, _)| deadline).or(last);
            let Some(deadline) = closing.or(owed.deadline) else { return Poll::Pending };
            if !is_over(patience.as_mut(), deadline, context) {
                return Poll::Pending;
            }
            if closing.is_some() || owed.waits_for == WaitsFor::Head {
                tracing::debug!(waits_for = ?owed.waits_for, "a connection was closed for being slow");
                return Poll::Ready(());
            }
            // HTTP/2 says goodbye, and a request that comes just now is still answered.
            goodbye = Some((Instant::now() + limits::CLOSE_TIMEOUT, owed.changes));
            connection.as_mut().graceful_shutdown();
        }
    })
    .await;
}

/// Whether a deadline has passed; if not, the task is woken when it has, or earlier.
fn is_over(mut patience: Pin<&mut Sleep>, deadline: Instant, context: &mut Context<'_>) -> bool {
    if deadline < patience.deadline() {
        patience.as_mut().reset(deadline);
    }
    while patience.as_mut().poll(context).is_ready() {
        if patience.deadline() >= deadline {
            return true;
        }
        patience.as_mut().reset(deadline);
    }
    false
}

fn builder<R>(shared: &Shared<R>, standing: &Standing) -> Builder<Streams> {
    let mut builder = Builder::new(Streams {
        tasks: shared.tasks.clone(),
        write_timeout: shared.limits.write_timeout,
        standing: standing.clone(),
    });
    builder
        .http1()
        .timer(TokioTimer::new())
        // `Activity` tells the head from the pause before it, which this one does not.
        .header_read_timeout(None)
        // It takes 100 header lines, five times a browser's behind two proxies; to repeat that would cost an allocation.
        .max_buf_size(limits::HEAD_MAX_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits::HEAD_MAX_BYTES).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits::STREAMS_MAX)
        .max_pending_accept_reset_streams(limits::RESET_STREAMS_PENDING_MAX)
        .max_local_error_reset_streams(limits::RESET_STREAMS_OF_OURS_MAX)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(limits::SEND_BUFFER_MAX_BYTES)
        .keep_alive_interval(limits::PING_INTERVAL)
        .keep_alive_timeout(limits::PING_INTERVAL);
    builder
}

/// Hands requests to the routes, with the peer's address, and notes which are under way.
#[derive(Clone)]
struct Requests<R> {
    routes: R,
    peer: Peer,
    activity: Arc<Activity>,
    is_leaving: Arc<AtomicBool>,
}

impl<R: Routes> Service<Request<Incoming>> for Requests<R> {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let version = request.version();
        let under_way = self.activity.begin_request(version);
        let (routes, mut peer, is_leaving) =
            (self.routes.clone(), self.peer.clone(), Arc::clone(&self.is_leaving));
        Box::pin(async move {
            if let Some(standing) = answer::standing_of_stream() {
                peer.standing = standing;
            }
            let mut answer = routes.answer(request.map(Body::new), &peer).await;
            // HTTP/2 says goodbye without losing a request; here one that comes just as its connection is closed is lost.
            let has_goodbye = version >= Version::HTTP_2;
            let is_kept = has_goodbye || answer.status() == StatusCode::SWITCHING_PROTOCOLS;
            if !is_kept && is_leaving.load(Ordering::Relaxed) {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer.map(|body| {
                if version < Version::HTTP_2 {
                    AnswerBody::whole(body, under_way)
                } else {
                    AnswerBody::in_pieces(body, under_way)
                }
            }))
        })
    }
}
