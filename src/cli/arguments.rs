//! The command line: what may stand on it, and what does.
//!
//! The flags of `serve`, `sandbox` and `check` are made from the table of settings. What they hold is not judged
//! here: [`Config::load`](crate::config::Config::load) weighs it against the other sources and tells all faults at
//! once, among them those that `scan` finds before the parser would stop at the first.

mod scan;

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{CommandKind, ConfigError, Fault, Flags, Form, Group, Setting, settings_for};

/// The program's name on its command line.
const PROGRAM: &str = "ozeki-graphql";

const PRINT_CONFIG: &str = "print-config";

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Run the gateway, or show its configuration.
    Serve {
        /// The settings that flags gave.
        flags: Flags,
        /// Only print what counts.
        print_config: bool,
    },
    /// Run the gateway in front of the stand-in.
    Sandbox {
        /// The settings that flags gave.
        flags: Flags,
    },
    /// Print the schema.
    Schema,
    /// Print the id of a user.
    UserId(ArgMatches),
    /// Sign a request, or find the recipe of one.
    Signature(ArgMatches),
    /// Ask a running gateway whether it takes work.
    Health(ArgMatches),
    /// Test configuration and upstream.
    Check {
        /// The settings that flags gave.
        flags: Flags,
    },
}

/// The command line asks for nothing that can be run.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It asks for this text: help or version, for standard output and exit status 0.
    Answered(String),
    /// It is wrong, as this text says: for standard error and exit status 2.
    Refused(String),
}

/// The parts of the command line that other modules define.
#[derive(Debug)]
pub struct Subcommands {
    /// `signature`, with its own subcommands.
    pub signature: Command,
    /// `user-id EMAIL`.
    pub user_id: Command,
    /// `health`.
    pub health: Command,
}

/// Reads the arguments, the program's name first.
///
/// # Errors
///
/// [`Stopped`] when help or the version is asked for, or when no command can be made out.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    subcommands: Subcommands,
) -> Result<Invocation, Stopped> {
    let mut command = command(subcommands);
    command.build();
    let scanned = scan::scan(&command, arguments);
    let faults = scanned.faults;
    let mut matches =
        command.try_get_matches_from(scanned.kept).map_err(|error| stop(&error, &faults))?;
    let (name, matches) =
        matches.remove_subcommand().expect("the parser refuses a command line without a command");
    let flags = |kind| flags_of(kind, &matches, &faults);
    match name.as_str() {
        "serve" => Ok(Invocation::Serve {
            flags: flags(CommandKind::Serve),
            print_config: matches.get_flag(PRINT_CONFIG),
        }),
        "sandbox" => Ok(Invocation::Sandbox { flags: flags(CommandKind::Sandbox) }),
        "check" => Ok(Invocation::Check { flags: flags(CommandKind::Check) }),
        // The others have no further source that faults could come from.
        _ if !faults.is_empty() => Err(Stopped::Refused(format!("{}\n", ConfigError { faults }))),
        "schema" => Ok(Invocation::Schema),
        "user-id" => Ok(Invocation::UserId(matches)),
        "signature" => Ok(Invocation::Signature(matches)),
        "health" => Ok(Invocation::Health(matches)),
        name => unreachable!("the parser knows no command {name}"),
    }
}

fn stop(error: &clap::Error, faults: &[Fault]) -> Stopped {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Stopped::Answered(text);
    }
    if faults.is_empty() {
        return Stopped::Refused(text);
    }
    let faults = faults.to_vec();
    Stopped::Refused(format!("{}\n{text}", ConfigError { faults }))
}

fn flags_of(kind: CommandKind, matches: &ArgMatches, faults: &[Fault]) -> Flags {
    let mut flags = Flags::default();
    for fault in faults {
        flags.add_fault(fault.clone());
    }
    for setting in settings_for(kind) {
        let is_given = matches.value_source(setting.name) == Some(ValueSource::CommandLine);
        let value = matches.get_one::<OsString>(setting.name);
        match value.filter(|_| is_given).map(|value| value.to_str()) {
            None => {}
            Some(Some(text)) => flags.set(setting, text),
            Some(None) => {
                flags.add_fault(Fault::new(format!("the value of --{} is no UTF-8", setting.flag)));
            }
        }
    }
    flags
}

fn command(subcommands: Subcommands) -> Command {
    Command::new(PROGRAM)
        .about("A GraphQL gateway for the Ozeki Chat HTTP API")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve())
        .subcommand(
            configured("sandbox", CommandKind::Sandbox)
                .about("Run the gateway in front of a built-in Ozeki stand-in with demo users"),
        )
        .subcommand(
            Command::new("schema").about("Print the GraphQL schema (equal to schema.graphql)"),
        )
        .subcommand(subcommands.user_id)
        .subcommand(subcommands.signature)
        .subcommand(subcommands.health)
        .subcommand(configured("check", CommandKind::Check).about(
            "Test configuration, upstream and, if given, an API key; say in words what is wrong",
        ))
}

fn serve() -> Command {
    configured("serve", CommandKind::Serve)
        .about("Run the gateway in front of an Ozeki server")
        .arg(
            Arg::new(PRINT_CONFIG)
                .long(PRINT_CONFIG)
                .action(ArgAction::SetTrue)
                .help_heading(Group::Configuration.heading())
                .help("Print the configuration that counts as TOML, secrets masked, and exit"),
        )
}

/// A command with a flag for each of its settings, listed by group; of a flag given twice, the last one counts.
fn configured(name: &'static str, kind: CommandKind) -> Command {
    let by_group = Group::ALL
        .into_iter()
        .flat_map(|group| settings_for(kind).filter(move |setting| setting.group == group));
    Command::new(name)
        .args(by_group.map(|setting| argument(setting, kind)))
        .args_override_self(true)
        .next_line_help(true)
        .after_help(
            "Durations have a unit (500ms, 10s, 5m, 12h, 30d); sizes may have one (64KiB, 8MiB, 1GiB).\n\
             Of defaults, file, variables and flags, the last to set something counts.",
        )
}

fn argument(setting: &'static Setting, kind: CommandKind) -> Arg {
    let default = setting
        .default_for(kind)
        .map(|default| format!("default: {default}; "))
        .unwrap_or_default();
    let argument = Arg::new(setting.name)
        .long(setting.flag)
        .value_name(setting.value_name)
        .value_parser(ValueParser::os_string())
        .help_heading(setting.group.heading())
        .help(format!("{} [{default}variable: {}]", setting.help, setting.variable()));
    match setting.form {
        Form::Switch => argument.num_args(0..=1).default_missing_value("on"),
        Form::Duration(_)
        | Form::Size(_)
        | Form::Count(_)
        | Form::Choice(_)
        | Form::Limits
        | Form::Text(_)
        | Form::Url(_)
        | Form::Secret(_) => argument,
    }
}

#[cfg(test)]
mod tests;
