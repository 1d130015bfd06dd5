//! Whether a call may be answered: the strict half of the sandbox.

use std::str::FromStr;
use std::time::Duration;

use http::Method;

use super::api::{Credential, Operation};
use super::incoming::Incoming;
use super::state::World;
use super::{Refusal, api};
use crate::clock::Clock;
use crate::ozeki::signature::{Recipe, Signature, SignedRequest};
use crate::ozeki::{ApiKey, StationId, Timestamp, UserId};

/// How far a timestamp may be from the server's clock, told in the refusal. The vendor tells no bound; five minutes
/// is what signed APIs commonly allow.
const TIMESTAMP_TOLERANCE: Duration = Duration::from_secs(5 * 60);

const DIGITS: &str = "32 lower-case hex digits";

/// A call that passed every check.
pub(super) struct Admitted {
    pub(super) operation: &'static Operation,
    pub(super) caller: UserId,
}

/// Checks the call from the outside in: what it is, then when it was made, then who made it.
///
/// # Errors
///
/// The first [`Refusal`].
///
/// Source: "Calling convention".
pub(super) fn admit(
    call: &Incoming,
    world: &World,
    recipe: &Recipe,
    clock: &Clock,
) -> Result<Admitted, Refusal> {
    if call.method != Method::POST {
        return Err(Refusal::Method);
    }
    if !call.is_json() {
        return Err(Refusal::ContentType);
    }
    call.members()?;
    let operation = api::find(&call.service, &call.api, || call.text("action"))?;
    let station: StationId = id_in(call, "Ozeki-Station")?;
    let caller = match operation.credential {
        Credential::ApiKey => owner_of_key(call, world)?,
        Credential::Signature => {
            check_date(call, clock)?;
            signer(call, station, world, recipe)?
        }
    };
    Ok(Admitted { operation, caller })
}

/// Checks the members that date a call. Login has neither of them.
fn check_date(call: &Incoming, clock: &Clock) -> Result<(), Refusal> {
    call.integer("clientversioncode")?;
    let timestamp: Timestamp =
        call.text("timestamp")?.parse().map_err(|_| Refusal::InvalidMember {
            name: "timestamp",
            expected: "a UTC time written yyyy-MM-dd HH:mm:ss",
        })?;
    let away = timestamp.unix_seconds().abs_diff(clock.unix_seconds());
    if away > TIMESTAMP_TOLERANCE.as_secs() {
        return Err(Refusal::TimestampAway);
    }
    Ok(())
}

fn owner_of_key(call: &Incoming, world: &World) -> Result<UserId, Refusal> {
    let api_key = ApiKey::parse(call.text("apikey")?).map_err(|_| Refusal::UnknownApiKey)?;
    world.owner_of_key(&api_key).ok_or(Refusal::UnknownApiKey)
}

/// The user whose key made the signature over the exact bytes that arrived.
fn signer(
    call: &Incoming,
    station: StationId,
    world: &World,
    recipe: &Recipe,
) -> Result<UserId, Refusal> {
    let user = id_in(call, "Ozeki-User")?;
    let presented = call.header("Ozeki-Signature")?;
    let account = world.account(user).ok_or(Refusal::UnknownUser)?;
    let expected = recipe.sign(&SignedRequest {
        user,
        station: Some(station),
        api: &call.api,
        action: call.text("action")?,
        timestamp: call.text("timestamp")?,
        body: &call.body,
        key: &account.api_key,
    });
    let presented = Signature::parse(presented).map_err(|_| Refusal::WrongSignature)?;
    if expected.matches(&presented) { Ok(user) } else { Err(Refusal::WrongSignature) }
}

/// Reads an id from a header, in the documented form only: the ids read digits of either case.
fn id_in<Id: FromStr + ToString>(call: &Incoming, name: &'static str) -> Result<Id, Refusal> {
    let text = call.header(name)?;
    text.parse()
        .ok()
        .filter(|id: &Id| id.to_string() == text)
        .ok_or(Refusal::InvalidHeader { name, expected: DIGITS })
}
