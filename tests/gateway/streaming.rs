//! Subscriptions over sockets: events, and how they end.

use std::time::Duration;

use serde_json::json;

use crate::support::{Socket, TestGateway, Writer, codes};

const ADDED: &str = "subscription { messageAdded { conversationId message { id data } } }";

async fn alices_socket(gateway: &TestGateway) -> Socket {
    let token = gateway.anonymous().log_in("alice-demo").await;
    let payload = json!({ "Authorization": format!("Bearer {token}") });
    Socket::introduced(gateway, Some(payload)).await
}

/// Waits until so many subscriptions have begun: what is written then is an event of theirs.
async fn until_subscribed(gateway: &TestGateway, count: usize) {
    gateway.until_metric(&format!("ozeki_graphql_subscriptions {count}")).await;
}

#[tokio::test]
async fn bobs_messages_come_to_alice_in_order_each_once() {
    let gateway = TestGateway::start().await;
    let bob = Writer::bob_to_alice(&gateway).await;
    let mut alice = alices_socket(&gateway).await;
    alice.ask("a", ADDED).await;
    until_subscribed(&gateway, 1).await;
    for text in ["Zmlyc3Q=", "c2Vjb25k", "dGhpcmQ="] {
        let id = bob.write(text).await;
        let message = json!({ "id": id, "data": text });
        let added = json!({ "conversationId": bob.conversation(), "message": message });
        assert_eq!(
            alice.hear().await,
            json!({ "id": "a", "type": "next", "payload": { "data": { "messageAdded": added } } })
        );
    }
    alice.complete("a").await;
    until_subscribed(&gateway, 0).await;
    bob.write("Zm91cnRo").await;
    alice.ask("b", "{ __typename }").await;
    assert_eq!(alice.answers("b").await.len(), 1);
    alice.close().await;
    gateway.until_metric("ozeki_graphql_streams_open{kind=\"websocket\"} 0").await;
    gateway.until_metric("ozeki_graphql_socket_operations_active 0").await;
}

#[tokio::test]
async fn each_event_shows_the_state_of_its_time() {
    let gateway = TestGateway::start().await;
    let bob = Writer::bob_to_alice(&gateway).await;
    let mut alice = alices_socket(&gateway).await;
    let query = format!(
        "subscription {{ conversationChanged(ids: [\"{}\"]) {{ id lastMessageId messages(last: 1) {{ nodes {{ id }} }} }} }}",
        bob.conversation()
    );
    alice.ask("a", &query).await;
    until_subscribed(&gateway, 1).await;
    for text in ["Zmlyc3Q=", "c2Vjb25k"] {
        let id = bob.write(text).await;
        loop {
            let mut message = alice.hear().await;
            let changed = message["payload"]["data"]["conversationChanged"].take();
            // One change may come as more than one event; none shows a page older than its list.
            assert_eq!(
                changed["lastMessageId"], changed["messages"]["nodes"][0]["id"],
                "{message}"
            );
            if changed["lastMessageId"] == id.as_str() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_subscription_that_cannot_begin_says_so_and_leaves_its_id_free() {
    let gateway = TestGateway::start().await;
    let nobody = Socket::introduced(&gateway, None).await;
    let mut sockets = [nobody, alices_socket(&gateway).await];
    let unknown = "00000000000000000000000000000000";
    let of = |id: &str| {
        format!("subscription {{ messageAdded(conversationId: \"{id}\") {{ conversationId }} }}")
    };
    for (socket, query, code) in [
        (0, ADDED.to_owned(), "UNAUTHENTICATED"),
        (1, of("x"), "BAD_USER_INPUT"),
        (1, of(unknown), "NOT_FOUND"),
        (1, "subscription { nothing }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
    ] {
        for _ in 0..2 {
            sockets[socket].ask("1", &query).await;
            let message = sockets[socket].hear().await;
            assert_eq!(
                (&message["id"], &message["type"]),
                (&json!("1"), &json!("error")),
                "{message}"
            );
            let errors = json!({ "errors": message["payload"] });
            assert_eq!(codes(&errors)[0].0, code, "{message}");
        }
    }
    gateway.until_metric("ozeki_graphql_socket_operations_active 0").await;
}

#[tokio::test]
async fn subscriptions_end_with_their_connection_session_and_gateway() {
    let gateway = TestGateway::start().await;
    let mut lost = alices_socket(&gateway).await;
    lost.ask("1", ADDED).await;
    lost.ask("2", ADDED).await;
    until_subscribed(&gateway, 2).await;
    drop(lost);
    until_subscribed(&gateway, 0).await;

    let mut expiring = alices_socket(&gateway).await;
    expiring.ask("1", ADDED).await;
    until_subscribed(&gateway, 1).await;
    gateway.clock.advance(Duration::from_secs(12 * 60 * 60));
    assert_eq!(expiring.closing().await.0, 4403);
    until_subscribed(&gateway, 0).await;

    let mut open = alices_socket(&gateway).await;
    open.ask("1", ADDED).await;
    until_subscribed(&gateway, 1).await;
    let shutdown = tokio::spawn(gateway.shutdown());
    // Without `complete`, so that the client subscribes again.
    let frame = open.next().await.unwrap();
    assert!(frame.is_close(), "{frame}");
    drop(open);
    assert!(shutdown.await.unwrap());
}
