//! The metrics, all in one place.

use std::collections::HashSet;
use std::fmt;
use std::fmt::Write;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Account;

/// From a local answer to the longest deadline, in seconds.
const DURATION_BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// How a read of a cached resource was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheOutcome {
    /// From memory.
    Hit,
    /// From memory, although it was no longer fresh, while it was read anew: beside the outcome of that.
    Stale,
    /// By a call of its own.
    Miss,
    /// By a call that was already under way.
    Coalesced,
}

/// The kind of a GraphQL operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum OperationKind {
    Query,
    Mutation,
    Subscription,
    /// The document or the choice of operation was refused.
    Refused,
}

impl OperationKind {
    /// The kind's name, as in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
            Self::Refused => "refused",
        }
    }
}

/// How a GraphQL operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationOutcome {
    /// Without an error.
    Ok,
    /// With data and errors.
    Partial,
    /// Before any field ran.
    RequestError,
    /// At its deadline.
    TimedOut,
}

/// How answers that go on are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// A WebSocket, with any number of operations.
    WebSocket,
    /// Server-sent events, of one operation.
    EventStream,
}

/// What a notice tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NoticeKind {
    FriendAvailability,
    Conversation,
    ConversationList,
}

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

/// Whether calls to the upstream are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// All are made.
    Closed,
    /// None is made for a while.
    Open,
    /// One is made, to see whether the upstream is back.
    HalfOpen,
}

impl BreakerState {
    const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];
}

/// What refused a request or a login for being one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimit {
    /// Requests of one user with a session.
    Caller,
    /// Requests with one forwarded credential.
    Credential,
    /// Requests with forwarded credentials from one address.
    Forwarded,
    /// Requests without a credential from one address.
    Anonymous,
    /// Requests with a credential that is not accepted from one address.
    Refused,
    /// Logins with one API key.
    Login,
    /// Logins from one address.
    LoginAddress,
}

/// Labels are written in lower case, as their names in Rust are not.
macro_rules! label_values {
    ($type:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl EncodeLabelValue for $type {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                let text = match self {
                    $(Self::$variant => $text,)+
                };
                EncodeLabelValue::encode(&text, encoder)
            }
        }
    };
}

label_values!(CacheOutcome { Hit => "hit", Stale => "stale", Miss => "miss", Coalesced => "coalesced" });

impl EncodeLabelValue for OperationKind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

label_values!(NoticeKind {
    FriendAvailability => "friend_availability",
    Conversation => "conversation",
    ConversationList => "conversation_list",
});
label_values!(BreakerState { Closed => "closed", Open => "open", HalfOpen => "half_open" });
label_values!(OperationOutcome {
    Ok => "ok",
    Partial => "partial",
    RequestError => "request_error",
    TimedOut => "timed_out",
});
label_values!(StreamKind { WebSocket => "websocket", EventStream => "event_stream" });

label_values!(RateLimit {
    Caller => "caller",
    Credential => "credential",
    Forwarded => "forwarded",
    Anonymous => "anonymous",
    Refused => "refused",
    Login => "login",
    LoginAddress => "login_address",
});

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

type Histograms = Family<UpstreamLabels, Histogram, fn() -> Histogram>;

/// Counts what the gateway does; one per gateway, so that tests can run several side by side.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    upstream_calls: Histograms,
    upstream_retries: Family<RetryLabels, Counter>,
    breaker_state: Family<BreakerLabels, Gauge>,
    breaker_transitions: Family<BreakerLabels, Counter>,
    cache_reads: Family<CacheLabels, Counter>,
    operations: Family<OperationLabels, Counter>,
    answers_repeated: Counter,
    streams: Family<StreamLabels, Gauge>,
    socket_operations: Gauge,
    socket_closings: Family<ClosingLabels, Counter>,
    pollers: Gauge,
    subscriptions: Gauge,
    notices: Family<NoticeLabels, Counter>,
    lagged: Counter,
    rate_limited: Family<RateLimitLabels, Counter>,
    connections_open: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ozeki_graphql");
        let upstream_calls: Histograms =
            Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS));
        registry.register_with_unit(
            "upstream_call_duration",
            "Time from sending an upstream call to its decoded answer",
            Unit::Seconds,
            upstream_calls.clone(),
        );
        let upstream_retries = Family::default();
        let help = "Reads of the upstream that were repeated after a failure";
        registry.register("upstream_retries", help, upstream_retries.clone());
        let breaker_state = Family::<BreakerLabels, Gauge>::default();
        breaker_state.get_or_create(&BreakerLabels { state: BreakerState::Closed }).set(1);
        let help = "The state that the breaker of upstream calls is in, as 1";
        registry.register("upstream_breaker_state", help, breaker_state.clone());
        let breaker_transitions = Family::default();
        let help = "Changes of the breaker of upstream calls, by the state that it came to";
        registry.register("upstream_breaker_transitions", help, breaker_transitions.clone());
        let cache_reads = Family::default();
        registry.register("cache_reads", "Reads of cached resources", cache_reads.clone());
        let operations = Family::default();
        registry.register("operations", "GraphQL operations", operations.clone());
        let answers_repeated = Counter::default();
        registry.register(
            "answers_repeated",
            "Answers that were sent again without running their query",
            answers_repeated.clone(),
        );
        let streams = Family::default();
        registry.register("streams_open", "Open sockets and event streams", streams.clone());
        let socket_operations = Gauge::default();
        let help = "Operations under way over sockets";
        registry.register("socket_operations_active", help, socket_operations.clone());
        let socket_closings = Family::default();
        registry.register("socket_closings", "Sockets that ended", socket_closings.clone());
        let pollers = Gauge::default();
        registry.register("pollers", "Stations whose notices are polled", pollers.clone());
        let subscriptions = Gauge::default();
        registry.register("subscriptions", "Subscriptions that are open", subscriptions.clone());
        let notices = Family::default();
        registry.register("notices", "What notices named", notices.clone());
        let lagged = Counter::default();
        let help = "Subscriptions that ended because their client did not keep up";
        registry.register("subscriptions_lagged", help, lagged.clone());
        let rate_limited = Family::default();
        registry.register(
            "rate_limited",
            "Requests and logins refused by a rate limit",
            rate_limited.clone(),
        );
        let connections_open = Gauge::default();
        registry.register(
            "connections_open",
            "Connections of frontends that are open",
            connections_open.clone(),
        );
        Self {
            registry,
            upstream_calls,
            upstream_retries,
            breaker_state,
            breaker_transitions,
            cache_reads,
            operations,
            answers_repeated,
            streams,
            socket_operations,
            socket_closings,
            pollers,
            subscriptions,
            notices,
            lagged,
            rate_limited,
            connections_open,
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

    /// Counts one GraphQL operation.
    pub fn operation(&self, kind: OperationKind, outcome: OperationOutcome) {
        self.operations.get_or_create(&OperationLabels { kind, outcome }).inc();
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

    /// Counts one request or login that a limit refused.
    pub fn rate_limited(&self, limit: RateLimit) {
        self.rate_limited.get_or_create(&RateLimitLabels { limit }).inc();
    }

    /// Counts a frontend's connection as open.
    pub fn connection_opened(&self) {
        self.connections_open.inc();
    }

    /// Counts a frontend's connection as closed.
    pub fn connection_closed(&self) {
        self.connections_open.dec();
    }

    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes all that is written to it");
        text
    }

    /// All metrics in the text format from before OpenMetrics: there a counter is declared by the name of its samples,
    /// with `_total`, and units and the end are not told.
    pub fn encode_classic(&self) -> String {
        let text = self.encode();
        let declared = |line: &str| {
            let name = line.strip_prefix("# TYPE ")?.strip_suffix(" counter")?;
            Some(name.to_owned())
        };
        let counters: HashSet<String> = text.lines().filter_map(declared).collect();
        let mut classic = String::with_capacity(text.len());
        for line in text.lines() {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("EOF" | "UNIT"), ..) => continue,
                (Some("#"), Some(keyword), Some(name), Some(rest)) if counters.contains(name) => {
                    let _ = write!(classic, "# {keyword} {name}_total {rest}");
                }
                _ => classic.push_str(line),
            }
            classic.push('\n');
        }
        classic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_classic_counter_is_declared_by_the_name_of_its_samples() {
        let metrics = Metrics::default();
        metrics.operation(OperationKind::Query, OperationOutcome::Ok);
        metrics.upstream_call("chatfriends", "list", "ok", Duration::from_millis(3));
        let text = metrics.encode_classic();
        let lines: Vec<&str> = text.lines().collect();
        for line in [
            "# HELP ozeki_graphql_operations_total GraphQL operations.",
            "# TYPE ozeki_graphql_operations_total counter",
            "ozeki_graphql_operations_total{kind=\"query\",outcome=\"ok\"} 1",
            "# TYPE ozeki_graphql_upstream_call_duration_seconds histogram",
        ] {
            assert!(lines.contains(&line), "{line} is not in {text}");
        }
        assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    }
}
