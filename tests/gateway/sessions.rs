//! Login, tokens, logout.

use std::time::Duration;

use ozeki_graphql::app::GatewayOptions;
use ozeki_graphql::sandbox::{Fault, Reply};
use ozeki_graphql::session::{Audience, SessionKey};
use serde_json::json;

use crate::support::{BOTH, Caller, LOGIN, TestGateway, codes};

const LOGIN_MUTATION: &str = "mutation($key: String!, $station: ID) {
    login(input: {apiKey: $key, stationId: $station}) {
        token expiresAt viewer { id name sessionExpiresAt } encryptedPrivateKey serverVersion
    }
}";

#[tokio::test]
async fn a_login_tells_the_viewer_and_when_the_session_ends() {
    let gateway = TestGateway::start().await;
    let body = json!({ "query": LOGIN_MUTATION, "variables": { "key": "alice-demo" } });
    let json = gateway.anonymous().post(&body).await.json();
    let login = &json["data"]["login"];
    // Twelve hours after the clock's 2024-03-08 13:55:47.
    assert_eq!(login["expiresAt"], "2024-03-09T01:55:47Z");
    assert_eq!(login["viewer"]["sessionExpiresAt"], "2024-03-09T01:55:47Z");
    assert_eq!(login["viewer"]["name"], "Alice");
    assert_eq!(login["viewer"]["id"], "c160f8cc69a4f0bf2b0362752353d060");
    assert!(login["token"].as_str().unwrap().starts_with("v4.local."));
    assert!(
        login["encryptedPrivateKey"].is_string() && login["serverVersion"].is_string(),
        "{json}"
    );
}

#[tokio::test]
async fn a_session_keeps_the_station_that_the_login_named() {
    let gateway = TestGateway::start().await;
    let station = "0123456789abcdef0123456789abcdef";
    let body = json!({ "query": LOGIN_MUTATION, "variables": { "key": "alice-demo", "station": station } });
    let tokens = [gateway.anonymous().post(&body).await, gateway.anonymous().post(&body).await];
    // Same user, station and key: the same caller, so the second session is answered from the cache.
    for answer in tokens {
        let token = answer.json()["data"]["login"]["token"].as_str().unwrap().to_owned();
        let caller = gateway.anonymous().with_header("authorization", &format!("Bearer {token}"));
        caller.data(BOTH).await;
    }
    assert_eq!(gateway.list_calls(), (1, 1));
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_a_failing_server_told_apart() {
    let gateway = TestGateway::start().await;
    let log_in = async |key: &str| {
        let body = json!({ "query": LOGIN_MUTATION, "variables": { "key": key } });
        let json = gateway.anonymous().post(&body).await.json();
        assert_eq!(json["data"], json!({ "login": null }));
        assert!(!json.to_string().contains(key), "the answer repeats the key: {json}");
        codes(&json).remove(0).0
    };
    assert_eq!(log_in("wrong-key").await, "UNAUTHENTICATED");
    gateway.spoil(LOGIN, Fault::new(Reply::Closed));
    assert_eq!(log_in("alice-demo").await, "UPSTREAM_UNAVAILABLE");
    gateway.spoil(LOGIN, Fault::new(Reply::json(r#"{"status":"OK"}"#)));
    assert_eq!(log_in("alice-demo").await, "UPSTREAM_INVALID_RESPONSE");
    gateway.spoil(
        LOGIN,
        Fault::new(Reply::json(r#"{"status":"ERROR","errormessage":"no: alice-demo"}"#)),
    );
    assert_eq!(log_in("alice-demo").await, "UNAUTHENTICATED");
}

#[tokio::test]
async fn bad_login_input_names_the_argument_and_makes_no_call() {
    let gateway = TestGateway::start().await;
    for (variables, argument) in [
        (json!({ "key": "" }), "apiKey"),
        (json!({ "key": "two words" }), "apiKey"),
        (json!({ "key": "alice-demo", "station": "here" }), "stationId"),
    ] {
        let body = json!({ "query": LOGIN_MUTATION, "variables": variables });
        let json = gateway.anonymous().post(&body).await.json();
        assert_eq!(codes(&json), [("BAD_USER_INPUT".into(), "login".into())]);
        assert_eq!(json["errors"][0]["extensions"]["argument"], argument);
    }
    assert_eq!(gateway.calls(LOGIN), 0);
}

#[tokio::test]
async fn nobody_reads_without_a_session_and_no_call_is_made() {
    let gateway = TestGateway::start().await;
    let query = "{ viewer { id } conversations { totalCount } conversation(id: \"x\") { id }
        friends { totalCount } friend(id: \"x\") { id } userId(email: \"admin@ozeki.hu\") }";
    let own = gateway.log_in("alice").await;
    let forged = [
        gateway.anonymous(),
        gateway.anonymous().with_header("authorization", "Bearer v4.local.AAAA"),
        gateway.anonymous().with_header("authorization", "Basic YWxpY2U6YWxpY2U="),
        own.clone().with_header("authorization", "Bearer v4.local.AAAA"),
    ];
    for caller in forged {
        let answer = caller.query(query).await;
        assert_eq!(answer.status, 200);
        let json = answer.json();
        let expected = json!({
            "viewer": null, "conversations": null, "conversation": null, "friends": null, "friend": null,
            "userId": "d574638619cbff603bf857164c47e850"
        });
        assert_eq!(json["data"], expected);
        let codes = codes(&json);
        assert!(
            codes.len() == 5 && codes.iter().all(|(code, _)| code == "UNAUTHENTICATED"),
            "{json}"
        );
        let json = caller.query("mutation { logout { viewerId } }").await.json();
        assert_eq!(json["data"], json!({ "logout": null }));
    }
    assert_eq!(gateway.list_calls(), (0, 0));
}

#[tokio::test]
async fn an_expired_session_is_refused() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    alice.data(BOTH).await;
    gateway.clock.advance(Duration::from_secs(12 * 60 * 60) - Duration::from_secs(1));
    alice.data("{ viewer { id } }").await;
    gateway.clock.advance(Duration::from_secs(1));
    assert_eq!(alice.query(BOTH).await.codes()[0].0, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_logout_ends_its_session_and_no_other() {
    let gateway = TestGateway::start().await;
    let (first, second) = (gateway.log_in("alice").await, gateway.log_in("alice").await);
    first.data(BOTH).await;
    let data = first.data("mutation { logout { viewerId } }").await;
    assert_eq!(data["logout"]["viewerId"], "c160f8cc69a4f0bf2b0362752353d060");
    assert_eq!(first.query(BOTH).await.codes()[0].0, "UNAUTHENTICATED");
    second.data(BOTH).await;
}

#[tokio::test]
async fn a_logout_leaves_nothing_in_memory_of_what_was_read_and_sent() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    let kept = async || {
        let metrics = Caller::new(gateway.admin_url() + "/metrics").get("").await.text;
        let sizes = metrics.lines().filter_map(|it| it.strip_prefix("ozeki_graphql_cache_bytes{"));
        let mut kept = Vec::new();
        for size in sizes {
            let (resource, bytes) = size.split_once("\"} ").unwrap();
            kept.extend((bytes != "0").then(|| resource.replace("resource=\"", "")));
        }
        kept.sort();
        kept
    };
    let pages = "{ conversations { nodes { id messages(last: 5) { nodes { id } } } }
        friends { totalCount } blocklist { userIds } }";
    let read = alice.data(pages).await;
    let chat = &read["conversations"]["nodes"][0]["id"];
    let id = "01234567-89ab-4cde-8f01-23456789abcd";
    let send = format!(
        "mutation {{ sendMessage(input: {{conversationId: {chat}, id: \"{id}\", data: \"YQ==\"}})
            {{ conversation {{ id }} }} }}"
    );
    alice.data(&send).await;
    let all = ["blocklist", "conversations", "friends", "messages", "sent_messages"];
    assert_eq!(kept().await, all);
    alice.data("mutation { logout { viewerId } }").await;
    assert!(kept().await.is_empty(), "{:?}", kept().await);
    // What others read stays.
    bob.data(BOTH).await;
    let again = gateway.log_in("alice").await;
    again.data(pages).await;
    again.data("mutation { logout { viewerId } }").await;
    assert_eq!(kept().await, ["conversations", "friends"]);
}

#[tokio::test]
async fn a_token_that_was_used_opens_no_other() {
    let gateway = TestGateway::start().await;
    let token = gateway.anonymous().log_in("alice-demo").await;
    let ask = async |token: &str| {
        let bearer = format!("Bearer {token}");
        gateway.anonymous().with_header("authorization", &bearer).query("{ viewer { id } }").await
    };
    for _ in 0..3 {
        assert_eq!(ask(&token).await.codes(), []);
        for other in [format!("{token}="), token[1..].to_owned(), token.replacen('e', "f", 1)] {
            assert_eq!(ask(&other).await.codes()[0].0, "UNAUTHENTICATED");
        }
    }
}

#[tokio::test]
async fn a_token_is_good_at_every_gateway_with_the_same_key_and_at_no_other() {
    let gateway = TestGateway::start().await;
    let token = gateway.anonymous().log_in("alice-demo").await;
    let bearer = format!("Bearer {token}");
    let same = TestGateway::start().await;
    same.anonymous().with_header("authorization", &bearer).data(BOTH).await;
    let other = TestGateway::start_with(|options| {
        options.session.key = SessionKey::from_bytes([8; 32]);
    })
    .await;
    let answer = other.anonymous().with_header("authorization", &bearer).query(BOTH).await;
    assert_eq!(answer.codes()[0].0, "UNAUTHENTICATED");
    assert!(!answer.text.contains(&token));
}

#[tokio::test]
async fn keys_can_be_changed_without_logging_anybody_out() {
    let (old, new) = ([7; 32], [8; 32]);
    let before = TestGateway::start().await;
    let rotated = TestGateway::start_with(|options| {
        options.session.key = SessionKey::from_bytes(new);
        options.session.key_previous = Some(SessionKey::from_bytes(old));
    })
    .await;
    let after = TestGateway::start_with(|options| {
        options.session.key = SessionKey::from_bytes(new);
    })
    .await;
    let opens = async |gateway: &TestGateway, token: &str| {
        let bearer = format!("Bearer {token}");
        let caller = gateway.anonymous().with_header("authorization", &bearer);
        caller.query("{ viewer { id } }").await.codes().is_empty()
    };
    let old_token = before.anonymous().log_in("alice-demo").await;
    let new_token = rotated.anonymous().log_in("alice-demo").await;
    assert!(opens(&rotated, &old_token).await && opens(&rotated, &new_token).await);
    assert!(!opens(&after, &old_token).await && opens(&after, &new_token).await);
    assert!(!opens(&before, &new_token).await, "the previous key seals nothing");
}

#[tokio::test]
async fn an_idle_session_is_refused_and_one_in_use_is_not() {
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(60 * 60));
    let gateway = TestGateway::start_with(|options| options.session.idle_timeout = hour).await;
    let (busy, idle) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    for _ in 0..3 {
        gateway.clock.advance(59 * minute);
        busy.data("{ viewer { id } }").await;
    }
    assert_eq!(idle.query(BOTH).await.codes()[0].0, "UNAUTHENTICATED");
    assert_eq!(idle.query(BOTH).await.codes()[0].0, "UNAUTHENTICATED", "trying is no use");
    gateway.clock.advance(hour);
    assert_eq!(busy.query(BOTH).await.codes()[0].0, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_session_that_another_replica_began_is_not_idle_when_it_first_comes() {
    let hour = Duration::from_secs(60 * 60);
    let idle_after_an_hour = |options: &mut GatewayOptions| options.session.idle_timeout = hour;
    let first = TestGateway::start_with(idle_after_an_hour).await;
    let second = TestGateway::start_with(idle_after_an_hour).await;
    let token = first.anonymous().log_in("alice-demo").await;
    second.clock.advance(2 * hour);
    let bearer = format!("Bearer {token}");
    let alice = second.anonymous().with_header("authorization", &bearer);
    alice.data("{ viewer { id } }").await;
    second.clock.advance(hour);
    assert_eq!(alice.query(BOTH).await.codes()[0].0, "UNAUTHENTICATED");
}

/// Nobody learns from an answer which tokens once existed, or what became of them.
#[tokio::test]
async fn all_tokens_that_are_not_accepted_get_the_same_answer() {
    let hour = Duration::from_secs(60 * 60);
    let gateway = TestGateway::start_with(|options| {
        options.session.time_to_live = 3 * hour;
        options.session.idle_timeout = hour;
    })
    .await;
    let elsewhere = TestGateway::start_with(|options| {
        options.session.audience = Audience::named("another server");
    })
    .await;
    let unknown_key = TestGateway::start_with(|options| {
        options.session.key = SessionKey::from_bytes([9; 32]);
    })
    .await;
    let token = async |of: &TestGateway| of.anonymous().log_in("alice-demo").await;
    let asking =
        |token: &str| gateway.anonymous().with_header("authorization", &format!("Bearer {token}"));
    let expired = token(&gateway).await;
    gateway.clock.advance(2 * hour);
    let idle = token(&gateway).await;
    gateway.clock.advance(hour);
    let revoked = token(&gateway).await;
    asking(&revoked).data("mutation { logout { viewerId } }").await;
    let mut altered = token(&gateway).await;
    let middle = altered.len() / 2;
    let other = if altered.as_bytes()[middle] == b'A' { "B" } else { "A" };
    altered.replace_range(middle..=middle, other);
    let foreign = token(&elsewhere).await;
    let of_unknown_key = token(&unknown_key).await;
    let never = format!("v4.local.AAAA.{}", expired.rsplit_once('.').unwrap().1);

    let query = "{ viewer { id } conversations { totalCount } }";
    let mut answers = Vec::new();
    for token in [&expired, &idle, &revoked, &altered, &foreign, &of_unknown_key, &never] {
        let answer = asking(token).query(query).await;
        let mut headers = answer.headers.clone();
        for varying in ["x-request-id", "date"] {
            assert!(headers.remove(varying).is_some(), "{varying}");
        }
        assert_eq!(answer.codes()[0].0, "UNAUTHENTICATED");
        answers.push((answer.status, headers, answer.text));
    }
    for other in &answers[1..] {
        assert_eq!(other, &answers[0]);
    }
}

#[tokio::test]
async fn a_login_goes_on_when_its_client_hangs_up() {
    let gateway = TestGateway::start().await;
    let held = gateway.spoil(LOGIN, Fault::new(Reply::Genuine).held());
    let leaving = tokio::spawn({
        let caller = gateway.anonymous();
        async move { caller.log_in("alice-demo").await }
    });
    held.arrived(1).await;
    leaving.abort();
    assert!(leaving.await.is_err());
    held.release();
    // The call's end is counted some time after the release.
    let line =
        "upstream_call_duration_seconds_count{api=\"chatlogin\",action=\"login\",outcome=\"ok\"} 1";
    let metrics = Caller::new(format!("{}/metrics", gateway.admin_url()));
    let ended = async {
        while !metrics.get("").await.text.contains(line) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    assert!(gateway.shutdown().await);
}
