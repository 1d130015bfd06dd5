//! `chatfriends`: the caller's friends and their presence.

use serde::{Serialize, Serializer};

use super::{Operation, ok};
use crate::ozeki::UserId;
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::World;

pub(super) const OPERATIONS: &[Operation] = &[Operation::signed("chatfriends", "list", list)];

/// The answer's members in the documented order. Source: "friends".
#[derive(Serialize)]
struct Friends<'a> {
    #[serde(serialize_with = "as_map")]
    friends: Vec<(UserId, &'a str)>,
    availabilities: Vec<Presence<'a>>,
}

#[derive(Serialize)]
struct Presence<'a> {
    friendid: UserId,
    friendname: &'a str,
    publickey: &'a str,
    availability: &'a str,
}

/// Writes pairs as an object that keeps their order.
fn as_map<S: Serializer>(pairs: &[(UserId, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().copied())
}

#[expect(clippy::unnecessary_wraps, reason = "every operation has this form")]
fn list(world: &mut World, admitted: &Admitted, _call: &Incoming) -> Result<Vec<u8>, Refusal> {
    let friends =
        world.friends_of(admitted.caller).map(|person| (person.id, person.name.as_str())).collect();
    let availabilities = world
        .presences_seen_by(admitted.caller)
        .map(|(person, presence)| Presence {
            friendid: person.id,
            friendname: &person.name,
            publickey: &presence.public_key,
            availability: presence.availability,
        })
        .collect();
    Ok(ok("", Friends { friends, availabilities }))
}
