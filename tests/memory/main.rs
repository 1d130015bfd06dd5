//! What lists take in memory: what their weights say, and less than the text that they were read from.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use ozeki_graphql::cache::{ConversationList, FriendList, Weigh};
use ozeki_graphql::ozeki::{Conversation, Friend, UserId};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Callers, and what each has of both.
const CALLERS: usize = 1_000;
const ROWS: usize = 50;

/// A caller's conversations as the vendor's sample shows them.
fn conversations(caller: usize) -> String {
    let mut text = String::from("[");
    for row in 0..ROWS {
        let (secret, separator) = ("c2VjcmV0".repeat(20), if row == 0 { "" } else { "," });
        let (user, peer) = (format!("{caller:032x}"), format!("{row:032x}"));
        let muted = if row % 10 == 0 { format!("\"{peer}\"") } else { String::new() };
        let _ = write!(
            text,
            r##"{separator}{{"id":"{caller:016x}{row:016x}","isgroup":false,"participantids":["{user}","{peer}"],"participants":[{{"userid":"{user}","username":"Somebody"}},{{"userid":"{peer}","username":"Peer number {row}"}}],"displayname":"{user}{user}","lastmessageid":"bd31713d-0f99-453b-a0c1-000000000000","lastreportid":"935d8b8de4c395f50405e617e636{row:04x}","lastaccess":{row},"secret":"{secret}","instance":"PqjfKS{row:04}","mutedby":[{muted}],"favoriteby":[],"hiddenby":[],"properties":[{{"userid":"{user}","ismuted":false,"isfavorite":false,"hideid":"","listitembackgroundcolor":"#ffffff"}}]}}"##
        );
    }
    text + "]"
}

fn friends() -> Vec<Friend> {
    let key = "cHVibGlj".repeat(25);
    let friend = |row: usize| {
        let id: UserId = format!("{row:032x}").parse().unwrap();
        Friend::new(id, &format!("Peer number {row}"), &key, "available").unwrap()
    };
    (0..ROWS).map(friend).collect()
}

/// Bytes that were allocated while something was made, what that weighs, and itself.
fn measured<T: Weigh>(make: impl Fn(usize) -> T) -> (usize, usize) {
    let mut all = Vec::with_capacity(CALLERS);
    let before = ALLOCATOR.current_usage();
    all.extend((0..CALLERS).map(make));
    let allocated = ALLOCATOR.current_usage() - before;
    // The values themselves stand in the vector, which was there before.
    (allocated + CALLERS * size_of::<T>(), all.iter().map(Weigh::weight).sum())
}

/// One test, since the allocator counts what all threads do.
#[test]
fn weights_are_what_the_allocator_counts_and_lists_are_smaller_than_their_text() {
    let text = conversations(0).len();
    let (allocated, weight) = measured(|caller| {
        let list: Vec<Conversation> = serde_json::from_str(&conversations(caller)).unwrap();
        ConversationList::new(list)
    });
    let difference = allocated.abs_diff(weight);
    assert!(difference * 50 < allocated, "conversations: {weight} of {allocated} bytes");
    assert!(allocated * 10 < CALLERS * text * 7, "{} of {text} bytes", allocated / CALLERS);
    let (allocated, weight) = measured(|_caller| FriendList::new(friends()));
    let difference = allocated.abs_diff(weight);
    assert!(difference * 50 < allocated, "friends: {weight} of {allocated} bytes");
}
