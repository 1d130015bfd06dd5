//! A typed client of the Ozeki Chat HTTP API.
//!
//! Owns ids, timestamps, signatures, wire types and one method per documented call. Knows nothing of GraphQL,
//! sessions or caches: it could be a crate of its own.
//!
//! "Source:" lines name the section of the vendor's pages, as gathered in `docs/ozeki-chat-api.md`, that a fact is from.

mod api_key;
mod call;
mod client;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod id;
mod identity;
pub mod signature;
mod timestamp;
mod wire;

pub use api_key::{ApiKey, InvalidApiKey};
pub use call::Call;
pub use client::{
    CLOCK_DIFFERENCE_MAX_SECONDS, Change, Client, ClientOptions, ClientSetupError, Color,
    InvalidColor, NewMessage, Position, Viewed,
};
pub use error::UpstreamError;
pub use id::{ConversationId, InvalidEmail, InvalidId, StationId, UserId};
pub use identity::{Credential, Identity};
pub use signature::{Recipe, Signature, SignedRequest};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use wire::{
    Blocklist, Conversation, ConversationProperties, Friend, Login, Message, MessagePage, Noticed,
    Notices, Participant, Report,
};
