//! The schema, and how an operation is run against it.
//!
//! Resolvers are thin: they name data of [`cache`](crate::cache) and shape it. They return [`FieldError`] and nothing
//! else can reach a client. HTTP is the business of the layer above: here are requests and answers as values.

mod answer;
mod completion;
mod engine;
mod error;
mod guard;
mod input;
mod lists;
mod message_cursor;
#[expect(clippy::unused_async, reason = "resolvers are async")]
mod mutation;
mod paging;
#[expect(clippy::unused_async, reason = "resolvers are async")]
mod query;
mod scalars;
mod scope;
mod selection;
mod subscription;
mod types;

pub use answer::Answer;
pub use engine::{Engine, EngineOptions, Operation, OperationType, Request, RequestContext, sdl};
pub use error::{ErrorCode, FieldError};
pub use scope::Freshness;

use scope::Scope;
