//! No caller sees what another's credential fetched.

use ozeki_graphql::ozeki::signature::Recipe;
use ozeki_graphql::ozeki::{ApiKey, SignedRequest, StationId, UserId};

use crate::support::{BOTH, Caller, TestGateway, canaries};

const STATION: &str = "0123456789abcdef0123456789abcdef";

/// Signs what a client can sign before it knows the gateway's body.
fn bodyless() -> Recipe {
    Recipe { payload: "{user}{station}{key}".parse().unwrap(), ..Recipe::default() }
}

fn signature(user: UserId, key: &str) -> String {
    let station: StationId = STATION.parse().unwrap();
    let key = ApiKey::parse(key).unwrap();
    let request = SignedRequest {
        user,
        station: Some(station),
        api: "",
        action: "",
        timestamp: "",
        body: b"",
        key: &key,
    };
    bodyless().sign(&request).expose().to_owned()
}

pub(crate) fn forwarding(gateway: &TestGateway, email: &str, key: &str) -> Caller {
    let headers = forwarded(email, key);
    headers
        .iter()
        .fold(gateway.anonymous(), |caller, (name, value)| caller.with_header(name, value))
}

/// The headers of a forwarded credential.
pub(crate) fn forwarded(email: &str, key: &str) -> [(&'static str, String); 3] {
    let user = UserId::from_email(email).unwrap();
    let signature = signature(user, key);
    canaries::plant(&signature);
    [
        ("ozeki-user", user.to_string()),
        ("ozeki-station", STATION.to_owned()),
        ("ozeki-signature", signature),
    ]
}

pub(crate) async fn forwarding_gateway(keeps_answers: bool) -> TestGateway {
    TestGateway::start_signed_by(bodyless(), |options| {
        options.session.forward_credentials = true;
        options.cache.keeps_answers = keeps_answers;
    })
    .await
}

#[tokio::test]
async fn forwarded_credentials_read_the_same_data_as_a_session() {
    let gateway = forwarding_gateway(true).await;
    let query = "{ viewer { id } conversations { nodes { id } } friends { nodes { id name } } }";
    let by_session = gateway.log_in("alice").await.data(query).await;
    let alice = forwarding(&gateway, "alice@example.com", "alice-demo");
    assert_eq!(alice.data(query).await, by_session);
    assert_eq!(gateway.list_calls(), (2, 2));
    alice.data(query).await;
    assert_eq!(gateway.list_calls(), (2, 2));
    let viewer = alice.data("{ viewer { name sessionExpiresAt } }").await;
    assert_eq!(viewer.to_string(), r#"{"viewer":{"name":null,"sessionExpiresAt":null}}"#);
}

#[tokio::test]
async fn another_credential_of_the_same_user_is_never_answered_from_the_cache() {
    let gateway = forwarding_gateway(true).await;
    forwarding(&gateway, "alice@example.com", "alice-demo").data(BOTH).await;
    let impostor = forwarding(&gateway, "alice@example.com", "bob-demo");
    for round in 1..=2 {
        let answer = impostor.query(BOTH).await;
        assert_eq!(
            answer.codes(),
            [
                ("UPSTREAM_REJECTED".into(), "conversations".into()),
                ("UPSTREAM_REJECTED".into(), "friends".into())
            ]
        );
        assert_eq!(answer.json()["data"].to_string(), r#"{"conversations":null,"friends":null}"#);
        assert_eq!(gateway.list_calls(), (1 + round, 1 + round));
    }
}

#[tokio::test]
async fn two_sessions_of_one_user_have_caches_of_their_own() {
    let gateway = TestGateway::start().await;
    for sessions in 1..=2 {
        gateway.log_in("alice").await.data(BOTH).await;
        assert_eq!(gateway.list_calls(), (sessions, sessions));
    }
}

#[tokio::test]
async fn each_user_sees_their_own_lists_also_all_at_once() {
    let gateway = TestGateway::start().await;
    let query = "{ viewer { id } conversations { nodes { participants { isViewer } } } friends { nodes { id } } }";
    let mut asking = Vec::new();
    for name in ["alice", "bob", "carol", "admin"] {
        let caller = gateway.log_in(name).await;
        for _ in 0..10 {
            let caller = caller.clone();
            asking.push((name, tokio::spawn(async move { caller.data(query).await })));
        }
    }
    for (name, answer) in asking {
        let data = answer.await.unwrap();
        let email = if name == "admin" {
            "admin@ozeki.hu".to_owned()
        } else {
            format!("{name}@example.com")
        };
        let id = UserId::from_email(&email).unwrap().to_string();
        assert_eq!(data["viewer"]["id"], id.as_str());
        for conversation in data["conversations"]["nodes"].as_array().unwrap() {
            let participants = conversation["participants"].as_array().unwrap();
            assert!(participants.iter().any(|one| one["isViewer"] == true), "{name}");
        }
        let friends = data["friends"]["nodes"].as_array().unwrap();
        assert!(friends.iter().all(|friend| friend["id"] != id.as_str()), "{name}");
    }
    assert_eq!(gateway.list_calls(), (4, 4));
}

#[tokio::test]
async fn credentials_are_not_forwarded_unless_that_is_switched_on() {
    let gateway = TestGateway::start_signed_by(bodyless(), |_options| {}).await;
    let answer = forwarding(&gateway, "alice@example.com", "alice-demo").query(BOTH).await;
    assert_eq!(answer.codes()[0].0, "UNAUTHENTICATED");
    assert_eq!(gateway.list_calls(), (0, 0));
}

#[tokio::test]
async fn malformed_forwarded_credentials_cost_no_call() {
    let gateway = forwarding_gateway(true).await;
    let user = UserId::from_email("alice@example.com").unwrap().to_string();
    for (user, station, signature) in [
        ("alice", STATION, "x"),
        (&*user, "7", "x"),
        (&*user, STATION, ""),
        (&*user, STATION, "a b"),
    ] {
        let caller = gateway
            .anonymous()
            .with_header("ozeki-user", user)
            .with_header("ozeki-station", station)
            .with_header("ozeki-signature", signature);
        assert_eq!(
            caller.query("{ friends { totalCount } }").await.codes()[0].0,
            "UNAUTHENTICATED"
        );
    }
    assert_eq!(gateway.list_calls(), (0, 0));
}
