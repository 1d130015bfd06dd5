//! The metrics, all in one place.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::Account;
use super::cache_sizes::CacheSizes;
use super::labels::{
    BreakerState, CacheOutcome, LoginOutcome, NoticeKind, OperationKind, OperationOutcome,
    RateLimit, StreamKind, TraceOutcome,
};
use super::log::LINES_DROPPED;
use super::process::Process;

/// From a local answer to the longest deadline, in seconds.
const DURATION_BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// Counts one more of something until it is dropped.
#[derive(Debug)]
pub struct Gauged(Gauge);

impl Gauged {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Gauged {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    api: &'static str,
    action: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RetryLabels {
    api: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BreakerLabels {
    state: BreakerState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    resource: &'static str,
    outcome: CacheOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    kind: OperationKind,
    outcome: OperationOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabels {
    kind: StreamKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClosingLabels {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoticeLabels {
    kind: NoticeKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RateLimitLabels {
    limit: RateLimit,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: OperationKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    outcome: LoginOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TraceLabels {
    outcome: TraceOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Counts what the gateway does; one per gateway, so that tests can run several side by side.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    process: Registry,
    cache_sizes: CacheSizes,
    upstream_calls: Histograms<UpstreamLabels>,
    operation_durations: Histograms<KindLabels>,
    operations_in_flight: Gauge,
    logins: Family<LoginLabels, Counter>,
    logouts: Counter,
    upstream_retries: Family<RetryLabels, Counter>,
    breaker_state: Family<BreakerLabels, Gauge>,
    breaker_transitions: Family<BreakerLabels, Counter>,
    cache_reads: Family<CacheLabels, Counter>,
    operations: Family<OperationLabels, Counter>,
    answers_repeated: Counter,
    answers_planned: Counter,
    streams: Family<StreamLabels, Gauge>,
    socket_operations: Gauge,
    socket_closings: Family<ClosingLabels, Counter>,
    pollers: Gauge,
    subscriptions: Gauge,
    notices: Family<NoticeLabels, Counter>,
    lagged: Counter,
    rate_limited: Family<RateLimitLabels, Counter>,
    operations_shed: Counter,
    connections_open: Gauge,
    trace_spans: Family<TraceLabels, Counter>,
}

/// A metric that the registry tells of.
fn registered<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ozeki_graphql");
        let upstream_calls: Histograms<UpstreamLabels> =
            Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS));
        registry.register_with_unit(
            "upstream_call_duration",
            "Time from sending an upstream call to its decoded answer",
            Unit::Seconds,
            upstream_calls.clone(),
        );
        let help = "Reads of the upstream that were repeated after a failure";
        let upstream_retries = registered(&mut registry, "upstream_retries", help);
        let breaker_state = Family::<BreakerLabels, Gauge>::default();
        breaker_state.get_or_create(&BreakerLabels { state: BreakerState::Closed }).set(1);
        let help = "The state that the breaker of upstream calls is in, as 1";
        registry.register("upstream_breaker_state", help, breaker_state.clone());
        let help = "Changes of the breaker of upstream calls, by the state that it came to";
        let breaker_transitions = registered(&mut registry, "upstream_breaker_transitions", help);
        let cache_reads = registered(&mut registry, "cache_reads", "Reads of cached resources");
        let operations = registered(&mut registry, "operations", "GraphQL operations");
        let help = "Answers that were sent again without running their query";
        let answers_repeated = registered(&mut registry, "answers_repeated", help);
        let help = "Answers that were written straight from their selection";
        let answers_planned = registered(&mut registry, "answers_planned", help);
        let operation_durations: Histograms<KindLabels> =
            Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS));
        registry.register_with_unit(
            "operation_duration",
            "Time that queries and mutations ran",
            Unit::Seconds,
            operation_durations.clone(),
        );
        let help = "Queries and mutations that run";
        let operations_in_flight = registered(&mut registry, "operations_in_flight", help);
        let logins = registered(&mut registry, "logins", "Logins that were put to the upstream");
        let logouts = registered(&mut registry, "logouts", "Sessions that were ended by a logout");
        let cache_sizes = CacheSizes::default();
        registry.register_collector(Box::new(cache_sizes.clone()));
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "The version that runs, as a label", build);
        let mut process = Registry::default();
        process.register_collector(Box::new(Process));
        let streams = registered(&mut registry, "streams_open", "Open sockets and event streams");
        let help = "Operations under way over sockets";
        let socket_operations = registered(&mut registry, "socket_operations_active", help);
        let socket_closings = registered(&mut registry, "socket_closings", "Sockets that ended");
        let pollers = registered(&mut registry, "pollers", "Stations whose notices are polled");
        let subscriptions =
            registered(&mut registry, "subscriptions", "Subscriptions that are open");
        let notices = registered(&mut registry, "notices", "What notices named");
        let help = "Subscriptions that ended because their client did not keep up";
        let lagged = registered(&mut registry, "subscriptions_lagged", help);
        let help = "Requests and logins refused by a rate limit";
        let rate_limited = registered(&mut registry, "rate_limited", help);
        let help = "Operations refused because there were too many";
        let operations_shed = registered(&mut registry, "operations_shed", help);
        let help = "Connections of frontends that are open";
        let connections_open = registered(&mut registry, "connections_open", help);
        let help = "Spans of traces, by what became of them";
        let trace_spans = registered(&mut registry, "trace_spans", help);
        let help =
            "Log lines of the process that nobody read in time, or that could not be written";
        registry.register("log_lines_dropped", help, LINES_DROPPED.clone());
        Self {
            registry,
            process,
            cache_sizes,
            upstream_calls,
            operation_durations,
            operations_in_flight,
            logins,
            logouts,
            upstream_retries,
            breaker_state,
            breaker_transitions,
            cache_reads,
            operations,
            answers_repeated,
            answers_planned,
            streams,
            socket_operations,
            socket_closings,
            pollers,
            subscriptions,
            notices,
            lagged,
            rate_limited,
            operations_shed,
            connections_open,
            trace_spans,
        }
    }
}

impl Metrics {
    /// Counts one upstream call, also for the request that it is made for; `outcome` is `ok` or the class of the failure.
    pub fn upstream_call(
        &self,
        api: &'static str,
        action: &'static str,
        outcome: &'static str,
        duration: Duration,
    ) {
        let labels = UpstreamLabels { api, action, outcome };
        self.upstream_calls.get_or_create(&labels).observe(duration.as_secs_f64());
        Account::note(|account| account.add_upstream_call(duration));
    }

    /// Counts one read that was repeated.
    pub fn upstream_retry(&self, api: &'static str, action: &'static str) {
        self.upstream_retries.get_or_create(&RetryLabels { api, action }).inc();
    }

    /// Notes that the breaker of upstream calls came to a state.
    pub fn breaker(&self, now: BreakerState) {
        for state in BreakerState::ALL {
            let is_now = i64::from(state == now);
            self.breaker_state.get_or_create(&BreakerLabels { state }).set(is_now);
        }
        self.breaker_transitions.get_or_create(&BreakerLabels { state: now }).inc();
    }

    /// Counts one read of a cached resource, also for the request that reads, by the resource's name.
    pub fn cache_read(&self, resource: &'static str, outcome: CacheOutcome) {
        self.cache_reads.get_or_create(&CacheLabels { resource, outcome }).inc();
        Account::note(|account| account.add_cache_read(outcome));
    }

    /// Counts one answer that was sent again without running its query.
    pub fn answer_repeated(&self) {
        self.answers_repeated.inc();
    }

    /// Counts one answer that was written straight from its selection.
    pub fn answer_planned(&self) {
        self.answers_planned.inc();
    }

    /// Counts one GraphQL operation.
    pub fn operation(&self, kind: OperationKind, outcome: OperationOutcome) {
        self.operations.get_or_create(&OperationLabels { kind, outcome }).inc();
    }

    /// Counts a query or mutation as running until what is returned is dropped.
    pub fn operation_in_flight(&self) -> Gauged {
        Gauged::new(&self.operations_in_flight)
    }

    /// Counts how long a query or mutation ran.
    pub fn operation_duration(&self, kind: OperationKind, duration: Duration) {
        let labels = KindLabels { kind };
        self.operation_durations.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    /// Counts one login that was put to the upstream.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }

    /// Counts one session that a logout ended.
    pub fn logout(&self) {
        self.logouts.inc();
    }

    /// Adds a cache of a resource; `bytes` is asked at each scrape what it takes.
    pub fn watch_cache(
        &self,
        resource: &'static str,
        bytes: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.cache_sizes.add(resource, Box::new(bytes));
    }

    /// Counts a socket or event stream that has opened, until what is returned is dropped.
    pub fn open_stream(&self, kind: StreamKind) -> Gauged {
        // The family's lock must not be held as long as what is returned lives.
        let gauge = self.streams.get_or_create(&StreamLabels { kind }).clone();
        Gauged::new(&gauge)
    }

    /// Counts an operation that runs over a socket, until what is returned is dropped.
    pub fn begin_socket_operation(&self) -> Gauged {
        Gauged::new(&self.socket_operations)
    }

    /// Counts a socket that ended; `code` is the close code that was sent, or names how it ended without one.
    pub fn socket_closing(&self, code: &'static str) {
        self.socket_closings.get_or_create(&ClosingLabels { code }).inc();
    }

    /// Counts a poller until what is returned is dropped.
    pub fn poller(&self) -> Gauged {
        Gauged::new(&self.pollers)
    }

    /// Counts an open subscription until what is returned is dropped.
    pub fn subscription(&self) -> Gauged {
        Gauged::new(&self.subscriptions)
    }

    /// Counts what a poll's answer named.
    pub fn notices(&self, kind: NoticeKind, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.notices.get_or_create(&NoticeLabels { kind }).inc_by(count);
    }

    /// Counts a subscription that ended because its client did not keep up.
    pub fn lagged(&self) {
        self.lagged.inc();
    }

    /// Counts an operation for which there was no room.
    pub fn operation_shed(&self) {
        self.operations_shed.inc();
    }

    /// Counts one request or login that a limit refused.
    pub fn rate_limited(&self, limit: RateLimit) {
        self.rate_limited.get_or_create(&RateLimitLabels { limit }).inc();
    }

    /// Counts spans of traces that are kept.
    pub fn trace_spans(&self, outcome: TraceOutcome, count: u64) {
        if count > 0 {
            self.trace_spans.get_or_create(&TraceLabels { outcome }).inc_by(count);
        }
    }

    /// Counts a frontend's connection as open.
    pub fn connection_opened(&self) {
        self.connections_open.inc();
    }

    /// Counts a frontend's connection as closed.
    pub fn connection_closed(&self) {
        self.connections_open.dec();
    }

    pub(super) fn registries(&self) -> [&Registry; 2] {
        [&self.registry, &self.process]
    }
}
