//! The log: on standard error, as text for people or JSON for machines.
//!
//! Each request has a line with some twenty fields, so what writes them is our own: a line takes a fraction of what the
//! library's formatters need, and no text in it can begin another line.

mod backlog;
mod lines;
mod style;

use std::io::{IsTerminal, Write};
use std::sync::{LazyLock, OnceLock};

use prometheus_client::metrics::counter::Counter;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use backlog::Backlog;
use lines::Lines;
use style::{Json, Text};

/// The lines of this process for which there was no room.
pub(super) static LINES_DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// What waits to be written; none within where no thread could be started.
static BACKLOG: OnceLock<Option<Backlog>> = OnceLock::new();

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
    BACKLOG.get_or_init(|| {
        let tell = |lines| tracing::error!(lines, "log lines were lost: nobody read them in time");
        Backlog::start(std::io::stderr(), LINES_DROPPED.clone(), tell).ok()
    });
    let has_colours = std::io::stderr().is_terminal();
    // An error means that a log has begun already.
    let _ = match style {
        LogStyle::Text => log.with(Lines::new(Text { has_colours }, to_stderr)).try_init(),
        LogStyle::Json => log.with(Lines::new(Json, to_stderr)).try_init(),
    };
}

fn to_stderr(line: &[u8]) {
    if let Some(Some(backlog)) = BACKLOG.get() {
        return backlog.push(line);
    }
    // Where standard error is closed nobody reads, and nothing can be told.
    let _ = std::io::stderr().lock().write_all(line);
}

/// Waits for a moment until the log is written, and tells whether it is: if not, nobody reads standard error, and who
/// writes there waits.
pub fn is_log_written_out() -> bool {
    BACKLOG.get().and_then(Option::as_ref).is_none_or(Backlog::is_written_out)
}

/// Has the log written out when it is dropped, for the end of a process.
#[derive(Debug)]
pub struct LogEnd;

impl Drop for LogEnd {
    fn drop(&mut self) {
        // What nobody reads in this time is lost.
        let _ = is_log_written_out();
    }
}
