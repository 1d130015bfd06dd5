//! How many upstream calls an operation costs.

use std::time::Duration;

use http::StatusCode;
use ozeki_graphql::sandbox::{Fault, Reply};

use crate::support::{BOTH, CONVERSATIONS, FRIENDS, TestGateway};

/// A screen: conversations with their participants' friends, and all friends.
const SCREEN: &str = "{
    conversations(first: 50) { nodes { id participants { name friend { name isAvailable } } } }
    friends(first: 200) { totalCount nodes { name conversations { totalCount } } }
}";

#[tokio::test]
async fn a_screen_costs_one_call_per_resource_and_again_none() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let data = alice.data(SCREEN).await;
    assert_eq!(data["conversations"]["nodes"].as_array().unwrap().len(), 50);
    assert_eq!(data["friends"]["totalCount"], 40);
    assert_eq!(gateway.list_calls(), (1, 1));
    assert_eq!(alice.data(SCREEN).await, data);
    assert_eq!(gateway.list_calls(), (1, 1));
}

#[tokio::test]
async fn two_hundred_at_once_on_a_cold_cache_share_two_calls() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    // No call is answered before all who ask have had time to join it or, wrongly, to make their own.
    let held =
        [CONVERSATIONS, FRIENDS].map(|call| gateway.spoil(call, Fault::new(Reply::Genuine).held()));
    let asking: Vec<_> = (0..200)
        .map(|_| {
            let alice = alice.clone();
            tokio::spawn(async move { alice.data(BOTH).await })
        })
        .collect();
    for call in &held {
        call.arrived(1).await;
        call.release();
    }
    for answer in asking {
        assert_eq!(answer.await.unwrap()["conversations"]["totalCount"], 60);
    }
    assert_eq!(gateway.list_calls(), (1, 1));
}

#[tokio::test]
async fn both_calls_are_under_way_at_the_same_time_whatever_the_shape() {
    for query in [
        BOTH,
        "{ conversations { nodes { participants { friend { id } } } } }",
        "{ friends { edges { node { conversations { totalCount } } } } }",
        "query { ...Q } fragment Q on Query { a: conversations { ... on ConversationConnection { nodes { ...C } } } }
         fragment C on Conversation { participants { who: friend { name } } }",
        "{ viewer { id } conversation(id: \"00000000000000000000000000000000\") { participants { friend { id } } } }",
    ] {
        let gateway = TestGateway::start().await;
        let alice = gateway.log_in("alice").await;
        let held = [CONVERSATIONS, FRIENDS].map(|call| gateway.spoil(call, Fault::new(Reply::Genuine).held()));
        let asking = tokio::spawn(async move { alice.data(query).await });
        // Neither is answered before both have come.
        for call in &held {
            call.arrived(1).await;
        }
        for call in &held {
            call.release();
        }
        asking.await.unwrap();
        assert_eq!(gateway.list_calls(), (1, 1), "{query}");
    }
}

#[tokio::test]
async fn only_what_is_asked_for_is_called() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    alice.data("{ viewer { id name } }").await;
    assert_eq!(gateway.list_calls(), (0, 0));
    alice
        .data("{ conversations { nodes { participants { name friend @skip(if: true) { id } } } } }")
        .await;
    assert_eq!(gateway.list_calls(), (1, 0));
    let query = "query($with: Boolean!) { friends { nodes { conversations @include(if: $with) { totalCount } } } }";
    let body = serde_json::json!({ "query": query, "variables": { "with": false } });
    alice.with_header("cache-control", "no-cache").post(&body).await;
    assert_eq!(gateway.list_calls(), (1, 1));
}

#[tokio::test]
async fn no_cache_goes_upstream_once_per_resource_and_leaves_a_fresh_value() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    alice.data(BOTH).await;
    let eager = alice.clone().with_header("cache-control", "max-age=0, no-cache");
    let aliased = "{ a: conversations { totalCount } b: conversations(first: 1) { nodes { id } } friends { totalCount } }";
    eager.data(aliased).await;
    assert_eq!(gateway.list_calls(), (2, 2));
    alice.data(BOTH).await;
    assert_eq!(gateway.list_calls(), (2, 2));
}

#[tokio::test]
async fn no_cache_does_not_join_a_call_that_was_under_way_before_it() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let slow = gateway.spoil(CONVERSATIONS, Fault::new(Reply::Genuine).held());
    let first = tokio::spawn({
        let alice = alice.clone();
        async move { alice.data("{ conversations { totalCount } }").await }
    });
    slow.arrived(1).await;
    let eager = alice.clone().with_header("cache-control", "no-cache");
    eager.data("{ conversations { totalCount } }").await;
    assert_eq!(gateway.list_calls(), (2, 0));
    slow.release();
    first.await.unwrap();
    // The older answer came last and is not what is kept.
    alice.data("{ conversations { totalCount } }").await;
    assert_eq!(gateway.list_calls(), (2, 0));
}

#[tokio::test]
async fn a_value_is_asked_for_again_when_its_time_is_over() {
    let gateway = TestGateway::start_with(|options| {
        options.cache.friends_time_to_live = Duration::ZERO;
    })
    .await;
    let alice = gateway.log_in("alice").await;
    for _ in 0..3 {
        alice.data(BOTH).await;
    }
    assert_eq!(gateway.list_calls(), (1, 3));
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    // Not one that is repeated.
    gateway.spoil(FRIENDS, Fault::new(Reply::status(StatusCode::INTERNAL_SERVER_ERROR, "")));
    assert_eq!(
        alice.query(BOTH).await.codes(),
        [("UPSTREAM_UNAVAILABLE".into(), "friends".into())]
    );
    alice.data(BOTH).await;
    assert_eq!(gateway.list_calls(), (1, 2));
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_nobody() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let held = gateway.spoil(FRIENDS, Fault::new(Reply::Genuine).held());
    let leaving = tokio::spawn({
        let alice = alice.reconnected();
        async move { alice.query("{ friends { totalCount } }").await.status }
    });
    held.arrived(1).await;
    leaving.abort();
    assert!(leaving.await.is_err());
    let staying = tokio::spawn({
        let alice = alice.clone();
        async move { alice.data("{ friends { totalCount } }").await }
    });
    held.release();
    assert_eq!(staying.await.unwrap()["friends"]["totalCount"], 40);
    assert_eq!(gateway.list_calls(), (0, 1));
}
