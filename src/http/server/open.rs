//! Which connections are open.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::telemetry::Metrics;

/// The metrics that connections of frontends count in; those of the admin address are not counted.
pub(super) type Gauge = Option<Arc<Metrics>>;

/// A connection's place among those that may be open; free again, and no longer counted, when it is dropped.
#[derive(Debug)]
pub(super) struct Open {
    gauge: Gauge,
    _place: OwnedSemaphorePermit,
}

impl Open {
    pub(super) fn new(place: OwnedSemaphorePermit, gauge: Gauge) -> Self {
        if let Some(metrics) = &gauge {
            metrics.connection_opened();
        }
        Self { gauge, _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(metrics) = &self.gauge {
            metrics.connection_closed();
        }
    }
}
