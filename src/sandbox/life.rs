//! What the demo's people do by themselves: they write, come online and leave.
//!
//! The steps are the same in every run; only their times are the clock's.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::demo;
use super::endpoint::Shared;
use super::seed::Seed;
use super::state::World;
use crate::ozeki::{Timestamp, UserId};

/// Two steps of three say something.
const STEPS_OF_A_ROUND: u64 = 3;

/// Something is said in one of so many of the listener's conversations, the newest: those that a screen shows.
const LIVELY_CONVERSATIONS: usize = 6;

/// Takes a step each time, until the sandbox closes.
pub(super) async fn live(shared: Arc<Shared>, every: Duration) {
    let mut ticks = interval(every);
    // A machine that slept has missed nothing.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let closing = shared.closing.clone();
    closing
        .run_until_cancelled(async {
            loop {
                ticks.tick().await;
                step(&shared);
            }
        })
        .await;
}

/// Lets somebody do the next thing.
pub(super) fn step(shared: &Shared) {
    let Ok(now) = Timestamp::from_unix_seconds(shared.clock.unix_seconds()) else { return };
    let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
    let number = world.next_step();
    let seed = Seed::new("life").and(number);
    if number % STEPS_OF_A_ROUND == 1 {
        come_or_go(&mut world, seed);
    } else {
        say(&mut world, seed, demo::listener(), now);
    }
}

/// One of the listener's newest conversations gets a message from somebody else.
fn say(world: &mut World, seed: Seed, listener: UserId, now: Timestamp) {
    let mut conversations: Vec<_> = world
        .conversations_of(listener)
        .map(|one| (std::cmp::Reverse(one.last_access), one.id, one.participants.clone()))
        .collect();
    conversations.sort_by_key(|(access, id, _)| (*access, *id));
    conversations.truncate(LIVELY_CONVERSATIONS);
    if conversations.is_empty() {
        return;
    }
    let (_, id, participants) = conversations.swap_remove(seed.below(conversations.len()));
    let others: Vec<_> = participants.into_iter().filter(|one| *one != listener).collect();
    if !others.is_empty() {
        let sender = others[seed.and("sender").below(others.len())];
        let message = demo::message(seed, now);
        world.say(sender, id, message, now);
    }
}

/// One of those whose presence the demo's friends see comes, or goes if already there.
fn come_or_go(world: &mut World, seed: Seed) {
    let people = demo::wanderers();
    let person = people[seed.below(people.len())];
    world.toggle_presence(person);
}
