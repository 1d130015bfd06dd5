//! The schema, and how an operation is run against it.
//!
//! Resolvers are thin: they name data of [`cache`](crate::cache) and shape it. They return [`FieldError`] and nothing
//! else can reach a client. HTTP is the business of the layer above: here are requests and answers as values.

mod answer;
mod collecting;
mod completion;
mod cost;
mod engine;
mod error;
mod field_types;
mod finished;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod input;
mod limits;
mod lists;
mod merging;
mod message_cursor;
#[expect(clippy::unused_async, reason = "resolvers are async")]
mod mutation;
mod paging;
mod parser;
mod persisted;
mod plan;
mod prepared;
#[expect(clippy::unused_async, reason = "resolvers are async")]
mod query;
mod scalars;
mod scope;
mod selection;
mod stale;
mod subscription;
mod types;
mod usages;

pub use answer::Answer;
pub use engine::{Engine, EngineOptions, Operation, OperationType, Request, RequestContext, sdl};
pub use error::{ErrorCode, FieldError};
pub use finished::{Encoded, Finished};
pub use limits::{DEFAULTS as LIMITS_DEFAULT, InvalidLimits, Limit, OperationLimits, TooExpensive};
pub use persisted::DocumentHash;
pub use scope::Freshness;

use scope::Scope;
