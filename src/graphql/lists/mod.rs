//! Lists: their filters, their orders and the places of their nodes.

pub(super) mod conversations;
pub(super) mod friends;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;

use async_graphql::Enum;

/// The direction of an order.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderDirection {
    /// Ascending: oldest first, A to Z, unavailable before available.
    Asc,
    /// Descending: newest first, Z to A, available before unavailable.
    Desc,
}
