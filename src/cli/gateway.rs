//! What `serve` and `sandbox` share: from the configuration to a running gateway, and to its end.

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::sleep;
use url::Url;

use super::signals::Signals;
use crate::app::{ConnectionLimits, Gateway, GatewayOptions, Playground, TlsFiles};
use crate::cache::CacheOptions;
use crate::config::{CommandConfig, Config, LogFormat, QuotaConfig, QuotasConfig};
use crate::ozeki::ClientOptions;
use crate::session::{Audience, Quota, RateLimitOptions, SessionKey, SessionOptions};
use crate::telemetry::{self, LogStyle, TraceOptions};

/// Begins to log, and logs what the operator should know.
pub(super) fn start_log(config: &Config) {
    let style = match config.log.format {
        LogFormat::Text => LogStyle::Text,
        LogFormat::Json => LogStyle::Json,
    };
    telemetry::start_log(config.log.level, style);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

/// The gateway's options by the configuration; only the upstream's URL is decided by the command.
pub(super) fn options(
    config: &Config,
    upstream: &Url,
    playground: Playground,
) -> Result<GatewayOptions, getrandom::Error> {
    let key = match &config.session.key {
        Some(key) => SessionKey::from_bytes(*key.expose()),
        None => SessionKey::random()?,
    };
    let key_previous = config.session.key_previous.as_ref();
    let audience = match config.command {
        // Its stand-in has another address each time, and is the same for all that.
        CommandConfig::Sandbox(_) => Audience::named("sandbox"),
        CommandConfig::Serve(_) | CommandConfig::Check(_) => Audience::of_upstream(upstream),
    };
    Ok(GatewayOptions {
        listen: config.http.listen,
        admin_listen: config.http.admin_listen,
        client: client_options(config, upstream),
        session: SessionOptions {
            key,
            key_previous: key_previous.map(|key| SessionKey::from_bytes(*key.expose())),
            audience,
            time_to_live: config.session.time_to_live,
            idle_timeout: config.session.idle_timeout,
            forward_credentials: config.session.forward_credentials,
            rate_limits: config.http.rate_limits.then(|| rate_limits(&config.http.quotas)),
        },
        cache: CacheOptions {
            max_bytes: config.cache.max_bytes,
            conversations_time_to_live: config.cache.conversations_time_to_live,
            friends_time_to_live: config.cache.friends_time_to_live,
            live_time_to_live: config.cache.live_time_to_live,
            stale_time_to_live: config.cache.stale_time_to_live,
            notification_interval: config.cache.notification_interval,
            keeps_answers: true,
        },
        playground,
        operation_limits: config.http.operation_limits,
        operations_in_flight_max: config.http.operations_in_flight_max,
        operation_calls_max: config.upstream.operation_calls_max,
        operation_concurrency: config.upstream.operation_concurrency,
        trusted_proxies: config.http.trusted_proxies.clone(),
        body_max_bytes: config.http.body_max_bytes,
        request_timeout: config.http.request_timeout,
        shutdown_grace: config.http.shutdown_grace,
        tls: tls_files(config),
        connections: ConnectionLimits::default(),
        cors_origins: config.http.cors_origins.clone(),
        traces: config.traces.endpoint.as_ref().map(|endpoint| TraceOptions {
            endpoint: endpoint.expose().clone(),
            share: config.traces.share,
        }),
    })
}

/// The files of the certificate, if frontends come by https.
pub(super) fn tls_files(config: &Config) -> Option<TlsFiles> {
    config.http.tls.as_ref().map(|tls| TlsFiles {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        reload_period: TlsFiles::RELOAD_PERIOD,
    })
}

/// How often callers may ask.
fn rate_limits(quotas: &QuotasConfig) -> RateLimitOptions {
    let quota = |QuotaConfig { count, period, burst }| {
        Quota::new(count, period, burst).expect("the configuration bounds the count")
    };
    RateLimitOptions {
        caller: quota(quotas.caller),
        forwarded: quota(quotas.forwarded),
        anonymous: quota(quotas.anonymous),
        login: quota(quotas.login),
        login_address: quota(quotas.login_address),
    }
}

/// How the upstream is called.
pub(super) fn client_options(config: &Config, upstream: &Url) -> ClientOptions {
    ClientOptions {
        url: upstream.clone(),
        recipe: config.signature.clone(),
        timeout: config.upstream.timeout,
        connect_timeout: config.upstream.connect_timeout,
        body_max_bytes: config.upstream.body_max_bytes,
        concurrency: config.upstream.concurrency,
        roots: config.upstream.roots.clone(),
        proxy: config.upstream.proxy.as_ref().map(|proxy| proxy.expose().clone()),
    }
}

/// Catches the signals that end the process; before the gateway starts.
pub(super) fn catch_signals() -> Result<Signals, String> {
    Signals::catch().map_err(|error| format!("signals cannot be received: {error}"))
}

/// Serves until a signal, for `delay` longer with readiness withdrawn, then ends in good order; a second signal ends it
/// at once.
pub(super) async fn until_signal(
    gateway: Gateway,
    mut signals: Signals,
    delay: Duration,
) -> ExitCode {
    signals.next().await;
    tracing::info!("shutting down; a second signal ends at once");
    gateway.withdraw();
    let end = async {
        sleep(delay).await;
        if !gateway.shutdown().await {
            tracing::warn!("the shutdown's grace period ended before all work did");
        }
    };
    tokio::select! {
        () = end => ExitCode::SUCCESS,
        () = signals.next() => ExitCode::FAILURE,
    }
}
