//! A trace as this process sees it, and its spans.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};

use super::id::{SpanId, TraceId};
use super::parent::{TRACEPARENT, TRACESTATE, written};
use super::tracer::Tracer;
use crate::telemetry::{Account, OK};

tokio::task_local! {
    /// The span that what runs now belongs to, where that is not the one of its request.
    static PARENT: Option<SpanId>;
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text: a word of ours, or one that is bounded where it comes from.
    Text(Cow<'static, str>),
    /// A number.
    Number(u64),
}

/// Something that is told of a span, by its name in OpenTelemetry's conventions, or under `ozeki_graphql.`.
pub type Attribute = (&'static str, Value);

/// How a span ended.
#[derive(Debug, Default)]
pub struct Ending {
    /// The span's name, of few that there are.
    pub name: Cow<'static, str>,
    /// What is told of it.
    pub attributes: Vec<Attribute>,
    /// Whether it counts as failed.
    pub is_error: bool,
}

/// Which side of what the span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanKind {
    Internal,
    Server,
    Client,
}

/// A span that has ended, as it is sent.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) kind: SpanKind,
    /// Since 1970.
    pub(super) start: Duration,
    pub(super) end: Duration,
    pub(super) ending: Ending,
}

/// When a span began: by the time of day, and by what measures how long it takes.
#[derive(Clone, Copy)]
pub(super) struct Began {
    at: Duration,
    instant: Instant,
}

impl Began {
    pub(super) fn now(tracer: &Tracer) -> Self {
        Self { at: tracer.unix_time(), instant: Instant::now() }
    }
}

/// The trace that a request, or an operation over a socket, belongs to; and that request's own span.
pub struct Trace {
    tracer: Tracer,
    id: TraceId,
    span: SpanId,
    parent: Option<SpanId>,
    is_sampled: bool,
    state: Option<HeaderValue>,
    began: Began,
}

impl fmt::Debug for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trace").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Trace {
    pub(super) fn new(
        tracer: Tracer,
        (id, span): (TraceId, SpanId),
        (parent, state): (Option<SpanId>, Option<HeaderValue>),
        is_sampled: bool,
    ) -> Self {
        let began = Began::now(&tracer);
        Self { tracer, id, span, parent, is_sampled, state, began }
    }

    /// The id by which all that belongs to the trace is found.
    pub const fn id(&self) -> TraceId {
        self.id
    }

    /// Whether its spans are sent to the collector.
    pub const fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// Ends the request's own span.
    pub fn end(&self, ending: Ending) {
        self.send((self.span, self.parent), SpanKind::Server, self.began, ending);
    }

    fn send(
        &self,
        (span, parent): (SpanId, Option<SpanId>),
        kind: SpanKind,
        began: Began,
        ending: Ending,
    ) {
        if self.is_sampled {
            let (start, end) = (began.at, began.at + began.instant.elapsed());
            self.tracer.send(Ended { trace: self.id, span, parent, kind, start, end, ending });
        }
    }
}

fn current_parent() -> Option<SpanId> {
    PARENT.try_with(|parent| *parent).ok().flatten()
}

/// A span below that of a request; sent when it is dropped.
pub struct Span {
    trace: Arc<Trace>,
    id: SpanId,
    parent: SpanId,
    kind: SpanKind,
    began: Began,
    ending: Ending,
    /// Of HTTP; 0 until there is one.
    status: AtomicU16,
    outcome: &'static str,
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Span").field("name", &self.ending.name).finish_non_exhaustive()
    }
}

impl Span {
    /// Begins the span of a load of a cached resource, if what runs now belongs to a trace.
    pub fn of_load(resource: &'static str) -> Option<Self> {
        Self::begin(SpanKind::Internal, || Ending {
            name: format!("load {resource}").into(),
            attributes: vec![("ozeki_graphql.resource", Value::Text(resource.into()))],
            is_error: false,
        })
    }

    /// Begins the span of one attempt of an upstream call, if what runs now belongs to a trace.
    pub fn of_call(api: &'static str, action: &'static str) -> Option<Self> {
        Self::begin(SpanKind::Client, || Ending {
            name: format!("{api} {action}").into(),
            attributes: vec![
                ("http.request.method", Value::Text("POST".into())),
                ("ozeki_graphql.api", Value::Text(api.into())),
                ("ozeki_graphql.action", Value::Text(action.into())),
            ],
            is_error: false,
        })
    }

    fn begin(kind: SpanKind, ending: impl FnOnce() -> Ending) -> Option<Self> {
        let trace = Account::current_trace()?;
        let parent = current_parent().unwrap_or(trace.span);
        let ending = if trace.is_sampled { ending() } else { Ending::default() };
        Some(Self {
            id: SpanId::random()?,
            parent,
            kind,
            began: Began::now(&trace.tracer),
            ending,
            status: AtomicU16::new(0),
            // Unless it says otherwise before it is dropped.
            outcome: "interrupted",
            trace,
        })
    }

    /// Runs a future as part of the span, if there is one: spans that it begins are below this one.
    pub async fn around<F: Future>(span: Option<&Self>, future: F) -> F::Output {
        PARENT.scope(span.map(|span| span.id), future).await
    }

    /// Makes a future that is to run as a task of its own part of the span that runs now.
    pub(in crate::telemetry) fn around_as_now<F: Future>(
        future: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        PARENT.scope(current_parent(), future)
    }

    /// What tells a server that this span asks it.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Trace { id, is_sampled, state, .. } = &*self.trace;
        headers.insert(TRACEPARENT, written(*id, self.id, *is_sampled));
        if let Some(state) = state {
            headers.insert(TRACESTATE, state.clone());
        }
        headers
    }

    /// Notes the status of the answer.
    pub fn note_status(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// Ends the span: `ok`, or with the class of what failed.
    pub fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if !self.trace.is_sampled {
            return;
        }
        let mut ending = std::mem::take(&mut self.ending);
        let status = self.status.load(Ordering::Relaxed);
        if status != 0 {
            ending.attributes.push(("http.response.status_code", Value::Number(status.into())));
        }
        ending.attributes.push(("ozeki_graphql.outcome", Value::Text(self.outcome.into())));
        if self.outcome != OK {
            ending.attributes.push(("error.type", Value::Text(self.outcome.into())));
            ending.is_error = true;
        }
        self.trace.send((self.id, Some(self.parent)), self.kind, self.began, ending);
    }
}
