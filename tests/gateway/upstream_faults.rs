//! A wrong, slow or hostile upstream: a typed error in the field that asked, and the other field's data.

use std::time::{Duration, Instant};

use http::StatusCode;
use ozeki_graphql::sandbox::{Fault, Reply};

use crate::support::{BOTH, CONVERSATIONS, FRIENDS, TestGateway};

const LIST: &str = "chatconversation/list";

/// Spoils the conversations and expects one error with this code there, whose message has this text; the friends come.
async fn expect(gateway: &TestGateway, reply: Reply, code: &str, text: &str) {
    let alice = gateway.log_in("alice").await;
    gateway.spoil(CONVERSATIONS, Fault::new(reply));
    let answer = alice.query(BOTH).await;
    let json = answer.json();
    assert_eq!(answer.codes(), [(code.into(), "conversations".into())], "{json}");
    assert_eq!(json["data"].to_string(), r#"{"conversations":null,"friends":{"totalCount":40}}"#);
    let message = json["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains(text), "{message}");
    assert!(!answer.text.contains("CANARY"), "the upstream's text got out: {}", answer.text);
    assert!(!answer.text.contains("127.0.0.1"), "the upstream's address got out: {}", answer.text);
    // It recovers with the next good answer.
    alice.data(BOTH).await;
}

fn listed(conversation: &str) -> Reply {
    Reply::json(format!(
        r#"{{"status":"OK","conversations":[{{"id":"8ca16186c36a4e0a1ef2096e6c60b613",{conversation}}}]}}"#
    ))
}

#[tokio::test]
async fn an_answer_that_is_not_what_the_api_promises_is_told_with_its_member() {
    let gateway = TestGateway::start().await;
    for (reply, text) in [
        (Reply::json(""), LIST),
        (Reply::json("<html>CANARY</html>"), LIST),
        (Reply::status(StatusCode::OK, "<html>CANARY</html>"), LIST),
        (Reply::json("null"), LIST),
        (Reply::json("[]"), LIST),
        (Reply::json("{}"), "`status`"),
        (Reply::json(r#"{"status":"OK"}"#), "`conversations`"),
        (Reply::json(r#"{"status":"OK","conversations":null}"#), "`conversations`"),
        (Reply::json(r#"{"status":"OK","conversations":{}}"#), "`conversations`"),
        (Reply::json(r#"{"status":true,"conversations":[]}"#), "`status`"),
        (Reply::json(r#"{"status":"OK","conversations":[{"isgroup":false}]}"#), "`id`"),
        (
            Reply::json(r#"{"status":"OK","conversations":[{"id":"CANARY"}]}"#),
            "conversations[0].id",
        ),
        (listed(r#""isgroup":"CANARY""#), "conversations[0].isgroup"),
        (listed(r#""lastaccess":"CANARY""#), "conversations[0].lastaccess"),
        (listed(r#""lastaccess":999999999999999"#), "conversations[0].lastaccess"),
        (listed(r#""participants":[{"username":"CANARY"}]"#), "`userid`"),
        (listed(r#""secret":"\ud800""#), LIST),
        (listed(r#""isgroup":false,"isgroup":true"#), "`isgroup`"),
        (Reply::json(&b"{\"status\":\"OK\",\"conversations\":[\xff]}"[..]), LIST),
        (
            Reply::json(format!(
                r#"{{"status":"OK","x":{}1{}}}"#,
                "[".repeat(5000),
                "]".repeat(5000)
            )),
            LIST,
        ),
        (Reply::status(StatusCode::FOUND, "CANARY"), "HTTP 302"),
        (Reply::status(StatusCode::UNAUTHORIZED, ""), "HTTP 401"),
        (Reply::status(StatusCode::NO_CONTENT, ""), LIST),
    ] {
        expect(&gateway, reply, "UPSTREAM_INVALID_RESPONSE", text).await;
    }
}

#[tokio::test]
async fn a_server_that_fails_or_goes_away_is_unavailable() {
    let gateway = TestGateway::start().await;
    for reply in [
        Reply::status(StatusCode::INTERNAL_SERVER_ERROR, "CANARY"),
        Reply::status(StatusCode::NOT_IMPLEMENTED, r#"{"status":"OK","conversations":[]}"#),
    ] {
        expect(&gateway, reply, "UPSTREAM_UNAVAILABLE", "chat server").await;
    }
}

#[tokio::test]
async fn a_rejection_tells_the_servers_reason_whatever_the_http_status() {
    let gateway = TestGateway::start().await;
    for status in [200, 401, 500] {
        let reply = Reply::Scripted {
            status: StatusCode::from_u16(status).unwrap(),
            content_type: "text/html",
            body: r#"{"status":"ERROR","errormessage":"No such user"}"#.into(),
        };
        expect(&gateway, reply, "UPSTREAM_REJECTED", "No such user").await;
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_announced_or_not() {
    let gateway = TestGateway::start().await;
    for bytes in [(8 << 20) + 1, u64::MAX] {
        expect(&gateway, Reply::Oversized { bytes }, "UPSTREAM_INVALID_RESPONSE", "larger than")
            .await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_its_timeout_and_no_more() {
    let timeout = Duration::from_millis(300);
    let gateway = TestGateway::start_with(|options| options.client.timeout = timeout).await;
    let alice = gateway.log_in("alice").await;
    gateway.spoil(FRIENDS, Fault::new(Reply::Stalled));
    let started = Instant::now();
    let answer = alice.query(BOTH).await;
    assert_eq!(answer.codes(), [("UPSTREAM_TIMEOUT".into(), "friends".into())]);
    assert!(started.elapsed() >= timeout);
    assert_eq!(
        answer.json()["data"].to_string(),
        r#"{"conversations":{"totalCount":60},"friends":null}"#
    );
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let gateway = TestGateway::start_with(|options| {
        // Nothing listens on the discard port.
        options.client.url = "http://127.0.0.1:9/ozeki/index.php".parse().unwrap();
    })
    .await;
    let login = "mutation { login(input: {apiKey: \"alice-demo\"}) { token } }";
    let answer = gateway.anonymous().query(login).await;
    assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".into(), "login".into())]);
    assert!(!answer.text.contains("127.0.0.1"));
}
