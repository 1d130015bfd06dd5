//! Collectors that are no help: requests are answered as ever, and each span that is lost is counted.

use std::time::Duration;

use super::collector::{Collector, Manner};
use crate::support::{TestGateway, pass};
use ozeki_graphql::telemetry::TraceOptions;

/// How long a batch waits for more spans.
const BATCH_PERIOD: Duration = Duration::from_secs(1);

/// How long a batch is tried.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

fn counted(outcome: &str, count: usize) -> String {
    format!("ozeki_graphql_trace_spans_total{{outcome=\"{outcome}\"}} {count}")
}

/// A gateway that has been asked three times.
async fn asked(traces: TraceOptions) -> TestGateway {
    let gateway = TestGateway::start_with(|options| options.traces = Some(traces)).await;
    let nobody = gateway.anonymous();
    for _ in 0..3 {
        nobody.data("{ __typename }").await;
    }
    gateway
}

#[tokio::test]
async fn what_a_collector_takes_or_not_is_counted() {
    for (manner, sent, failed) in
        [(Manner::Takes, 3, 0), (Manner::LeavesTwo, 1, 2), (Manner::Refuses, 0, 3)]
    {
        let mut collector = Collector::start(manner);
        let gateway = asked(collector.options()).await;
        collector.has(3).await;
        for (outcome, count) in [("sent", sent), ("failed", failed)] {
            if count > 0 {
                gateway.until_metric(&counted(outcome, count)).await;
            }
        }
        assert!(gateway.shutdown().await);
    }
}

#[tokio::test]
async fn a_collector_that_is_not_there_loses_what_is_counted() {
    // Bound, so that nobody else gets the port, and not listening.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap()).parse().unwrap();
    let gateway = asked(TraceOptions { endpoint, share: 1.0 }).await;
    // A span ends a moment after its answer is read, so the last one may be of a second batch.
    pass(BATCH_PERIOD).await;
    pass(BATCH_PERIOD).await;
    gateway.until_metric(&counted("failed", 3)).await;
    assert!(gateway.shutdown().await);
}

#[tokio::test]
async fn a_collector_that_hangs_holds_up_no_request_and_loses_what_is_counted() {
    let mut collector = Collector::start(Manner::Hangs);
    let gateway = asked(collector.options()).await;
    collector.has(3).await;
    // While it hangs, requests are answered.
    gateway.anonymous().data("{ __typename }").await;
    pass(EXPORT_TIMEOUT).await;
    gateway.until_metric(&counted("failed", 3)).await;
    collector.has(4).await;
    pass(EXPORT_TIMEOUT).await;
    gateway.until_metric(&counted("failed", 4)).await;
    assert!(gateway.shutdown().await);
}

#[tokio::test]
async fn a_shutdown_sends_the_last_spans_at_once_and_ends_although_the_collector_hangs() {
    let mut collector = Collector::start(Manner::Hangs);
    let gateway = asked(collector.options()).await;
    let ending = tokio::spawn(gateway.shutdown());
    collector.has(3).await;
    pass(EXPORT_TIMEOUT).await;
    assert!(ending.await.unwrap());
    assert_eq!(collector.spans().len(), 3);
}
