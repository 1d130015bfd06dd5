//! The signature of a call, made by a configurable recipe.
//!
//! The vendor does not publish how `Ozeki-Signature` is made, so it is configuration: an [`Algorithm`] over a
//! [`Payload`] of named parts of the request, written in an [`Encoding`]; together a [`Recipe`].
//! Source: "What is not documented".

mod algorithm;
pub mod detect;
mod encoding;
mod payload;
mod recipe;

pub use algorithm::{Algorithm, Hash, UnknownAlgorithm, UnknownHash};
pub use encoding::{Encoding, UnknownEncoding};
pub use payload::{InvalidPayload, Part, Payload, Piece};
pub use recipe::{InvalidSignature, Recipe, Signature, SignedRequest};
