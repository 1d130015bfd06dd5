//! `check`: tries the configuration against the upstream and says in words what is wrong.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use super::{fail, gateway, refuse_for, with_causes};
use crate::clock::Clock;
use crate::config::{CommandConfig, Config};
use crate::ozeki::{ApiKey, Client, Credential, Identity, Login, StationId, UpstreamError};
use crate::telemetry::Metrics;

/// A key that belongs to nobody: a server that refuses it has shown that it speaks the chat API.
const NOBODY: &str = "ozeki-graphql-check";

pub(super) async fn run(config: Config) -> ExitCode {
    let CommandConfig::Check(own) = &config.command else {
        return fail("this configuration is not for `check`");
    };
    for warning in &config.warnings {
        say("note", warning);
    }
    say("ok", "the configuration is valid");
    if let Some(files) = gateway::tls_files(&config) {
        if let Err(error) = files.check() {
            return refuse_for(&error);
        }
        say("ok", "the TLS certificate and its key can be used");
    }
    let options = gateway::client_options(&config, own.upstream_url.expose());
    let metrics = Arc::new(Metrics::default());
    let client = match Client::try_new(options, Clock::system(), metrics) {
        Ok(client) => client,
        Err(error) => return fail(&with_causes(&error)),
    };
    let Ok(station) = StationId::random() else {
        return fail("this machine has no random source");
    };
    let url = &own.upstream_url;
    say("..", &format!("asking {url} (at most {:?} a call)", config.upstream.timeout));
    let is_fine = match &own.api_key {
        None => check_server(&client, station).await,
        Some(key) => check_user(&client, station, key).await,
    };
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn check_server(client: &Client, station: StationId) -> bool {
    let nobody = ApiKey::parse(NOBODY).expect("it is visible ASCII");
    match client.login(station, &nobody).await {
        Ok(_) | Err(UpstreamError::Rejected { .. }) => {
            say("ok", "the server answers as an Ozeki Chat API");
            say("note", "give an API key (--api-key-file) to check login and signature too");
            true
        }
        Err(error) => told(&error),
    }
}

async fn check_user(client: &Client, station: StationId, key: &ApiKey) -> bool {
    let login = match client.login(station, key).await {
        Ok(login) => login,
        Err(error) => return told(&error),
    };
    let Login { user, name, .. } = login;
    say(
        "ok",
        &format!(
            "the API key is that of {} ({user})",
            name.as_deref().unwrap_or("a user without a name")
        ),
    );
    let identity = Identity { user, station, credential: Credential::ApiKey(key.clone()) };
    match client.conversations(&identity).await {
        Ok(list) => say("ok", &format!("the signature is accepted; {} conversations", list.len())),
        Err(error @ UpstreamError::Rejected { .. }) => {
            told(&error);
            say(
                "note",
                "login works but a signed call does not, so the signature's recipe may be wrong: capture a request of a working client and run `ozeki-graphql signature detect`",
            );
            return false;
        }
        Err(error) => return told(&error),
    }
    match client.friends(&identity).await {
        Ok(list) => say("ok", &format!("{} friends", list.len())),
        Err(error) => return told(&error),
    }
    true
}

fn told(error: &UpstreamError) -> bool {
    say("FAIL", &with_causes(error));
    let advice = match error {
        _ if error.is_untrusted() => {
            "if the certificate is of a company's own authority, name that with --upstream-ca; else it has expired or names another host"
        }
        UpstreamError::Unreachable { .. } => {
            "is --upstream-url right, is the server running, does a firewall stand between?"
        }
        UpstreamError::TimedOut { .. } => {
            "the server accepts connections but does not answer; raise --upstream-timeout if it is only slow"
        }
        UpstreamError::ConnectionLost { .. } => {
            "is this the right port, and http or https as the server has it?"
        }
        UpstreamError::Failed { .. } => "the server's own log should tell why",
        UpstreamError::Throttled { .. } => {
            "the server, or a proxy before it, limits how often it is called; try again later"
        }
        UpstreamError::Rejected { .. } => "the server understood the call and refused it",
        UpstreamError::TooLarge { .. } => "raise --upstream-body-max if such an answer is expected",
        UpstreamError::Malformed { .. } => {
            "does --upstream-url name the chat API, such as http://chat.example/ozeki/index.php?"
        }
        UpstreamError::KnownDown { .. } | UpstreamError::Interrupted { .. } => "try again",
    };
    say("note", advice);
    false
}

fn say(mark: &str, text: &str) {
    // A closed pipe is told by the exit status alone.
    let _ = writeln!(io::stdout(), "{mark:<5}{text}");
}
