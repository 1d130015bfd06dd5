//! Runs operations: prepare, choose, execute, log.

mod admission;
mod document;
mod recalling;
mod request;
mod subscribing;
mod values;

use std::num::NonZeroUsize;
use std::sync::Arc;

pub use async_graphql::parser::types::OperationType;
use async_graphql::parser::types::{DocumentOperations, OperationDefinition, VariableDefinition};
use async_graphql::{SDLExportOptions, Schema, ServerError, Variables};
use tokio::time::{Instant, timeout_at};

use admission::{Admission, Overloaded, Place, RETRY_AFTER_SECONDS};
use document::{argument_at, fill_defaults, selects_schema};
use recalling::Known;
pub use request::{Request, RequestContext};
use subscribing::ScopePerEvent;
use values::{check_json, check_values};

use super::answer::is_internal;
use super::cost::complexity;
use super::field_types::FieldTypes;
use super::finished::{Asked, FinishedAnswers, Question};
use super::limits::{Limit, OperationLimits, TooExpensive};
use super::mutation::Mutation;
use super::persisted::{DocumentHash, Documents, Owner};
use super::plan::{Plan, can_be_planned};
use super::prepared::Prepared;
use super::query::Query;
use super::stale::Stale;
use super::subscription::Subscription;
use super::{Answer, ErrorCode, Freshness, Scope};
use crate::cache::{CallBudget, Data};
use crate::clock::Clock;
use crate::ozeki::{Timestamp, UpstreamError};
use crate::recent::Recent;
use crate::session::{Authentication, Caller, ClientNetwork, Sessions};
use crate::telemetry::{Account, Metrics, OperationKind, OperationOutcome};

/// As many causes of one operation's failures as an operator reads.
const CAUSES_LOGGED_MAX: usize = 5;

pub(super) type GatewaySchema = Schema<Query, Mutation, Subscription>;

/// A parsed document with the operation that was chosen from it.
#[derive(Debug)]
pub struct Operation {
    prepared: Arc<Prepared>,
    kind: OperationType,
    name: Option<String>,
    variables: serde_json::Map<String, serde_json::Value>,
    /// The question that it answers, where that may be kept.
    asked: Option<Arc<Asked>>,
    /// Its place among those that run. Subscriptions have none: they are bounded as streams.
    _place: Option<Place>,
}

impl Operation {
    /// The kind of the operation.
    pub fn kind(&self) -> OperationType {
        self.kind
    }

    /// The name that the document gives it.
    fn own_name(&self) -> Option<&str> {
        own_name(&self.prepared.document.operations, self.name.as_deref())
    }

    fn definition(&self) -> &OperationDefinition {
        choose(&self.prepared.document.operations, self.name.as_deref())
            .expect("it was chosen from this document by this name")
    }
}

/// What operations may do.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// What documents and variables must keep to.
    pub limits: OperationLimits,
    /// Whether the schema can be asked for: for playgrounds and developers' tools.
    pub introspection: bool,
    /// How many upstream calls one operation may begin.
    pub calls_max: NonZeroUsize,
    /// How many of them may be under way at once.
    pub concurrency: NonZeroUsize,
    /// How many operations may be under way at once; some more wait for a moment.
    pub in_flight_max: NonZeroUsize,
    /// The room for finished answers, in bytes; without one every query is run.
    pub answers_max_bytes: Option<u64>,
}

/// Runs operations against the schema.
pub struct Engine {
    schema: GatewaySchema,
    /// The same with [`ScopePerEvent`]: an extension costs each field of every operation a little.
    subscriptions: GatewaySchema,
    field_types: FieldTypes,
    documents: Documents,
    admission: Admission,
    answers: FinishedAnswers,
    /// The bodies of requests whose answers were ready, with what they ask.
    bodies: Recent<Arc<Known>>,
    data: Arc<Data>,
    sessions: Arc<Sessions>,
    metrics: Arc<Metrics>,
    clock: Clock,
    options: EngineOptions,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Builds the schema.
    pub fn new(
        data: Arc<Data>,
        sessions: Arc<Sessions>,
        metrics: Arc<Metrics>,
        clock: Clock,
        options: EngineOptions,
    ) -> Self {
        let build = || {
            let schema = Schema::build(Query, Mutation::default(), Subscription);
            if options.introspection {
                schema
            } else {
                schema.disable_introspection().disable_suggestions()
            }
        };
        let field_types = FieldTypes::of(&sdl());
        let documents = Documents::default();
        Self {
            schema: build().finish(),
            subscriptions: build().extension(ScopePerEvent).finish(),
            field_types,
            documents,
            admission: Admission::new(options.in_flight_max),
            answers: FinishedAnswers::new(options.answers_max_bytes),
            bodies: Recent::default(),
            data,
            sessions,
            metrics,
            clock,
            options,
        }
    }

    /// Whether the caller is known to be who it says: nobody can invent that.
    pub fn is_proved(&self, caller: &Caller) -> bool {
        self.data.is_proved(caller)
    }

    /// Checks and parses the document, unless that was done before, and chooses the operation.
    ///
    /// # Errors
    ///
    /// The [`Answer`] to give when a limit is exceeded, the document does not parse or is not known by its hash, no
    /// operation can be chosen, a variable that it needs has no value, it asks for the schema where introspection is
    /// off, or there is no room to run it.
    pub async fn prepare(&self, request: Request) -> Result<Operation, Box<Answer>> {
        let prepared = self.prepared(request).await;
        let operation = prepared.inspect_err(|answer| self.note_refusal(answer))?;
        let document = operation.prepared.hash.beginning();
        Account::note_operation(metric_of(operation.kind), operation.own_name(), &document);
        Ok(operation)
    }

    /// Checks the text of a request before it is decoded: how many values it holds, and how deep.
    ///
    /// # Errors
    ///
    /// The [`Answer`] to give when a limit of variables is exceeded.
    pub fn check_text(&self, text: &[u8]) -> Result<(), Box<Answer>> {
        check_json(text, &self.options.limits)
            .map_err(|refusal| Box::new(Answer::too_expensive(refusal)))
            .inspect_err(|answer| self.note_refusal(answer))
    }

    fn note_refusal(&self, answer: &Answer) {
        self.metrics.operation(OperationKind::Refused, OperationOutcome::RequestError);
        Account::note_outcome(answer.outcome_name());
    }

    /// Whether operations were refused just now since there are too many.
    pub fn is_overloaded(&self) -> bool {
        self.admission.is_overloaded()
    }

    async fn prepared(&self, request: Request) -> Result<Operation, Box<Answer>> {
        let limits = &self.options.limits;
        let name_bytes = request.operation_name.as_deref().map_or(0, str::len);
        let too_expensive = |refusal: TooExpensive| Box::new(Answer::too_expensive(refusal));
        let invalid = |message: String| {
            Box::new(Answer::request_error(ErrorCode::GraphqlValidationFailed, message))
        };
        limits.check(Limit::NameBytes, name_bytes as u64).map_err(too_expensive)?;
        check_values(&request.variables, limits).map_err(too_expensive)?;
        let prepared = self.document(&request.query, request.persisted)?;
        let asked = if self.answers.are_kept() { Asked::of(&request, prepared.hash) } else { None };
        let asked = asked.map(Arc::new);
        let Request { query: _, persisted: _, operation_name: name, mut variables } = request;
        let definition = choose(&prepared.document.operations, name.as_deref()).map_err(invalid)?;
        check_variables(definition, &variables).map_err(invalid)?;
        if !self.options.introspection && selects_schema(&prepared.document, definition) {
            // The library would answer null, without an error.
            return Err(invalid("introspection is off; it comes with --playground".to_owned()));
        }
        fill_defaults(definition, &mut variables);
        let found = complexity(&prepared.document, definition, &variables, &self.field_types);
        limits.check(Limit::Complexity, found).map_err(too_expensive)?;
        let kind = definition.ty;
        let asked = asked.filter(|_| kind == OperationType::Query);
        let place = match kind {
            OperationType::Query | OperationType::Mutation => {
                Some(self.admission.enter().await.map_err(|refused| self.shed(refused))?)
            }
            OperationType::Subscription => None,
        };
        Ok(Operation { prepared, kind, name, variables, asked, _place: place })
    }

    /// The document by its text, or by its hash where that is all there is.
    fn document(
        &self,
        text: &str,
        persisted: Option<DocumentHash>,
    ) -> Result<Arc<Prepared>, Box<Answer>> {
        let limits = &self.options.limits;
        if let (true, Some(hash)) = (text.is_empty(), persisted) {
            let found = self.documents.find(hash);
            return found.ok_or_else(|| Box::new(Answer::persisted_query_not_found()));
        }
        // Before it is hashed, which costs more than to look at its length.
        limits
            .check(Limit::DocumentBytes, text.len() as u64)
            .map_err(|refusal| Box::new(Answer::too_expensive(refusal)))?;
        let hash = DocumentHash::of(text);
        match self.documents.find(hash) {
            Some(prepared) => Ok(prepared),
            None => Prepared::new(text, hash, limits, &self.field_types).map(Arc::new),
        }
    }

    fn shed(&self, _refused: Overloaded) -> Box<Answer> {
        self.metrics.operation_shed();
        Box::new(Answer::overloaded(RETRY_AFTER_SECONDS))
    }

    /// Runs the operation. At the deadline it is dropped; calls that it shares with others go on.
    pub async fn execute(&self, operation: Operation, context: RequestContext) -> Answer {
        let definition = operation.definition();
        let Operation { prepared, kind, name, variables, asked, _place: _ } = &operation;
        let document = &prepared.document;
        let owner = Owner::of(&context.authentication);
        let question = asked.as_ref().and_then(|asked| Question::of(asked, &context));
        let stale = Stale::default();
        let scope =
            self.scope(context.authentication, context.client, context.freshness, stale.clone());
        let reads = scope.reads.clone();
        let run = async {
            if prepared.can_be_planned.get() == Some(&true)
                && let Some(plan) = Plan::of(document, definition, variables, &self.field_types)
                && let Some(read) = plan.read(&scope).await
            {
                // Of many who waited for the same lists the first writes.
                if let (Some(question), Some(reader)) = (&question, scope.plain_reader())
                    && let Some(finished) = self.made_meanwhile(question, reader.caller())
                {
                    return Answer::repeated(finished);
                }
                self.metrics.answer_planned();
                return Answer::done(plan.write(&scope, &read));
            }
            // What the plan began to read is in the scope.
            let mut request = async_graphql::Request::new("").data(scope);
            request.set_parsed_query(prepared.to_run(name.as_deref(), variables));
            request.operation_name.clone_from(name);
            request.variables = Variables::from_json(serde_json::Value::Object(variables.clone()));
            let argument = |position| argument_at(document, position);
            let complete = |data, errors: &[ServerError]| {
                self.field_types.complete(document, definition, variables, data, errors)
            };
            let mut response = self.schema.execute(request).await;
            stale.tell(&mut response);
            Answer::executed(response, argument, complete)
        };
        let _in_flight = self.metrics.operation_in_flight();
        let started = Instant::now();
        let answer = timeout_at(context.deadline, run).await;
        let answer = self.without_unsent_names(answer.unwrap_or_else(|_| Answer::timed_out()));
        if !answer.is_request_error() {
            self.documents.keep(prepared, owner);
            if !answer.is_timed_out() {
                prepared.can_be_planned.get_or_init(|| can_be_planned(document));
            }
        }
        self.metrics.operation(metric_of(*kind), answer.outcome());
        self.metrics.operation_duration(metric_of(*kind), started.elapsed());
        Account::note_outcome(answer.outcome_name());
        log_failures(&answer, name.as_deref());
        match question {
            Some(question) if answer.is_whole() && stale.is_empty() => {
                answer.written(|body| self.answers.keep(question, reads.take(), body))
            }
            _ => answer,
        }
    }

    /// The answer for those who may, or may not, ask for the schema.
    fn without_unsent_names(&self, answer: Answer) -> Answer {
        if self.options.introspection { answer } else { answer.without_unsent_names() }
    }

    fn scope(
        &self,
        authentication: Authentication,
        client: ClientNetwork,
        freshness: Freshness,
        stale: Stale,
    ) -> Scope {
        Scope::new(
            Arc::clone(&self.data),
            Arc::clone(&self.sessions),
            (authentication, client),
            freshness,
            CallBudget::new(self.options.calls_max, self.options.concurrency),
            Timestamp::now(&self.clock),
            stale,
        )
    }
}

/// The schema in its definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    let schema: GatewaySchema = Schema::new(Query, Mutation::default(), Subscription);
    let options = SDLExportOptions::new().include_specified_by().prefer_single_line_descriptions();
    schema.sdl_with_options(options)
}

fn metric_of(kind: OperationType) -> OperationKind {
    match kind {
        OperationType::Query => OperationKind::Query,
        OperationType::Mutation => OperationKind::Mutation,
        OperationType::Subscription => OperationKind::Subscription,
    }
}

/// The name that the chosen operation has in its document.
fn own_name<'a>(operations: &'a DocumentOperations, name: Option<&'a str>) -> Option<&'a str> {
    match operations {
        DocumentOperations::Single(_) => None,
        DocumentOperations::Multiple(operations) => {
            name.or_else(|| operations.keys().next().map(async_graphql::Name::as_str))
        }
    }
}

/// Chooses the operation by its name, or the only one there is.
fn choose<'a>(
    operations: &'a DocumentOperations,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, String> {
    match (operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Single(_), Some(_)) => {
            Err("`operationName` names no operation: the document's only one has no name"
                .to_owned())
        }
        (DocumentOperations::Multiple(operations), Some(name)) => {
            let operation = operations.get(name).map(|operation| &operation.node);
            operation.ok_or_else(|| "`operationName` names no operation of the document".to_owned())
        }
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            match (all.next(), all.next()) {
                (Some(only), None) => Ok(&only.node),
                _ => {
                    Err("the document has several operations: `operationName` must name one"
                        .to_owned())
                }
            }
        }
    }
}

/// The library would begin to run an operation whose variables lack a value.
fn check_variables(
    definition: &OperationDefinition,
    variables: &serde_json::Map<String, serde_json::Value>,
) -> Result<(), String> {
    let definitions = definition.variable_definitions.iter().map(|definition| &definition.node);
    for VariableDefinition { name, var_type, default_value, .. } in definitions {
        let is_missing = match variables.get(name.node.as_str()) {
            None => default_value.is_none(),
            Some(value) => value.is_null(),
        };
        if is_missing && !var_type.node.nullable {
            let (name, var_type) = (&name.node, &var_type.node);
            return Err(format!("the variable `${name}` of type `{var_type}` needs a value"));
        }
    }
    Ok(())
}

/// Logs why fields failed, with the causes that clients do not see; once for a cause that failed many fields.
fn log_failures(answer: &Answer, operation_name: Option<&str>) {
    let operation_name = operation_name.unwrap_or_default();
    if answer.is_timed_out() {
        tracing::warn!(operation_name, "an operation was not done by its deadline");
    }
    let mut seen: Vec<&UpstreamError> = Vec::new();
    for error in answer.errors() {
        let Some(cause) = error.source::<UpstreamError>() else {
            if is_internal(error) {
                tracing::error!(operation_name, error = error.message, "the gateway failed");
            }
            continue;
        };
        if seen.len() == CAUSES_LOGGED_MAX || seen.iter().any(|known| std::ptr::eq(*known, cause)) {
            continue;
        }
        seen.push(cause);
        let sources =
            std::iter::successors(std::error::Error::source(cause), |cause| cause.source());
        let source = sources.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        if matches!(cause, UpstreamError::Interrupted { .. }) {
            tracing::error!(operation_name, error = %cause, "the gateway failed");
        } else {
            tracing::warn!(operation_name, class = cause.class(), error = %cause, source, "upstream call failed");
        }
    }
}
