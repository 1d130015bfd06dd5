//! graphql-transport-ws: every rule and close code of the protocol, and the bounds of a socket.

use std::time::Duration;

use http::StatusCode;
use ozeki_graphql::sandbox::{Fault, Injection, Reply, Times};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Caller, FRIENDS, PROTOCOL, Socket, TestGateway, codes};

/// What a socket of this user presents.
pub(crate) async fn credential(gateway: &TestGateway, name: &str) -> Option<Value> {
    let token = gateway.anonymous().log_in(&format!("{name}-demo")).await;
    Some(json!({ "authorization": format!("Bearer {token}") }))
}

pub(crate) async fn socket_of(gateway: &TestGateway, name: &str) -> Socket {
    Socket::introduced(gateway, credential(gateway, name).await).await
}

/// Lets an operation run until it is released.
pub(crate) fn hold(gateway: &TestGateway) -> Injection {
    gateway.faults().inject(FRIENDS.0, FRIENDS.1, Times::All, Fault::new(Reply::Genuine).held())
}

pub(crate) const HELD: &str = "{ friends { totalCount } }";

/// Nothing of a socket is left.
pub(crate) async fn until_all_is_gone(gateway: &TestGateway) {
    gateway.until_metric("ozeki_graphql_streams_open{kind=\"websocket\"} 0").await;
    gateway.until_metric("ozeki_graphql_socket_operations_active 0").await;
}

#[tokio::test]
async fn queries_mutations_and_errors_are_those_of_http() {
    let gateway = TestGateway::start().await;
    let credential = credential(&gateway, "alice").await;
    let bearer = credential.as_ref().unwrap()["authorization"].as_str().unwrap().to_owned();
    let mut socket = Socket::introduced(&gateway, credential).await;
    let alice = gateway.anonymous().with_header("authorization", &bearer);
    for query in [
        "{ viewer { name } conversations(first: 2) { nodes { id displayName } } }",
        "mutation { setAvailable { viewer { id } } }",
        "mutation { muteConversation(input: { id: \"nobody's\" }) { conversation { id } } }",
        "{ conversation(id: \"x\") { id } friends(first: 1, last: 1) { totalCount } }",
    ] {
        socket.ask("1", query).await;
        assert_eq!(socket.answers("1").await, [alice.query(query).await.json()], "{query}");
    }
    let deep = format!("{{ viewer {} }}", "{ id".repeat(100));
    for query in ["{ nothing }", "{", "query A { __typename } query B { __typename }", &deep] {
        socket.ask("e", query).await;
        let expected = alice.query(query).await.json();
        let message = socket.hear().await;
        assert_eq!(message, json!({ "id": "e", "type": "error", "payload": expected["errors"] }));
    }
    // An error completes too, so the id is free; and a query may have its variables.
    let payload = json!({
        "query": "query Q($first: Int) { conversations(first: $first) { nodes { isGroup } } }",
        "operationName": "Q", "variables": { "first": 1 }
    });
    socket.say(&json!({ "id": "e", "type": "subscribe", "payload": payload })).await;
    let answers = socket.answers("e").await;
    assert_eq!(answers[0]["data"]["conversations"]["nodes"].as_array().unwrap().len(), 1);
    socket.close().await;
    until_all_is_gone(&gateway).await;
    gateway.until_metric("ozeki_graphql_socket_closings_total{code=\"by_client\"} 1").await;
}

#[tokio::test]
async fn nobody_in_particular_may_log_in_over_a_socket_and_read_nothing() {
    let gateway = TestGateway::start().await;
    let mut socket = Socket::introduced(&gateway, None).await;
    socket
        .ask("1", "mutation { login(input: { apiKey: \"bob-demo\" }) { viewer { name } } }")
        .await;
    assert_eq!(socket.answers("1").await[0]["data"]["login"]["viewer"]["name"], "Bob");
    socket.ask("2", "{ viewer { id } }").await;
    let answer = socket.answers("2").await.remove(0);
    assert_eq!(codes(&answer), [("UNAUTHENTICATED".into(), "viewer".into())]);
}

#[tokio::test]
async fn the_payload_says_who_calls_and_else_the_headers_do() {
    let gateway = TestGateway::start().await;
    let alice = credential(&gateway, "alice").await.unwrap();
    let bob = credential(&gateway, "bob").await.unwrap();
    let headers = [
        ("sec-websocket-protocol", PROTOCOL),
        ("authorization", bob["authorization"].as_str().unwrap()),
    ];
    let upper = json!({ "AUTHORIZATION": alice["authorization"] });
    for (payload, name) in
        [(Value::Null, "Bob"), (json!({}), "Bob"), (alice, "Alice"), (upper, "Alice")]
    {
        let mut socket =
            Socket::open(&gateway, &headers).await.unwrap_or_else(|_| panic!("refused"));
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.hear().await["type"], "connection_ack");
        socket.ask("1", "{ viewer { name } }").await;
        let answers = socket.answers("1").await;
        assert_eq!(answers[0]["data"]["viewer"]["name"], name, "{answers:?}");
    }
}

#[tokio::test]
async fn forwarded_credentials_are_taken_where_forwarding_is_on() {
    for (is_on, expected) in [(false, None), (true, Some("connection_ack"))] {
        let gateway = TestGateway::start_with(|options| {
            options.session.forward_credentials = is_on;
        })
        .await;
        let id = "c160f8cc69a4f0bf2b0362752353d060";
        let payload = json!({ "Ozeki-User": id, "Ozeki-Station": id, "Ozeki-Signature": "abc" });
        let mut socket = Socket::opened(&gateway).await;
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        match expected {
            Some(kind) => assert_eq!(socket.hear().await["type"], kind),
            None => assert_eq!(socket.closing().await.0, 4403),
        }
    }
}

#[tokio::test]
async fn a_refused_credential_closes_with_4403_and_no_reason_why() {
    let gateway = TestGateway::start().await;
    let expired = credential(&gateway, "alice").await.unwrap();
    let revoked = credential(&gateway, "alice").await.unwrap();
    let bearer = revoked["authorization"].as_str().unwrap();
    gateway
        .anonymous()
        .with_header("authorization", bearer)
        .data("mutation { logout { viewerId } }")
        .await;
    let refused = [
        revoked,
        json!({ "authorization": "Bearer v4.local.AAAA" }),
        json!({ "authorization": "Basic YTpi" }),
        json!({ "authorization": 7 }),
        json!({ "Authorization": expired["authorization"], "authorization": expired["authorization"] }),
    ];
    gateway.clock.advance(Duration::from_secs(1));
    for payload in refused {
        let mut socket = Socket::opened(&gateway).await;
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closing().await, (4403, "Forbidden".into()), "{payload}");
    }
    gateway.clock.advance(Duration::from_secs(12 * 60 * 60));
    let mut socket = Socket::opened(&gateway).await;
    socket.say(&json!({ "type": "connection_init", "payload": expired })).await;
    assert_eq!(socket.closing().await, (4403, "Forbidden".into()));
}

#[tokio::test]
async fn an_operation_before_the_acknowledgement_closes_with_4401() {
    let gateway = TestGateway::start().await;
    let mut socket = Socket::opened(&gateway).await;
    socket.ask("1", "{ __typename }").await;
    assert_eq!(socket.closing().await, (4401, "Unauthorized".into()));
    until_all_is_gone(&gateway).await;
    gateway.until_metric("ozeki_graphql_socket_closings_total{code=\"4401\"} 1").await;
}

#[tokio::test]
async fn a_second_introduction_closes_with_4429() {
    let gateway = TestGateway::start().await;
    let mut socket = Socket::introduced(&gateway, None).await;
    socket.say(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closing().await, (4429, "Too many initialisation requests".into()));
}

#[tokio::test]
async fn an_id_that_is_in_use_closes_with_4409() {
    let gateway = TestGateway::start().await;
    let mut socket = socket_of(&gateway, "alice").await;
    let held = hold(&gateway);
    socket.ask("one", HELD).await;
    held.arrived(1).await;
    socket.ask("one", "{ __typename }").await;
    assert_eq!(socket.closing().await, (4409, "Subscriber for one already exists".into()));
    held.cancel();
    until_all_is_gone(&gateway).await;
}

#[tokio::test]
async fn what_is_no_message_closes_with_4400_and_a_reason() {
    let gateway = TestGateway::start().await;
    let long = json!({ "id": "x".repeat(129), "type": "complete" }).to_string();
    for (message, reason) in [
        (Message::text("no JSON"), "the message is no JSON object"),
        (Message::text("[]"), "the message is no JSON object"),
        (Message::text("{}"), "`type` must name a message that a client may send"),
        (Message::text(r#"{"type":"start"}"#), "`type` must name a message that a client may send"),
        (
            Message::text(r#"{"type":"next","id":"1"}"#),
            "`type` must name a message that a client may send",
        ),
        (
            Message::text(r#"{"type":"subscribe","payload":{"query":"{a}"}}"#),
            "`id` must be a text of 1 to 128 bytes",
        ),
        (Message::text(long), "`id` must be a text of 1 to 128 bytes"),
        (Message::text(r#"{"type":"subscribe","id":"1"}"#), "`payload` must be a JSON object"),
        (
            Message::text(r#"{"type":"subscribe","id":"1","payload":{}}"#),
            "`query` must be a text that holds a GraphQL document",
        ),
        (Message::text(r#"{"type":"ping","payload":1}"#), "`payload` must be a JSON object"),
        (Message::binary(br#"{"type":"ping"}"#.to_vec()), "a message is text, not binary"),
    ] {
        let mut socket = Socket::introduced(&gateway, None).await;
        socket.send(message.clone()).await;
        assert_eq!(socket.closing().await, (4400, reason.into()), "{message:?}");
    }
    until_all_is_gone(&gateway).await;
}

#[tokio::test]
async fn another_subprotocol_or_none_closes_with_4406() {
    let gateway = TestGateway::start().await;
    let mut socket = Socket::open(&gateway, &[]).await.unwrap_or_else(|_| panic!("refused"));
    assert_eq!(socket.closing().await, (4406, "Subprotocol not acceptable".into()));
    // The client's library insists on an answer that names the sub-protocol, so this is asked for by hand.
    let answer = gateway
        .anonymous()
        .with_header("connection", "upgrade")
        .with_header("upgrade", "websocket")
        .with_header("sec-websocket-version", "13")
        .with_header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .with_header("sec-websocket-protocol", "graphql-ws")
        .get("")
        .await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-protocol"), "");
    let both = [("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")];
    assert!(Socket::open(&gateway, &both).await.is_ok());
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_open_a_socket() {
    let gateway = TestGateway::start_with(|options| {
        options.cors_origins = vec!["https://chat.example".to_owned()];
    })
    .await;
    let own = gateway.url();
    for (origin, is_allowed) in [
        (own.as_str(), true),
        ("https://chat.example", true),
        ("http://evil.example", false),
        ("http://127.0.0.1:1", false),
        ("null", false),
        ("", false),
    ] {
        let headers = [("sec-websocket-protocol", PROTOCOL), ("origin", origin)];
        let refusal = Socket::open(&gateway, &headers).await.err();
        assert_eq!(refusal.is_none(), is_allowed, "{origin}: {refusal:?}");
        if let Some((status, body)) = refusal {
            assert_eq!(status, StatusCode::FORBIDDEN);
            assert_eq!(codes(&serde_json::from_str(&body).unwrap())[0].0, "BAD_REQUEST");
        }
    }
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_told_what_is_wrong() {
    let gateway = TestGateway::start().await;
    let answer = gateway.anonymous().with_header("upgrade", "websocket").get("").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("RFC 6455"), "{}", answer.text);
    let answer = gateway.anonymous().with_header("upgrade", "h2c").get("").await;
    assert!(answer.text.contains("GraphQL-Require-Preflight"), "{}", answer.text);
}

#[tokio::test]
async fn pings_are_answered_with_what_they_bring_at_any_time() {
    let gateway = TestGateway::start().await;
    let mut socket = Socket::opened(&gateway).await;
    let ping = |payload: Value| json!({ "type": "ping", "payload": payload });
    socket.say(&ping(json!({ "a": [1] }))).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "a": [1] } }));
    socket.say(&json!({ "type": "connection_init" })).await;
    socket.say(&json!({ "type": "pong", "payload": { "unasked": true } })).await;
    socket.say(&ping(Value::Null)).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    socket.send(Message::Ping(b"below"[..].into())).await;
    assert_eq!(socket.next().await, Some(Message::Pong(b"below"[..].into())));
}

#[tokio::test]
async fn nothing_is_said_of_an_operation_that_its_client_completed() {
    let gateway = TestGateway::start().await;
    let mut socket = socket_of(&gateway, "alice").await;
    let held = hold(&gateway);
    socket.ask("1", HELD).await;
    held.arrived(1).await;
    socket.complete("1").await;
    socket.complete("1").await;
    // The id is free at once.
    socket.ask("1", "{ __typename }").await;
    assert_eq!(socket.answers("1").await, [json!({ "data": { "__typename": "Query" } })]);
    gateway.until_metric("ozeki_graphql_socket_operations_active 0").await;
    held.release();
    held.cancel();
    socket.ask("2", HELD).await;
    assert_eq!(socket.answers("2").await[0]["data"]["friends"]["totalCount"], 40);
    // The call that was left was not made again.
    assert_eq!(gateway.list_calls(), (0, 1));
}

#[tokio::test]
async fn a_logout_closes_the_sessions_sockets_and_no_others() {
    let gateway = TestGateway::start().await;
    let credential = credential(&gateway, "alice").await;
    let mut sockets = [
        Socket::introduced(&gateway, credential.clone()).await,
        Socket::introduced(&gateway, credential).await,
    ];
    let mut other = socket_of(&gateway, "alice").await;
    let held = hold(&gateway);
    sockets[0].ask("1", HELD).await;
    held.arrived(1).await;
    sockets[1].ask("bye", "mutation { logout { viewerId } }").await;
    // The answer comes as a whole before the end, so that no client logs out again.
    assert_eq!(sockets[1].answers("bye").await.len(), 1);
    for socket in &mut sockets {
        assert_eq!(socket.closing().await, (4403, "The session has ended".into()));
    }
    held.cancel();
    other.ask("1", "{ viewer { name } }").await;
    assert_eq!(other.answers("1").await[0]["data"]["viewer"]["name"], "Alice");
}

#[tokio::test]
async fn a_session_that_expires_closes_its_socket() {
    let gateway = TestGateway::start().await;
    let mut socket = socket_of(&gateway, "alice").await;
    gateway.clock.advance(Duration::from_secs(12 * 60 * 60) - Duration::from_secs(1));
    socket.ask("1", "{ viewer { name } }").await;
    assert_eq!(socket.answers("1").await[0]["data"]["viewer"]["name"], "Alice");
    gateway.clock.advance(Duration::from_secs(1));
    assert_eq!(socket.closing().await, (4403, "The session has ended".into()));
    until_all_is_gone(&gateway).await;
}

#[tokio::test]
async fn a_subscription_needs_a_transport_for_events() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "subscription { messageAdded { conversationId } }";
    for caller in [alice.clone(), alice.with_header("accept", "application/graphql-response+json")]
    {
        let answer = caller.query(query).await;
        assert_eq!(answer.status, 406);
        assert!(answer.text.contains("graphql-transport-ws"), "{}", answer.text);
    }
    let by_get = gateway.anonymous().with_header("graphql-require-preflight", "1");
    assert_eq!(Caller::get(&by_get, "?query=subscription%7Ba%7D").await.status, 406);
}
