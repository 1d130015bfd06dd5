//! graphql-sse, distinct connections mode.

use std::time::Duration;

use ozeki_graphql::sandbox::{Fault, Reply};
use serde_json::{Value, json};

use crate::support::{Caller, Event, Events, FRIENDS, StoppedTime, TestGateway, Writer, codes};

const ADDED: &str = "subscription { messageAdded { message { id data } } }";

fn complete() -> Event {
    Event::Named("complete".into(), Value::Null)
}

async fn until_open(gateway: &TestGateway, count: usize) {
    gateway
        .until_metric(&format!("ozeki_graphql_streams_open{{kind=\"event_stream\"}} {count}"))
        .await;
}

/// A caller whose stream is open and whose subscription has begun.
async fn subscribed(gateway: &TestGateway, caller: &Caller) -> Events {
    let mut events = Events::ask(caller, ADDED).await;
    assert_eq!(events.next().await, Event::Comment);
    gateway.until_metric("ozeki_graphql_subscriptions 1").await;
    events
}

#[tokio::test]
async fn bobs_message_comes_to_alice_as_an_event() {
    let gateway = TestGateway::start().await;
    let bob = Writer::bob_to_alice(&gateway).await;
    // A client that takes compressed answers gets events at once all the same.
    let alice = gateway.log_in("alice").await.with_header("accept-encoding", "gzip, br");
    let mut events = subscribed(&gateway, &alice).await;
    let headers = events.response.headers().clone();
    let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(header("cache-control"), "private, no-store");
    assert_eq!(header("x-accel-buffering"), "no");
    assert_eq!(header("content-encoding"), "");
    for text in ["Zmlyc3Q=", "c2Vjb25k"] {
        let id = bob.write(text).await;
        let expected =
            json!({ "data": { "messageAdded": { "message": { "id": id, "data": text } } } });
        assert_eq!(events.answer().await, expected);
    }
    drop(events);
    until_open(&gateway, 0).await;
    gateway.until_metric("ozeki_graphql_subscriptions 0").await;
}

#[tokio::test]
async fn any_operation_gives_its_answer_and_completes() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    for query in [
        "{ viewer { name } }",
        "mutation { setAvailable { viewer { id } } }",
        "{ friends(first: 1, last: 1) { totalCount } }",
        // What cannot be run is an event too: clients do not see the body of another status.
        "{ nothing }",
        "{",
        "{ __schema { queryType { name } } }",
    ] {
        let mut events = Events::ask(&alice, query).await;
        assert_eq!(events.response.status(), 200);
        assert_eq!(events.answer().await, alice.query(query).await.json(), "{query}");
        assert_eq!(events.next().await, complete());
        assert_eq!(events.next().await, Event::End);
    }
    let mut events = Events::ask(&gateway.anonymous(), ADDED).await;
    assert_eq!(codes(&events.answer().await)[0].0, "UNAUTHENTICATED");
    assert_eq!(events.next().await, complete());
    until_open(&gateway, 0).await;
}

#[tokio::test]
async fn what_is_no_graphql_request_has_its_status() {
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous().with_header("accept", "text/event-stream");
    let post = async |content_type: &str, body: Vec<u8>| {
        caller.send(reqwest::Method::POST, "", content_type, body).await.status
    };
    assert_eq!(post("text/plain", b"{}".to_vec()).await, 415);
    assert_eq!(post("application/json", b"{".to_vec()).await, 400);
    assert_eq!(post("application/json", vec![b' '; 300 << 10]).await, 413);
}

#[tokio::test]
async fn a_client_that_takes_both_gets_events_of_subscriptions_only() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let both = "application/graphql-response+json, application/json, text/event-stream";
    let alice = alice.with_header("accept", both);
    let answer = alice.query("{ viewer { name } }").await;
    assert_eq!(answer.header("content-type"), "application/graphql-response+json; charset=utf-8");
    let response = alice.begin(&json!({ "query": ADDED })).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
}

#[tokio::test]
async fn a_get_may_subscribe_and_may_not_change() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await.with_header("accept", "text/event-stream");
    let answer = alice.get("?query=%7Bviewer%7Bname%7D%7D").await;
    let expected = "event: next\ndata: {\"data\":{\"viewer\":{\"name\":\"Alice\"}}}\n\nevent: complete\ndata:\n\n";
    // The comment that opens the stream may come first.
    assert_eq!(answer.text.trim_start_matches(":\n\n"), expected);
    assert_eq!(alice.get("?query=mutation%7Blogout%7BviewerId%7D%7D").await.status, 405);
    let unprotected = gateway.anonymous().with_header("accept", "text/event-stream");
    assert_eq!(unprotected.get("?query=%7B__typename%7D").await.status, 400);
}

#[tokio::test]
async fn a_stream_is_kept_alive_by_comments() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let mut events = subscribed(&gateway, &alice).await;
    let time = StoppedTime::new();
    for _ in 0..3 {
        time.advance(Duration::from_secs(12)).await;
        assert_eq!(events.next().await, Event::Comment);
    }
}

#[tokio::test]
async fn a_stream_is_cut_without_complete_when_the_session_or_the_gateway_ends() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let mut events = subscribed(&gateway, &alice).await;
    alice.data("mutation { logout { viewerId } }").await;
    assert_eq!(events.next().await, Event::End);
    until_open(&gateway, 0).await;

    let alice = gateway.log_in("alice").await;
    let mut events = subscribed(&gateway, &alice).await;
    gateway.clock.advance(Duration::from_secs(12 * 60 * 60));
    assert_eq!(events.next().await, Event::End);
    until_open(&gateway, 0).await;

    let alice = gateway.log_in("alice").await;
    let mut events = subscribed(&gateway, &alice).await;
    let shutdown = tokio::spawn(gateway.shutdown());
    assert_eq!(events.next().await, Event::End);
    assert!(shutdown.await.unwrap());
}

#[tokio::test]
async fn a_caller_has_so_many_streams() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(Events::ask(&alice, ADDED).await);
    }
    let refused = Events::ask(&alice, ADDED).await.response;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "30");
    let refusal: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(codes(&refusal)[0].0, "RATE_LIMITED");
    drop(streams);
    until_open(&gateway, 0).await;
    assert_eq!(Events::ask(&alice, ADDED).await.response.status(), 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing_behind() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let held = gateway.spoil(FRIENDS, Fault::new(Reply::Genuine).held());
    let events = Events::ask(&alice, "{ friends { totalCount } }").await;
    held.arrived(1).await;
    drop(events);
    until_open(&gateway, 0).await;
    held.release();
}

#[tokio::test]
async fn a_body_that_is_refused_unread_is_told_as_an_event_too() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await.with_header("accept", "text/event-stream");
    let many: Vec<u32> = (0..20_000).collect();
    let body = json!({ "query": "query($n: [Int]) { viewer { id } }", "variables": { "n": many } });
    let answer = alice.post(&body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "text/event-stream; charset=utf-8")
    );
    assert!(answer.text.contains("OPERATION_TOO_EXPENSIVE"), "{}", answer.text);
}
