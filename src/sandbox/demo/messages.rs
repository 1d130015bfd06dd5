//! What was said in the demo's conversations: ciphertext that means nothing.

use crate::ozeki::Timestamp;
use crate::sandbox::seed::Seed;
use crate::sandbox::state::{Conversation, Data, Entry, EntryId, Kind, created_plus};

/// The most messages of a conversation that is not the longest.
const A_LITTLE_MAX: usize = 40;

/// The longest silence between two messages, in seconds.
const SILENCE_MAX: usize = 3 * 60 * 60;
/// Every so many messages, one follows within the second of the one before it, so that a date alone orders nothing.
const SAME_SECOND_EVERY: usize = 10;

/// How long a demo message is valid, in seconds: longer than the vendor's seven days, so that none has run out when
/// a demo starts.
const VALIDITY: i64 = 90 * 24 * 60 * 60;

/// Messages are from one to twelve cipher blocks long.
const BLOCK_BYTES: usize = 16;
const BLOCKS_MAX: usize = 12;

/// How long a message takes to arrive at most, and how long until it is seen at most, in seconds.
const DELIVERY_MAX: usize = 5;
const VIEWING_MAX: usize = 30 * 60;
/// One message of so many was never seen, and nobody has seen the newest ones yet.
const UNSEEN_EVERY: usize = 4;
const UNSEEN_NEWEST: usize = 3;

/// Fills a conversation with one to forty messages.
pub(super) fn fill_a_little(conversation: &mut Conversation) {
    let seed = Seed::new("how many messages").and(conversation.id);
    fill(conversation, 1 + seed.below(A_LITTLE_MAX));
}

/// Fills a conversation with messages up to its last access, and with the reports about them.
pub(super) fn fill(conversation: &mut Conversation, count: usize) {
    let seed = Seed::new("messages").and(conversation.id);
    let mut silence = 0;
    // Back from the newest.
    let messages: Vec<_> = (0..count)
        .map(|number| {
            let seed = seed.and(number);
            let created = Timestamp::from_unix_seconds(conversation.last_access - silence)
                .expect("a demo starts in these centuries");
            let message = message(seed, created);
            if number % SAME_SECOND_EVERY != 1 {
                silence += seconds(seed.below(SILENCE_MAX));
            }
            message
        })
        .collect();
    for (number, message) in messages.into_iter().enumerate().rev() {
        report(conversation, seed, &message, number < UNSEEN_NEWEST);
        conversation.messages.insert(message);
    }
}

/// A message of made-up ciphertext.
pub(in crate::sandbox) fn message(seed: Seed, created: Timestamp) -> Entry {
    Entry {
        id: EntryId::Message(seed.uuid()),
        kind: Kind::Message,
        created,
        valid_until: created_plus(created, VALIDITY),
        data: Data::MadeUp { seed, bytes: BLOCK_BYTES * (1 + seed.below(BLOCKS_MAX)) },
    }
}

/// A message reached another participant, and most but the new ones were seen by them.
fn report(conversation: &mut Conversation, seed: Seed, message: &Entry, is_new: bool) {
    let seed = seed.and("report").and(message.id);
    let recipient = conversation.participants[seed.below(conversation.participants.len())];
    // Nothing happened after the last access.
    let last = Timestamp::from_unix_seconds(conversation.last_access).unwrap_or(message.created);
    let after = |delay: usize| created_plus(message.created, seconds(delay)).min(last);
    let delivered = seed.below(DELIVERY_MAX);
    let viewed = DELIVERY_MAX + seed.below(VIEWING_MAX);
    let reports = &mut conversation.reports;
    reports.insert(Entry::report(Kind::Delivered, message.id, recipient, after(delivered)));
    if !is_new && !viewed.is_multiple_of(UNSEEN_EVERY) {
        reports.insert(Entry::report(Kind::Viewed, message.id, recipient, after(viewed)));
    }
}

fn seconds(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(0)
}
