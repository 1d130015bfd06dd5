//! A collector of traces, and a look at what goes upstream.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{Router, http};
use http::{HeaderMap, StatusCode};
use ozeki_graphql::telemetry::TraceOptions;
use serde_json::Value;
use tokio::sync::watch;
use url::Url;

use crate::support::canaries;

/// How a collector answers.
#[derive(Clone, Copy)]
pub(super) enum Manner {
    /// It takes all.
    Takes,
    /// It takes all but two.
    LeavesTwo,
    /// It is not in the mood.
    Refuses,
    /// It never answers.
    Hangs,
}

/// A collector on loopback.
#[derive(Clone)]
pub(super) struct Collector {
    url: Url,
    bodies: watch::Receiver<Vec<String>>,
}

/// Serves on loopback, from before any task runs.
fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

impl Collector {
    pub(super) fn start(manner: Manner) -> Self {
        let (sender, bodies) = watch::channel(Vec::new());
        let sender = Arc::new(sender);
        let take = move |headers: HeaderMap, body: Bytes| {
            let sender = Arc::clone(&sender);
            async move {
                assert_eq!(headers["content-type"], "application/json");
                let body = String::from_utf8(body.into()).unwrap();
                canaries::look_through("a trace", &body);
                sender.send_modify(|bodies| bodies.push(body));
                match manner {
                    Manner::Takes => (StatusCode::OK, "{}"),
                    Manner::LeavesTwo => {
                        let answer = r#"{"partialSuccess":{"rejectedSpans":"2"}}"#;
                        (StatusCode::OK, answer)
                    }
                    Manner::Refuses => (StatusCode::SERVICE_UNAVAILABLE, ""),
                    Manner::Hangs => std::future::pending().await,
                }
            }
        };
        let url = serve(Router::new().route("/v1/traces", axum::routing::post(take)));
        Self { url, bodies }
    }

    /// All traces go to it.
    pub(super) fn options(&self) -> TraceOptions {
        self.options_with(1.0)
    }

    /// This share of all traces goes to it.
    pub(super) fn options_with(&self, share: f64) -> TraceOptions {
        TraceOptions { endpoint: self.url.clone(), share }
    }

    /// Waits until so many spans were sent.
    pub(super) async fn has(&mut self, count: usize) {
        while self.spans().len() < count {
            self.bodies.changed().await.unwrap();
        }
    }

    /// All that was sent so far, as it was sent.
    pub(super) fn text(&self) -> String {
        self.bodies.borrow().concat()
    }

    /// All spans that were sent so far.
    pub(super) fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for body in &*self.bodies.borrow() {
            let body: Value = serde_json::from_str(body).unwrap();
            let resource = attributes(&body["resourceSpans"][0]["resource"]);
            assert_eq!(resource["service.name"], "ozeki-graphql");
            let found = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
            spans.extend(found.iter().cloned().map(Span));
        }
        spans
    }

    /// The own span of the request with this operation, and all below it.
    pub(super) fn of_operation(&self, name: &str) -> (Span, Vec<Span>) {
        let spans = self.spans();
        let is_its = |span: &&Span| span.attribute("graphql.operation.name") == name;
        let found: Vec<&Span> = spans.iter().filter(is_its).collect();
        let [own] = found[..] else { panic!("{name} has not one span in {spans:#?}") };
        let is_below = |span: &Span| span.trace() == own.trace() && span.id() != own.id();
        (own.clone(), spans.iter().filter(|span| is_below(span)).cloned().collect())
    }
}

/// A span as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Span(pub(super) Value);

impl Span {
    pub(super) fn trace(&self) -> &str {
        self.0["traceId"].as_str().unwrap()
    }

    pub(super) fn id(&self) -> &str {
        self.0["spanId"].as_str().unwrap()
    }

    pub(super) fn parent(&self) -> Option<&str> {
        self.0["parentSpanId"].as_str()
    }

    pub(super) fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    /// 1: internal, 2: server, 3: client.
    pub(super) fn kind(&self) -> u64 {
        self.0["kind"].as_u64().unwrap()
    }

    pub(super) fn is_error(&self) -> bool {
        self.0["status"]["code"] == 2
    }

    /// From when to when, in nanoseconds since 1970.
    pub(super) fn time(&self) -> (u64, u64) {
        let time = |name: &str| self.0[name].as_str().unwrap().parse().unwrap();
        (time("startTimeUnixNano"), time("endTimeUnixNano"))
    }

    pub(super) fn attribute(&self, name: &str) -> Value {
        attributes(&self.0)[name].clone()
    }

    /// The names of what it tells, in order.
    pub(super) fn tells(&self) -> Vec<String> {
        attributes(&self.0).as_object().unwrap().keys().cloned().collect()
    }
}

fn attributes(of: &Value) -> Value {
    let attributes = of["attributes"].as_array().unwrap().iter();
    let pair = |attribute: &Value| {
        let value = &attribute["value"];
        let value = if value["intValue"].is_null() { "stringValue" } else { "intValue" };
        (attribute["key"].as_str().unwrap().to_owned(), attribute["value"][value].clone())
    };
    attributes.map(pair).collect::<serde_json::Map<_, _>>().into()
}

/// Stands before an Ozeki server and notes the headers of what goes by.
#[derive(Clone)]
pub(super) struct Passage {
    pub(super) url: Url,
    seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Passage {
    pub(super) fn to(upstream: &Url) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut url = upstream.clone();
        let upstream = upstream.clone();
        let pass = move |request: Request| {
            let (http, mut upstream, noted) = (http.clone(), upstream.clone(), Arc::clone(&noted));
            async move {
                let (parts, body) = request.into_parts();
                upstream.set_query(parts.uri.query());
                let query = parts.uri.query().unwrap_or_default().to_owned();
                noted.lock().unwrap().push((query, parts.headers.clone()));
                forwarded(&http, upstream, parts.headers, body).await
            }
        };
        let own = serve(Router::new().fallback(pass));
        url.set_port(own.port()).unwrap();
        Self { url, seen }
    }

    /// What calls of this api brought, each header once.
    pub(super) fn brought(&self, api: &str, header: &str) -> Vec<Option<String>> {
        let seen = self.seen.lock().unwrap();
        let calls = seen.iter().filter(|(query, _)| query.contains(&format!("api={api}")));
        let value = |headers: &HeaderMap| {
            let mut values = headers.get_all(header).iter();
            let value = values.next().map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(values.next(), None, "{header} stands there twice");
            value
        };
        calls.map(|(_, headers)| value(headers)).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is no upstream call of the gateway")]
async fn forwarded(
    http: &reqwest::Client,
    url: Url,
    mut headers: HeaderMap,
    body: Body,
) -> Response {
    headers.remove("host");
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let answer = http.post(url).headers(headers).body(body).send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap()).into_response()
}
