//! The one path on which calls are sent and answers read.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::answer::{Secrets, decode};
use super::breaker::Breaker;
use super::places::Places;
use super::{ClientOptions, ClientSetupError};
use crate::ozeki::wire::Answer;
use crate::ozeki::{
    ApiKey, Call, Credential, Identity, Recipe, Signature, SignedRequest, StationId, UpstreamError,
    UserId,
};
use crate::telemetry::{Metrics, Span};

/// Below the keep-alive of common servers, so that a pooled connection is not found closed.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The first room for an answer of unknown length, in bytes.
const BODY_START_BYTES: usize = 16 * 1024;

/// The most room that is made for what is only announced.
const BODY_ROOM_MAX_BYTES: usize = 256 * 1024;

/// A call that is ready to be sent.
pub(super) struct Outgoing {
    call: Call,
    body: Vec<u8>,
    station: Option<StationId>,
    /// Who signs, and with what; none for a login and a notification.
    signed: Option<(UserId, Signature)>,
    /// What no answer may carry into an error text.
    secrets: Secrets,
}

impl Outgoing {
    /// A login: the key stands in the body, and no user is named.
    pub(super) fn unsigned(call: Call, body: Vec<u8>, station: StationId, key: &ApiKey) -> Self {
        let secrets = Secrets { key: Some(key.clone()), signature: None };
        Self { call, body, station: Some(station), signed: None, secrets }
    }

    /// A call that names its station only.
    pub(super) fn of_station(call: Call, body: Vec<u8>, station: StationId) -> Self {
        let secrets = Secrets { key: None, signature: None };
        Self { call, body, station: Some(station), signed: None, secrets }
    }

    /// Signs exactly the bytes that are sent, or takes the signature that the client made.
    pub(super) fn signed(
        call: Call,
        body: Vec<u8>,
        timestamp: &str,
        identity: &Identity,
        recipe: &Recipe,
    ) -> Self {
        // Source: "Calling convention": workspace registration names no station.
        let station = (call != Call::REGISTER_WORKSPACE).then_some(identity.station);
        let (signature, key) = match &identity.credential {
            Credential::Forwarded(signature) => (signature.clone(), None),
            Credential::ApiKey(key) => {
                let request = SignedRequest {
                    user: identity.user,
                    station,
                    api: call.api,
                    action: call.action,
                    timestamp,
                    body: &body,
                    key,
                };
                (recipe.sign(&request), Some(key.clone()))
            }
        };
        let secrets = Secrets { key, signature: Some(signature.clone()) };
        Self { call, body, station, signed: Some((identity.user, signature)), secrets }
    }
}

/// The HTTP client, its target and its bounds.
pub(super) struct Transport {
    http: reqwest::Client,
    url: Url,
    timeout: Duration,
    body_max_bytes: usize,
    places: Places,
    breaker: Breaker,
    metrics: Arc<Metrics>,
}

impl Transport {
    pub(super) fn try_new(
        options: ClientOptions,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ClientSetupError> {
        // A second installation is refused, and is the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let roots = options.roots.iter().map(|root| reqwest::Certificate::from_der(root));
        let mut http = reqwest::Client::builder()
            .tls_certs_merge(roots.collect::<Result<Vec<_>, _>>()?)
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(options.concurrency.get())
            .tcp_nodelay(true)
            .redirect(Policy::none())
            .no_proxy();
        if let Some(proxy) = options.proxy {
            http = http.proxy(reqwest::Proxy::all(proxy)?);
        }
        Ok(Self {
            http: http.build()?,
            url: options.url,
            timeout: options.timeout,
            body_max_bytes: options.body_max_bytes,
            places: Places::new(options.concurrency),
            breaker: Breaker::new(Arc::clone(&metrics)),
            metrics,
        })
    }

    /// When a call that begins now must be done, with all that is tried for it.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Sends the call and reads its answer, until the deadline. Without a connection, or while the server counts as down,
    /// nothing is sent.
    pub(super) async fn send<A: Answer>(
        &self,
        outgoing: Outgoing,
        deadline: Instant,
    ) -> Result<A::Content, UpstreamError> {
        let call = outgoing.call;
        let started = Instant::now();
        let span = Span::of_call(call.api, call.action);
        let result = self.exchange::<A>(outgoing, deadline, span.as_ref()).await;
        let outcome = result.as_ref().err().map_or("ok", UpstreamError::class);
        let duration = started.elapsed();
        self.metrics.upstream_call(call.api, call.action, outcome, duration);
        if let Some(span) = span {
            span.end(outcome);
        }
        tracing::debug!(
            api = call.api,
            action = call.action,
            outcome,
            duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            "upstream call"
        );
        result
    }

    async fn exchange<A: Answer>(
        &self,
        outgoing: Outgoing,
        deadline: Instant,
        span: Option<&Span>,
    ) -> Result<A::Content, UpstreamError> {
        let call = outgoing.call;
        let timed_out = || UpstreamError::TimedOut { call, limit: self.timeout };
        let known_down = |retry_after| UpstreamError::KnownDown { call, retry_after };
        self.breaker.closed_for().map_or(Ok(()), |wait| Err(known_down(wait)))?;
        // The time that is waited here says nothing of the server, so the breaker does not count it.
        let user = outgoing.signed.as_ref().map(|(user, _)| *user);
        let turn = timeout_at(deadline, self.places.take(user)).await;
        let _place = turn
            .map_err(|_elapsed| timed_out())?
            .map_err(|_closed| UpstreamError::Interrupted { call })?;
        let leave = self.breaker.admit().map_err(known_down)?;
        let answered = async {
            let (status, body) = self.round_trip(call, &outgoing, span).await?;
            decode::<A>(call, status, &body, &outgoing.secrets)
        };
        let result = timeout_at(deadline, answered).await.unwrap_or_else(|_| Err(timed_out()));
        leave.tell(&result);
        result
    }

    async fn round_trip(
        &self,
        call: Call,
        outgoing: &Outgoing,
        span: Option<&Span>,
    ) -> Result<(StatusCode, Vec<u8>), UpstreamError> {
        let mut request = self.request(outgoing);
        if let Some(span) = span {
            request = request.headers(span.headers());
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one send path")]
        let mut response = request.send().await.map_err(|error| failure(call, error, false))?;
        let status = response.status();
        if let Some(span) = span {
            span.note_status(status.as_u16());
        }
        let too_large = || UpstreamError::TooLarge { call, limit: self.body_max_bytes };
        let announced = response.content_length().map_or(Ok(BODY_START_BYTES), usize::try_from);
        let announced =
            announced.ok().filter(|&length| length <= self.body_max_bytes).ok_or_else(too_large)?;
        let mut body = Vec::with_capacity(announced.min(BODY_ROOM_MAX_BYTES));
        while let Some(chunk) =
            response.chunk().await.map_err(|error| failure(call, error, true))?
        {
            if body.len() + chunk.len() > self.body_max_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }

    fn request(&self, outgoing: &Outgoing) -> reqwest::RequestBuilder {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("srv", outgoing.call.service)
            .append_pair("api", outgoing.call.api);
        let mut request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(outgoing.body.clone());
        if let Some(station) = outgoing.station {
            request = request.header("Ozeki-Station", station.to_string());
        }
        if let Some((user, signature)) = &outgoing.signed {
            request = request
                .header("Ozeki-User", user.to_string())
                .header("Ozeki-Signature", signature.expose());
        }
        request
    }
}

/// Tells a connection that was never made from one that was lost, and both from a server that does not speak HTTP; the
/// URL stays out of all.
fn failure(call: Call, error: reqwest::Error, has_begun: bool) -> UpstreamError {
    if !has_begun && is_not_http(&error) {
        return UpstreamError::Malformed { call, detail: "not HTTP".into() };
    }
    let is_connect = error.is_connect();
    let source = error.without_url();
    if is_connect {
        UpstreamError::Unreachable { call, source }
    } else {
        UpstreamError::ConnectionLost { call, has_begun, source }
    }
}

fn is_not_http(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse)
}
