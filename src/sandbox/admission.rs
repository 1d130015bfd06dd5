//! Whether a call may be answered: the strict half of the sandbox.

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

/// A call that passed every check.
pub(super) struct Admitted {
    pub(super) operation: &'static Operation,
    pub(super) caller: UserId,
    /// Where the call came from, if it is one that tells it.
    pub(super) station: Option<StationId>,
    /// When it came, by the server's clock.
    pub(super) now: Timestamp,
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
    let station = match operation.credential {
        Credential::SignatureAlone => None,
        Credential::ApiKey | Credential::Signature | Credential::Station => {
            Some(call.id_header("Ozeki-Station")?)
        }
    };
    let caller = match operation.credential {
        Credential::ApiKey => owner_of_key(call, world)?,
        Credential::Signature => {
            check_date(call, clock)?;
            signer(call, station, call.text("timestamp")?, world, recipe)?
        }
        Credential::SignatureAlone => signer(call, None, "", world, recipe)?,
        Credential::Station => {
            check_date(call, clock)?;
            let owner = station.and_then(|station| world.stations.owner_of(station));
            owner.ok_or(Refusal::UnknownStation)?
        }
    };
    let now =
        Timestamp::from_unix_seconds(clock.unix_seconds()).map_err(|_| Refusal::TimestampAway)?;
    Ok(Admitted { operation, caller, station, now })
}

/// Checks the members that date a call. Login and workspace registration have neither of them.
fn check_date(call: &Incoming, clock: &Clock) -> Result<(), Refusal> {
    call.integer("clientversioncode")?;
    let away = call.timestamp("timestamp")?.unix_seconds().abs_diff(clock.unix_seconds());
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
    station: Option<StationId>,
    timestamp: &str,
    world: &World,
    recipe: &Recipe,
) -> Result<UserId, Refusal> {
    let user = call.id_header("Ozeki-User")?;
    let presented = call.header("Ozeki-Signature")?;
    let account = world.account(user).ok_or(Refusal::UnknownUser)?;
    let expected = recipe.sign(&SignedRequest {
        user,
        station,
        api: &call.api,
        action: call.text("action")?,
        timestamp,
        body: &call.body,
        key: &account.api_key,
    });
    let presented = Signature::parse(presented).map_err(|_| Refusal::WrongSignature)?;
    if expected.matches(&presented) { Ok(user) } else { Err(Refusal::WrongSignature) }
}
