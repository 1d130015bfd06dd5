//! Begins traces, decides which are kept, and hands their spans to whoever sends them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::export::Exporter;
use super::id::{SpanId, TraceId};
use super::parent::TraceParent;
use super::span::{Ended, Trace};
use crate::clock::Clock;
use crate::telemetry::{Metrics, TraceOutcome, random};

/// Where traces go, and how many.
#[derive(Clone)]
pub struct TraceOptions {
    /// The collector, by http or https; without a path, `/v1/traces` is added.
    pub endpoint: Url,
    /// The share of requests whose traces are kept, from 0 to 1, where whoever asks does not say.
    pub share: f64,
}

// The URL is left out: it may hold user info.
impl fmt::Debug for TraceOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TraceOptions").field("share", &self.share).finish_non_exhaustive()
    }
}

/// The HTTP client for the collector cannot be built, for example because the machine has no usable TLS roots.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for the collector of traces could not be set up")]
pub struct TraceSetupError(#[from] reqwest::Error);

/// Spans that wait to be sent: some seconds of a busy gateway, in a few megabytes. More are dropped, and counted.
const QUEUE_MAX: usize = 4096;

/// How many traces of a second are kept only because whoever asks wants it. Anybody can ask: this is what it costs at most,
/// some hundred spans.
const ASKED_PER_SECOND_MAX: u32 = 50;

/// How long an end waits for the collector to take what is left.
const LAST_TIMEOUT: Duration = Duration::from_secs(5);

/// Begins traces. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: mpsc::Sender<Ended>,
    share: f64,
    asked: AskedFor,
    clock: Clock,
    metrics: Arc<Metrics>,
    end: CancellationToken,
    exporter: Mutex<Option<JoinHandle<()>>>,
}

impl Tracer {
    /// Begins to send what will be traced, by a task of its own.
    ///
    /// # Errors
    ///
    /// [`TraceSetupError`] when the TLS library finds no roots to trust.
    pub fn start(
        options: TraceOptions,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, TraceSetupError> {
        let (queue, spans) = mpsc::channel(QUEUE_MAX);
        let end = CancellationToken::new();
        let exporter =
            Exporter::try_new(options.endpoint, spans, end.clone(), Arc::clone(&metrics))?;
        let exporter = Mutex::new(Some(tokio::spawn(exporter.run())));
        let asked = AskedFor::default();
        Ok(Self(Arc::new(Shared {
            queue,
            share: options.share,
            asked,
            clock,
            metrics,
            end,
            exporter,
        })))
    }

    /// The trace of a request: the one that its headers name, or a new one. None on a machine without a random source.
    pub fn of_request(&self, headers: &HeaderMap) -> Option<Arc<Trace>> {
        let Some(TraceParent { trace, span, is_sampled, state }) = TraceParent::of(headers) else {
            return self.begin();
        };
        // The id is not what decides: whoever asks chose it.
        let is_kept = is_sampled && (self.is_in_share() || self.0.asked.is_granted());
        self.trace(trace, (Some(span), state), is_kept)
    }

    /// A new trace. None on a machine without a random source.
    pub fn begin(&self) -> Option<Arc<Trace>> {
        self.trace(TraceId::random()?, (None, None), self.is_in_share())
    }

    fn trace(
        &self,
        id: TraceId,
        from: (Option<SpanId>, Option<HeaderValue>),
        is_sampled: bool,
    ) -> Option<Arc<Trace>> {
        let ids = (id, SpanId::random()?);
        Some(Arc::new(Trace::new(self.clone(), ids, from, is_sampled)))
    }

    fn is_in_share(&self) -> bool {
        let share = self.0.share;
        let drawn = || random().and_then(|drawn| u32::try_from(drawn >> 32).ok());
        share >= 1.0
            || share > 0.0
                && drawn().is_some_and(|drawn| f64::from(drawn) < share * f64::from(u32::MAX))
    }

    pub(super) fn unix_time(&self) -> Duration {
        self.0.clock.unix_time()
    }

    /// Puts a span into the queue, and never waits.
    pub(super) fn send(&self, span: Ended) {
        match self.0.queue.try_send(span) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                self.0.metrics.trace_spans(TraceOutcome::Dropped, 1);
            }
        }
    }

    /// Sends what is left, and ends; what the collector does not take within some seconds is lost.
    pub async fn shutdown(&self) {
        self.0.end.cancel();
        let exporter = self.0.exporter.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut exporter) = exporter else { return };
        if timeout(LAST_TIMEOUT, &mut exporter).await.is_err() {
            exporter.abort();
            tracing::warn!("the collector did not take the last traces in time");
        }
    }
}

/// How many were granted in the second that runs.
#[derive(Debug, Default)]
struct AskedFor(Mutex<Option<(Instant, u32)>>);

impl AskedFor {
    fn is_granted(&self) -> bool {
        let mut granted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (since, count) = granted
            .filter(|(since, _)| now.duration_since(*since) < Duration::from_secs(1))
            .unwrap_or((now, 0));
        *granted = Some((since, count.saturating_add(1)));
        count < ASKED_PER_SECOND_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Ending;

    #[tokio::test]
    async fn what_the_queue_has_no_room_for_is_dropped_and_counted() {
        let endpoint = "http://127.0.0.1:1".parse().unwrap();
        let options = TraceOptions { endpoint, share: 1.0 };
        let metrics = Arc::new(Metrics::default());
        // On this one thread nothing is sent before the test waits.
        let tracer = Tracer::start(options, Clock::system(), Arc::clone(&metrics)).unwrap();
        for _ in 0..QUEUE_MAX + 7 {
            tracer.begin().unwrap().end(Ending::default());
        }
        let text = metrics.encode_classic();
        assert!(text.contains("trace_spans_total{outcome=\"dropped\"} 7\n"), "{text}");
    }

    #[tokio::test]
    async fn a_share_is_about_that_share_and_a_trace_out_of_it_sends_nothing() {
        let endpoint = "http://127.0.0.1:1".parse().unwrap();
        let options = TraceOptions { endpoint, share: 0.25 };
        let metrics = Arc::new(Metrics::default());
        let tracer = Tracer::start(options, Clock::system(), metrics).unwrap();
        let kept = (0..4000).filter(|_| {
            let trace = tracer.begin().unwrap();
            trace.end(Ending::default());
            trace.is_sampled()
        });
        let kept = kept.count();
        // Seven standard deviations to each side.
        assert!((800..1200).contains(&kept), "{kept}");
        assert_eq!(QUEUE_MAX - tracer.0.queue.capacity(), kept);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_does_not_wait_for_a_collector_that_hangs_longer_than_its_time() {
        // Who connects waits for an answer that never comes.
        let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", collector.local_addr().unwrap()).parse().unwrap();
        let options = TraceOptions { endpoint, share: 1.0 };
        let tracer = Tracer::start(options, Clock::system(), Arc::default()).unwrap();
        // More than one batch, each of which is tried as long.
        for _ in 0..QUEUE_MAX {
            tracer.begin().unwrap().end(Ending::default());
        }
        let started = tokio::time::Instant::now();
        tracer.shutdown().await;
        let took = started.elapsed();
        assert!(took >= LAST_TIMEOUT && took < LAST_TIMEOUT * 2, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_of_a_second_are_granted_and_as_many_of_the_next() {
        let asked = AskedFor::default();
        let granted = || (0..200).filter(|_| asked.is_granted()).count();
        assert_eq!(granted(), 50);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(granted(), 0);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(granted(), 50);
    }
}
