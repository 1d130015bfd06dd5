//! A typed client of the Ozeki Chat HTTP API.
//!
//! Owns ids, timestamps, signatures, wire types and one method per documented call. Knows nothing of GraphQL,
//! sessions or caches: it could be a crate of its own.
//!
//! "Source:" lines name the section of the vendor's pages, as gathered in `ozeki-chat-api.md`, that a fact is from.

mod api_key;
mod id;
pub mod signature;
mod timestamp;

pub use api_key::{ApiKey, InvalidApiKey};
pub use id::{ConversationId, InvalidEmail, InvalidId, StationId, UserId};
pub use timestamp::{InvalidTimestamp, Timestamp};
