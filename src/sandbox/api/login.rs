//! `chatlogin`: an API key becomes a user.

use serde::Serialize;

use super::{Credential, Operation, ok};
use crate::ozeki::UserId;
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::World;

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    service: "chatserver",
    api: "chatlogin",
    action: "login",
    credential: Credential::ApiKey,
    answer: login,
}];

/// The answer's members in the documented order. Source: "Calls", Login.
///
/// The values of `server` and `listeners` are not documented in detail; those here are made up.
#[derive(Serialize)]
struct Login<'a> {
    server: &'static str,
    listeners: Listeners,
    /// A string, not a boolean. Source: "Where the examples mislead", 5.
    registration: &'static str,
    rsakey: &'a str,
    userid: UserId,
    fullname: &'a str,
    nick: &'static str,
    urls: Urls,
}

#[derive(Serialize)]
struct Listeners {
    udp: &'static str,
    ws: &'static str,
    wss: &'static str,
}

/// The server's own addresses as it sees itself: of no use to a client behind another name.
#[derive(Serialize)]
struct Urls {
    login: &'static str,
    availability: &'static str,
    conversation: &'static str,
    conversationgroup: &'static str,
    blocklist: &'static str,
    fileserver: &'static str,
    friends: &'static str,
    notification: &'static str,
}

const LISTENERS: Listeners = Listeners {
    udp: "udp://localhost:2224",
    ws: "ws://localhost:2225",
    wss: "wss://localhost:2226",
};

const URLS: Urls = Urls {
    login: "http://localhost/ozeki/index.php?srv=chatserver&api=chatlogin",
    availability: "http://localhost/ozeki/index.php?srv=chatserver&api=chatavailability",
    conversation: "http://localhost/ozeki/index.php?srv=chatserver&api=chatconversation",
    conversationgroup: "http://localhost/ozeki/index.php?srv=chatserver&api=chatconversationgroup",
    blocklist: "http://localhost/ozeki/index.php?srv=chatserver&api=chatblocklist",
    fileserver: "http://localhost/ozeki/index.php?srv=chatserver&api=chatfileserver",
    friends: "http://localhost/ozeki/index.php?srv=chatserver&api=chatfriends",
    notification: "http://localhost/ozeki/index.php?srv=chatserver&api=chatnotification",
};

fn login(world: &mut World, admitted: &Admitted, _call: &Incoming) -> Result<Vec<u8>, Refusal> {
    let user = admitted.caller;
    let account = world.account(user).ok_or(Refusal::UnknownUser)?;
    let person = world.person(user).ok_or(Refusal::UnknownUser)?;
    Ok(ok(
        "",
        Login {
            server: "Ozeki Chat sandbox",
            listeners: LISTENERS,
            registration: "true",
            rsakey: &account.encrypted_private_key,
            userid: user,
            fullname: &person.name,
            nick: account.nick,
            urls: URLS,
        },
    ))
}
