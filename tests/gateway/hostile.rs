//! What clients send that no well-meaning one would.

use std::time::Duration;

use ozeki_graphql::sandbox::{Fault, Reply};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Caller, FRIENDS, LOGIN, TestGateway};

#[tokio::test]
async fn a_variable_that_is_absent_has_its_default_in_directives_too() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    for (directive, default, is_there) in [
        ("skip", true, false),
        ("skip", false, true),
        ("include", true, true),
        ("include", false, false),
    ] {
        let query = format!(
            "query($b: Boolean = {default}) {{ viewer {{ id }} friends @{directive}(if: $b) {{ totalCount }} }}"
        );
        let data = alice.data(&query).await;
        assert_eq!(data.get("friends").is_some(), is_there, "{query}: {data}");
    }
    let query = "query($first: Int = 2, $direction: OrderDirection! = DESC) {
        friends(first: $first, orderBy: {field: NAME, direction: $direction}) { nodes { id } }
    }";
    assert_eq!(alice.data(query).await["friends"]["nodes"].as_array().unwrap().len(), 2);
    let body = json!({ "query": query, "variables": { "first": 3 } });
    let json = alice.post(&body).await.json();
    assert_eq!(json["data"]["friends"]["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(gateway.calls(FRIENDS), 1);
}

#[tokio::test]
async fn what_is_skipped_by_default_is_not_fetched() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "query($names: Boolean = false) {
        conversations { nodes { id participants { id friend @include(if: $names) { name } } } }
    }";
    alice.data(query).await;
    assert_eq!(gateway.list_calls(), (1, 0));
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_told_by_its_argument_and_never_repeated() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let by_variable =
        "query($n: Int) { friends { totalCount } conversations(last: $n) { totalCount } }";
    for (query, variables, path, argument) in [
        (
            "{ conversations(first: 2147483648) { totalCount } }",
            json!({}),
            "conversations",
            "first",
        ),
        ("{ f: friends(last: -2147483649) { totalCount } }", json!({}), "f", "last"),
        (
            "{ ...F } fragment F on Query { friends(first: 2147483648) { totalCount } }",
            json!({}),
            "friends",
            "first",
        ),
        (by_variable, json!({ "n": 2_147_483_648_i64 }), "conversations", "last"),
        (by_variable, json!({ "n": -2_147_483_649_i64 }), "conversations", "last"),
        (
            "mutation($i: LoginInput!) { login(input: $i) { token } }",
            json!({ "i": "SECRET" }),
            "login",
            "input",
        ),
        ("mutation { login(input: \"SECRET\") { token } }", json!({}), "login", "input"),
    ] {
        let answer = alice.post(&json!({ "query": query, "variables": variables })).await;
        assert_eq!(answer.codes(), [("BAD_USER_INPUT".into(), path.into())], "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["extensions"]["argument"], argument);
        for sent in ["SECRET", "2147483648", "2147483649"] {
            assert!(!answer.text.contains(sent), "{}", answer.text);
        }
    }
    let json = alice
        .post(&json!({ "query": by_variable, "variables": { "n": 2_147_483_648_i64 } }))
        .await
        .json();
    assert_eq!(json["data"], json!({ "friends": { "totalCount": 40 }, "conversations": null }));
    assert_eq!(json["errors"][0]["message"], "the value of `last` does not fit the type `Int`");
}

#[tokio::test]
async fn a_document_that_does_not_fit_the_schema_is_refused_without_its_values() {
    let gateway = TestGateway::start().await;
    for (query, variables) in [
        ("mutation { login(input: {apiKey: 5, stationId: \"SECRET\"}) { token } }", json!({})),
        ("mutation { login(input: {apiKey: SECRET}) { token } }", json!({})),
        ("mutation { login(input: {apiKey: [\"SECRET\"]}) { token } }", json!({})),
        (
            "mutation($k: String!) { login(input: {apiKey: $k}) { token } }",
            json!({ "k": ["SECRET"] }),
        ),
        (
            "mutation($i: LoginInput!) { login(input: $i) { token } }",
            json!({ "i": [{ "apiKey": "SECRET" }] }),
        ),
        ("{ friends(first: \"SECRET\") { totalCount } }", json!({})),
        ("{ friends(orderBy: {field: SECRET, direction: ASC}) { totalCount } }", json!({})),
        (
            "query($o: FriendOrder) { friends(orderBy: $o) { totalCount } }",
            json!({ "o": { "field": "NAME", "direction": "SECRET" } }),
        ),
        ("query($n: Int = \"SECRET\") { friends(first: $n) { totalCount } }", json!({})),
        ("query($b: Boolean!) { viewer @skip(if: $b) { id } }", json!({ "b": "SECRET" })),
        ("{ viewer @skip(if: \"SECRET\") { id } }", json!({})),
        ("mutation { login(input: {apiKey: \"SECRET", json!({})),
        ("mutation { login(input: {apiKey: \"\\uSECRET\"}) { token } }", json!({})),
    ] {
        let answer =
            gateway.anonymous().post(&json!({ "query": query, "variables": variables })).await;
        let json = answer.json();
        assert!(json["errors"][0]["extensions"]["code"].is_string(), "{query}: {json}");
        assert!(!answer.text.contains("SECRET"), "{query}: {json}");
    }
}

#[tokio::test]
async fn asking_for_the_schema_where_introspection_is_off_is_a_request_error() {
    let gateway = TestGateway::start().await;
    for query in [
        "{ __schema { queryType { name } } }",
        "{ __typename x: __type(name: \"Query\") { name } }",
        "{ ... { ...A } } fragment A on Query { ...B } fragment B on Query { __schema { description } }",
        "query Other { __typename } query Asked { __schema { description } }",
    ] {
        let name = query.contains("Asked").then_some("Asked");
        let body = json!({ "query": query, "operationName": name });
        let json = gateway.anonymous().post(&body).await.json();
        assert_eq!(
            json["errors"][0]["message"],
            "introspection is off; it comes with --playground"
        );
        assert_eq!(json["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
        assert!(json.get("data").is_none(), "{json}");
    }
    let data = gateway.anonymous().data("{ __typename }").await;
    assert_eq!(data, json!({ "__typename": "Query" }));
}

#[tokio::test]
async fn an_operation_that_is_not_done_by_its_deadline_is_504_and_counted() {
    let gateway = TestGateway::start_with(|options| {
        options.request_timeout = Duration::from_millis(300);
    })
    .await;
    for accept in ["application/json", "application/graphql-response+json"] {
        let held = gateway.spoil(LOGIN, Fault::new(Reply::Genuine).held());
        let login = "mutation { login(input: {apiKey: \"alice-demo\"}) { token } }";
        let answer = gateway.anonymous().with_header("accept", accept).query(login).await;
        held.release();
        let json = answer.json();
        assert_eq!((answer.status.as_u16(), &json["data"]), (504, &json!(null)), "{json}");
        assert!(json.as_object().unwrap().contains_key("data"), "it was begun: {json}");
        assert_eq!(answer.codes(), [("UPSTREAM_TIMEOUT".into(), String::new())]);
        let told = json["errors"][0]["message"].as_str().unwrap();
        assert!(told.contains("may still happen"), "{told}");
    }
    let metrics = Caller::new(gateway.admin_url() + "/metrics").get("").await.text;
    let line = "ozeki_graphql_operations_total{kind=\"mutation\",outcome=\"timed_out\"} 2";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
}

/// What the gateway answers to the beginning of a request whose rest never comes.
async fn answer_to(gateway: &TestGateway, beginning: &str) -> String {
    let url = gateway.url();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // The gateway closes the connection, since it cannot find the next request on it.
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_408() {
    let gateway = TestGateway::start_with(|options| {
        options.request_timeout = Duration::from_millis(200);
    })
    .await;
    let head = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for body in ["Content-Length: 50\r\n\r\n{\"query\":", "Transfer-Encoding: chunked\r\n\r\n"] {
        let answer = answer_to(&gateway, &format!("{head}{body}")).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("BAD_REQUEST"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_long_is_not_waited_for() {
    let gateway = TestGateway::start().await;
    let head = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for length in ["262145", "9223372036854775807"] {
        let answer = answer_to(&gateway, &format!("{head}Content-Length: {length}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{length}: {answer}");
    }
}

#[tokio::test]
async fn a_document_that_nests_brackets_too_deep_is_refused_and_ends_nothing() {
    let gateway = TestGateway::start().await;
    for (open, close) in [("[", "]"), ("{x:", "}")] {
        let value = format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
        let answer = gateway.anonymous().query(&format!("{{ userId(email: {value}) }}")).await;
        assert_eq!(answer.codes(), [("OPERATION_TOO_EXPENSIVE".into(), String::new())]);
        assert!(answer.json().get("data").is_none());
    }
    gateway.anonymous().data("{ __typename }").await;
}
