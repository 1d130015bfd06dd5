//! Bad days upstream: what is repeated, what is no longer tried, and what is shown meanwhile.

use std::time::Duration;

use http::StatusCode;
use ozeki_graphql::sandbox::{Fault, Reply, Times};

use crate::support::{BOTH, FRIENDS, StoppedTime, TestGateway};

const SET_AVAILABLE: (&str, &str) = ("chatavailability", "useravailable");

/// Passes time; then it runs on as before.
async fn pass(by: Duration) {
    let stopped = StoppedTime::new();
    stopped.advance(by).await;
    drop(stopped);
    tokio::time::resume();
}

#[tokio::test]
async fn a_read_is_repeated_twice_when_a_restart_explains_its_failure_and_not_three_times() {
    let gateway = TestGateway::start().await;
    for (times, reply) in [
        Reply::Closed,
        Reply::Truncated,
        Reply::status(StatusCode::BAD_GATEWAY, ""),
        Reply::status(StatusCode::SERVICE_UNAVAILABLE, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let alice = gateway.log_in("alice").await;
        let before = gateway.calls(FRIENDS);
        let (api, action) = FRIENDS;
        gateway.faults().inject(api, action, Times::Next(2), Fault::new(reply.clone()));
        alice.data(BOTH).await;
        assert_eq!(gateway.calls(FRIENDS) - before, 3, "{times}: {reply:?}");
    }
    let alice = gateway.log_in("alice").await;
    let before = gateway.calls(FRIENDS);
    let (api, action) = FRIENDS;
    gateway.faults().inject(api, action, Times::Next(3), Fault::new(Reply::Closed));
    let answer = alice.query(BOTH).await;
    assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "friends".into())]);
    assert_eq!(gateway.calls(FRIENDS) - before, 3);
    let retries = r#"ozeki_graphql_upstream_retries_total{api="chatfriends",action="list"} 10"#;
    gateway.until_metric(retries).await;
}

#[tokio::test]
async fn a_change_is_sent_once_however_it_fails() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    for reply in [Reply::Closed, Reply::status(StatusCode::SERVICE_UNAVAILABLE, "")] {
        let before = gateway.calls(SET_AVAILABLE);
        gateway.spoil(SET_AVAILABLE, Fault::new(reply));
        let answer = alice.query("mutation { setAvailable { viewer { id } } }").await;
        assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "setAvailable".into())]);
        assert_eq!(gateway.calls(SET_AVAILABLE) - before, 1);
    }
}

#[tokio::test]
async fn a_rejection_is_an_answer_and_not_repeated() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await.with_header("cache-control", "no-cache");
    let (api, action) = FRIENDS;
    let refused = Reply::Scripted {
        status: StatusCode::OK,
        content_type: "application/json",
        body: r#"{"status":"ERROR","errormessage":"no"}"#.into(),
    };
    let all = gateway.faults().inject(api, action, Times::All, Fault::new(refused));
    // As many as would open the breaker.
    for _ in 0..25 {
        let answer = alice.query("{ friends { totalCount } }").await;
        assert_eq!(answer.codes(), [("UPSTREAM_REJECTED".into(), "friends".into())]);
    }
    assert_eq!(gateway.calls(FRIENDS), 25);
    all.cancel();
}

#[tokio::test]
async fn a_server_that_fails_again_and_again_is_left_alone_and_then_tried_by_one_call() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await.with_header("cache-control", "no-cache");
    let friends = "{ friends { totalCount } }";
    let (api, action) = FRIENDS;
    let failing = Fault::new(Reply::status(StatusCode::INTERNAL_SERVER_ERROR, ""));
    let outage = gateway.faults().inject(api, action, Times::All, failing);
    // With the login one call of twenty was well.
    for _ in 0..19 {
        let answer = alice.query(friends).await;
        assert!(answer.text.contains("the chat server failed"), "{}", answer.text);
    }
    gateway.until_metric(r#"ozeki_graphql_upstream_breaker_state{state="open"} 1"#).await;
    let answer = alice.query(friends).await;
    assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "friends".into())]);
    assert!(answer.text.contains("known to be down; next try in 5 s"), "{}", answer.text);
    // A change was certainly not made.
    let answer = alice.query("mutation { setAvailable { viewer { id } } }").await;
    assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "setAvailable".into())]);
    assert!(answer.json()["errors"][0]["extensions"]["outcome"].is_null(), "{}", answer.text);
    assert_eq!((gateway.calls(FRIENDS), gateway.calls(SET_AVAILABLE)), (19, 0));
    // The probe fails: it stays open for twice as long.
    pass(Duration::from_secs(5)).await;
    assert!(alice.query(friends).await.text.contains("the chat server failed"));
    assert!(alice.query(friends).await.text.contains("next try in 10 s"));
    outage.cancel();
    pass(Duration::from_secs(10)).await;
    alice.data(friends).await;
    alice.data(BOTH).await;
    gateway.until_metric(r#"ozeki_graphql_upstream_breaker_state{state="closed"} 1"#).await;
}

#[tokio::test]
async fn retries_end_with_the_time_of_one_call() {
    let timeout = Duration::from_millis(700);
    let gateway = TestGateway::start_with(|options| options.client.timeout = timeout).await;
    let alice = gateway.log_in("alice").await;
    gateway.spoil(FRIENDS, Fault::new(Reply::Closed));
    let (api, action) = FRIENDS;
    // Met by the retry, for which there is time.
    let stalled = gateway.faults().inject(api, action, Times::All, Fault::new(Reply::Stalled));
    let started = std::time::Instant::now();
    let answer = alice.query("{ friends { totalCount } }").await;
    let took = started.elapsed();
    assert_eq!(answer.codes(), [("UPSTREAM_TIMEOUT".into(), "friends".into())]);
    assert!(took >= timeout && took < 2 * timeout, "{took:?}");
    stalled.cancel();
}

#[tokio::test]
async fn no_connection_five_times_in_a_row_is_enough_to_leave_the_server_alone() {
    let gateway = TestGateway::start_with(|options| {
        // Nothing listens on the discard port.
        options.client.url = "http://127.0.0.1:9/ozeki/index.php".parse().unwrap();
    })
    .await;
    let login = "mutation { login(input: {apiKey: \"alice-demo\"}) { token } }";
    for attempt in 1..=6 {
        let answer = gateway.anonymous().query(login).await;
        assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "login".into())]);
        assert_eq!(answer.text.contains("known to be down"), attempt == 6, "{}", answer.text);
    }
}
