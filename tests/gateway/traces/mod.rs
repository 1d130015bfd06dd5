//! Traces as a collector gets them.

mod collector;
mod faults;

use std::collections::BTreeSet;

use ozeki_graphql::sandbox::{Fault, Reply, Times};

use crate::sockets::socket_of;
use crate::support::chat::{ADD, REJECTION, chat_of, send};
use crate::support::{Caller, FRIENDS, TestGateway};
use collector::{Collector, Manner, Passage, Span};

const INBOX: &str = "query Inbox { conversations { totalCount } friends { totalCount } }";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn traced() -> (TestGateway, Collector) {
    let collector = Collector::start(Manner::Takes);
    let gateway =
        TestGateway::start_with(|options| options.traces = Some(collector.options())).await;
    (gateway, collector)
}

/// The one span of this name.
fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.name() == name).collect();
    let [span] = found[..] else { panic!("{name} is not one of {spans:#?}") };
    span
}

#[tokio::test]
async fn a_request_its_loads_and_their_calls_are_joined() {
    let (gateway, collector) = traced().await;
    let alice = gateway.log_in("alice").await.with_header("x-request-id", "request-7");
    alice.data(INBOX).await;
    assert!(gateway.shutdown().await);

    let (own, below) = collector.of_operation("Inbox");
    assert_eq!((own.name(), own.kind(), own.parent()), ("POST /graphql", 2, None));
    for (name, expected) in [
        ("graphql.operation.type", "query"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.route", "/graphql"),
        ("ozeki_graphql.delivery", "whole"),
        ("ozeki_graphql.outcome", "ok"),
        ("ozeki_graphql.request_id", "request-7"),
    ] {
        assert_eq!(own.attribute(name), expected, "{name}");
    }
    assert_eq!(below.len(), 4, "{below:#?}");
    for (load, call) in
        [("load conversations", "chatconversation list"), ("load friends", "chatfriends list")]
    {
        let (load, call) = (named(&below, load), named(&below, call));
        assert_eq!((load.kind(), load.parent()), (1, Some(own.id())));
        assert_eq!((call.kind(), call.parent()), (3, Some(load.id())));
        assert_eq!(load.attribute("ozeki_graphql.outcome"), "ok");
        assert_eq!(call.attribute("ozeki_graphql.outcome"), "ok");
        assert_eq!(call.attribute("http.response.status_code"), "200");
    }
    for span in below.iter().chain([&own]) {
        let (start, end) = span.time();
        // The test's clock stands still; durations do not.
        assert!(start < end && !span.is_error(), "{span:?}");
    }
}

#[tokio::test]
async fn an_answer_that_was_ready_has_its_span_and_nothing_below() {
    let (gateway, collector) = traced().await;
    let alice = gateway.log_in("alice").await;
    for name in ["first-1", "kept-1", "again-1", "again-2"] {
        alice.clone().with_header("x-request-id", name).data(INBOX).await;
    }
    gateway.until_metric("ozeki_graphql_answers_repeated_total 2").await;
    assert!(gateway.shutdown().await);
    let spans = collector.spans();
    for name in ["again-1", "again-2"] {
        let is_its = |span: &&Span| span.attribute("ozeki_graphql.request_id") == name;
        let own = spans.iter().find(is_its).unwrap();
        assert_eq!(own.attribute("graphql.operation.name"), "Inbox");
        assert_eq!(spans.iter().filter(|span| span.trace() == own.trace()).count(), 1);
    }
}

#[tokio::test]
async fn a_load_that_is_shared_belongs_to_who_began_it() {
    let (gateway, collector) = traced().await;
    let alice = gateway.log_in("alice").await;
    let held = gateway.spoil(FRIENDS, Fault::new(Reply::Genuine).held());
    let ask = |query: &'static str| {
        let alice = alice.clone();
        tokio::spawn(async move { alice.data(query).await })
    };
    let first = ask("query First { friends { totalCount } }");
    held.arrived(1).await;
    let second = ask("query Second { friends { totalCount } }");
    let joined = "ozeki_graphql_cache_reads_total{resource=\"friends\",outcome=\"coalesced\"} 1";
    gateway.until_metric(joined).await;
    held.release();
    first.await.unwrap();
    second.await.unwrap();
    assert!(gateway.shutdown().await);
    assert_eq!(collector.of_operation("First").1.len(), 2);
    assert_eq!(collector.of_operation("Second").1.len(), 0);
}

#[tokio::test]
async fn each_attempt_of_a_call_is_a_span() {
    let (gateway, collector) = traced().await;
    let alice = gateway.log_in("alice").await;
    gateway.spoil(FRIENDS, Fault::new(Reply::Closed));
    alice.data("query Friends { friends { totalCount } }").await;
    assert!(gateway.shutdown().await);
    let (_, below) = collector.of_operation("Friends");
    let load = named(&below, "load friends");
    let calls: Vec<&Span> = below.iter().filter(|span| span.kind() == 3).collect();
    let outcomes: Vec<_> = calls.iter().map(|it| it.attribute("ozeki_graphql.outcome")).collect();
    assert_eq!(outcomes, ["connection_lost", "ok"]);
    assert_eq!(calls[0].attribute("error.type"), "connection_lost");
    assert!(calls.iter().all(|call| call.parent() == Some(load.id())));
    assert!(calls[0].is_error() && !calls[1].is_error() && !load.is_error());
}

#[tokio::test]
async fn what_a_load_begins_as_a_task_is_below_it() {
    let (gateway, collector) = traced().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let query = send(&chat, "YQ==").replacen("mutation", "mutation Send", 1);
    alice.data(&query).await;
    assert!(gateway.shutdown().await);
    let (own, below) = collector.of_operation("Send");
    assert_eq!(own.attribute("graphql.operation.type"), "mutation");
    let sending = named(&below, "load sent_messages");
    let call = named(&below, "chatconversation add");
    assert_eq!((sending.parent(), call.parent()), (Some(own.id()), Some(sending.id())));
}

#[tokio::test]
async fn an_operation_over_a_socket_is_a_trace_of_its_own() {
    let (gateway, collector) = traced().await;
    let mut socket = socket_of(&gateway, "alice").await;
    socket.ask("1", INBOX).await;
    socket.answers("1").await;
    socket.close().await;
    assert!(gateway.shutdown().await);
    let (own, below) = collector.of_operation("Inbox");
    assert_eq!((own.name(), own.kind(), own.parent()), ("query", 2, None));
    assert_eq!(below.len(), 4);
    let upgrade = collector.spans();
    let upgrade = named(&upgrade, "GET /graphql");
    assert_eq!(upgrade.attribute("http.response.status_code"), "101");
    assert_ne!(upgrade.trace(), own.trace());
}

#[tokio::test]
async fn a_trace_is_gone_on_with_and_handed_on() {
    let collector = Collector::start(Manner::Takes);
    let mut passage = None;
    let gateway = TestGateway::start_with(|options| {
        let passage = passage.insert(Passage::to(&options.client.url));
        options.client.url = passage.url.clone();
        options.traces = Some(collector.options());
    })
    .await;
    let passage = passage.unwrap();
    let alice = gateway.log_in("alice").await;
    let state = "vendor=t61rcWkgMzE, other=~x";
    let alice = alice.with_header("traceparent", TRACEPARENT).with_header("tracestate", state);
    alice.data(INBOX).await;
    assert!(gateway.shutdown().await);

    let (own, below) = collector.of_operation("Inbox");
    assert_eq!((own.trace(), own.parent()), (TRACE, Some("00f067aa0ba902b7")));
    for api in ["chatconversation", "chatfriends"] {
        let call = named(&below, &format!("{api} list"));
        let expected = format!("00-{TRACE}-{}-01", call.id());
        assert_eq!(passage.brought(api, "traceparent"), [Some(expected)]);
        assert_eq!(passage.brought(api, "tracestate"), [Some(state.to_owned())]);
    }
    // The login began a trace of its own.
    let login = passage.brought("chatlogin", "traceparent");
    assert!(!login[0].as_ref().unwrap().contains(TRACE), "{login:?}");
    assert_eq!(passage.brought("chatlogin", "tracestate"), [None]);
}

#[tokio::test]
async fn a_traceparent_that_breaks_the_standard_counts_as_absent() {
    let (gateway, collector) = traced().await;
    let upper = TRACEPARENT.to_uppercase();
    for given in [&[TRACEPARENT, TRACEPARENT][..], &[&upper], &["00-00-00-01"], &[""]] {
        let mut nobody = gateway.anonymous().with_header("tracestate", "a=1");
        for value in given {
            nobody = nobody.with_header("traceparent", value);
        }
        nobody.data("{ __typename }").await;
    }
    assert!(gateway.shutdown().await);
    let spans = collector.spans();
    let traces: BTreeSet<&str> = spans.iter().map(Span::trace).collect();
    assert_eq!((spans.len(), traces.len()), (4, 4));
    assert!(spans.iter().all(|span| span.parent().is_none() && span.trace() != TRACE));
}

#[tokio::test]
async fn who_asks_decides_what_is_kept_and_else_the_share_does() {
    for (share, given, is_kept) in [
        (1.0, None, true),
        (0.0, None, false),
        (0.0, Some(TRACEPARENT.to_owned()), true),
        (1.0, Some(TRACEPARENT.replace("-01", "-00")), false),
    ] {
        let collector = Collector::start(Manner::Takes);
        let mut passage = None;
        let gateway = TestGateway::start_with(|options| {
            let passage = passage.insert(Passage::to(&options.client.url));
            options.client.url = passage.url.clone();
            options.traces = Some(collector.options_with(share));
        })
        .await;
        let mut alice = gateway.log_in("alice").await;
        if let Some(given) = &given {
            alice = alice.with_header("traceparent", given);
        }
        alice.data("query Kept { friends { totalCount } }").await;
        assert!(gateway.shutdown().await);
        assert_eq!(collector.text().contains("Kept"), is_kept, "{share} {given:?}");
        // The Ozeki server is told in any case, and also that the trace is not kept.
        let brought = passage.unwrap().brought("chatfriends", "traceparent");
        let flag = if is_kept { "-01" } else { "-00" };
        assert!(brought[0].as_ref().unwrap().ends_with(flag), "{brought:?}");
    }
}

#[tokio::test]
async fn strangers_can_have_fifty_traces_a_second_kept_and_no_more() {
    let collector = Collector::start(Manner::Takes);
    let gateway =
        TestGateway::start_with(|options| options.traces = Some(collector.options_with(0.0))).await;
    let stranger = gateway.anonymous().with_header("traceparent", TRACEPARENT);
    let stopped = crate::support::StoppedTime::new();
    for _ in 0..60 {
        stranger.data("{ __typename }").await;
    }
    drop(stopped);
    tokio::time::resume();
    assert!(gateway.shutdown().await);
    assert_eq!(collector.spans().len(), 50);
}

#[tokio::test]
async fn without_a_collector_nothing_is_traced_and_nothing_handed_on() {
    let mut passage = None;
    let gateway = TestGateway::start_with(|options| {
        let passage = passage.insert(Passage::to(&options.client.url));
        options.client.url = passage.url.clone();
    })
    .await;
    let alice = gateway.log_in("alice").await.with_header("traceparent", TRACEPARENT);
    alice.with_header("tracestate", "a=1").data(INBOX).await;
    let metrics = Caller::new(gateway.admin_url() + "/metrics").get("").await.text;
    assert!(!metrics.contains("trace_spans_total{"), "{metrics}");
    let passage = passage.unwrap();
    for header in ["traceparent", "tracestate"] {
        assert_eq!(passage.brought("chatfriends", header), [None]);
    }
}

#[tokio::test]
async fn no_span_tells_who_asked_or_for_what() {
    let (gateway, collector) = traced().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let rejected = Fault::new(Reply::json(REJECTION));
    gateway.faults().inject(ADD.0, ADD.1, Times::Next(1), rejected);
    alice.query(&send(&chat, "b3BlbnNlc2FtZQ==")).await;
    alice.query("{ friend(id: \"opensesame\") { id } nonsense(a: \"opensesame\") }").await;
    alice.get("?query={__typename}&variables={\"a\":\"opensesame\"}").await;
    let viewer = alice.data("{ viewer { id } }").await["viewer"]["id"].take();
    let url = gateway.ozeki_address().to_string();
    assert!(gateway.shutdown().await);

    let text = collector.text();
    let viewer = viewer.as_str().unwrap();
    for secret in
        [viewer, &chat, "opensesame", "b3BlbnNlc2FtZQ", "not today", "nonsense", "totalCount", &url]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("\"rejected\""), "{text}");
    let told: BTreeSet<String> = collector.spans().iter().flat_map(Span::tells).collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    let expected = [
        "error.type",
        "graphql.operation.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "ozeki_graphql.action",
        "ozeki_graphql.api",
        "ozeki_graphql.delivery",
        "ozeki_graphql.document_hash",
        "ozeki_graphql.outcome",
        "ozeki_graphql.request_id",
        "ozeki_graphql.resource",
    ];
    assert_eq!(told, expected);
}
