//! The calls that the sandbox answers: one module per api.
//!
//! To add a call, add its [`Operation`] to the table of its api, and a new api to [`TABLES`].

mod conversation;
mod friends;
mod login;

use serde::Serialize;

use super::Refusal;
use super::admission::Admitted;
use super::incoming::Incoming;
use super::state::World;

/// How a call proves who makes it.
#[derive(Clone, Copy)]
pub(super) enum Credential {
    /// The `apikey` member, with no date beside it: login.
    ApiKey,
    /// The signature, over a body with version code and timestamp.
    Signature,
}

/// One documented call. Source: "Calls".
pub(super) struct Operation {
    service: &'static str,
    api: &'static str,
    action: &'static str,
    pub(super) credential: Credential,
    /// Carries the call out and writes its answer as JSON.
    pub(super) answer: fn(&mut World, &Admitted, &Incoming) -> Result<Vec<u8>, Refusal>,
}

const TABLES: [&[Operation]; 3] =
    [login::OPERATIONS, conversation::OPERATIONS, friends::OPERATIONS];

/// The operation of this service, api and action; the action is asked for only when there is such an api.
///
/// # Errors
///
/// [`Refusal`] when there is none, or when `action` refuses.
pub(super) fn find<'a>(
    service: &str,
    api: &str,
    action: impl FnOnce() -> Result<&'a str, Refusal>,
) -> Result<&'static Operation, Refusal> {
    let mut of_api = TABLES
        .into_iter()
        .flatten()
        .filter(|operation| operation.service == service && operation.api == api)
        .peekable();
    of_api.peek().ok_or(Refusal::UnknownApi)?;
    let action = action()?;
    of_api.find(|operation| operation.action == action).ok_or(Refusal::UnknownAction)
}

/// What every answer begins with; `status` decides. Source: "Where the examples mislead", 1.
#[derive(Serialize)]
struct Envelope<T> {
    status: &'static str,
    errormessage: &'static str,
    #[serde(flatten)]
    members: T,
}

/// Writes an answer with status `OK`, its members in the order of their declaration.
fn ok(errormessage: &'static str, members: impl Serialize) -> Vec<u8> {
    let answer = Envelope { status: "OK", errormessage, members };
    serde_json::to_vec(&answer).expect("answers are structs of strings, numbers and lists")
}
