//! What is logged, and how it is written.

use tracing::Level;

use super::reader::Reader;
use super::setting::Form;

/// One line per request and what an operator must know.
pub(super) const LEVEL_DEFAULT: &str = "info";

/// Read by a person at a terminal, until a collector is there to read JSON.
pub(super) const FORMAT_DEFAULT: &str = "text";

/// The words for levels, from the rarest to the most frequent.
pub(super) const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The words for formats.
pub(super) const FORMATS: [&str; 2] = ["text", "json"];

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The least important level that is logged · `OZEKI_GRAPHQL_LOG_LEVEL` · info · error, warn, info, debug, trace.
    pub level: Level,
    /// How a line is written · `OZEKI_GRAPHQL_LOG_FORMAT` · text · text, json.
    pub format: LogFormat,
}

impl LogConfig {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let level = reader.parse("log_level", |text| match text {
            "error" => Ok(Level::ERROR),
            "warn" => Ok(Level::WARN),
            "info" => Ok(Level::INFO),
            "debug" => Ok(Level::DEBUG),
            "trace" => Ok(Level::TRACE),
            _ => Err(Form::Choice(&LEVELS).to_string()),
        });
        let format = reader.parse("log_format", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(Form::Choice(&FORMATS).to_string()),
        });
        Some(Self { level: level?, format: format? })
    }
}
