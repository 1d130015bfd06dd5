//! The log: on standard error, as text for people or JSON for machines.
//!
//! Each request has a line with some twenty fields, so what writes them is our own: a line takes a fraction of what the
//! library's formatters need, and no text in it can begin another line.

mod lines;
mod style;

use std::io::{IsTerminal, Write};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use lines::Lines;
use style::{Json, Text};

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
    let filter = Targets::new().with_default(of_libraries).with_target("ozeki_graphql", level);
    let log = tracing_subscriber::registry().with(filter);
    let has_colours = std::io::stderr().is_terminal();
    // An error means that a log has begun already.
    let _ = match style {
        LogStyle::Text => log.with(Lines::new(Text { has_colours }, to_stderr)).try_init(),
        LogStyle::Json => log.with(Lines::new(Json, to_stderr)).try_init(),
    };
}

fn to_stderr(line: &[u8]) {
    // Where standard error is closed nobody reads, and nothing can be told.
    let _ = std::io::stderr().lock().write_all(line);
}
