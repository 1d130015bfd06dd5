//! The metrics, all in one place.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// From a local answer to the longest deadline, in seconds.
const DURATION_BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// How a read of a cached resource was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheOutcome {
    /// From memory.
    Hit,
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

/// How a GraphQL operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationOutcome {
    /// Without an error.
    Ok,
    /// With data and errors.
    Partial,
    /// Before any field ran.
    RequestError,
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

label_values!(CacheOutcome { Hit => "hit", Miss => "miss", Coalesced => "coalesced" });
label_values!(OperationKind {
    Query => "query",
    Mutation => "mutation",
    Subscription => "subscription",
    Refused => "refused",
});
label_values!(OperationOutcome {
    Ok => "ok",
    Partial => "partial",
    RequestError => "request_error",
});

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    api: &'static str,
    action: &'static str,
    outcome: &'static str,
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

type Histograms = Family<UpstreamLabels, Histogram, fn() -> Histogram>;

/// Counts what the gateway does; one per gateway, so that tests can run several side by side.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    upstream_calls: Histograms,
    cache_reads: Family<CacheLabels, Counter>,
    operations: Family<OperationLabels, Counter>,
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
        let cache_reads = Family::default();
        registry.register("cache_reads", "Reads of cached resources", cache_reads.clone());
        let operations = Family::default();
        registry.register("operations", "GraphQL operations", operations.clone());
        Self { registry, upstream_calls, cache_reads, operations }
    }
}

impl Metrics {
    /// Counts one upstream call; `outcome` is `ok` or the class of the failure.
    pub fn upstream_call(
        &self,
        api: &'static str,
        action: &'static str,
        outcome: &'static str,
        duration: Duration,
    ) {
        let labels = UpstreamLabels { api, action, outcome };
        self.upstream_calls.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    /// Counts one read of a cached resource, by the resource's name.
    pub fn cache_read(&self, resource: &'static str, outcome: CacheOutcome) {
        self.cache_reads.get_or_create(&CacheLabels { resource, outcome }).inc();
    }

    /// Counts one GraphQL operation.
    pub fn operation(&self, kind: OperationKind, outcome: OperationOutcome) {
        self.operations.get_or_create(&OperationLabels { kind, outcome }).inc();
    }

    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes all that is written to it");
        text
    }
}
