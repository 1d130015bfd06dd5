//! The metric of how much caches hold.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResourceLabels {
    resource: &'static str,
}

/// How much caches hold, asked at each scrape.
#[derive(Clone, Default)]
pub(super) struct CacheSizes(Arc<Mutex<Vec<CacheSize>>>);

struct CacheSize {
    resource: &'static str,
    bytes: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl CacheSizes {
    pub(super) fn add(&self, resource: &'static str, bytes: Box<dyn Fn() -> u64 + Send + Sync>) {
        let mut sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.push(CacheSize { resource, bytes });
    }
}

impl fmt::Debug for CacheSizes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CacheSizes(..)")
    }
}

impl Collector for CacheSizes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let sizes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_resource: Vec<(&'static str, u64)> = Vec::new();
        for CacheSize { resource, bytes } in sizes.iter() {
            match by_resource.iter_mut().find(|(known, _)| known == resource) {
                Some((_, sum)) => *sum = sum.saturating_add(bytes()),
                None => by_resource.push((*resource, bytes())),
            }
        }
        let help = "Bytes that cached resources take";
        let kind = EncodeMetric::metric_type(&ConstGauge::new(0_u64));
        let mut metric = encoder.encode_descriptor("cache", help, Some(&Unit::Bytes), kind)?;
        for (resource, bytes) in by_resource {
            ConstGauge::new(bytes).encode(metric.encode_family(&ResourceLabels { resource })?)?;
        }
        Ok(())
    }
}
