//! Runs operations: parse, choose, execute, log.

mod document;
mod subscribing;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_graphql::parser::parse_query;
pub use async_graphql::parser::types::OperationType;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, VariableDefinition,
};
use async_graphql::{SDLExportOptions, Schema, ServerError, Variables};
use tokio::time::{Instant, timeout_at};

use self::subscribing::ScopePerEvent;
use super::answer::is_internal;
use super::completion::FieldTypes;
use super::guard::check_nesting;
use super::mutation::Mutation;
use super::query::Query;
use super::subscription::Subscription;
use super::{Answer, ErrorCode, Freshness, Scope};
use crate::cache::{CallBudget, Data};
use crate::clock::Clock;
use crate::ozeki::{Timestamp, UpstreamError};
use crate::session::{Authentication, ClientNetwork, Sessions};
use crate::telemetry::{Metrics, OperationKind, OperationOutcome};

/// The deepest selection: the standard introspection query has 15 levels.
const DEPTH_MAX: usize = 15;

/// As many causes of one operation's failures as an operator reads.
const CAUSES_LOGGED_MAX: usize = 5;

/// The longest name of an operation that reaches a log, in characters.
const LOGGED_NAME_MAX_CHARS: usize = 128;

type GatewaySchema = Schema<Query, Mutation, Subscription>;

/// A GraphQL request, as any transport reads it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The document.
    pub query: String,
    /// Which of the document's operations to run; needed where there are several.
    pub operation_name: Option<String>,
    /// Values of the operation's variables.
    pub variables: serde_json::Map<String, serde_json::Value>,
}

/// Who asks, and how fresh the answer must be.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks.
    pub authentication: Authentication,
    /// From where, as far as limits go by it.
    pub client: ClientNetwork,
    /// Whether reads may be answered from memory.
    pub freshness: Freshness,
    /// When the answer must be there.
    pub deadline: Instant,
}

/// A parsed document with the operation that was chosen from it.
#[derive(Debug)]
pub struct Operation {
    document: ExecutableDocument,
    definition: OperationDefinition,
    name: Option<String>,
    variables: serde_json::Map<String, serde_json::Value>,
}

impl Operation {
    /// The kind of the operation.
    pub fn kind(&self) -> OperationType {
        self.definition.ty
    }
}

/// What operations may do.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Whether the schema can be asked for: for playgrounds and developers' tools.
    pub introspection: bool,
    /// How many upstream calls one operation may begin.
    pub calls_max: NonZeroUsize,
    /// How many of them may be under way at once.
    pub concurrency: NonZeroUsize,
}

/// Runs operations against the schema.
pub struct Engine {
    schema: GatewaySchema,
    /// The same with [`ScopePerEvent`]: an extension costs each field of every operation a little.
    subscriptions: GatewaySchema,
    field_types: FieldTypes,
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
            let schema =
                Schema::build(Query, Mutation::default(), Subscription).limit_depth(DEPTH_MAX);
            if options.introspection {
                schema
            } else {
                schema.disable_introspection().disable_suggestions()
            }
        };
        let schema = build().finish();
        let subscriptions = build().extension(ScopePerEvent).finish();
        let field_types = FieldTypes::of(&sdl());
        Self { schema, subscriptions, field_types, data, sessions, metrics, clock, options }
    }

    /// Parses the document and chooses the operation.
    ///
    /// # Errors
    ///
    /// The [`Answer`] to give when the document does not parse, no operation can be chosen, a variable that it needs has
    /// no value or it asks for the schema where introspection is off.
    pub fn prepare(&self, request: Request) -> Result<Operation, Box<Answer>> {
        parse(request).and_then(|operation| self.check_introspection(operation)).inspect_err(
            |_answer| {
                self.metrics.operation(OperationKind::Refused, OperationOutcome::RequestError);
            },
        )
    }

    /// The library would answer null, without an error.
    fn check_introspection(&self, operation: Operation) -> Result<Operation, Box<Answer>> {
        let Operation { document, definition, .. } = &operation;
        if self.options.introspection || !document::selects_schema(document, definition) {
            return Ok(operation);
        }
        Err(Box::new(Answer::request_error(
            ErrorCode::GraphqlValidationFailed,
            "introspection is off; it comes with --playground",
        )))
    }

    /// Runs the operation. At the deadline it is dropped; calls that it shares with others go on.
    pub async fn execute(&self, operation: Operation, context: RequestContext) -> Answer {
        let Operation { document, definition, name, variables } = operation;
        let scope = self.scope(context.authentication, context.client, context.freshness);
        let mut request = async_graphql::Request::new("").data(scope);
        request.set_parsed_query(document.clone());
        request.operation_name.clone_from(&name);
        request.variables = Variables::from_json(serde_json::Value::Object(variables));
        let argument_at = |position| document::argument_at(&document, position);
        let complete = |data, errors: &[ServerError]| {
            self.field_types.complete(&document, &definition, data, errors)
        };
        let answer = match timeout_at(context.deadline, self.schema.execute(request)).await {
            Ok(response) => Answer::executed(response, argument_at, complete),
            Err(_elapsed) => Answer::timed_out(),
        };
        self.metrics.operation(metric_of(definition.ty), answer.outcome());
        log_failures(&answer, name.as_deref());
        answer
    }

    fn scope(
        &self,
        authentication: Authentication,
        client: ClientNetwork,
        freshness: Freshness,
    ) -> Scope {
        Scope::new(
            Arc::clone(&self.data),
            Arc::clone(&self.sessions),
            (authentication, client),
            freshness,
            CallBudget::new(self.options.calls_max, self.options.concurrency),
            Timestamp::now(&self.clock),
        )
    }
}

fn parse(request: Request) -> Result<Operation, Box<Answer>> {
    let Request { query, operation_name: name, mut variables } = request;
    check_nesting(&query).map_err(|error| {
        Box::new(Answer::request_error(ErrorCode::OperationTooExpensive, error.to_string()))
    })?;
    let document = parse_query(query).map_err(|error| Box::new(Answer::parse_error(error)))?;
    let definition = choose(&document.operations, name.as_deref())
        .and_then(|definition| check_variables(definition, &variables).map(|()| definition.clone()))
        .map_err(|message| {
            Box::new(Answer::request_error(ErrorCode::GraphqlValidationFailed, message))
        })?;
    document::fill_defaults(&definition, &mut variables);
    Ok(Operation { document, definition, name, variables })
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
    let operation_name: String =
        operation_name.unwrap_or_default().chars().take(LOGGED_NAME_MAX_CHARS).collect();
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
