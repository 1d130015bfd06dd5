//! GraphQL over HTTP: methods, media types, parameters, shapes.

use std::time::Duration;

use ozeki_graphql::sandbox::{Fault, Reply};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, FRIENDS, Socket, TestGateway};

const JSON: &str = "application/json; charset=utf-8";
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json; charset=utf-8";

#[tokio::test]
async fn the_media_type_decides_the_status_of_a_request_error() {
    let gateway = TestGateway::start().await;
    let plain = gateway.anonymous();
    let typed = plain.clone().with_header("accept", "application/graphql-response+json");
    for query in [
        "{",
        "{ nope }",
        "query A { __typename } query B { __typename }",
        "query($x: Int!) { __typename }",
    ] {
        let answer = plain.query(query).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, JSON), "{query}");
        let errors = answer.json();
        let answer = typed.query(query).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (400, GRAPHQL_RESPONSE),
            "{query}"
        );
        assert_eq!(answer.json(), errors);
        assert!(
            errors.get("data").is_none() && !errors["errors"].as_array().unwrap().is_empty(),
            "{errors}"
        );
        let code = errors["errors"][0]["extensions"]["code"].as_str().unwrap();
        assert!(
            code == "GRAPHQL_PARSE_FAILED" || code == "GRAPHQL_VALIDATION_FAILED",
            "{query}: {code}"
        );
    }
    let answer = typed.query("{ viewer { id } }").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, GRAPHQL_RESPONSE));
    assert_eq!(answer.json()["data"], json!({ "viewer": null }));
    let answer = typed.query("{ userId(email: \"\") }").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["data"]), (200, &Value::Null));
}

#[tokio::test]
async fn an_answer_that_the_client_cannot_take_is_406() {
    let gateway = TestGateway::start().await;
    let answer =
        gateway.anonymous().with_header("accept", "text/html").query("{ __typename }").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (406, JSON));
    assert_eq!(answer.codes()[0].0, "BAD_REQUEST");
}

#[tokio::test]
async fn a_post_takes_one_json_object_in_utf8_and_nothing_else() {
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous();
    let body = json!({ "query": "{ __typename }" }).to_string().into_bytes();
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/json; charset=utf-16", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/graphql", 415),
        ("", 415),
    ] {
        let answer = caller.send(Method::POST, "", content_type, body.clone()).await;
        assert_eq!(answer.status, status, "{content_type}");
    }
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"[{\"query\":\"{__typename}\"}]",
        b"{}",
        b"{\"query\":1}",
        b"{\"query\":null}",
        b"{\"query\":\"{__typename}\",\"variables\":[]}",
        b"{\"query\":\"{__typename}\",\"operationName\":1}",
        b"{\"query\":\"{__typename}\",\"extensions\":true}",
        b"{\"query\":\"\xff\"}",
    ] {
        let answer = caller.send(Method::POST, "", "application/json", body.to_vec()).await;
        assert_eq!(answer.status, 400, "{body:?}");
        assert_eq!(answer.codes()[0].0, "BAD_REQUEST");
    }
    let large = format!("{{\"query\":\"{{__typename}}\",\"x\":\"{}\"}}", "a".repeat(300_000));
    let answer = caller.send(Method::POST, "", "application/json", large.into_bytes()).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_get_runs_queries_only_and_needs_a_header_that_forces_a_preflight() {
    let gateway = TestGateway::start().await;
    let query = "?query=query%20A%7B__typename%7D%20query%20B%7Bid%3AuserId(email%3A%22admin%40ozeki.hu%22)%7D&operationName=B";
    assert_eq!(gateway.anonymous().get(query).await.status, 400);
    for header in
        ["graphql-require-preflight", "apollo-require-preflight", "x-apollo-operation-name"]
    {
        let caller = gateway.anonymous().with_header(header, "1");
        let answer = caller.get(query).await;
        assert_eq!(answer.json()["data"]["id"], "d574638619cbff603bf857164c47e850");
        let answer = caller.get("?query=mutation%7Blogout%7BviewerId%7D%7D").await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
        assert_eq!(caller.get("").await.status, 400);
        let variables = "?query=query(%24e%3AString!)%7BuserId(email%3A%24e)%7D&variables=%7B%22e%22%3A%22a%40b%22%7D";
        assert!(caller.get(variables).await.json()["data"]["userId"].is_string());
    }
    let answer =
        gateway.anonymous().send(Method::PUT, "", "application/json", b"{}".to_vec()).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, POST"));
}

#[tokio::test]
async fn the_operation_is_chosen_by_name() {
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous();
    let two = "query A { a: __typename } query B { b: __typename }";
    let post = async |query: &str, name: Value| {
        caller.post(&json!({ "query": query, "operationName": name })).await.json()
    };
    assert_eq!(post(two, json!("B")).await["data"], json!({ "b": "Query" }));
    assert!(post(two, json!(null)).await.get("data").is_none());
    assert!(post(two, json!("C")).await.get("data").is_none());
    assert!(post("{ __typename }", json!("A")).await.get("data").is_none());
    assert_eq!(
        post("query A { __typename }", json!(null)).await["data"],
        json!({ "__typename": "Query" })
    );
}

#[tokio::test]
async fn fields_stand_in_the_order_of_the_document_and_failed_ones_are_null() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "{ friends(first: -1) { totalCount } a: friends { totalCount } __typename conversations { totalCount } viewer { name id } }";
    let answer = alice.query(query).await;
    let data = r#""data":{"friends":null,"a":{"totalCount":40},"__typename":"Query","conversations":{"totalCount":60},"viewer":{"name":"Alice","id":"c160f8cc69a4f0bf2b0362752353d060"}}"#;
    assert!(answer.text.contains(data), "{}", answer.text);
    assert_eq!(answer.codes(), [("BAD_USER_INPUT".into(), "friends".into())]);
}

#[tokio::test]
async fn no_answer_may_be_stored_or_sniffed_and_each_has_a_request_id() {
    let gateway = TestGateway::start().await;
    for answer in [
        gateway.anonymous().query("{ __typename }").await,
        gateway.anonymous().query("{").await,
        gateway.anonymous().get("").await,
    ] {
        assert_eq!(answer.header("cache-control"), "private, no-store");
        assert!(answer.header("vary").contains("Authorization"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-request-id").len(), 36);
    }
    let own = gateway.anonymous().with_header("x-request-id", "trace-7");
    assert_eq!(own.query("{ __typename }").await.header("x-request-id"), "trace-7");
    let strange = gateway.anonymous().with_header("x-request-id", "a b\"c");
    assert_eq!(strange.query("{ __typename }").await.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn answers_are_compressed_as_the_client_asks() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "{ friends { nodes { id name publicKey } } }";
    for coding in ["gzip", "br"] {
        let caller = alice.clone().with_header("accept-encoding", coding);
        let body = json!({ "query": query }).to_string().into_bytes();
        let answer = caller.send(Method::POST, "", "application/json", body).await;
        assert_eq!(answer.header("content-encoding"), coding);
    }
    assert_eq!(alice.query(query).await.header("content-encoding"), "");
}

#[tokio::test]
async fn introspection_is_for_the_playground_only() {
    use ozeki_graphql::app::Playground;
    let query = "{ __schema { queryType { name } } }";
    let closed = TestGateway::start().await;
    let json = closed.anonymous().query(query).await.json();
    assert!(!json.to_string().contains("\"name\":\"Query\""), "{json}");
    let answer = Caller::new(closed.url()).get("/").await;
    assert_eq!(answer.status, 404);
    let open = TestGateway::start_with(|options| options.playground = Playground::On).await;
    assert_eq!(open.anonymous().data(query).await["__schema"]["queryType"]["name"], "Query");
    let answer = Caller::new(open.url()).get("/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
}

#[tokio::test]
async fn health_and_metrics_are_told_and_a_shutdown_ends_in_good_order() {
    let gateway = TestGateway::start().await;
    gateway.log_in("alice").await.data("{ friends { totalCount } }").await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(Caller::new(gateway.url() + path).get("").await.status, 200);
    }
    let metrics = Caller::new(gateway.admin_url() + "/metrics").get("").await;
    for line in [
        "ozeki_graphql_cache_reads_total{resource=\"friends\",outcome=\"miss\"} 1",
        "ozeki_graphql_operations_total{kind=\"query\",outcome=\"ok\"} 1",
        "ozeki_graphql_upstream_call_duration_seconds_count{api=\"chatfriends\",action=\"list\",outcome=\"ok\"} 1",
    ] {
        assert!(
            metrics.text.lines().any(|found| found == line),
            "{line} is not in {}",
            metrics.text
        );
    }
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5";
    let open = Caller::new(gateway.admin_url() + "/metrics").with_header("accept", accept);
    let open = open.get("").await;
    assert!(open.header("content-type").starts_with("application/openmetrics-text"));
    assert!(open.text.ends_with("# EOF\n"));
    assert_eq!(Caller::new(gateway.url() + "/metrics").get("").await.status, 404);
    assert!(gateway.shutdown().await);
}

#[tokio::test]
async fn a_gateway_that_is_about_to_end_answers_and_asks_clients_to_connect_anew() {
    let gateway = TestGateway::start().await;
    let anybody = gateway.anonymous();
    assert_eq!(anybody.query("{ __typename }").await.header("connection"), "");
    gateway.withdraw();
    let answer = anybody.query("{ __typename }").await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, "close"));
    // A socket is told by its own protocol, at the end.
    let mut socket = Socket::introduced(&gateway, None).await;
    socket.ask("1", "{ __typename }").await;
    assert_eq!(socket.answers("1").await.len(), 1);
    let closing = tokio::spawn(async move { socket.closing().await.0 });
    assert!(gateway.shutdown().await);
    assert_eq!(closing.await.unwrap(), 1001);
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_under_way() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let held = gateway.spoil(FRIENDS, Fault::new(Reply::Genuine).held());
    let asking = tokio::spawn(async move { alice.data("{ friends { totalCount } }").await });
    held.arrived(1).await;
    let url = gateway.url();
    let ending = tokio::spawn(gateway.shutdown());
    // Level-triggered: the listener is gone once the shutdown has begun.
    while tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    held.release();
    assert_eq!(asking.await.unwrap()["friends"]["totalCount"], 40);
    assert!(ending.await.unwrap());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_longer_than_its_grace_period() {
    let gateway = TestGateway::start_with(|options| {
        options.shutdown_grace = Duration::from_millis(200);
    })
    .await;
    let alice = gateway.log_in("alice").await;
    let held = gateway.spoil(FRIENDS, Fault::new(Reply::Genuine).held());
    let asking = tokio::spawn(async move { alice.data("{ friends { totalCount } }").await });
    held.arrived(1).await;
    assert!(!gateway.shutdown().await);
    asking.abort();
}
