//! Who a signed call is made for.

use super::{ApiKey, Signature, StationId, UserId};

/// What proves to the upstream that a call may be made.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The user's key: the gateway signs each call with it.
    ApiKey(ApiKey),
    /// A signature that a client made; it is handed on unchanged.
    Forwarded(Signature),
}

/// The user, station and credential of signed calls.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whose calls these are.
    pub user: UserId,
    /// From which station.
    pub station: StationId,
    /// What signs them.
    pub credential: Credential,
}
