//! Runs subscriptions: an answer for each event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Data as RequestData, Response, Variables};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout};

use super::{Engine, Operation, RequestContext, argument_at, log_failures};
use crate::graphql::answer::timed_out_error;
use crate::graphql::persisted::Owner;
use crate::graphql::stale::Stale;
use crate::graphql::{Answer, Freshness, Scope};
use crate::session::{Authentication, ClientNetwork};
use crate::telemetry::{Account, Metrics, OperationKind, OperationOutcome};

impl Engine {
    /// Runs a subscription: an answer for each event, until there are no more.
    ///
    /// One that cannot begin gives one answer, which is a [request error](Answer::is_request_error). Each event is
    /// resolved for the one who subscribed, with reads of its own, in the time that was left to the request's deadline.
    /// Dropping the stream ends the subscription.
    pub fn subscribe(
        self: &Arc<Self>,
        operation: Operation,
        context: RequestContext,
    ) -> impl Stream<Item = Answer> + Send + 'static + use<> {
        let event_timeout = context.deadline.saturating_duration_since(Instant::now());
        let owner = Owner::of(&context.authentication);
        let scopes = EventScopes {
            engine: Arc::clone(self),
            authentication: context.authentication,
            client: context.client,
            freshness: context.freshness,
            event_timeout,
            begun: Arc::default(),
        };
        let begun = Arc::clone(&scopes.begun);
        let mut request =
            async_graphql::Request::new("").data(scopes.next(Stale::default())).data(scopes);
        let document = operation.prepared.to_run(operation.name.as_deref(), &operation.variables);
        request.set_parsed_query(document);
        request.operation_name.clone_from(&operation.name);
        request.variables =
            Variables::from_json(serde_json::Value::Object(operation.variables.clone()));
        let engine = Arc::clone(self);
        let mut record =
            Record { metrics: Arc::clone(&self.metrics), outcome: OperationOutcome::Ok };
        let mut answered = 0;
        self.subscriptions.execute_stream(request).map(move |response| {
            let document = &operation.prepared.document;
            let argument = |position| argument_at(document, position);
            let begun = begun.load(Ordering::Relaxed);
            let answer = if begun == answered {
                // No event stands behind it: the subscription could not begin.
                engine.without_unsent_names(Answer::not_begun(response, argument))
            } else {
                let definition = operation.definition();
                let complete = |data, errors: &[_]| {
                    let variables = &operation.variables;
                    engine.field_types.complete(document, definition, variables, data, errors)
                };
                engine.documents.keep(&operation.prepared, owner);
                Answer::event(response, argument, complete)
            };
            answered = begun;
            record.saw(&answer);
            Account::note_outcome(answer.outcome_name());
            log_failures(&answer, operation.name.as_deref());
            answer
        })
    }
}

/// Makes the scope of each event of one subscription.
struct EventScopes {
    engine: Arc<Engine>,
    authentication: Authentication,
    client: ClientNetwork,
    freshness: Freshness,
    event_timeout: Duration,
    /// How many events have begun to be resolved.
    begun: Arc<AtomicU64>,
}

impl EventScopes {
    fn next(&self, stale: Stale) -> Scope {
        self.engine.scope(self.authentication.clone(), self.client, self.freshness, stale)
    }
}

/// Resolves each event in a scope of its own, so that it sees the state of its time and has a budget of its own.
pub(super) struct ScopePerEvent;

impl ExtensionFactory for ScopePerEvent {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for ScopePerEvent {
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let Some(scopes) = context.data_opt::<EventScopes>() else {
            return next.run(context, operation_name).await;
        };
        scopes.begun.fetch_add(1, Ordering::Relaxed);
        let mut data = RequestData::default();
        let stale = Stale::default();
        data.insert(scopes.next(stale.clone()));
        let event = next.run_with_data(context, operation_name, data);
        let resolved = timeout(scopes.event_timeout, event).await;
        let mut response =
            resolved.unwrap_or_else(|_elapsed| Response::from_errors(vec![timed_out_error()]));
        stale.tell(&mut response);
        response
    }
}

/// Counts a subscription once, when it has ended, by the worst of its answers.
struct Record {
    metrics: Arc<Metrics>,
    outcome: OperationOutcome,
}

impl Record {
    fn saw(&mut self, answer: &Answer) {
        if self.outcome == OperationOutcome::Ok {
            self.outcome = answer.outcome();
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.metrics.operation(OperationKind::Subscription, self.outcome);
    }
}
