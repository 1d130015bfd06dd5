//! Rate limits: who is charged for what, and what is told to those who ask too often.

use std::num::NonZeroU32;
use std::time::Duration;

use ozeki_graphql::app::GatewayOptions;
use ozeki_graphql::config::{CommandKind, Config, Flags, QuotaConfig, Variables};
use ozeki_graphql::session::{Quota, RateLimitOptions};
use reqwest::Method;
use serde_json::json;

use crate::sockets::{credential, socket_of};
use crate::support::{Caller, LOGIN, PROTOCOL, Socket, StoppedTime, TestGateway};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// One in each period, and so many at once.
fn one_each(period: Duration, burst: u32) -> Quota {
    Quota::new(NonZeroU32::MIN, period, NonZeroU32::new(burst).unwrap()).unwrap()
}

/// Limits that are out of the way of a test.
fn wide() -> RateLimitOptions {
    let quota = one_each(SECOND, 1_000);
    RateLimitOptions {
        caller: quota,
        forwarded: quota,
        anonymous: quota,
        login: quota,
        login_address: quota,
    }
}

async fn start(change: impl FnOnce(&mut RateLimitOptions)) -> TestGateway {
    start_with(change, |_options| {}).await
}

async fn start_with(
    change_limits: impl FnOnce(&mut RateLimitOptions),
    change: impl FnOnce(&mut GatewayOptions),
) -> TestGateway {
    let mut limits = wide();
    change_limits(&mut limits);
    TestGateway::start_with(|options| {
        options.session.rate_limits = Some(limits);
        change(options);
    })
    .await
}

/// How many of so many requests are let through.
async fn let_through(caller: &Caller, count: usize) -> usize {
    let mut passed = 0;
    for _ in 0..count {
        match caller.query("{ __typename }").await.status.as_u16() {
            200 => passed += 1,
            429 => {}
            status => panic!("{status}"),
        }
    }
    passed
}

fn logins(keys: &[&str]) -> String {
    let login = |(index, key)| {
        format!("l{index}: login(input: {{apiKey: \"{key}\"}}) {{ viewer {{ name }} }}")
    };
    let fields: Vec<String> = keys.iter().enumerate().map(login).collect();
    format!("mutation {{ {} }}", fields.join(" "))
}

#[tokio::test]
async fn a_caller_who_asks_too_often_is_told_when_to_try_again() {
    let gateway = start(|limits| limits.caller = one_each(2 * SECOND, 3)).await;
    let (alice, bob) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    assert_eq!(let_through(&alice, 5).await, 3);
    for (accept, content_type) in [
        ("application/json", "application/json; charset=utf-8"),
        ("application/graphql-response+json", "application/graphql-response+json; charset=utf-8"),
        ("text/html", "application/json; charset=utf-8"),
    ] {
        let alice = alice.clone().with_header("accept", accept);
        for answer in [
            alice.query("{ __typename }").await,
            alice.get("?query=%7B__typename%7D").await,
            alice.send(Method::POST, "", "text/plain", b"nonsense".to_vec()).await,
            alice.send(Method::DELETE, "", "", Vec::new()).await,
        ] {
            assert_eq!(answer.status, 429);
            assert_eq!(answer.header("retry-after"), "2");
            assert_eq!(answer.header("content-type"), content_type);
            assert_eq!(answer.header("cache-control"), "private, no-store");
            insta::allow_duplicates! {
                insta::assert_snapshot!(answer.text, @r#"{"errors":[{"message":"too many requests; try again in 2 seconds","extensions":{"code":"RATE_LIMITED","retryAfterSeconds":2}}]}"#);
            }
        }
    }
    assert_eq!(let_through(&bob, 3).await, 3, "another caller is not touched");
    gateway.clock.advance(Duration::from_secs(2));
    assert_eq!(let_through(&alice, 2).await, 1);
}

#[tokio::test]
async fn a_user_has_one_quota_for_all_stations_and_sessions() {
    let gateway = start(|limits| limits.caller = one_each(SECOND, 3)).await;
    let (first, second) = (gateway.log_in("alice").await, gateway.log_in("alice").await);
    assert_eq!(let_through(&first, 2).await, 2);
    assert_eq!(let_through(&second, 2).await, 1);
}

#[tokio::test]
async fn callers_are_charged_for_themselves_and_not_by_their_address() {
    let gateway = start(|limits| limits.anonymous = one_each(SECOND, 4)).await;
    let (alice, bob) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    let nobody = gateway.anonymous();
    assert_eq!(let_through(&nobody, 5).await, 2, "two requests went to log in");
    assert_eq!(let_through(&alice, 20).await + let_through(&bob, 20).await, 40);
}

#[tokio::test]
async fn wrong_tokens_are_charged_to_their_address_and_stop_no_neighbours_login() {
    let gateway = start(|limits| limits.anonymous = one_each(SECOND, 4)).await;
    let mut passed = 0;
    for number in 0..10 {
        let token = format!("Bearer v4.local.{number}");
        passed += let_through(&gateway.anonymous().with_header("authorization", &token), 1).await;
    }
    assert_eq!(passed, 4);
    gateway.log_in("alice").await;
}

#[tokio::test]
async fn each_login_of_a_mutation_counts_against_its_key() {
    let gateway = start(|limits| limits.login = one_each(MINUTE, 2)).await;
    let answer = gateway
        .anonymous()
        .query(&logins(&["alice-demo", "alice-demo", "alice-demo", "bob-demo", "wrong"]))
        .await;
    assert_eq!(answer.status, 200);
    let json = answer.json();
    for (login, name) in [("l0", "Alice"), ("l1", "Alice"), ("l3", "Bob")] {
        assert_eq!(json["data"][login]["viewer"]["name"], name);
    }
    assert_eq!(json["data"]["l2"], json!(null));
    assert_eq!(
        json["errors"][0],
        json!({
            "message": "too many logins; try again in 60 seconds",
            "locations": [{ "line": 1, "column": 134 }],
            "path": ["l2"],
            "extensions": { "code": "RATE_LIMITED", "retryAfterSeconds": 60 }
        })
    );
    assert_eq!(answer.codes()[1], ("UNAUTHENTICATED".into(), "l4".into()));
    assert_eq!(gateway.calls(LOGIN), 4, "the one too many was not tried");
    // From another station, and after some of the time: the same key.
    gateway.clock.advance(Duration::from_secs(45));
    let answer = gateway.anonymous().query(&logins(&["alice-demo"])).await;
    assert_eq!(answer.json()["errors"][0]["extensions"]["retryAfterSeconds"], 15);
    gateway.clock.advance(Duration::from_secs(15));
    gateway.log_in("alice").await;
}

#[tokio::test]
async fn guessed_keys_count_against_their_address() {
    let gateway = start(|limits| limits.login_address = one_each(SECOND, 3)).await;
    let answer = gateway.anonymous().query(&logins(&["a", "b", "c", "d", "alice-demo"])).await;
    let codes: Vec<_> = answer.codes().into_iter().map(|(code, _)| code).collect();
    let [refused, limited] = ["UNAUTHENTICATED", "RATE_LIMITED"];
    assert_eq!(codes, [refused, refused, refused, limited, limited]);
    assert_eq!(gateway.calls(LOGIN), 3);
}

#[tokio::test]
async fn invented_signatures_are_charged_to_their_address() {
    let gateway = start_with(
        |limits| {
            limits.caller = one_each(SECOND, 3);
            limits.forwarded = one_each(SECOND, 8);
        },
        |options| options.session.forward_credentials = true,
    )
    .await;
    let user = "c160f8cc69a4f0bf2b0362752353d060";
    let forwarding = |signature: &str| {
        let caller = gateway.anonymous().with_header("ozeki-user", user);
        caller.with_header("ozeki-station", user).with_header("ozeki-signature", signature)
    };
    assert_eq!(let_through(&forwarding("looping"), 20).await, 3, "the credential's own quota");
    let mut passed = 0;
    for number in 0..10 {
        passed += let_through(&forwarding(&format!("invented{number}")), 1).await;
    }
    assert_eq!(passed, 5, "what the first left of the address's quota");
    // Nothing of that was charged to the user whose name was used.
    assert_eq!(let_through(&gateway.log_in("alice").await, 3).await, 3);
}

#[tokio::test]
async fn a_forged_address_changes_nothing_unless_a_trusted_proxy_tells_it() {
    let from = |gateway: &TestGateway, client: &str| {
        gateway.anonymous().with_header("x-forwarded-for", client)
    };
    let untrusting = start(|limits| limits.anonymous = one_each(SECOND, 3)).await;
    let mut passed = 0;
    for number in 0..6 {
        passed += let_through(&from(&untrusting, &format!("192.0.2.{number}")), 1).await;
    }
    assert_eq!(passed, 3);

    let trusting = start_with(
        |limits| limits.anonymous = one_each(SECOND, 3),
        |options| options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()],
    )
    .await;
    // What stands left of the address that the proxy saw was sent by the client.
    assert_eq!(let_through(&from(&trusting, "192.0.2.1"), 2).await, 2);
    assert_eq!(let_through(&from(&trusting, "192.0.2.99, 192.0.2.1"), 2).await, 1);
    assert_eq!(let_through(&from(&trusting, "192.0.2.2"), 3).await, 3);
    // All of an IPv6 network are one.
    assert_eq!(let_through(&from(&trusting, "2001:db8::1"), 2).await, 2);
    assert_eq!(let_through(&from(&trusting, "2001:db8::ffff:2"), 2).await, 1);
}

#[tokio::test]
async fn refusals_are_counted_by_limit() {
    let gateway = start(|limits| {
        limits.caller = one_each(SECOND, 1);
        limits.login = one_each(MINUTE, 1);
    })
    .await;
    let alice = gateway.log_in("alice").await;
    assert_eq!(let_through(&alice, 3).await, 1);
    gateway.anonymous().query(&logins(&["alice-demo"])).await;
    let metrics = Caller::new(format!("{}/metrics", gateway.admin_url())).get("").await.text;
    for line in [
        "ozeki_graphql_rate_limited_total{limit=\"caller\"} 2",
        "ozeki_graphql_rate_limited_total{limit=\"login\"} 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn without_limits_nothing_is_refused() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    assert_eq!(let_through(&alice, 100).await + let_through(&gateway.anonymous(), 100).await, 200);
}

/// The defaults must not hurt an office of 500 people behind one address.
#[tokio::test]
async fn by_default_an_office_behind_one_address_can_log_in_at_the_same_moment() {
    const PEOPLE: usize = 500;
    let flags = Flags::default();
    let variables = Variables::from([("OZEKI_GRAPHQL_UPSTREAM_URL", "http://127.0.0.1:1/")]);
    let defaults = Config::load(CommandKind::Serve, &flags, &variables).unwrap().http;
    let quota = |QuotaConfig { count, period, burst }| Quota::new(count, period, burst).unwrap();
    let gateway = start(|limits| {
        *limits = RateLimitOptions {
            caller: quota(defaults.quotas.caller),
            forwarded: quota(defaults.quotas.forwarded),
            anonymous: quota(defaults.quotas.anonymous),
            login: quota(defaults.quotas.login),
            login_address: quota(defaults.quotas.login_address),
        };
    })
    .await;
    // Each with a key of their own; the sandbox knows none of them, which is all the same to the limits.
    let nobody = gateway.anonymous();
    let mut tried = 0;
    for person in 0..PEOPLE {
        assert_eq!(let_through(&nobody, 1).await, 1, "the clock stands still");
        let answer = nobody.query(&logins(&[&format!("key-{person}")])).await;
        tried += usize::from(answer.codes() == [("UNAUTHENTICATED".into(), "l0".into())]);
    }
    assert_eq!(tried, PEOPLE);
    // And a person who works.
    gateway.clock.advance(SECOND);
    let alice = gateway.log_in("alice").await;
    for _ in 0..10 {
        assert_eq!(let_through(&alice, 15).await, 15);
        gateway.clock.advance(SECOND);
    }
}

#[tokio::test]
async fn operations_over_a_socket_are_charged_as_requests_are() {
    let gateway = start(|limits| limits.caller = one_each(2 * SECOND, 3)).await;
    let mut alice = socket_of(&gateway, "alice").await;
    for id in ["1", "2", "3"] {
        alice.ask(id, "{ __typename }").await;
        assert_eq!(alice.answers(id).await.len(), 1);
    }
    alice.ask("4", "{ __typename }").await;
    let refusal = alice.hear().await;
    assert_eq!((&refusal["id"], &refusal["type"]), (&json!("4"), &json!("error")));
    let extensions = json!({ "code": "RATE_LIMITED", "retryAfterSeconds": 2 });
    assert_eq!(refusal["payload"][0]["extensions"], extensions);
    // Another socket has no quota of its own.
    let mut second = socket_of(&gateway, "alice").await;
    second.ask("1", "{ __typename }").await;
    assert_eq!(second.hear().await["type"], "error");
    gateway.clock.advance(2 * SECOND);
    alice.ask("4", "{ __typename }").await;
    assert_eq!(alice.answers("4").await.len(), 1);
}

#[tokio::test]
async fn opening_sockets_is_charged_to_the_address_and_so_are_wrong_tokens() {
    let gateway = start(|limits| limits.anonymous = one_each(MINUTE, 3)).await;
    let payload = json!({ "authorization": "Bearer v4.local.AAAA" });
    for _ in 0..3 {
        let mut socket = Socket::opened(&gateway).await;
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closing().await.0, 4403);
    }
    let refused = Socket::open(&gateway, &[("sec-websocket-protocol", PROTOCOL)]).await.err();
    assert_eq!(refused.unwrap().0, 429);
    let wrong = gateway.anonymous().with_header("authorization", "Bearer v4.local.AAAA");
    assert_eq!(let_through(&wrong, 1).await, 0);
}

#[tokio::test]
async fn an_open_socket_keeps_its_session_from_being_idle() {
    let gateway = TestGateway::start_with(|options| options.session.idle_timeout = MINUTE).await;
    let payload = credential(&gateway, "alice").await.unwrap();
    let bearer = payload["authorization"].as_str().unwrap().to_owned();
    let mut socket = Socket::introduced(&gateway, Some(payload)).await;
    let time = StoppedTime::new();
    for _ in 0..4 {
        gateway.clock.advance(MINUTE / 2);
        time.advance(Duration::from_secs(15)).await;
        assert_eq!(socket.hear().await["type"], "ping");
        // What follows comes back when it has been heard.
        socket.say(&json!({ "type": "ping" })).await;
        assert_eq!(socket.hear().await["type"], "pong");
    }
    let alice = gateway.anonymous().with_header("authorization", &bearer);
    assert_eq!(alice.data("{ viewer { name } }").await["viewer"]["name"], "Alice");
}
