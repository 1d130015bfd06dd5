//! The calls that the sandbox answers: one module per api.
//!
//! To add a call, add its [`Operation`] to the table of its api, and a new api to [`TABLES`].

mod availability;
mod blocklist;
mod conversation;
mod friends;
mod login;
mod notification;
mod reports;
mod workspace;

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
    /// The signature, over a body without them, and no station: workspace registration.
    SignatureAlone,
    /// The station alone, with a body as every other: notification.
    Station,
}

/// Carries a call out and writes its answer as JSON.
type Answer = fn(&mut World, &Admitted, &Incoming) -> Result<Vec<u8>, Refusal>;

/// One documented call. Source: "Calls".
pub(super) struct Operation {
    service: &'static str,
    api: &'static str,
    action: &'static str,
    pub(super) credential: Credential,
    pub(super) answer: Answer,
}

impl Operation {
    /// A signed call of the chat server: the kind that most calls are.
    const fn signed(api: &'static str, action: &'static str, answer: Answer) -> Self {
        Self { service: "chatserver", api, action, credential: Credential::Signature, answer }
    }
}

const TABLES: [&[Operation]; 8] = [
    login::OPERATIONS,
    availability::OPERATIONS,
    friends::OPERATIONS,
    reports::OPERATIONS,
    notification::OPERATIONS,
    conversation::OPERATIONS,
    blocklist::OPERATIONS,
    workspace::OPERATIONS,
];

/// Beside status `OK`, and no failure. Source: "Where the examples mislead", 1.
const MISLEADING_MESSAGE: &str = "File does not exist";

/// The members of an answer that has none of its own.
#[derive(Serialize)]
struct NoMembers {}

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
    write(&Envelope { status: "OK", errormessage, members })
}

fn write(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).expect("answers are structs of strings, numbers and lists")
}
