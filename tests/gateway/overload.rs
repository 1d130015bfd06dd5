//! More than the gateway takes on at once.

use std::num::NonZeroUsize;

use http::StatusCode;
use serde_json::json;

use crate::sockets::{HELD, hold, socket_of};
use crate::support::{Caller, TestGateway};

const LISTS: &str = "{ conversations { totalCount } }";

async fn with_room_for(operations: usize) -> TestGateway {
    let room = NonZeroUsize::new(operations).unwrap();
    TestGateway::start_with(|options| options.operations_in_flight_max = room).await
}

async fn readiness(gateway: &TestGateway) -> (StatusCode, String) {
    let answer = Caller::new(gateway.url() + "/readyz").get("").await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn one_operation_too_many_is_refused_in_time_and_readiness_tells() {
    let gateway = with_room_for(1).await;
    let (alice, bob) = tokio::join!(gateway.log_in("alice"), gateway.log_in("bob"));
    for _kept_from_now_on in 0..2 {
        bob.data(LISTS).await;
    }
    let held = hold(&gateway);
    let running = tokio::spawn({
        let alice = alice.reconnected();
        async move { alice.data(HELD).await }
    });
    held.arrived(1).await;
    let answer = alice.query("mutation { setAvailable { viewer { id } } }").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "1");
    let json = answer.json();
    let extensions = json!({ "code": "OVERLOADED", "retryAfterSeconds": 1 });
    assert_eq!(json["errors"][0]["extensions"], extensions);
    assert!(json.get("data").is_none());
    assert_eq!(
        readiness(&gateway).await,
        (StatusCode::SERVICE_UNAVAILABLE, "overloaded\n".to_owned())
    );
    gateway.until_metric("ozeki_graphql_operations_shed_total 1").await;
    // What is kept costs no place.
    bob.data(LISTS).await;
    held.release();
    running.await.unwrap();
    alice.data("mutation { setAvailable { viewer { id } } }").await;
}

#[tokio::test]
async fn one_operation_too_many_over_a_socket_is_refused_and_the_socket_goes_on() {
    let gateway = with_room_for(1).await;
    let mut socket = socket_of(&gateway, "alice").await;
    let held = hold(&gateway);
    socket.ask("held", HELD).await;
    held.arrived(1).await;
    socket.ask("more", LISTS).await;
    let refusal = socket.hear().await;
    assert_eq!((&refusal["id"], &refusal["type"]), (&json!("more"), &json!("error")));
    assert_eq!(refusal["payload"][0]["extensions"]["code"], "OVERLOADED");
    held.release();
    assert!(socket.answers("held").await[0]["errors"].is_null());
    socket.ask("more", LISTS).await;
    assert!(socket.answers("more").await[0]["errors"].is_null());
}

#[tokio::test]
async fn an_operation_whose_client_has_gone_gives_its_place_back() {
    let gateway = with_room_for(1).await;
    let alice = gateway.log_in("alice").await;
    let held = hold(&gateway);
    let running = tokio::spawn({
        let alice = alice.reconnected();
        async move { alice.query(HELD).await }
    });
    held.arrived(1).await;
    running.abort();
    gateway.until_metric("ozeki_graphql_operations_in_flight 0").await;
    alice.data(LISTS).await;
    held.release();
}
