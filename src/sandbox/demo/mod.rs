//! The demo data: one world that all demo users share, the same in every run but for its times, which are counted
//! back from the start so that the lists look alive.

mod conversations;
mod messages;
mod people;

use std::collections::HashMap;

use people::{COLLEAGUES, FRIENDS};

use super::seed::Seed;
pub(super) use messages::message;

use super::state::{Account, Conversation, Person, Presence, World};
use crate::ozeki::{ApiKey, UserId};

/// The length of a 2048-bit public key, the kind whose start the vendor's sample shows. Source: "friends".
const PUBLIC_KEY_BYTES: usize = 294;

/// About the length of an encrypted 2048-bit private key.
const PRIVATE_KEY_BYTES: usize = 1232;

/// A demo user; the API key is published, and of use in a sandbox only.
pub struct DemoUser {
    /// What the user id is the MD5 of.
    pub email: &'static str,
    /// What the user logs in with.
    pub api_key: &'static str,
    /// The full name.
    pub name: &'static str,
}

/// How many of the friends come and go: those whom the demo users have in common.
const WANDERING_FRIENDS: usize = 5;

const ALICE: DemoUser =
    DemoUser { email: "alice@example.com", api_key: "alice-demo", name: "Alice" };
const BOB: DemoUser = DemoUser { email: "bob@example.com", api_key: "bob-demo", name: "Bob" };
const CAROL: DemoUser =
    DemoUser { email: "carol@example.com", api_key: "carol-demo", name: "Carol" };
const ADMIN: DemoUser =
    DemoUser { email: "admin@ozeki.hu", api_key: "admin-demo", name: "Administrator" };

static DEMO_USERS: [DemoUser; 4] = [ALICE, BOB, CAROL, ADMIN];

/// The users who can log in to a sandbox, the one with the fullest lists first.
pub fn demo_users() -> &'static [DemoUser] {
    &DEMO_USERS
}

/// Whose screen the demo shows.
pub(super) fn listener() -> UserId {
    id(ALICE.email)
}

/// Who comes and goes: friends whom every demo user sees, those with an account first.
pub(super) fn wanderers() -> Vec<UserId> {
    let users = [BOB.email, CAROL.email];
    let friends = FRIENDS.iter().take(WANDERING_FRIENDS).map(|(email, _)| *email);
    users.into_iter().chain(friends).map(id).collect()
}

/// The world as it stands when a sandbox starts, at `started` in Unix seconds.
pub(super) fn world(started: i64) -> World {
    let accounts = [
        (&ALICE, "alice", FRIENDS.len()),
        (&BOB, "bob", 12),
        (&CAROL, "carol", 8),
        (&ADMIN, "admin", 5),
    ];
    let mut accounts: HashMap<UserId, Account> = accounts
        .into_iter()
        .map(|(user, nick, friends)| (id(user.email), account(user, nick, friends)))
        .collect();
    let conversations = conversations::all(started);
    block(&mut accounts, &conversations);
    World::new(people(), accounts, conversations)
}

/// Alice blocked a colleague; Carol blocked another one and the first of her groups; the others blocked nobody.
fn block(accounts: &mut HashMap<UserId, Account>, conversations: &[Conversation]) {
    let (alice, carol) = (id(ALICE.email), id(CAROL.email));
    for (user, colleague) in [(alice, 3), (carol, 0)] {
        if let Some(account) = accounts.get_mut(&user) {
            account.blocked_users.push(id(COLLEAGUES[colleague].0));
        }
    }
    let group = conversations.iter().find(|one| one.is_group && one.is_of(carol));
    if let (Some(account), Some(group)) = (accounts.get_mut(&carol), group) {
        account.blocked_conversations.push(group.id);
    }
}

fn id(email: &str) -> UserId {
    UserId::from_email(email).expect("every address of the demo data is one")
}

/// An account that is friends with the other demo users and the first `friends` made-up people.
fn account(user: &DemoUser, nick: &'static str, friends: usize) -> Account {
    let others = DEMO_USERS.iter().map(|other| other.email);
    let made_up = FRIENDS.iter().take(friends).map(|(email, _)| *email);
    Account {
        api_key: ApiKey::parse(user.api_key).expect("every key of the demo data is one"),
        nick,
        encrypted_private_key: Seed::new("private key").and(user.email).base64(PRIVATE_KEY_BYTES),
        friends: others.filter(|email| *email != user.email).chain(made_up).map(id).collect(),
        acquaintances: COLLEAGUES.iter().take(1).map(|(email, _)| id(email)).collect(),
        blocked_users: Vec::new(),
        blocked_conversations: Vec::new(),
    }
}

fn people() -> impl Iterator<Item = Person> {
    // Carol is away until she says otherwise, so that the change can be seen.
    let demo_users = DEMO_USERS.iter().map(|user| {
        let is_away = user.email == CAROL.email;
        person(user.email, user.name, if is_away { "offline" } else { "available" })
    });
    let colleagues = COLLEAGUES.iter().map(|(email, name)| person(email, name, "available"));
    // Only "available" is documented; "offline" and "" are our choice, so that clients meet another word and none.
    let friends = FRIENDS.iter().enumerate().map(|(position, (email, name))| {
        let availability = match position % 9 {
            2 | 6 => "offline",
            4 if position > 4 => "",
            _ => "available",
        };
        let mut person = person(email, name, availability);
        if position % 8 == 7 {
            person.presence = None;
        }
        person
    });
    demo_users.chain(colleagues).chain(friends)
}

fn person(email: &str, name: &str, availability: &'static str) -> Person {
    Person {
        id: id(email),
        name: name.to_owned(),
        presence: Some(Presence {
            public_key: Seed::new("public key").and(email).base64(PUBLIC_KEY_BYTES),
            availability,
        }),
    }
}
