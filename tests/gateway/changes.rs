//! Changes when something goes wrong: rejected, lost, repeated, stale.

use ozeki_graphql::sandbox::{Fault, Reply};
use serde_json::json;

use crate::support::chat::{ADD, MESSAGE_ID, PAGE, REJECTION, chat_of, send};
use crate::support::{CONVERSATIONS, Caller, FRIENDS, TestGateway};

const CLEAR: (&str, &str) = ("chatconversation", "clear");
const MUTE: (&str, &str) = ("chatconversation", "mute");

fn mute(chat: &str) -> String {
    format!(
        "mutation {{ muteConversation(input: {{id: \"{chat}\"}}) {{ conversation {{ isMuted }} }} }}"
    )
}

async fn is_muted(caller: &Caller, chat: &str) -> bool {
    let data = caller.data(&format!("{{ conversation(id: \"{chat}\") {{ isMuted }} }}")).await;
    data["conversation"]["isMuted"].as_bool().unwrap()
}

#[tokio::test]
async fn a_rejected_change_tells_why_and_leaves_the_cache_as_it_was() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    gateway.spoil(MUTE, Fault::new(Reply::json(REJECTION)));
    let answer = alice.query(&mute(&chat)).await;
    assert_eq!(answer.codes(), [("UPSTREAM_REJECTED".into(), "muteConversation".into())]);
    assert!(answer.text.contains("not today"));
    chat_of(&alice).await;
    assert_eq!((gateway.calls(MUTE), gateway.calls(CONVERSATIONS)), (1, 1));
}

#[tokio::test]
async fn a_change_of_unknown_outcome_says_so_and_the_next_read_goes_upstream() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    // The sandbox carries a call out before its answer is lost.
    for reply in [Reply::Closed, Reply::Truncated, Reply::json("<html>"), Reply::json("{}")] {
        let calls = gateway.calls(CONVERSATIONS);
        gateway.spoil(MUTE, Fault::new(reply));
        let answer = alice.query(&mute(&chat)).await;
        assert!(answer.text.contains("not known whether the change was made"), "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["extensions"]["outcome"], "unknown");
        assert!(is_muted(&alice, &chat).await);
        assert_eq!(gateway.calls(CONVERSATIONS), calls + 1);
    }
    assert_eq!(gateway.calls(MUTE), 4);
}

#[tokio::test]
async fn a_change_is_settled_also_when_the_client_hangs_up() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let held = gateway.spoil(MUTE, Fault::new(Reply::Genuine).held());
    let leaving = tokio::spawn({
        let (alice, query) = (alice.reconnected(), mute(&chat));
        async move { alice.query(&query).await.status }
    });
    held.arrived(1).await;
    leaving.abort();
    assert!(leaving.await.is_err());
    // A read meanwhile may see either state; it must not outlive the change.
    chat_of(&alice).await;
    held.release();
    // The change ends some time after the release; then every read shows it.
    while !is_muted(&alice, &chat).await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stale_instance_is_found_out_and_the_call_made_once_more() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    let chat = chat_of(&alice).await;
    let clear = format!(
        "mutation {{ clearConversation(input: {{id: \"{chat}\"}}) {{ conversation {{ instance }} }} }}"
    );
    chat_of(&bob).await;
    // Alice's clear begins a new instance, of which bob's cached list knows nothing.
    alice.data(&clear).await;
    let lists = gateway.calls(CONVERSATIONS);
    let sent = bob.data(&send(&chat, "YQ==")).await;
    assert_eq!(sent["sendMessage"]["message"]["id"], MESSAGE_ID);
    assert_eq!((gateway.calls(ADD), gateway.calls(CONVERSATIONS)), (2, lists + 1));
    // A clear of an instance that has ended is not carried over to the new one; asked for again, it is made there.
    chat_of(&bob).await;
    alice.data(&clear).await;
    assert_eq!(bob.query(&clear).await.codes()[0].0, "UPSTREAM_REJECTED");
    assert_eq!(gateway.calls(CLEAR), 3);
    bob.data(&clear).await;
    let hide = format!(
        "mutation {{ hideConversation(input: {{id: \"{chat}\"}}) {{ conversation {{ isHidden }} }} }}"
    );
    let hidden = alice.data(&hide).await;
    assert_eq!(hidden["hideConversation"]["conversation"]["isHidden"], true);
    let read = format!("{{ conversation(id: \"{chat}\") {{ messages {{ nodes {{ id }} }} }} }}");
    bob.data(&format!("mutation {{ sendMessage(input: {{conversationId: \"{chat}\", data: \"Yg==\"}}) {{ message {{ id }} }} }}")).await;
    chat_of(&bob).await;
    alice.data(&clear).await;
    let messages = bob.data(&read).await["conversation"]["messages"]["nodes"].take();
    assert_eq!(messages, json!([]));
}

#[tokio::test]
async fn a_rejection_for_another_reason_is_not_tried_again() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    gateway.spoil(ADD, Fault::new(Reply::json(REJECTION)));
    let answer = alice.query(&send(&chat, "YQ==")).await;
    assert_eq!(answer.codes()[0].0, "UPSTREAM_REJECTED");
    assert_eq!(gateway.calls(ADD), 1);
}

#[tokio::test]
async fn several_changes_of_one_operation_are_each_seen_by_the_next() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let input = format!("(input: {{id: \"{chat}\"}})");
    let view = "{ conversation { isMuted isFavorite lastMessageId } }";
    let data = alice
        .data(&format!(
            "mutation {{ a: muteConversation{input} {view} b: favoriteConversation{input} {view}
                sendMessage(input: {{conversationId: \"{chat}\", data: \"YQ==\", id: \"{MESSAGE_ID}\"}}) {view}
                c: clearConversation{input} {view} }}"
        ))
        .await;
    assert_eq!(data["a"]["conversation"]["isMuted"], true);
    assert_eq!(data["b"]["conversation"]["isFavorite"], true);
    assert_eq!(data["sendMessage"]["conversation"]["lastMessageId"], MESSAGE_ID);
    assert_eq!(data["sendMessage"]["conversation"]["isFavorite"], true);
    assert_eq!(data["c"]["conversation"]["lastMessageId"], json!(null));
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_seen_afterwards() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let data = alice.data("{ conversations(first: 20) { nodes { id } } }").await;
    let chats: Vec<_> = data["conversations"]["nodes"].as_array().unwrap().clone();
    let changing: Vec<_> = chats
        .iter()
        .map(|chat| {
            let (alice, query) = (alice.clone(), mute(chat["id"].as_str().unwrap()));
            tokio::spawn(async move { alice.data(&query).await })
        })
        .collect();
    for changed in changing {
        assert_eq!(changed.await.unwrap()["muteConversation"]["conversation"]["isMuted"], true);
    }
    let data = alice.data("{ conversations(first: 20) { nodes { isMuted } } }").await;
    let all = data["conversations"]["nodes"].as_array().unwrap();
    assert!(all.iter().all(|chat| chat["isMuted"] == true), "{data}");
}

#[tokio::test]
async fn a_change_leaves_the_pages_of_other_conversations_in_memory() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "{ conversations(first: 20) { nodes { id messages(last: 1) { nodes { id } } } } }";
    alice.data(query).await;
    let (chat, pages) = (chat_of(&alice).await, gateway.calls(PAGE));
    alice.data(&send(&chat, "YQ==")).await;
    let data = alice.data(query).await;
    assert_eq!(data["conversations"]["nodes"][0]["messages"]["nodes"][0]["id"], MESSAGE_ID);
    assert_eq!(gateway.calls(PAGE), pages + 1);
}

#[tokio::test]
async fn an_answer_that_cannot_be_given_is_refused_before_the_change_is_made() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let other = "00000000000000000000000000000000";
    let page = format!(
        "{{ conversation(id: \"{chat}\") {{ messages(last: 1) {{ pageInfo {{ startCursor }} }} }} }}"
    );
    let cursor =
        alice.data(&page).await["conversation"]["messages"]["pageInfo"]["startCursor"].take();
    let calls = [CONVERSATIONS, FRIENDS, MUTE, ADD, PAGE].map(|call| gateway.calls(call));
    let mute = |below: &str| {
        format!(
            "mutation {{ muteConversation(input: {{id: \"{chat}\"}}) {{ conversation {{ {below} }} }} }}"
        )
    };
    for (query, argument) in [
        (mute("messages(last: 0) { nodes { id } }"), "last"),
        (mute("messages(last: 2147483648) { nodes { id } }"), "last"),
        (mute("... on Conversation { messages(before: \"x\") { nodes { id } } }"), "before"),
        (mute("participants { friend { conversations(first: 999) { totalCount } } }"), "first"),
        (
            format!(
                "mutation {{ muteConversation(input: {{id: \"{other}\"}}) {{ conversation {{ messages(before: {cursor}) {{ nodes {{ id }} }} }} }} }}"
            ),
            "before",
        ),
        (
            format!(
                "mutation {{ sendMessage(input: {{conversationId: \"{chat}\", data: \"YQ==\"}}) {{ conversation {{ messages(last: 201) {{ nodes {{ id }} }} }} }} }}"
            ),
            "last",
        ),
        ("{ conversations { nodes { messages(last: -1) { nodes { id } } } } }".to_owned(), "last"),
        (
            "{ friends { nodes { conversations(after: \"x\") { totalCount } } } }".to_owned(),
            "after",
        ),
    ] {
        let answer = alice.reconnected().query(&query).await;
        assert_eq!(answer.codes()[0].0, "BAD_USER_INPUT", "{query}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["extensions"]["argument"], argument, "{query}");
    }
    assert_eq!([CONVERSATIONS, FRIENDS, MUTE, ADD, PAGE].map(|call| gateway.calls(call)), calls);
    // A skipped field is no part of the answer.
    alice.data(&mute("isMuted messages(last: 0) @skip(if: true) { nodes { id } }")).await;
}
