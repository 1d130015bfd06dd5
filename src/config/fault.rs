//! What can be wrong with a configuration, and how it is told.

use std::fmt;
use std::path::Path;

use super::nearest::nearest;
use super::setting::{CommandKind, Setting, VARIABLE_PREFIX};
use super::table::{settings, settings_for};

/// Enough to recognise a value by; a whole file pasted in its place does not fill the screen.
const QUOTED_MAX_CHARS: usize = 100;

/// The configuration is wrong; prints one line for each fault.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.faults))]
pub struct ConfigError {
    /// All that is wrong, in the order of the sources; at least one.
    pub faults: Vec<Fault>,
}

fn lines(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// One thing that is wrong with the command line or the configuration: a line that says what and what to do.
///
/// It never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Fault {
    /// A fault that these words tell; they must hold no secret.
    pub fn new(sentence: impl AsRef<str>) -> Self {
        Self(on_one_line(sentence.as_ref()))
    }

    /// A flag (with its dashes) that is not among `known` (without dashes), the flags of what is being run.
    pub fn unknown_flag<'a>(flag: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let shown = quoted(flag);
        let name = flag.trim_start_matches('-');
        if let Some(setting) = settings().find(|setting| setting.flag == name) {
            let commands = setting.command_names();
            return Self::new(format!(
                "unknown flag {shown} in this place: it belongs after the command {commands}"
            ));
        }
        Self::new(format!("unknown flag {shown}{}", suggestion("--", nearest(name, known))))
    }

    pub(super) fn unknown_variable(variable: &str, command: CommandKind) -> Self {
        let rest = variable.strip_prefix(VARIABLE_PREFIX).unwrap_or(variable).to_ascii_lowercase();
        let known = settings_for(command).map(|setting| setting.name);
        let nearest = nearest(&rest, known).map(str::to_ascii_uppercase);
        Self::new(format!(
            "unknown variable {}{}",
            quoted(variable),
            suggestion(VARIABLE_PREFIX, nearest.as_deref())
        ))
    }

    pub(super) fn unknown_key(key: &str, name: &str, file: &Path, command: CommandKind) -> Self {
        let known = settings_for(command).filter_map(Setting::key);
        Self::new(format!(
            "unknown key {} in {}{}",
            quoted(key),
            quoted(&file.to_string_lossy()),
            suggestion("", nearest(name, known))
        ))
    }

    /// A setting that another command takes, found in `place`.
    pub(super) fn of_other_command(setting: &Setting, place: &str, command: CommandKind) -> Self {
        Self::new(format!(
            "{place} is not for {}: {} belongs to {} only",
            command.name(),
            setting.name,
            setting.command_names()
        ))
    }

    /// A value that is not what it must be. `found` and `place` say what stands where.
    pub(super) fn invalid(setting: &Setting, found: &str, place: &str, expected: &str) -> Self {
        Self::new(format!(
            "{}: found {found} in {place}; expected {expected}; {}",
            setting.name,
            setting.ways()
        ))
    }

    pub(super) fn missing(setting: &Setting) -> Self {
        Self::new(format!(
            "{} is missing; expected {}; {}",
            setting.name,
            setting.form,
            setting.ways()
        ))
    }
}

fn suggestion(prefix: &str, nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; see --help for those that there are".to_owned(),
        |name| format!("; did you mean {prefix}{name}?"),
    )
}

/// Quotes what a person wrote, on one line and of bounded length.
pub(super) fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(QUOTED_MAX_CHARS).collect();
    let ellipsis = if chars.next().is_some() { "…" } else { "" };
    format!("`{}{ellipsis}`", on_one_line(&start))
}

/// Escapes what would break the line or steer the terminal; quotes and backslashes read better as they are.
fn on_one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        })
        .collect()
}
