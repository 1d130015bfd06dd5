//! `serve`: the gateway in front of an Ozeki server.

use std::process::ExitCode;

use super::{fail, gateway, refuse_for, with_causes};
use crate::app::{Gateway, Playground};
use crate::clock::Clock;
use crate::config::{CommandConfig, Config};

pub(super) async fn run(config: Config) -> ExitCode {
    let CommandConfig::Serve(upstream) = &config.command else {
        return fail("this configuration is not for `serve`");
    };
    gateway::start_log(&config);
    let playground = if config.http.playground { Playground::On } else { Playground::Off };
    let options = match gateway::options(&config, upstream.expose(), playground) {
        Ok(options) => options,
        Err(error) => return fail(&format!("this machine has no random source: {error}")),
    };
    let signals = match gateway::catch_signals() {
        Ok(signals) => signals,
        Err(text) => return fail(&text),
    };
    let gateway = match Gateway::start(options, Clock::system()).await {
        Ok(gateway) => gateway,
        Err(error) if error.is_misuse() => return refuse_for(&error),
        Err(error) => return fail(&with_causes(&error)),
    };
    tracing::info!(
        graphql_url = format!("{}/graphql", gateway.url()),
        admin_url = gateway.admin_url(),
        upstream_url = %upstream,
        "serving"
    );
    gateway::until_signal(gateway, signals, config.http.shutdown_delay).await
}
