//! Runs operations: parse, choose, execute, log.

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{self, DocumentOperations, ExecutableDocument};
use async_graphql::{EmptySubscription, SDLExportOptions, Schema, Variables};

use super::mutation::Mutation;
use super::query::Query;
use super::{Answer, ErrorCode, Freshness, Scope};
use crate::cache::Data;
use crate::session::{Authentication, Sessions};
use crate::telemetry::{Metrics, OperationKind, OperationOutcome};

/// The deepest selection: the standard introspection query has 15 levels.
const DEPTH_MAX: usize = 15;

/// The longest name of an operation that reaches a log, in characters.
const LOGGED_NAME_MAX_CHARS: usize = 128;

type GatewaySchema = Schema<Query, Mutation, EmptySubscription>;

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
    /// Whether reads may be answered from memory.
    pub freshness: Freshness,
}

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the specification's own three")]
pub enum OperationType {
    Query,
    Mutation,
    Subscription,
}

/// A parsed document with the operation that was chosen from it.
#[derive(Debug)]
pub struct Operation {
    document: ExecutableDocument,
    kind: OperationType,
    name: Option<String>,
    variables: serde_json::Map<String, serde_json::Value>,
}

impl Operation {
    /// The kind of the operation.
    pub fn kind(&self) -> OperationType {
        self.kind
    }
}

/// Runs operations against the schema.
pub struct Engine {
    schema: GatewaySchema,
    data: Arc<Data>,
    sessions: Arc<Sessions>,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Builds the schema; `introspection` is for playgrounds and developers' tools.
    pub fn new(
        data: Arc<Data>,
        sessions: Arc<Sessions>,
        metrics: Arc<Metrics>,
        introspection: bool,
    ) -> Self {
        let mut schema = Schema::build(Query, Mutation, EmptySubscription).limit_depth(DEPTH_MAX);
        if !introspection {
            schema = schema.disable_introspection().disable_suggestions();
        }
        Self {
            schema: schema.finish(),
            data,
            sessions,
            metrics,
        }
    }

    /// Parses the document and chooses the operation.
    ///
    /// # Errors
    ///
    /// The [`Answer`] to give when the document does not parse or no operation can be chosen.
    pub fn prepare(&self, request: Request) -> Result<Operation, Box<Answer>> {
        let refused = |answer| {
            self.metrics
                .operation(OperationKind::Refused, OperationOutcome::RequestError);
            Box::new(answer)
        };
        let Request {
            query,
            operation_name,
            variables,
        } = request;
        let document = parse_query(query).map_err(|error| refused(Answer::parse_error(error)))?;
        let chosen = choose(&document.operations, operation_name.as_deref());
        let kind = chosen.map_err(|message| {
            refused(Answer::request_error(
                ErrorCode::GraphqlValidationFailed,
                message,
            ))
        })?;
        Ok(Operation {
            document,
            kind,
            name: operation_name,
            variables,
        })
    }

    /// Runs the operation.
    pub async fn execute(&self, operation: Operation, context: RequestContext) -> Answer {
        let Operation {
            document,
            kind,
            name,
            variables,
        } = operation;
        let scope = Scope::new(
            Arc::clone(&self.data),
            Arc::clone(&self.sessions),
            context.authentication,
            context.freshness,
        );
        let mut request = async_graphql::Request::new("").data(scope);
        request.set_parsed_query(document);
        request.operation_name = name;
        request.variables = Variables::from_json(serde_json::Value::Object(variables));
        let logged_name = request.operation_name.clone();
        let answer = Answer::executed(self.schema.execute(request).await);
        self.metrics.operation(metric_of(kind), answer.outcome());
        log_failures(&answer, logged_name.as_deref());
        answer
    }
}

/// The schema in its definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    let schema: GatewaySchema = Schema::new(Query, Mutation, EmptySubscription);
    let options = SDLExportOptions::new()
        .include_specified_by()
        .prefer_single_line_descriptions();
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
fn choose(
    operations: &DocumentOperations,
    name: Option<&str>,
) -> Result<OperationType, &'static str> {
    let operation = match (operations, name) {
        (DocumentOperations::Single(operation), None) => operation,
        (DocumentOperations::Single(_), Some(_)) => {
            return Err(
                "`operationName` names no operation of the document: its operation has no name",
            );
        }
        (DocumentOperations::Multiple(operations), Some(name)) => operations
            .get(name)
            .ok_or("`operationName` names no operation of the document")?,
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            match (all.next(), all.next()) {
                (Some(only), None) => only,
                _ => {
                    return Err(
                        "the document has several operations: `operationName` must name one",
                    );
                }
            }
        }
    };
    Ok(match operation.node.ty {
        types::OperationType::Query => OperationType::Query,
        types::OperationType::Mutation => OperationType::Mutation,
        types::OperationType::Subscription => OperationType::Subscription,
    })
}

/// Logs why fields failed, with the causes that clients do not see; once for a cause that failed many fields.
fn log_failures(answer: &Answer, operation_name: Option<&str>) {
    let operation_name: String = operation_name
        .unwrap_or_default()
        .chars()
        .take(LOGGED_NAME_MAX_CHARS)
        .collect();
    let mut last_cause = None;
    for error in answer.errors() {
        let Some(cause) = error.source::<crate::ozeki::UpstreamError>() else {
            continue;
        };
        if last_cause.is_some_and(|last| std::ptr::eq(last, cause)) {
            continue;
        }
        last_cause = Some(cause);
        let source = std::error::Error::source(cause)
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::warn!(operation_name, class = cause.class(), error = %cause, source, "upstream call failed");
    }
}
