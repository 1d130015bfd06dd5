//! What a strict server refuses, and how it says so.

use super::*;
use crate::sandbox::{Outcome, Refusal};

const LOGIN: &str = r#"{"action":"login","apikey":"alice-demo"}"#;

/// Makes the call and tells why it was refused; the answer has to say the same.
pub(super) async fn refusal_of(sandbox: &TestSandbox, call: TestCall) -> Refusal {
    let answer = sandbox.json(call).await;
    let Some(Outcome::Refused(refusal)) =
        sandbox.sandbox.journal().calls().pop().map(|call| call.outcome)
    else {
        panic!("answered: {answer}");
    };
    assert_eq!(answer, serde_json::json!({"status": "ERROR", "errormessage": refusal.to_string()}));
    refusal
}

async fn assert_refused(cases: Vec<(Refusal, TestCall)>) {
    let sandbox = TestSandbox::start().await;
    for (expected, call) in cases {
        let described = format!("{} {:?}", call.query, call.headers);
        assert_eq!(refusal_of(&sandbox, call).await, expected, "{described}");
    }
}

fn list() -> TestCall {
    TestCall::signed("chatconversation", LIST)
}

fn list_with(body: &str) -> TestCall {
    TestCall::signed("chatconversation", body)
}

fn dated(timestamp: &str) -> TestCall {
    list_with(&LIST.replace("2024-03-08 13:55:47", timestamp))
}

#[tokio::test]
async fn what_is_no_known_call_is_refused() {
    let query = |query: &str| TestCall { query: query.into(), ..list() };
    let get = TestCall { method: Method::GET, body: Vec::new(), ..list() };
    assert_refused(vec![
        (Refusal::Method, get),
        (Refusal::UnknownApi, query("")),
        (Refusal::UnknownApi, query("srv=chatserver")),
        (Refusal::UnknownApi, query("api=chatconversation")),
        (Refusal::UnknownApi, query("srv=chatowner&api=chatconversation")),
        (Refusal::UnknownApi, query("srv=chatserver&api=chat")),
        (Refusal::UnknownAction, list_with(&LIST.replace("list", "lists"))),
        (Refusal::MissingMember("action"), list_with("{}")),
        (
            Refusal::InvalidMember { name: "action", expected: "a string" },
            list_with(r#"{"action":1}"#),
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let too_large = format!("{{\"action\":\"{}\"}}", "a".repeat(1024 * 1024));
    assert_refused(vec![
        (Refusal::ContentType, list().without("content-type")),
        (Refusal::ContentType, list().with("content-type", "text/plain")),
        (Refusal::NotAnObject, list_with("")),
        (Refusal::NotAnObject, list_with("{")),
        (Refusal::NotAnObject, list_with("[]")),
        (Refusal::NotAnObject, list_with(&"[".repeat(100_000))),
        (Refusal::BodyTooLarge, list_with(&too_large)),
    ])
    .await;
}

#[tokio::test]
async fn an_undated_or_badly_dated_call_is_refused() {
    let version = Refusal::InvalidMember { name: "clientversioncode", expected: "an integer" };
    let timestamp = Refusal::InvalidMember {
        name: "timestamp",
        expected: "a UTC time written yyyy-MM-dd HH:mm:ss",
    };
    assert_refused(vec![
        (
            Refusal::MissingMember("clientversioncode"),
            list_with(r#"{"action":"list","timestamp":"2024-03-08 13:55:47"}"#),
        ),
        (version, list_with(&LIST.replace(":3", ":\"3\""))),
        (version, list_with(&LIST.replace(":3", ":3.5"))),
        (
            Refusal::MissingMember("timestamp"),
            list_with(r#"{"action":"list","clientversioncode":3}"#),
        ),
        (timestamp, dated("2024-03-08T13:55:47Z")),
        (timestamp, dated("2024-03-08 01:55:47 PM")),
        (Refusal::TimestampAway, dated("2024-03-08 13:50:46")),
        (Refusal::TimestampAway, dated("2024-03-08 14:00:48")),
        (Refusal::TimestampAway, dated("0000-01-01 00:00:00")),
    ])
    .await;
}

#[tokio::test]
async fn a_timestamp_within_five_minutes_is_taken() {
    let sandbox = TestSandbox::start().await;
    for timestamp in ["2024-03-08 13:50:47", "2024-03-08 14:00:47"] {
        assert_eq!(sandbox.json(dated(timestamp)).await["status"], "OK");
    }
}

#[tokio::test]
async fn a_missing_or_malformed_header_is_refused() {
    let invalid = |name| Refusal::InvalidHeader { name, expected: "32 lower-case hex digits" };
    let upper_case = UserId::from_email("alice@example.com").unwrap().to_string().to_uppercase();
    assert_refused(vec![
        (Refusal::MissingHeader("Ozeki-Station"), list().without("ozeki-station")),
        (invalid("Ozeki-Station"), list().with("ozeki-station", "7")),
        (Refusal::MissingHeader("Ozeki-User"), list().without("ozeki-user")),
        (invalid("Ozeki-User"), list().with("ozeki-user", "alice")),
        (invalid("Ozeki-User"), list().with("ozeki-user", &upper_case)),
        (Refusal::MissingHeader("Ozeki-Signature"), list().without("ozeki-signature")),
        (
            Refusal::MissingHeader("Ozeki-Station"),
            TestCall::unsigned("chatlogin", LOGIN).without("ozeki-station"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_credential_that_is_not_the_callers_is_refused() {
    let other_body = TestCall { body: LIST.replace("47", "48").into(), ..list() };
    let other_bytes_of_the_same_json = TestCall { body: LIST.replace(',', ", ").into(), ..list() };
    let bob = UserId::from_email("bob@example.com").unwrap().to_string();
    let stranger = UserId::from_email("emma.clarke@example.com").unwrap();
    let sign = |key| TestCall::signed_by("alice@example.com", key, "chatfriends", LIST);
    let login = |body| TestCall::unsigned("chatlogin", body);
    assert_refused(vec![
        (Refusal::WrongSignature, other_body),
        (Refusal::WrongSignature, other_bytes_of_the_same_json),
        (Refusal::WrongSignature, sign("bob-demo")),
        (Refusal::WrongSignature, list().with("ozeki-user", &bob)),
        (Refusal::WrongSignature, list().with("ozeki-signature", "")),
        (Refusal::WrongSignature, list().with("ozeki-signature", &"a".repeat(2000))),
        (Refusal::UnknownUser, list().with("ozeki-user", &stranger.to_string())),
        (Refusal::MissingMember("apikey"), login(r#"{"action":"login"}"#)),
        (Refusal::UnknownApiKey, login(r#"{"action":"login","apikey":"alice"}"#)),
        (Refusal::UnknownApiKey, login(r#"{"action":"login","apikey":""}"#)),
        (
            Refusal::InvalidMember { name: "apikey", expected: "a string" },
            login(r#"{"action":"login","apikey":null}"#),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_refusal_repeats_no_credential() {
    let sandbox = TestSandbox::start().await;
    let call = TestCall::signed_by("alice@example.com", "secret-key", "chatfriends", LIST);
    let signature = call.headers["ozeki-signature"].to_str().unwrap().to_owned();
    let (_, answer) = sandbox.text(call).await;
    let login = LOGIN.replace("alice-demo", "secret-key");
    let (_, login_answer) = sandbox.text(TestCall::unsigned("chatlogin", &login)).await;
    assert!(!answer.contains(&signature), "{answer}");
    assert!(!login_answer.contains("secret-key"), "{login_answer}");
}
