//! The command line: one file per command, and the arguments they share.

pub mod arguments;
mod check;
mod gateway;
pub mod health;
mod sandbox;
mod schema;
mod serve;
mod signals;
pub mod signature;
pub mod user_id;

use std::io::{self, Write};
use std::process::ExitCode;

use arguments::{Invocation, Stopped, Subcommands};
use clap::ArgMatches;
use health::HealthError;
use signature::{SignatureError, Streams, Verdict};
use user_id::UserIdError;

use crate::config::{CommandKind, Config, Flags, Variables};
use crate::telemetry::{self, LogEnd};

/// The exit status of a wrong command line or configuration.
const MISUSE: u8 = 2;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let _end = LogEnd;
    let subcommands = Subcommands {
        signature: signature::command(),
        user_id: user_id::command(),
        health: health::command(),
    };
    let invocation = match arguments::parse(std::env::args_os(), subcommands) {
        Ok(invocation) => invocation,
        Err(Stopped::Answered(text)) => return print(&text),
        Err(Stopped::Refused(text)) => return refuse(&text),
    };
    match invocation {
        Invocation::Serve { flags, print_config } => {
            with_config(CommandKind::Serve, &flags, |config| {
                if print_config { print(&config.to_toml()) } else { run(serve::run(config)) }
            })
        }
        Invocation::Sandbox { flags } => {
            with_config(CommandKind::Sandbox, &flags, |config| run(sandbox::run(config)))
        }
        Invocation::Check { flags } => {
            with_config(CommandKind::Check, &flags, |config| run(check::run(config)))
        }
        Invocation::Schema => print(&schema::text()),
        Invocation::UserId(matches) => user_id(&matches),
        Invocation::Signature(matches) => signature(&matches),
        Invocation::Health(matches) => run(health(&matches)),
    }
}

fn user_id(matches: &ArgMatches) -> ExitCode {
    match user_id::run(matches, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ UserIdError::Email(_)) => refuse(&format!("{}\n", with_causes(&error))),
        Err(error @ UserIdError::Output(_)) => fail(&with_causes(&error)),
    }
}

async fn health(matches: &ArgMatches) -> ExitCode {
    match health::run(matches, &Variables::of_process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ HealthError::Url) => refuse_for(&error),
        Err(error) => fail(&with_causes(&error)),
    }
}

fn signature(matches: &ArgMatches) -> ExitCode {
    let mut streams = Streams {
        input: &mut io::stdin(),
        output: &mut io::stdout(),
        notes: &mut io::stderr(),
        variables: &Variables::of_process(),
    };
    match signature::run(matches, &mut streams) {
        Ok(Verdict::Found) => ExitCode::SUCCESS,
        Ok(Verdict::NotFound) => ExitCode::FAILURE,
        Err(error @ SignatureError::Input(_)) => refuse(&format!("{error}\n")),
        Err(error @ SignatureError::Output(_)) => fail(&with_causes(&error)),
    }
}

fn with_config(
    kind: CommandKind,
    flags: &Flags,
    command: impl FnOnce(Config) -> ExitCode,
) -> ExitCode {
    match Config::load(kind, flags, &Variables::of_process()) {
        Ok(config) => command(config),
        Err(error) => refuse(&format!("{error}\n")),
    }
}

/// Runs a command that waits for the network.
fn run(command: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => fail(&format!("the runtime could not be started: {error}")),
    }
}

fn print(text: &str) -> ExitCode {
    // A closed pipe, as of `head`, is no failure of ours.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn refuse(text: &str) -> ExitCode {
    tell(text);
    ExitCode::from(MISUSE)
}

/// Says what is wrong with a configuration when only its use could tell.
fn refuse_for(error: &dyn std::error::Error) -> ExitCode {
    refuse(&format!("{}\n", with_causes(error)))
}

/// Says why a command that was understood did not work.
fn fail(text: &str) -> ExitCode {
    tell(&format!("error: {text}\n"));
    ExitCode::FAILURE
}

/// Writes to standard error, behind the log.
fn tell(text: &str) {
    if telemetry::is_log_written_out() {
        // Where it is closed nothing can be told.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// An error with its causes, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
