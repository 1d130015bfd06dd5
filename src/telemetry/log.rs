//! The log: on standard error, as text for people or JSON for machines.

mod fields;

use tracing::Level;
use tracing_subscriber::EnvFilter;

use fields::PlainFields;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStyle {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Begins to log what this program says at `level`; of its libraries, warnings only. A second call changes nothing.
pub fn start_log(level: Level, style: LogStyle) {
    let of_libraries = level.min(Level::WARN);
    let filter = EnvFilter::new(format!("{of_libraries},ozeki_graphql={level}"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would tell of a closed standard error on standard error, and panic.
        .log_internal_errors(false);
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // An error means that a log has begun already.
    let _ = match style {
        LogStyle::Text if is_terminal => builder.with_ansi(true).try_init(),
        LogStyle::Text => builder.with_ansi(false).fmt_fields(PlainFields).try_init(),
        LogStyle::Json => builder.json().flatten_event(true).try_init(),
    };
}
