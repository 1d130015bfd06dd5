//! Documents that are sent by their hash.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Answer, Caller, FRIENDS, TestGateway};

const QUERY: &str = "query Names($first: Int) { friends(first: $first) { nodes { name } } }";

fn hash(document: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(document).into();
    digest
        .chunks(16)
        .map(|half| u128::from_be_bytes(half.try_into().unwrap()))
        .fold(String::new(), |text, half| format!("{text}{half:032x}"))
}

fn extensions(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn by_hash(caller: &Caller, document: &str) -> Answer {
    let variables = json!({ "first": 2 });
    caller.post(&json!({ "extensions": extensions(&hash(document)), "variables": variables })).await
}

async fn with_hash(caller: &Caller, document: &str) -> Answer {
    let variables = json!({ "first": 2 });
    let extensions = extensions(&hash(document));
    caller
        .post(&json!({ "query": document, "extensions": extensions, "variables": variables }))
        .await
}

#[tokio::test]
async fn a_document_that_ran_can_be_asked_for_by_its_hash() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let answer = by_hash(&alice, QUERY).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({ "errors": [{
            "message": "PersistedQueryNotFound",
            "extensions": { "code": "PERSISTED_QUERY_NOT_FOUND" },
        }] })
    );
    let expected = with_hash(&alice, QUERY).await;
    assert_eq!(expected.json()["data"]["friends"]["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(by_hash(&alice, QUERY).await.text, expected.text);
    // What a hash stands for is no secret, and what it gives is the caller's own.
    let bob = gateway.log_in("bob").await;
    let of_bob = by_hash(&bob, QUERY).await;
    assert_eq!(of_bob.json()["data"]["friends"]["nodes"].as_array().unwrap().len(), 2);
    assert_ne!(of_bob.text, expected.text);
    assert_eq!(gateway.calls(FRIENDS), 2);
    let typed = alice.with_header("accept", "application/graphql-response+json");
    assert_eq!(by_hash(&typed, "{ blocklist { userIds } }").await.status, 400);
    assert_eq!(by_hash(&typed, QUERY).await.status, 200);
}

#[tokio::test]
async fn a_hash_works_by_get_as_well() {
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous().with_header("apollo-require-preflight", "1");
    let query = "{ userId(email: \"admin@ozeki.hu\") }";
    let encode =
        |value: &str| url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
    let extensions = encode(&extensions(&hash(query)).to_string());
    let by_hash = format!("?extensions={extensions}");
    assert_eq!(caller.get(&by_hash).await.codes()[0].0, "PERSISTED_QUERY_NOT_FOUND");
    let whole = caller.get(&format!("{by_hash}&query={}", encode(query))).await;
    assert_eq!(whole.json()["data"]["userId"], "d574638619cbff603bf857164c47e850");
    assert_eq!(caller.get(&by_hash).await.text, whole.text);
    let mutation = "mutation { setAvailable { viewer { id } } }";
    let session = gateway.log_in("alice").await;
    session.data(mutation).await;
    let extensions = encode(&self::extensions(&hash(mutation)).to_string());
    assert_eq!(caller.get(&format!("?extensions={extensions}")).await.status, 405);
}

#[tokio::test]
async fn a_hash_of_another_document_is_refused_and_nothing_is_kept_under_it() {
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous();
    let other = "{ __typename }";
    let body = json!({ "query": QUERY, "extensions": extensions(&hash(other)) });
    let answer = caller.post(&body).await;
    assert_eq!((answer.status.as_u16(), answer.codes()[0].0.as_str()), (400, "BAD_REQUEST"));
    assert_eq!(by_hash(&caller, other).await.codes()[0].0, "PERSISTED_QUERY_NOT_FOUND");
    for persisted in [
        json!({ "version": 2, "sha256Hash": hash(other) }),
        json!({ "version": 1, "sha256Hash": "ab" }),
        json!({ "version": 1 }),
        json!("x"),
    ] {
        let body = json!({ "query": other, "extensions": { "persistedQuery": persisted } });
        assert_eq!(caller.post(&body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn what_is_refused_is_not_kept() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    for document in [
        "{ nope }",
        "{ friends(first: $missing) { totalCount } }",
        "{ __schema { description } }",
        "{",
        "{ a: viewer { id } b: viewer { id } c: viewer { id } d: viewer { id } e: viewer { id } f: viewer { id } }",
        "{ friends(first: 200) { nodes { conversations(first: 200) { nodes { id } } } } }",
        "mutation { login(input: {apiKey: \"alice-demo\"}) { expiresAt } }",
    ] {
        with_hash(&alice, document).await;
        let codes = by_hash(&alice, document).await.codes();
        assert_eq!(codes[0].0, "PERSISTED_QUERY_NOT_FOUND", "{document}");
    }
}
