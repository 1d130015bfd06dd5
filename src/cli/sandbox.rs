//! `sandbox`: the gateway in front of the built-in stand-in, ready to click at.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::{fail, gateway, refuse_for, with_causes};
use crate::app::{Gateway, Playground};
use crate::clock::Clock;
use crate::config::{CommandConfig, Config, SandboxConfig};
use crate::ozeki::ApiKey;
use crate::sandbox::{DemoUser, Sandbox, SandboxOptions, demo_users};

/// Short enough that a new subscription shows something within five seconds: two steps of three are messages.
const LIFE_STEP: Duration = Duration::from_millis(1500);

/// Where scripts find the running parts.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the port file")]
struct Ports<'a> {
    graphql_url: String,
    ozeki_url: &'a str,
    admin_url: Option<String>,
}

pub(super) async fn run(config: Config) -> ExitCode {
    let CommandConfig::Sandbox(own) = config.command.clone() else {
        return fail("this configuration is not for `sandbox`");
    };
    gateway::start_log(&config);
    if let Some(text) = own.port_file.as_deref().and_then(|path| remove_stale(path).err()) {
        return fail(&text);
    }
    let signals = match gateway::catch_signals() {
        Ok(signals) => signals,
        Err(text) => return fail(&text),
    };
    let options = SandboxOptions {
        listen: own.ozeki_listen,
        recipe: config.signature.clone(),
        clock: Clock::system(),
    };
    let sandbox = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => return fail(&format!("cannot listen on {}: {error}", own.ozeki_listen)),
    };
    if own.life {
        sandbox.come_alive(LIFE_STEP);
    }
    let status = match serve(&config, &own, &sandbox).await {
        Ok(gateway) => gateway::until_signal(gateway, signals, config.http.shutdown_delay).await,
        Err(status) => status,
    };
    sandbox.shutdown().await;
    status
}

async fn serve(
    config: &Config,
    own: &SandboxConfig,
    sandbox: &Sandbox,
) -> Result<Gateway, ExitCode> {
    let demo = demo_users().first().ok_or_else(|| fail("the sandbox has no demo user"))?;
    let key = ApiKey::parse(demo.api_key).map_err(|error| fail(&error.to_string()))?;
    let playground =
        if config.http.playground { Playground::LoggedIn(key.clone()) } else { Playground::Off };
    let options = gateway::options(config, sandbox.url(), playground)
        .map_err(|error| fail(&format!("this machine has no random source: {error}")))?;
    let started = Gateway::start(options, Clock::system()).await;
    let gateway = started.map_err(|error| {
        if error.is_misuse() { refuse_for(&error) } else { fail(&with_causes(&error)) }
    })?;
    let logged_in =
        gateway.sessions().login(key, None).await.map_err(|error| fail(&with_causes(&error)))?;
    let ports = Ports {
        graphql_url: format!("{}/graphql", gateway.url()),
        ozeki_url: sandbox.url().as_str(),
        admin_url: gateway.admin_url(),
    };
    let text = welcome(&gateway, &ports, demo, logged_in.token.expose(), config.http.playground);
    // A closed pipe is no reason to stop serving.
    let _ = io::stdout().write_all(text.as_bytes());
    if let Some(path) = &own.port_file {
        write_ports(path, &ports).map_err(|error| {
            fail(&format!("cannot write the port file {}: {error}", path.display()))
        })?;
    }
    Ok(gateway)
}

/// Where to click and what to paste.
fn welcome(
    gateway: &Gateway,
    ports: &Ports<'_>,
    demo: &DemoUser,
    token: &str,
    has_playground: bool,
) -> String {
    let (graphql, ozeki) = (&ports.graphql_url, ports.ozeki_url);
    let playground = if has_playground {
        format!("{}/   <- open this in a browser", gateway.url())
    } else {
        "off".to_owned()
    };
    let metrics = ports.admin_url.as_ref().map_or("off".to_owned(), |url| format!("{url}/metrics"));
    let user = |DemoUser { email, api_key, name }: &DemoUser| {
        format!("    {email:<20} {api_key:<12} {name}")
    };
    let users = demo_users().iter().map(user).collect::<Vec<_>>().join("\n");
    format!(
        "\n  The sandbox is running.\n\n  \
         Playground   {playground}\n  \
         GraphQL      {graphql}\n  \
         Ozeki API    {ozeki}   (the stand-in)\n  \
         Metrics      {metrics}\n\n  \
         Demo users, with the API key for the mutation `login`:\n\n{users}\n\n  \
         To ask from a shell, as {name}, paste:\n\n\
         curl -s {graphql} \\\n  -H 'Content-Type: application/json' \\\n  \
         -H 'Authorization: Bearer {token}' \\\n  \
         -d '{{\"query\":\"{{ conversations(first: 3) {{ totalCount nodes {{ id lastAccess }} }} friends(first: 3) {{ totalCount nodes {{ name availability }} }} }}\"}}'\n\n  \
         Ctrl-C stops it. The log follows; each `ozeki call` is a call that reached the stand-in.\n\n",
        name = demo.name,
    )
}

/// Removes the file of an earlier run, so that no script takes its URLs for those of this one.
fn remove_stale(path: &Path) -> Result<(), String> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot remove the port file {} of another run: {error}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes the file in one step, so that a script that waits for it never reads half of it.
fn write_ports(path: &Path, ports: &Ports<'_>) -> io::Result<()> {
    let mut text = serde_json::to_string(ports)?;
    text.push('\n');
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    std::fs::write(&unfinished, text)?;
    std::fs::rename(&unfinished, path)
}
