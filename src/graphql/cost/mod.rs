//! What an operation costs, found before it is validated or run.
//!
//! A fragment that is spread twice costs twice, so a small document can stand for a large one: every figure here is
//! one of the document with its fragments written out, found without writing them out. Each fragment is looked at once.

mod complexity;
mod shape;

pub(super) use complexity::complexity;
pub(super) use shape::{INTROSPECTION, Refusal, check_shape};
