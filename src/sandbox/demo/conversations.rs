//! Who talks with whom, and what they set for it.
//!
//! The constants below place Alice's settings by the number of her conversation: 0 to 2 are with Bob, Carol and the
//! Administrator, 3 to 37 with other single people, 38 to 59 are groups.

use super::people::{COLLEAGUES, FRIENDS};
use super::{ADMIN, ALICE, BOB, CAROL, id, messages};
use crate::ozeki::{ConversationId, UserId};
use crate::sandbox::seed::Seed;
use crate::sandbox::state::{Conversation, Timeline};

/// How many of her made-up friends Alice has a conversation with.
const ALICES_FRIENDS_WITH_CONVERSATION: usize = 31;
const ALICES_GROUPS: usize = 22;

const FAVORITE: [usize; 5] = [0, 5, 12, 38, 44];
const MUTED: [usize; 4] = [7, 19, 40, 51];
const HIDDEN: [usize; 3] = [9, 23, 47];
/// Hidden once, then cleared: the hide id names a former instance, so that it hides nothing any more.
const HIDDEN_BEFORE_CLEARED: usize = 15;
const COLORED: [(usize, &str); 4] =
    [(0, "#bae1ff"), (3, "#ffb3ba"), (38, "#baffc9"), (41, "#ffffba")];
/// Nothing was ever said there, or all of it was cleared.
const EMPTY: [usize; 3] = [30, 36, 58];
/// The newest, which is with Bob, has more than two pages of fifty messages.
const LONGEST: usize = 0;
const LONGEST_MESSAGES: usize = 130;
/// Another participant set something before Alice did, so that her entry is not the first.
const PEER_FIRST: [usize; 4] = [0, 12, 38, 51];
/// Another participant set something and Alice did not.
const PEER_ONLY: [usize; 2] = [20, 50];

const GROUP_PEOPLE_MIN: usize = 3;
const GROUP_SIZES: usize = 4;
const SECRET_BYTES: usize = 256;
const MINUTE: i64 = 60;

/// All conversations, in an order that tells nothing of their times.
pub(super) fn all(started: i64) -> Vec<Conversation> {
    let mut conversations = alices(started);
    conversations.extend(of_others(started));
    conversations.sort_by_key(|conversation| conversation.id);
    conversations
}

fn alices(started: i64) -> Vec<Conversation> {
    let alice = id(ALICE.email);
    let single = [BOB.email, CAROL.email, ADMIN.email]
        .into_iter()
        .chain(emails(&FRIENDS[..ALICES_FRIENDS_WITH_CONVERSATION]))
        .chain(emails(&COLLEAGUES))
        .map(|email| vec![alice, id(email)]);
    let groups = (0..ALICES_GROUPS).map(alices_group);
    let mut conversations: Vec<_> = single
        .chain(groups)
        .enumerate()
        .map(|(number, participants)| conversation("alice", number, participants, started))
        .collect();
    set_properties(alice, &mut conversations);
    for (number, conversation) in conversations.iter_mut().enumerate() {
        if number == LONGEST {
            messages::fill(conversation, LONGEST_MESSAGES);
        } else if !EMPTY.contains(&number) {
            messages::fill_a_little(conversation);
        }
    }
    conversations
}

/// A group of three to six with Alice, and now and then the other demo users.
fn alices_group(number: usize) -> Vec<UserId> {
    let size = GROUP_PEOPLE_MIN + number % GROUP_SIZES;
    let demo_users = [(BOB, 4), (CAROL, 5), (ADMIN, 7)]
        .into_iter()
        .filter(|(_, every)| number.is_multiple_of(*every))
        .map(|(user, _)| user.email);
    let members: Vec<_> = [ALICE.email].into_iter().chain(demo_users).collect();
    group("alice", number, members, size)
}

/// The conversations of the other demo users that Alice has no part in.
fn of_others(started: i64) -> impl Iterator<Item = Conversation> {
    let (bob, carol, admin) = (id(BOB.email), id(CAROL.email), id(ADMIN.email));
    let with = |user: UserId, people: &'static [(&str, &str)]| {
        emails(people).map(move |email| vec![user, id(email)])
    };
    [vec![bob, carol], vec![bob, admin], vec![carol, admin]]
        .into_iter()
        .chain(with(bob, &FRIENDS[..6]))
        .chain(with(carol, &FRIENDS[4..8]))
        .chain(with(admin, &FRIENDS[1..4]))
        .chain([
            group("others", 0, vec![BOB.email, CAROL.email], 5),
            group("others", 1, vec![BOB.email], 4),
            group("others", 2, vec![CAROL.email, ADMIN.email], 3),
        ])
        .enumerate()
        .map(move |(number, participants)| {
            let mut conversation = conversation("others", number, participants, started);
            messages::fill_a_little(&mut conversation);
            conversation
        })
}

fn emails(people: &'static [(&str, &str)]) -> impl Iterator<Item = &'static str> {
    people.iter().map(|(email, _)| *email)
}

/// The given members, filled up with made-up people to at least `size`.
fn group(world: &str, number: usize, mut members: Vec<&'static str>, size: usize) -> Vec<UserId> {
    // There are 41 of them, a prime: any stride meets each person once before it meets one again.
    let people: Vec<_> = emails(&FRIENDS).chain(emails(&COLLEAGUES)).collect();
    let seed = Seed::new("group").and(world).and(number);
    let stride = 1 + seed.and("stride").below(people.len() - 1);
    let first = seed.and("first").below(people.len());
    let missing = size.saturating_sub(members.len());
    members.extend((0..missing).map(|step| people[(first + step * stride) % people.len()]));
    members.into_iter().map(id).collect()
}

fn conversation(
    world: &str,
    number: usize,
    mut participants: Vec<UserId>,
    started: i64,
) -> Conversation {
    let seed = Seed::new("conversation").and(world).and(number);
    let is_group = participants.len() > 2;
    // A client cannot rely on standing first among the participants.
    let turn = number % participants.len();
    participants.rotate_left(turn);
    Conversation {
        id: ConversationId::from_bytes(seed.bytes()),
        is_group,
        participants,
        messages: Timeline::default(),
        reports: Timeline::default(),
        last_access: started - age(number, seed),
        secret: seed.and("secret").base64(SECRET_BYTES),
        instance: seed.and("instance").instance(),
        properties: Vec::new(),
    }
}

/// How long ago something happened there, in seconds: from minutes to some seventeen days.
fn age(number: usize, seed: Seed) -> i64 {
    // Numbers 17 and 18 share a moment, so that clients meet two conversations that their times do not order.
    let number = if number == 18 { 17 } else { number };
    let jitter = if number == 17 { 0 } else { seed.and("age").below(3600) };
    let minutes = 7 * number * number + 2;
    MINUTE * i64::try_from(minutes).unwrap_or(0) + i64::try_from(jitter).unwrap_or(0)
}

fn set_properties(alice: UserId, conversations: &mut [Conversation]) {
    for number in PEER_FIRST.into_iter().chain(PEER_ONLY) {
        let conversation = &mut conversations[number];
        let peers = conversation.participants.iter();
        if let Some(peer) = peers.copied().find(|user| *user != alice) {
            let properties = conversation.properties_of(peer);
            properties.is_favorite = number % 4 == 0;
            properties.is_muted = number % 4 != 0;
        }
    }
    for number in FAVORITE {
        conversations[number].properties_of(alice).is_favorite = true;
    }
    for number in MUTED {
        conversations[number].properties_of(alice).is_muted = true;
    }
    for (number, color) in COLORED {
        color.clone_into(&mut conversations[number].properties_of(alice).background_color);
    }
    for number in HIDDEN {
        let hide_id = conversations[number].hide_id();
        conversations[number].properties_of(alice).hide_id = hide_id;
    }
    let former_instance = Seed::new("former instance").instance();
    conversations[HIDDEN_BEFORE_CLEARED].properties_of(alice).hide_id =
        format!("{former_instance};");
}
