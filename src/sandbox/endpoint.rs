//! The one address that answers every call.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use tokio_util::sync::CancellationToken;

use super::admission::admit;
use super::faults::answered;
use super::incoming::Incoming;
use super::state::World;
use super::{Call, Faults, Journal, Outcome, Refusal};
use crate::clock::Clock;
use crate::ozeki::UserId;
use crate::ozeki::signature::Recipe;

/// What every call shares.
pub(super) struct Shared {
    pub(super) recipe: Recipe,
    pub(super) clock: Clock,
    pub(super) world: Mutex<World>,
    pub(super) journal: Journal,
    pub(super) faults: Faults,
    /// Cancelled when the sandbox shuts down.
    pub(super) closing: CancellationToken,
}

/// Answers a call: carries it out, journals it, then lets a fault spoil the answer.
pub(super) async fn endpoint(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let call = Incoming::read(parts, body).await;
    let (user, result) = shared.carry_out(&call);
    let (api, action) = call.journalled_names();
    let outcome = match &result {
        Ok(_) => Outcome::Answered,
        Err(refusal) => Outcome::Refused(*refusal),
    };
    let fault = shared.faults.meet(&api, &action);
    shared.journal.record(Call { api, action, user, outcome });
    // A refusal is told with HTTP status 200 too; see `Refusal::to_json`.
    let answer = result.unwrap_or_else(Refusal::to_json);
    match fault {
        None => answered(StatusCode::OK, "application/json", answer.into()),
        Some((fault, injection)) => fault.play(injection, answer, shared.closing.clone()).await,
    }
}

impl Shared {
    fn carry_out(&self, call: &Incoming) -> (Option<UserId>, Result<Vec<u8>, Refusal>) {
        // An operation checks before it changes, so that a panic leaves the world whole.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        match admit(call, &world, &self.recipe, &self.clock) {
            Ok(admitted) => {
                if let Some(station) = admitted.station {
                    world.stations.note_call(station, admitted.caller);
                }
                let answer = (admitted.operation.answer)(&mut world, &admitted, call);
                (Some(admitted.caller), answer)
            }
            Err(refusal) => (call.claimed_user(), Err(refusal)),
        }
    }
}
