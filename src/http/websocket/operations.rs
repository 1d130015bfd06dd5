//! The operations that run over one socket.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, AbortHandle, Abortable, BoxStream, SelectAll};
use tokio::time::Instant;

use super::protocol::OperationId;
use crate::graphql::{
    Answer, Engine, Freshness, Operation, OperationType, Request, RequestContext,
};
use crate::http::streams::answers;
use crate::http::summary::Summary;
use crate::session::{Authentication, ClientNetwork};
use crate::telemetry::Gauged;

/// What an operation says.
#[derive(Debug)]
pub(super) enum Event {
    /// An answer, and there may be more.
    Next(Answer),
    /// The one answer of a query or mutation.
    Only(Answer),
    /// There are no more.
    End,
}

/// An operation that runs.
#[derive(Debug)]
pub(super) struct Running {
    abort: AbortHandle,
    pub(super) kind: OperationType,
}

impl Running {
    /// Ends it; it says nothing more.
    pub(super) fn abort(&self) {
        self.abort.abort();
    }
}

/// Runs operations side by side.
pub(super) struct Operations {
    engine: Arc<Engine>,
    timeout: Duration,
    events: SelectAll<BoxStream<'static, (OperationId, Event)>>,
}

impl Operations {
    /// None yet; each may take as long as `timeout`, and each event of a subscription.
    pub(super) fn new(engine: Arc<Engine>, timeout: Duration) -> Self {
        Self { engine, timeout, events: SelectAll::new() }
    }

    /// What runs them.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether a message's text holds no more than it may, before it is decoded.
    pub(super) fn accepts_text(&self, text: &str) -> bool {
        self.engine.check_text(text.as_bytes()).is_ok()
    }

    /// Checks a request.
    ///
    /// # Errors
    ///
    /// The answer to give when it cannot be run.
    pub(super) fn prepare(
        &self,
        request: Request,
        (authentication, client): (Authentication, ClientNetwork),
    ) -> impl Future<Output = Result<(Operation, RequestContext), Box<Answer>>> + Send + use<> {
        let deadline = Instant::now() + self.timeout;
        let freshness = Freshness::Cached;
        let context = RequestContext { authentication, client, freshness, deadline };
        let engine = Arc::clone(&self.engine);
        async move { Ok((engine.prepare(request).await?, context)) }
    }

    /// Begins an operation; its count and its summary are dropped with it.
    pub(super) fn begin(
        &mut self,
        id: OperationId,
        (operation, context): (Operation, RequestContext),
        (counted, summary): (Gauged, Summary),
    ) -> Running {
        let kind = operation.kind();
        let mut answers = answers(&self.engine, operation, context);
        let account = summary.account();
        let answers = stream::poll_fn(move |context| {
            Arc::clone(&account).sync_scope(|| answers.poll_next_unpin(context))
        });
        let events = if kind == OperationType::Subscription {
            answers.map(Event::Next).chain(stream::once(ready(Event::End))).boxed()
        } else {
            answers.map(Event::Only).boxed()
        };
        let events = events.map(move |event| {
            let _held = (&counted, &summary);
            (id.clone(), event)
        });
        let (abort, registration) = AbortHandle::new_pair();
        self.events.push(Abortable::new(events, registration).boxed());
        Running { abort, kind }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What an operation says next; nothing where none runs.
    ///
    /// # Cancel safety
    ///
    /// No event is lost.
    pub(super) async fn next(&mut self) -> Option<(OperationId, Event)> {
        self.events.next().await
    }
}
