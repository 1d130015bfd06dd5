//! Pages of a list, by the Relay connection rules.
//!
//! A cursor carries the place of its node in the order (the sort key and the id), not a count: a page goes on where
//! the last one ended, also when nodes have come, gone or moved in between.

mod arguments;
mod connection;
mod cursor;

pub(super) use arguments::{PAGE_DEFAULT, PAGE_MAX, PageArguments};
pub(super) use connection::{Connection, Edge, Paged};
pub(super) use cursor::{Cursor, Place};
