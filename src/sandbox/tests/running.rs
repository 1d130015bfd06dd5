//! Starting, journalling and stopping.

use super::*;
use crate::sandbox::{Call, Outcome, Refusal};

#[tokio::test]
async fn every_call_is_journalled_with_its_caller_and_outcome() {
    let sandbox = TestSandbox::start().await;
    let login = r#"{"action":"login","apikey":"bob-demo"}"#;
    sandbox.json(TestCall::unsigned("chatlogin", login)).await;
    sandbox.json(TestCall::signed("chatfriends", LIST)).await;
    let wrong = TestCall::signed("chatfriends", LIST).with("ozeki-signature", "00");
    sandbox.json(wrong).await;

    let user = |email| Some(UserId::from_email(email).unwrap());
    let call = |api: &str, action: &str, user, outcome| Call {
        api: api.into(),
        action: action.into(),
        user,
        outcome,
    };
    let alice = user("alice@example.com");
    assert_eq!(
        sandbox.sandbox.journal().calls(),
        [
            call("chatlogin", "login", user("bob@example.com"), Outcome::Answered),
            call("chatfriends", "list", alice, Outcome::Answered),
            call("chatfriends", "list", alice, Outcome::Refused(Refusal::WrongSignature)),
        ]
    );
}

#[tokio::test]
async fn hostile_names_are_journalled_short_and_plain() {
    let sandbox = TestSandbox::start().await;
    let action = format!("li\\nst{}", "a".repeat(500));
    let body = format!(r#"{{"action":"{action}"}}"#);
    let call = TestCall {
        query: "srv=chatserver&api=chat%0Afriends%1b%5B31m".into(),
        ..TestCall::signed("chatfriends", &body)
    };
    sandbox.json(call).await;
    let journalled = sandbox.sandbox.journal().calls().remove(0);
    assert_eq!(journalled.api, "chatfriends31m");
    assert_eq!(journalled.action, format!("list{}", "a".repeat(60)));
}

#[tokio::test]
async fn another_recipe_makes_another_signature() {
    let sandbox = Sandbox::start(SandboxOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        recipe: Recipe {
            payload: "{user}{station}{api}{action}{timestamp}{body}{key}".parse().unwrap(),
            ..Recipe::default()
        },
        clock: Clock::manual(NOW),
    })
    .await
    .unwrap();
    let sandbox = TestSandbox { sandbox, ..TestSandbox::start().await };
    let call = TestCall::signed("chatfriends", LIST);
    assert_eq!(sandbox.json(call.clone()).await["status"], "ERROR");
    let user = UserId::from_email("alice@example.com").unwrap();
    let plain = Recipe {
        payload: format!("{user}{STATION}chatfriendslist2024-03-08 13:55:47{{body}}{{key}}")
            .parse()
            .unwrap(),
        ..Recipe::default()
    };
    let signature = plain.sign(&SignedRequest {
        user,
        station: Some(STATION),
        api: "",
        action: "",
        timestamp: "",
        body: LIST.as_bytes(),
        key: &ApiKey::parse("alice-demo").unwrap(),
    });
    let call = call.with("ozeki-signature", signature.expose());
    assert_eq!(sandbox.json(call).await["status"], "OK");
}

#[tokio::test]
async fn the_url_tells_the_port_that_was_picked() {
    let sandbox = TestSandbox::start().await;
    let url = sandbox.sandbox.url();
    assert_eq!(url.path(), "/ozeki/index.php");
    assert!(url.port().is_some_and(|port| port != 0));
}

#[tokio::test]
async fn after_shutdown_nothing_listens() {
    let sandbox = TestSandbox::start().await;
    let address = sandbox.sandbox.url().socket_addrs(|| None).unwrap()[0];
    sandbox.sandbox.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let sandbox = TestSandbox::start().await;
    let listen = sandbox.sandbox.url().socket_addrs(|| None).unwrap()[0];
    let second = Sandbox::start(SandboxOptions {
        listen,
        recipe: Recipe::default(),
        clock: Clock::manual(NOW),
    });
    assert_eq!(second.await.err().map(|error| error.kind()), Some(std::io::ErrorKind::AddrInUse));
}
