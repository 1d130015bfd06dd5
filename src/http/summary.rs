//! The one line in the log that tells what became of a request, or of an operation over a socket.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::MatchedPath;
use axum::http::{HeaderValue, Method, StatusCode};
use hyper::body::{Frame, SizeHint};
use tracing::Span;

use super::span::{Delivery, HttpFacts, name_of, of_request, of_socket_operation};
use crate::telemetry::{Account, OperationKind, Trace};

/// What orchestrators ask every few seconds; a line for each would drown the others.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Logs its line when it is dropped: when the answer has been given on as a whole, or when nobody wants it any more.
pub(super) struct Summary {
    account: Arc<Account>,
    /// The request's id; an operation over a socket stands under that of its socket.
    id: Option<HeaderValue>,
    /// What the request's lines in the log stand under; made when there is one.
    span: OnceLock<Span>,
    started: Instant,
    over: Over,
    bytes: Option<u64>,
    is_whole: bool,
}

enum Over {
    Http { method: Method, route: Route, status: Option<StatusCode> },
    Socket,
}

/// By which route an answer came.
enum Route {
    /// It was known from the start, or is none.
    Known(Option<&'static str>),
    Matched(MatchedPath),
}

impl Route {
    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Known(route) => *route,
            Self::Matched(route) => Some(route.as_str()),
        }
    }
}

impl Summary {
    /// Begins the line of an HTTP request.
    pub(super) fn of_request(
        id: HeaderValue,
        method: Method,
        route: Option<&'static str>,
        trace: Option<Arc<Trace>>,
    ) -> Self {
        let over = Over::Http { method, route: Route::Known(route), status: None };
        Self::new(Some(id), OnceLock::new(), over, Some(0), trace)
    }

    /// Begins the line of an operation over the socket that runs now.
    pub(super) fn of_socket_operation(trace: Option<Arc<Trace>>) -> Self {
        // What a socket sends is not known where its operations run.
        Self::new(None, Span::current().into(), Over::Socket, None, trace)
    }

    fn new(
        id: Option<HeaderValue>,
        span: OnceLock<Span>,
        over: Over,
        bytes: Option<u64>,
        trace: Option<Arc<Trace>>,
    ) -> Self {
        let account = Arc::new(Account::new(trace));
        Self { account, id, span, started: Instant::now(), over, bytes, is_whole: false }
    }

    /// What the request's lines in the log stand under.
    pub(super) fn span(&self) -> &Span {
        self.span.get_or_init(|| {
            let id = self.id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
            // At every level of the log, so that its lines keep the id.
            tracing::error_span!("request", request_id = id)
        })
    }

    /// Where that is noted which the line tells.
    pub(super) fn account(&self) -> Arc<Account> {
        Arc::clone(&self.account)
    }

    /// Goes on until the answer's body has been sent.
    pub(super) fn follow(
        mut self,
        status: StatusCode,
        route: Option<MatchedPath>,
        body: Body,
    ) -> Body {
        if let Over::Http { status: told, route: known, .. } = &mut self.over {
            *told = Some(status);
            if let Some(route) = route {
                *known = Route::Matched(route);
            }
        }
        Body::new(Followed { body, summary: self })
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One list of fields, for each message and level.
macro_rules! log_line {
    ($summary:ident, $level:ident, $message:literal, $($field:tt)*) => {{
        let operation = $summary.account.operation();
        let counts = $summary.account.counts();
        tracing::$level!(
            $($field)*
            operation_name = operation.name.as_deref(),
            operation_kind = operation.kind.map(OperationKind::as_str),
            document = operation.document.as_deref(),
            outcome = operation.outcome,
            trace_id = $summary.account.trace().map(|trace| tracing::field::display(trace.id())),
            duration_ms = milliseconds($summary.started.elapsed()),
            upstream_calls = counts.upstream_calls,
            upstream_ms = milliseconds(counts.upstream_time),
            cache_hits = counts.cache_hits,
            cache_stale = counts.cache_stale,
            cache_misses = counts.cache_misses,
            cache_coalesced = counts.cache_coalesced,
            bytes = $summary.bytes,
            $message
        );
    }};
}

impl Summary {
    fn delivery(&self, status: Option<StatusCode>) -> Delivery {
        match status {
            Some(_) if self.is_whole => Delivery::Whole,
            Some(_) => Delivery::CutOff,
            None => Delivery::Abandoned,
        }
    }

    /// Ends the request's own span, if its trace is kept.
    fn end_trace(&self) {
        let Some(trace) = self.account.trace().filter(|trace| trace.is_sampled()) else { return };
        let operation = self.account.operation();
        trace.end(match &self.over {
            Over::Socket => of_socket_operation(operation),
            Over::Http { method, route, status } => {
                let (id, status, route) = (self.id.as_ref(), *status, route.as_str());
                let delivery = self.delivery(status);
                let is_answered = status == Some(StatusCode::OK) && delivery == Delivery::Whole;
                if is_answered && route.is_some_and(|route| PROBES.contains(&route)) {
                    return;
                }
                of_request(&HttpFacts { id, method, route, status, delivery }, operation)
            }
        });
    }
}

impl Drop for Summary {
    fn drop(&mut self) {
        self.end_trace();
        let id = self.id.as_ref().and_then(|id| id.to_str().ok());
        let (method, route, status) = match &self.over {
            Over::Http { method, route, status } => {
                (name_of(method), route.as_str().unwrap_or("none"), status)
            }
            Over::Socket => {
                let _in_span = self.span().enter();
                return log_line!(self, info, "operation over a socket ended",);
            }
        };
        let status = status.map(|status| status.as_u16());
        match status {
            Some(200) if self.is_whole && PROBES.contains(&route) => log_line!(
                self, debug, "request answered",
                parent: None, request_id = id, method, route, status,
            ),
            Some(_) if self.is_whole => log_line!(
                self, info, "request answered",
                parent: None, request_id = id, method, route, status,
            ),
            Some(_) => log_line!(
                self, info, "answer cut off",
                parent: None, request_id = id, method, route, status,
            ),
            None => log_line!(
                self, info, "request abandoned by its client",
                parent: None, request_id = id, method, route,
            ),
        }
    }
}

/// A body whose bytes are counted, and which is made within the request it answers: events are resolved as they are sent.
struct Followed {
    body: Body,
    summary: Summary,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, summary } = self.get_mut();
        let polled = {
            // Where nothing has made one, nothing is left to do that logs.
            let _in_span = summary.span.get().map(Span::enter);
            summary.account().sync_scope(|| Pin::new(&mut *body).poll_frame(context))
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                summary.bytes = summary.bytes.map(|bytes| bytes.saturating_add(length));
                summary.is_whole |= body.is_end_stream();
            }
            Poll::Ready(None) => summary.is_whole = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // An empty body, as of an answer to HEAD, is not asked for what it does not have.
        self.summary.is_whole |= self.body.is_end_stream();
    }
}
