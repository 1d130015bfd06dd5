//! Sending a message once, whatever becomes of its answer.

use ozeki_graphql::sandbox::{Fault, Reply};
use serde_json::{Value, json};

use crate::support::chat::{ADD, MESSAGE_ID, PAGE, REJECTION, chat_of, send};
use crate::support::{CONVERSATIONS, Caller, TestGateway};

fn sent(data: &str) -> Value {
    json!({ "sendMessage": { "message": { "id": MESSAGE_ID, "data": data } } })
}

/// Sends, so that the message arrives and its answer does not.
async fn send_without_answer(gateway: &TestGateway, caller: &Caller, chat: &str) {
    gateway.spoil(ADD, Fault::new(Reply::Truncated));
    let answer = caller.query(&send(chat, "YQ==")).await;
    assert_eq!(answer.json()["errors"][0]["extensions"]["outcome"], "unknown", "{}", answer.text);
}

#[tokio::test]
async fn a_message_with_an_id_of_the_clients_own_is_sent_once() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let held = gateway.spoil(ADD, Fault::new(Reply::Genuine).held());
    let at_once: Vec<_> = (0..5)
        .map(|_| {
            let (alice, query) = (alice.clone(), send(&chat, "YQ=="));
            tokio::spawn(async move { alice.data(&query).await })
        })
        .collect();
    held.arrived(1).await;
    held.release();
    let expected = json!({ "sendMessage": { "message": { "id": MESSAGE_ID, "data": "YQ==" } } });
    for sent in at_once {
        assert_eq!(sent.await.unwrap(), expected);
    }
    assert_eq!(alice.data(&send(&chat, "YQ==")).await, expected);
    assert_eq!(gateway.calls(ADD), 1);
    let answer = alice.query(&send(&chat, "Yg==")).await;
    assert_eq!(answer.codes()[0].0, "BAD_USER_INPUT");
    assert_eq!(answer.json()["errors"][0]["extensions"]["argument"], "id");
    assert_eq!(gateway.calls(ADD), 1);
}

#[tokio::test]
async fn a_message_of_unknown_outcome_is_looked_for_before_it_is_sent_again() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    send_without_answer(&gateway, &alice, &chat).await;
    let sent = alice.data(&send(&chat, "YQ==")).await;
    assert_eq!(sent["sendMessage"]["message"]["id"], MESSAGE_ID);
    assert_eq!((gateway.calls(ADD), gateway.calls(PAGE)), (1, 1));
}

#[tokio::test]
async fn it_is_looked_for_behind_all_that_was_sent_since() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    let chat = chat_of(&alice).await;
    send_without_answer(&gateway, &alice, &chat).await;
    for _ in 0..60 {
        gateway.clock.advance(std::time::Duration::from_secs(1));
        bob.data(&format!(
            "mutation {{ sendMessage(input: {{conversationId: \"{chat}\", data: \"Yg==\"}}) {{ message {{ id }} }} }}"
        ))
        .await;
    }
    assert_eq!(alice.data(&send(&chat, "YQ==")).await, sent("YQ=="));
    assert_eq!((gateway.calls(ADD), gateway.calls(PAGE)), (61, 2));
}

#[tokio::test]
async fn the_next_session_of_the_user_looks_for_it_too() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    send_without_answer(&gateway, &alice, &chat).await;
    let again = gateway.log_in("alice").await;
    assert_eq!(again.data(&send(&chat, "YQ==")).await, sent("YQ=="));
    assert_eq!((gateway.calls(ADD), gateway.calls(PAGE)), (1, 1));
    // What was found there is other content than another session means to send.
    let answer = gateway.log_in("alice").await.query(&send(&chat, "Yg==")).await;
    assert_eq!(answer.json()["errors"][0]["extensions"]["argument"], "id");
    assert_eq!(gateway.calls(ADD), 1);
}

#[tokio::test]
async fn a_look_that_fails_leaves_the_outcome_unknown_and_sends_nothing() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    send_without_answer(&gateway, &alice, &chat).await;
    gateway.spoil(PAGE, Fault::new(Reply::json(REJECTION)));
    let answer = alice.query(&send(&chat, "YQ==")).await;
    assert_eq!(answer.json()["errors"][0]["extensions"]["outcome"], "unknown", "{}", answer.text);
    assert_eq!(gateway.calls(ADD), 1);
    assert_eq!(alice.data(&send(&chat, "YQ==")).await, sent("YQ=="));
    assert_eq!(gateway.calls(ADD), 1);
}

#[tokio::test]
async fn a_server_that_writes_ids_in_capitals_is_understood() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    send_without_answer(&gateway, &alice, &chat).await;
    let message = json!({ "ID": MESSAGE_ID.to_uppercase(), "Type": "Message", "Created": "2024-03-08 13:55:47", "Data": "YQ==" });
    let page = json!({ "status": "OK", "errormessage": "", "messages": [message], "reports": [] });
    gateway.spoil(PAGE, Fault::new(Reply::json(page.to_string())));
    let found = alice.data(&send(&chat, "YQ==")).await;
    assert_eq!(found["sendMessage"]["message"]["id"], MESSAGE_ID.to_uppercase());
    assert_eq!(gateway.calls(ADD), 1);
}

#[tokio::test]
async fn other_content_under_an_id_that_is_being_sent_is_refused_at_once() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let held = gateway.spoil(ADD, Fault::new(Reply::json(REJECTION)).held());
    let first = tokio::spawn({
        let (alice, query) = (alice.clone(), send(&chat, "YQ=="));
        async move { alice.query(&query).await }
    });
    held.arrived(1).await;
    let answer = alice.reconnected().query(&send(&chat, "Yg==")).await;
    assert_eq!(answer.json()["errors"][0]["extensions"]["argument"], "id", "{}", answer.text);
    held.release();
    assert_eq!(first.await.unwrap().codes()[0].0, "UPSTREAM_REJECTED");
    // The rejection proves that the id is free.
    assert_eq!(alice.data(&send(&chat, "Yg==")).await, sent("Yg=="));
    assert_eq!(gateway.calls(ADD), 2);
}

#[tokio::test]
async fn status_ok_means_sent_however_the_message_is_described() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    for message in ["null", "7", "{}", r#"{"ID":"another","Created":"2024-03-08 13:55:47"}"#] {
        let body = format!(r#"{{"status":"OK","errormessage":"","message":{message}}}"#);
        gateway.spoil(ADD, Fault::new(Reply::json(body)));
        let query = format!(
            "mutation {{ sendMessage(input: {{conversationId: \"{chat}\", data: \"YQ==\"}}) {{ message {{ type data createdAt }} }} }}"
        );
        let data = alice.data(&query).await;
        let expected =
            json!({ "type": "Message", "data": "YQ==", "createdAt": "2024-03-08T13:55:47Z" });
        assert_eq!(data["sendMessage"]["message"], expected, "{message}");
    }
    assert_eq!(gateway.calls(ADD), 4);
}

#[tokio::test]
async fn every_call_of_a_send_is_taken_from_the_budget() {
    let gateway = TestGateway::start_with(|options| {
        options.operation_calls_max = std::num::NonZeroUsize::new(3).unwrap();
    })
    .await;
    let (alice, bob) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    let chat = chat_of(&alice).await;
    chat_of(&bob).await;
    let clear = format!(
        "mutation {{ clearConversation(input: {{id: \"{chat}\"}}) {{ conversation {{ id }} }} }}"
    );
    alice.data(&clear).await;
    let lists = gateway.calls(CONVERSATIONS);
    // A stale instance: the call, the list, the call again.
    assert_eq!(bob.data(&send(&chat, "YQ==")).await, sent("YQ=="));
    assert_eq!((gateway.calls(ADD), gateway.calls(CONVERSATIONS)), (2, lists + 1));
    // One that also shows the conversation needs a fourth for it.
    chat_of(&bob).await;
    alice.data(&clear).await;
    let query = send(&chat, "YQ==")
        .replace("message { id data }", "conversation { id }")
        .replace(MESSAGE_ID, "1b3f0f4c-6d5e-4f7a-9c1b-2a3d4e5f6a7b");
    let (adds, lists) = (gateway.calls(ADD), gateway.calls(CONVERSATIONS));
    let answer = bob.query(&query).await;
    let calls = gateway.calls(ADD) - adds + gateway.calls(CONVERSATIONS) - lists;
    assert_eq!(calls, 3);
    assert_eq!(
        answer.codes()[0],
        ("OPERATION_TOO_EXPENSIVE".into(), "sendMessage.conversation".into())
    );
}
