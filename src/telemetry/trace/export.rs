//! Sends spans to the collector: in batches, one after the other, each tried once.
//!
//! A collector that fails loses spans, and each is counted; what is traced never waits for it. Only those that are still here
//! when the time of a shutdown ends are lost without being counted: nobody would read the count.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use super::otlp;
use super::span::{Ended, Value};
use super::tracer::TraceSetupError;
use crate::telemetry::{Metrics, TraceOutcome};

/// As many as OpenTelemetry's own libraries send at once.
const BATCH_MAX: usize = 512;

/// How long the first span of a batch waits for others: short enough to look at a trace at once.
const BATCH_PERIOD: Duration = Duration::from_secs(1);

/// A collector stands nearby and takes a batch within milliseconds; while one hangs, the queue fills.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Below the keep-alive of common servers, so that a pooled connection is not found closed: a batch is not sent again.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The answer tells a number and perhaps a sentence; of a longer one nothing is believed.
const ANSWER_MAX_BYTES: usize = 16 * 1024;

/// The path of OTLP's receivers. Source: OTLP specification, "OTLP/HTTP Request".
const TRACES_PATH: &str = "/v1/traces";

/// Why a batch was not taken.
enum Failure {
    TimedOut,
    Unreachable(reqwest::Error),
    Refused(StatusCode),
}

/// The one that sends.
pub(super) struct Exporter {
    http: reqwest::Client,
    endpoint: Url,
    spans: mpsc::Receiver<Ended>,
    end: CancellationToken,
    metrics: Arc<Metrics>,
    /// Tells this process from others of the same service.
    instance: Value,
    /// Whether the last batch was not taken: told in the log when it changes, and not each time.
    is_failing: bool,
}

impl Exporter {
    pub(super) fn try_new(
        mut endpoint: Url,
        spans: mpsc::Receiver<Ended>,
        end: CancellationToken,
        metrics: Arc<Metrics>,
    ) -> Result<Self, TraceSetupError> {
        // A second installation is refused, and is the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        if endpoint.path() == "/" {
            endpoint.set_path(TRACES_PATH);
        }
        let instance = Value::Text(Uuid::new_v4().to_string().into());
        Ok(Self { http, endpoint, spans, end, metrics, instance, is_failing: false })
    }

    /// Sends until nobody traces any more, or the end is told and what had ended by then is sent.
    pub(super) async fn run(mut self) {
        loop {
            let batch = self.gather().await;
            if batch.is_empty() {
                return;
            }
            self.send(&batch).await;
        }
    }

    /// The next batch; empty when there will be none.
    async fn gather(&mut self) -> Vec<Ended> {
        let mut batch = Vec::new();
        let mut full = None;
        while batch.len() < BATCH_MAX {
            let room = BATCH_MAX - batch.len();
            let is_ending = self.spans.is_closed();
            tokio::select! {
                biased;
                // Nothing more comes in, and what is in is taken without waiting.
                () = self.end.cancelled(), if !is_ending => self.spans.close(),
                count = self.spans.recv_many(&mut batch, room) => {
                    if count == 0 {
                        break;
                    }
                    full.get_or_insert_with(|| Instant::now() + BATCH_PERIOD);
                }
                () = sleep_until(full.unwrap_or_else(Instant::now)), if full.is_some() => break,
            }
        }
        batch
    }

    async fn send(&mut self, batch: &[Ended]) {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sent = timeout(EXPORT_TIMEOUT, self.post(batch)).await;
        let sent = sent.unwrap_or(Err(Failure::TimedOut));
        let rejected = sent.as_ref().map_or(count, |rejected| count.min(*rejected));
        self.metrics.trace_spans(TraceOutcome::Sent, count - rejected);
        self.metrics.trace_spans(TraceOutcome::Failed, rejected);
        if let Err(failure) = &sent
            && !self.is_failing
        {
            failure.log();
        }
        self.is_failing = sent.is_err();
    }

    /// Sends a batch, and tells how many spans of it were not taken.
    async fn post(&self, batch: &[Ended]) -> Result<u64, Failure> {
        let unreachable = |error: reqwest::Error| Failure::Unreachable(error.without_url());
        let request = self
            .http
            .post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(otlp::body(batch, &self.instance));
        #[expect(clippy::disallowed_methods, reason = "this is no upstream call")]
        let mut response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(Failure::Refused(response.status()));
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if answer.len() + chunk.len() > ANSWER_MAX_BYTES {
                return Ok(0);
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(otlp::rejected(&answer))
    }
}

/// The library's own sentence says little more than that something failed.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Failure {
    fn log(&self) {
        let error = match self {
            Self::TimedOut => format!("no answer within {EXPORT_TIMEOUT:?}"),
            Self::Unreachable(error) => with_causes(error),
            Self::Refused(status) => format!("status {status}"),
        };
        tracing::warn!(error, "the collector does not take traces");
    }
}
