//! What bounds a socket: time, lengths, counts and clients that are gone.

use std::collections::HashMap;
use std::time::Duration;

use ozeki_graphql::sandbox::{Fault, Reply};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::isolation::{forwarded, forwarding_gateway};
use crate::sockets::{HELD, credential, hold, socket_of, until_all_is_gone};
use crate::support::{CONVERSATIONS, Socket, StoppedTime, TestGateway};

#[tokio::test]
async fn no_introduction_in_time_closes_with_4408() {
    let gateway = TestGateway::start().await;
    let time = StoppedTime::new();
    let mut socket = Socket::opened(&gateway).await;
    time.advance(Duration::from_millis(2_900)).await;
    // A ping is no introduction.
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    time.advance(Duration::from_millis(200)).await;
    assert_eq!(socket.closing().await, (4408, "Connection initialisation timeout".into()));
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_with_1009() {
    let gateway = TestGateway::start().await;
    for bytes in [(64 << 10) + 1, 256 << 10] {
        let mut socket = Socket::introduced(&gateway, None).await;
        let frame = format!("{{\"type\":\"ping\"}}{}", " ".repeat(bytes - 15));
        socket.send(Message::text(frame)).await;
        assert_eq!(socket.closing().await, (1009, "Message too long".into()), "{bytes}");
    }
    // One of the greatest length is taken.
    let mut socket = Socket::introduced(&gateway, None).await;
    socket
        .send(Message::text(format!("{{\"type\":\"ping\"}}{}", " ".repeat((64 << 10) - 15))))
        .await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn the_gateway_pings_and_leaves_who_does_not_answer() {
    let gateway = TestGateway::start().await;
    let mut socket = socket_of(&gateway, "alice").await;
    let time = StoppedTime::new();
    for _ in 0..4 {
        time.advance(Duration::from_secs(15)).await;
        assert_eq!(socket.hear().await, json!({ "type": "ping" }));
        socket.say(&json!({ "type": "pong" })).await;
        // What follows comes back when the answer has been heard.
        socket.say(&json!({ "type": "ping" })).await;
        assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    }
    // The library answers pings of the WebSocket as soon as they are read; now nothing is read, or said.
    time.advance(Duration::from_secs(29)).await;
    gateway.until_metric("ozeki_graphql_streams_open{kind=\"websocket\"} 1").await;
    time.advance(Duration::from_secs(2)).await;
    gateway.until_metric("ozeki_graphql_socket_closings_total{code=\"4499\"} 1").await;
    time.advance(Duration::from_secs(3)).await;
    until_all_is_gone(&gateway).await;
}

#[tokio::test]
async fn a_ping_of_the_websocket_keeps_a_client_that_knows_no_other() {
    let gateway = TestGateway::start().await;
    let mut socket = socket_of(&gateway, "alice").await;
    let time = StoppedTime::new();
    for _ in 0..4 {
        time.advance(Duration::from_secs(15)).await;
        // Reading it sends the library's answer.
        while !matches!(socket.next().await, Some(Message::Ping(_))) {}
        socket.send(Message::Ping(b"heard"[..].into())).await;
        while !matches!(socket.next().await, Some(Message::Pong(_))) {}
    }
    gateway.until_metric("ozeki_graphql_streams_open{kind=\"websocket\"} 1").await;
}

#[tokio::test]
async fn a_socket_without_a_credential_is_closed_after_a_while() {
    let gateway = TestGateway::start().await;
    let mut socket = Socket::introduced(&gateway, None).await;
    let time = StoppedTime::new();
    for _ in 0..4 {
        socket.say(&json!({ "type": "ping" })).await;
        while socket.hear().await["type"] != "pong" {}
        time.advance(Duration::from_secs(15)).await;
    }
    assert_eq!(socket.closing().await, (4403, "No session".into()));
}

#[tokio::test]
async fn a_socket_with_an_invented_credential_is_closed_as_soon_as_one_without() {
    let gateway = forwarding_gateway(true).await;
    let introduced = async |key: &str| {
        let payload = forwarded("alice@example.com", key);
        let payload: HashMap<_, _> = payload.into_iter().collect();
        let mut socket = Socket::introduced(&gateway, Some(json!(payload))).await;
        socket.ask("1", "{ friends { totalCount } }").await;
        socket.answers("1").await;
        socket
    };
    let (mut invented, mut own) = (introduced("invented").await, introduced("alice-demo").await);
    let time = StoppedTime::new();
    for _ in 0..4 {
        for socket in [&mut invented, &mut own] {
            socket.say(&json!({ "type": "ping" })).await;
            while socket.hear().await["type"] != "pong" {}
        }
        time.advance(Duration::from_secs(15)).await;
    }
    gateway.until_metric("ozeki_graphql_socket_closings_total{code=\"4403\"} 1").await;
    assert_eq!(invented.closing().await, (4403, "No session".into()));
    own.say(&json!({ "type": "ping" })).await;
    while own.hear().await["type"] != "pong" {}
    gateway.until_metric("ozeki_graphql_streams_open{kind=\"websocket\"} 1").await;
}

#[tokio::test]
async fn a_socket_runs_so_many_operations_and_refuses_one_more() {
    let gateway = TestGateway::start().await;
    let mut socket = socket_of(&gateway, "alice").await;
    let held = hold(&gateway);
    for number in 0..50 {
        socket.ask(&number.to_string(), HELD).await;
    }
    socket.ask("50", HELD).await;
    let refusal = socket.hear().await;
    assert_eq!((&refusal["id"], &refusal["type"]), (&json!("50"), &json!("error")));
    assert_eq!(refusal["payload"][0]["extensions"]["code"], "OPERATION_TOO_EXPENSIVE");
    gateway.until_metric("ozeki_graphql_socket_operations_active 50").await;
    held.cancel();
    let mut completed = std::collections::HashSet::new();
    while completed.len() < 50 {
        let message = socket.hear().await;
        if message["type"] == "complete" {
            completed.insert(message["id"].to_string());
        }
    }
    socket.ask("50", HELD).await;
    assert_eq!(socket.answers("50").await.len(), 1);
    gateway.until_metric("ozeki_graphql_socket_operations_active 0").await;
}

#[tokio::test]
async fn a_caller_has_so_many_sockets_and_others_have_theirs() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (credential(&gateway, "alice").await, credential(&gateway, "bob").await);
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(Socket::introduced(&gateway, alice.clone()).await);
    }
    let mut one_more = Socket::opened(&gateway).await;
    one_more.say(&json!({ "type": "connection_init", "payload": alice })).await;
    assert_eq!(one_more.closing().await, (1013, "Too many sockets".into()));
    Socket::introduced(&gateway, bob).await;
    sockets.pop().unwrap().close().await;
    gateway.until_metric("ozeki_graphql_streams_open{kind=\"websocket\"} 9").await;
    sockets.push(Socket::introduced(&gateway, alice).await);
    drop(sockets);
    until_all_is_gone(&gateway).await;
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_nothing_behind() {
    let gateway = TestGateway::start().await;
    let mut socket = socket_of(&gateway, "alice").await;
    let held = hold(&gateway);
    for id in ["1", "2", "3"] {
        socket.ask(id, HELD).await;
    }
    gateway.until_metric("ozeki_graphql_socket_operations_active 3").await;
    drop(socket);
    until_all_is_gone(&gateway).await;
    gateway.until_metric("ozeki_graphql_socket_closings_total{code=\"lost\"} 1").await;
    held.cancel();
}

#[tokio::test]
async fn a_client_that_does_not_read_is_left_and_others_are_served() {
    let gateway = TestGateway::start().await;
    let mut deaf = socket_of(&gateway, "alice").await;
    let mut other = socket_of(&gateway, "alice").await;
    let long =
        "{ conversations(first: 200) { nodes { id secret displayName instance properties { userId }
        participants { id name friend { publicKey } } } } }";
    let time = StoppedTime::new();
    // Far more than the buffers between the two hold; the gateway stops to read before all is asked for.
    let asking = tokio::spawn(async move {
        for number in 0..400 {
            deaf.ask(&number.to_string(), long).await;
        }
        deaf
    });
    other.ask("1", long).await;
    assert_eq!(other.answers("1").await.len(), 1);
    gateway.until_metric("ozeki_graphql_socket_operations_active 50").await;
    time.advance(Duration::from_secs(11)).await;
    gateway.until_metric("ozeki_graphql_socket_closings_total{code=\"not_reading\"} 1").await;
    gateway.until_metric("ozeki_graphql_socket_operations_active 0").await;
    other.ask("2", "{ viewer { name } }").await;
    assert_eq!(other.answers("2").await.len(), 1);
    asking.abort();
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_asked_for_once_and_closes_with_1001() {
    let gateway = TestGateway::start().await;
    let mut socket = socket_of(&gateway, "alice").await;
    let mut idle = Socket::opened(&gateway).await;
    let held = gateway.spoil(CONVERSATIONS, Fault::new(Reply::Genuine).held());
    socket.ask("1", "{ conversations { totalCount } }").await;
    held.arrived(1).await;
    let shutdown = tokio::spawn(gateway.shutdown());
    assert_eq!(idle.closing().await, (1001, "Going away".into()));
    // What comes now comes again over the next socket.
    socket.ask("2", "{ __typename }").await;
    held.release();
    assert_eq!(socket.answers("1").await[0]["data"]["conversations"]["totalCount"], 60);
    assert_eq!(socket.closing().await, (1001, "Going away".into()));
    assert!(shutdown.await.unwrap(), "all ended in time");
}
