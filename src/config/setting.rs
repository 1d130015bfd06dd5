//! What a setting is: its names, its form and the commands that it is for.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::http::SHUTDOWN_DELAY_DEFAULT_OF_SANDBOX;
use super::quantity::{shown_duration, shown_size};

/// The start of every variable of this program.
pub const VARIABLE_PREFIX: &str = "OZEKI_GRAPHQL_";

/// A command that is configured by settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// The gateway.
    Serve,
    /// The gateway in front of the built-in stand-in.
    Sandbox,
    /// The test of configuration and upstream.
    Check,
}

impl CommandKind {
    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Sandbox => "sandbox",
            Self::Check => "check",
        }
    }
}

/// The group that a setting is listed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The Ozeki server and the calls to it.
    Upstream,
    /// What the gateway offers to its own callers.
    Serving,
    /// The recipe of `Ozeki-Signature`.
    Signature,
    /// Session tokens and credentials.
    Sessions,
    /// What is kept in memory.
    Cache,
    /// What is logged.
    Logs,
    /// Where traces are sent.
    Traces,
    /// The stand-in of an Ozeki server.
    Sandbox,
    /// The credential that `check` tries.
    Check,
    /// Where the configuration is.
    Configuration,
}

impl Group {
    /// Every group, in the order in which they are listed.
    pub const ALL: [Self; 10] = [
        Self::Configuration,
        Self::Upstream,
        Self::Serving,
        Self::Signature,
        Self::Sessions,
        Self::Cache,
        Self::Logs,
        Self::Traces,
        Self::Sandbox,
        Self::Check,
    ];

    /// The heading in the help text.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Upstream => "Upstream",
            Self::Serving => "Serving",
            Self::Signature => "Signature",
            Self::Sessions => "Sessions",
            Self::Cache => "Cache",
            Self::Logs => "Logs",
            Self::Traces => "Traces",
            Self::Sandbox => "Sandbox",
            Self::Check => "Check",
            Self::Configuration => "Configuration",
        }
    }
}

/// What the text of a setting must look like, with its limits.
#[derive(Clone, Debug)]
pub enum Form {
    /// `on` or `off`; the flag alone means on.
    Switch,
    /// A number with a unit of time.
    Duration(RangeInclusive<Duration>),
    /// A number of bytes, with or without a unit.
    Size(RangeInclusive<u64>),
    /// A whole number.
    Count(RangeInclusive<u32>),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Names with numbers; what is not named keeps its default.
    Limits,
    /// Whatever this phrase describes.
    Text(&'static str),
    /// An http or https URL, such as this one; its user info is never printed.
    Url(&'static str),
    /// Whatever this phrase describes; the value is never printed.
    Secret(&'static str),
}

impl fmt::Display for Form {
    /// Says what is expected, as a phrase.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => formatter.write_str("`on` or `off`"),
            Self::Duration(limits) => write!(
                formatter,
                "a duration from {} to {} with a unit (ms, s, m, h, d)",
                shown_duration(*limits.start()),
                shown_duration(*limits.end())
            ),
            Self::Size(limits) if *limits.end() == u64::MAX => {
                write!(formatter, "a size of at least {}", shown_size(*limits.start()))
            }
            Self::Size(limits) => write!(
                formatter,
                "a size from {} to {}",
                shown_size(*limits.start()),
                shown_size(*limits.end())
            ),
            Self::Count(limits) => {
                write!(formatter, "a whole number from {} to {}", limits.start(), limits.end())
            }
            Self::Limits => formatter.write_str(
                "limits such as tokens=3000,depth=12; what is not named keeps its default",
            ),
            Self::Choice(words) => write!(formatter, "one of {}", words.join(", ")),
            Self::Text(phrase) | Self::Secret(phrase) => formatter.write_str(phrase),
            Self::Url(example) => {
                write!(
                    formatter,
                    "an http or https URL without query or fragment, such as {example}"
                )
            }
        }
    }
}

/// One setting: declared once, in [the table](super::settings), for flags, variables, keys, help and documentation.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file; the variable is the same in upper case behind [`VARIABLE_PREFIX`].
    pub name: &'static str,
    /// The flag without its dashes.
    pub flag: &'static str,
    /// What stands for the value in the help text.
    pub value_name: &'static str,
    /// The text that counts when no source gives one.
    pub default: Option<&'static str>,
    /// What a text must look like.
    pub form: Form,
    /// The commands that take the setting.
    pub commands: &'static [CommandKind],
    /// Where it is listed.
    pub group: Group,
    /// What it means, in one line.
    pub help: &'static str,
}

impl Setting {
    /// The variable that sets it.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// The key of the file that sets it; where the file is cannot stand in the file itself.
    pub fn key(&self) -> Option<&'static str> {
        (self.name != CONFIG).then_some(self.name)
    }

    /// The text that counts for `command` when no source gives one.
    pub fn default_for(&self, command: CommandKind) -> Option<&'static str> {
        // A demo is for clicking; a gateway in service shows its schema only when told to.
        match (self.name, command) {
            (PLAYGROUND, CommandKind::Sandbox) => Some("on"),
            (SHUTDOWN_DELAY, CommandKind::Sandbox) => Some(SHUTDOWN_DELAY_DEFAULT_OF_SANDBOX),
            _ => self.default,
        }
    }

    /// Whether `command` takes it.
    pub fn is_for(&self, command: CommandKind) -> bool {
        self.commands.contains(&command)
    }

    /// The commands that take it, as text: `serve or check`.
    pub fn command_names(&self) -> String {
        let names: Vec<&str> = self.commands.iter().map(|command| command.name()).collect();
        names.join(" or ")
    }

    /// The ways to set it, as text.
    pub(super) fn ways(&self) -> String {
        let (flag, variable) = (self.flag, self.variable());
        match self.key() {
            Some(key) => format!("set by flag --{flag}, variable {variable} or key {key}"),
            None => format!("set by flag --{flag} or variable {variable}"),
        }
    }
}

/// The setting that names the file of the others.
pub(super) const CONFIG: &str = "config";

/// A setting whose default depends on the command.
pub(super) const PLAYGROUND: &str = "playground";

/// A setting whose default depends on the command.
pub(super) const SHUTDOWN_DELAY: &str = "shutdown_delay";
