//! Bad days upstream: what is repeated, what is no longer tried, and what is shown meanwhile.

use std::time::Duration;

use http::StatusCode;
use ozeki_graphql::sandbox::{Fault, Injection, Reply, Times};
use serde_json::json;

use crate::support::{BOTH, CONVERSATIONS, FRIENDS, StoppedTime, TestGateway, pass};

const SET_AVAILABLE: (&str, &str) = ("chatavailability", "useravailable");

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
    assert!(answer.text.contains("known to be down; next try in 1 s"), "{}", answer.text);
    // A change was certainly not made.
    let answer = alice.query("mutation { setAvailable { viewer { id } } }").await;
    assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "setAvailable".into())]);
    assert!(answer.json()["errors"][0]["extensions"]["outcome"].is_null(), "{}", answer.text);
    assert_eq!((gateway.calls(FRIENDS), gateway.calls(SET_AVAILABLE)), (19, 0));
    // The probe fails: it stays open for twice as long.
    pass(Duration::from_secs(1)).await;
    assert!(alice.query(friends).await.text.contains("the chat server failed"));
    assert!(alice.query(friends).await.text.contains("next try in 2 s"));
    outage.cancel();
    pass(Duration::from_secs(2)).await;
    alice.data(friends).await;
    alice.data(BOTH).await;
    gateway.until_metric(r#"ozeki_graphql_upstream_breaker_state{state="closed"} 1"#).await;
}

#[tokio::test]
async fn what_was_missed_in_an_outage_is_not_asked_all_at_once() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await.with_header("cache-control", "no-cache");
    let friends = "{ friends { totalCount } }";
    let down = outage(&gateway, FRIENDS);
    // With the login one call of twenty was well.
    for _ in 0..19 {
        assert_eq!(alice.query(friends).await.codes().len(), 1);
    }
    down.cancel();
    pass(Duration::from_secs(1)).await;
    let stopped = StoppedTime::new();
    let before = gateway.calls(FRIENDS);
    let mut refused = 0;
    for _ in 0..30 {
        let codes = alice.query(friends).await.codes();
        refused += usize::from(codes == [("UPSTREAM_UNAVAILABLE".into(), "friends".into())]);
    }
    // The probe, and the ten in a second that are never too many.
    assert_eq!((gateway.calls(FRIENDS) - before, refused), (11, 19));
    stopped.advance(Duration::from_secs(1)).await;
    for _ in 0..30 {
        alice.data(friends).await;
    }
    drop(stopped);
    tokio::time::resume();
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

/// A gateway whose lists are fresh for ten seconds.
async fn forgetful() -> TestGateway {
    TestGateway::start_with(|options| {
        options.cache.conversations_time_to_live = Duration::from_secs(10);
        options.cache.friends_time_to_live = Duration::from_secs(10);
    })
    .await
}

/// Lets every call of this kind fail until it is cancelled.
fn outage(gateway: &TestGateway, (api, action): (&str, &str)) -> Injection {
    let failing = Fault::new(Reply::status(StatusCode::INTERNAL_SERVER_ERROR, ""));
    gateway.faults().inject(api, action, Times::All, failing)
}

#[tokio::test]
async fn while_the_server_is_down_the_last_good_lists_are_given_and_told_with_their_age() {
    let gateway = forgetful().await;
    let alice = gateway.log_in("alice").await;
    let good = alice.data(BOTH).await;
    let outages = [outage(&gateway, CONVERSATIONS), outage(&gateway, FRIENDS)];
    pass(Duration::from_secs(60)).await;
    let shown = alice.query(BOTH).await.json();
    assert_eq!(shown["data"], good);
    assert!(shown["errors"].is_null(), "{shown}");
    let stale = &shown["extensions"]["stale"];
    assert_eq!(stale[0]["path"], json!(["conversations"]), "{shown}");
    assert_eq!(stale[1]["path"], json!(["friends"]), "{shown}");
    let age = stale[0]["ageSeconds"].as_u64().unwrap();
    assert!((60..120).contains(&age), "{shown}");
    // Another session has nothing of hers to be shown, and she herself nothing that is too old.
    let other = gateway.log_in("alice").await.query(BOTH).await;
    assert_eq!(other.codes().len(), 2, "{}", other.text);
    pass(Duration::from_secs(600)).await;
    let answer = alice.query(BOTH).await;
    assert_eq!(answer.codes().len(), 2, "{}", answer.text);
    assert!(answer.json()["extensions"].is_null(), "{}", answer.text);
    outages.iter().for_each(Injection::cancel);
    assert_eq!(alice.data(BOTH).await, good);
    assert!(alice.query(BOTH).await.json()["extensions"].is_null());
}

#[tokio::test]
async fn a_server_that_takes_no_more_calls_is_not_asked_again_and_the_last_good_list_is_given() {
    let gateway = forgetful().await;
    let alice = gateway.log_in("alice").await;
    let query = "{ friends { totalCount } }";
    let good = alice.data(query).await;
    let refusing = Fault::new(Reply::status(StatusCode::TOO_MANY_REQUESTS, "slow down"));
    gateway.spoil(FRIENDS, refusing.clone());
    pass(Duration::from_secs(60)).await;
    let shown = alice.query(query).await.json();
    assert_eq!(shown["data"], good);
    assert_eq!(shown["extensions"]["stale"][0]["path"], json!(["friends"]), "{shown}");
    assert_eq!(gateway.calls(FRIENDS), 2);
    gateway.spoil(FRIENDS, refusing);
    let other = gateway.log_in("alice").await.query(query).await;
    assert_eq!(other.codes(), [("UPSTREAM_UNAVAILABLE".into(), "friends".into())]);
    assert!(!other.text.contains("slow down"), "{}", other.text);
}

#[tokio::test]
async fn a_list_that_has_just_ceased_to_be_fresh_is_given_at_once_while_one_call_reads_it_anew() {
    let gateway = forgetful().await;
    let alice = gateway.log_in("alice").await;
    let good = alice.data(BOTH).await;
    pass(Duration::from_secs(12)).await;
    let held = gateway.spoil(FRIENDS, Fault::new(Reply::Genuine).held());
    for _ in 0..3 {
        let answer = alice.query("{ friends { totalCount } }").await.json();
        assert_eq!(answer["data"]["friends"], good["friends"]);
        assert!(answer["extensions"].is_null(), "{answer}");
    }
    assert_eq!(gateway.calls(FRIENDS), 2, "one call reads it anew");
    held.release();
    let stale = r#"ozeki_graphql_cache_reads_total{resource="friends",outcome="stale"} 3"#;
    gateway.until_metric(stale).await;
}

#[tokio::test]
async fn nothing_stale_is_given_after_a_change_of_ones_own_or_to_who_asks_for_no_cache() {
    let gateway = forgetful().await;
    let alice = gateway.log_in("alice").await;
    let list = "{ conversations(first: 1) { nodes { id isFavorite } } }";
    let first = alice.data(list).await["conversations"]["nodes"][0].clone();
    let favorite = !first["isFavorite"].as_bool().unwrap();
    let verb = if favorite { "favorite" } else { "unfavorite" };
    let change = format!(
        "mutation {{ {verb}Conversation(input: {{id: {}}}) {{ conversation {{ id }} }} }}",
        first["id"]
    );
    // What the change left in place is shown with it.
    alice.data(&change).await;
    pass(Duration::from_secs(60)).await;
    let down = outage(&gateway, CONVERSATIONS);
    let shown = alice.query(list).await.json();
    assert_eq!(shown["data"]["conversations"]["nodes"][0]["isFavorite"], favorite, "{shown}");
    assert_eq!(shown["extensions"]["stale"][0]["path"], json!(["conversations"]));
    let answer = alice.clone().with_header("cache-control", "no-cache").query(list).await;
    assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "conversations".into())]);
    down.cancel();
    // Of a change whose outcome is not known nothing is known to be shown.
    alice.data(list).await;
    gateway.spoil(("chatconversation", verb), Fault::new(Reply::Closed));
    assert_eq!(alice.query(&change).await.codes().len(), 1);
    let down = outage(&gateway, CONVERSATIONS);
    let answer = alice.query(list).await;
    assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "conversations".into())]);
    down.cancel();
}

#[tokio::test]
async fn a_time_without_notices_leaves_the_last_good_lists() {
    let gateway = TestGateway::start_with(|options| {
        options.cache.live_time_to_live = Duration::from_secs(300);
    })
    .await;
    let alice = gateway.log_in("alice").await;
    let good = alice.data(BOTH).await;
    let polled = r#"{api="chatnotification",action="download",outcome="ok"} 1"#;
    gateway
        .until_metric(&format!("ozeki_graphql_upstream_call_duration_seconds_count{polled}"))
        .await;
    let outages = [
        outage(&gateway, CONVERSATIONS),
        outage(&gateway, FRIENDS),
        outage(&gateway, ("chatnotification", "download")),
    ];
    // Sooner or later a poll fails, and then everything counts as changed.
    let mut shown = alice.query(BOTH).await.json();
    for _ in 0..100_000 {
        if !shown["extensions"].is_null() {
            break;
        }
        shown = alice.query(BOTH).await.json();
    }
    assert_eq!(shown["data"], good, "{shown}");
    assert_eq!(shown["extensions"]["stale"].as_array().map(Vec::len), Some(2), "{shown}");
    outages.iter().for_each(Injection::cancel);
}
