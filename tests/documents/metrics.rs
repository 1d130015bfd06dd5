//! What is in `deploy/` asks for metrics that there are, and each alert is explained.

use std::collections::BTreeSet;
use std::time::Duration;

use ozeki_graphql::telemetry::{
    BreakerState, CacheOutcome, LoginOutcome, Metrics, NoticeKind, OperationKind, OperationOutcome,
    RateLimit, StreamKind, TraceOutcome,
};
use serde_json::Value;

use super::sources::text_of;

const DASHBOARD: &str = "deploy/grafana/dashboard.json";
const ALERTS: &str = "deploy/prometheus/alerts.yaml";

/// The beginnings of all metrics' names.
const PREFIXES: [&str; 2] = ["ozeki_graphql_", "process_"];

/// The names of all samples. A family tells its name once it counts something.
fn names() -> BTreeSet<String> {
    let metrics = Metrics::default();
    let second = Duration::from_secs(1);
    metrics.upstream_call("chatfriends", "list", "ok", second);
    metrics.upstream_retry("chatfriends", "list");
    metrics.breaker(BreakerState::Open);
    metrics.cache_read("friends", CacheOutcome::Hit);
    metrics.watch_cache("friends", || 1);
    metrics.operation(OperationKind::Query, OperationOutcome::Ok);
    metrics.operation_duration(OperationKind::Query, second);
    metrics.login(LoginOutcome::Ok);
    metrics.rate_limited(RateLimit::Caller);
    metrics.notices(NoticeKind::Conversation, 1);
    metrics.socket_closing("1000");
    metrics.trace_spans(TraceOutcome::Sent, 1);
    drop(metrics.open_stream(StreamKind::WebSocket));
    let text = metrics.encode_classic();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

/// The metrics that a text names.
fn named_in(text: &str) -> BTreeSet<String> {
    let words =
        text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let names = words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)));
    names.map(str::to_owned).collect()
}

#[test]
fn dashboard_and_alerts_ask_for_metrics_that_there_are() {
    let known = names();
    for document in [DASHBOARD, ALERTS, "docs/operations.md"] {
        let named = named_in(&text_of(document));
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{document} names {unknown:?}, which are no metrics");
    }
}

#[test]
fn the_dashboard_shows_every_metric() {
    let shown = named_in(&text_of(DASHBOARD));
    // Of a histogram, quantiles are drawn from the buckets; its count stands for the sum.
    let is_shown = |name: &&String| {
        let parts = ["_bucket", "_count", "_sum"].iter().filter_map(|part| name.strip_suffix(part));
        shown.contains(*name)
            || parts.into_iter().any(|stem| shown.contains(&format!("{stem}_bucket")))
    };
    let known = names();
    let hidden: Vec<_> = known.iter().filter(|name| !is_shown(name)).collect();
    assert!(hidden.is_empty(), "{DASHBOARD} does not show {hidden:?}");
}

#[test]
fn the_dashboard_is_json_whose_panels_have_ids_of_their_own() {
    let dashboard: Value = serde_json::from_str(&text_of(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
}

#[test]
fn every_alert_is_explained() {
    let alerts = text_of(ALERTS);
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let explained = text_of("docs/operations.md");
    let rows: Vec<&str> =
        explained.lines().filter(|line| line.starts_with("| `OzekiGraphql")).collect();
    let expected: Vec<String> = names.map(|name| format!("| `{name}`")).collect();
    assert!(!expected.is_empty());
    let told: Vec<String> =
        rows.iter().map(|row| row.split(" |").next().unwrap_or_default().to_owned()).collect();
    assert_eq!(told, expected, "the table of alerts in docs/operations.md, and {ALERTS}");
}
