//! How a line looks: to people, and to machines.

use std::error::Error;
use std::fmt;
use std::io::Write;

use serde::Serialize;
use tracing::Level;
use tracing::field::{Field, Visit};

/// The field that is a line's sentence.
const MESSAGE: &str = "message";

/// How lines are written.
pub(super) trait Style: Send + Sync + 'static {
    /// Writes what stands before the fields of an event, of which the first is its message.
    fn begin(&self, line: &mut Vec<u8>, time: &str, level: Level, target: &str);

    /// Writes fields, of an event or of a span.
    fn fields<'a>(&self, line: &'a mut Vec<u8>) -> impl Visit + 'a;

    /// Writes what stands behind all fields.
    fn end(&self, line: &mut Vec<u8>, target: &str);
}

/// For people: time, level, origin, message, and fields as `name=value`.
pub(super) struct Text {
    pub(super) has_colours: bool,
}

impl Style for Text {
    fn begin(&self, line: &mut Vec<u8>, time: &str, level: Level, target: &str) {
        let padding = if level.as_str().len() < "ERROR".len() { " " } else { "" };
        let [time_colour, level_colour, plain] =
            if self.has_colours { ["\x1b[2m", colour(level), "\x1b[0m"] } else { ["", "", ""] };
        let level = level.as_str();
        let parts = [time_colour, time, plain, " ", padding, level_colour, level, plain];
        for part in parts.iter().chain(&[" ", time_colour, target, ":", plain]) {
            line.extend_from_slice(part.as_bytes());
        }
    }

    fn fields<'a>(&self, line: &'a mut Vec<u8>) -> impl Visit + 'a {
        TextFields(line)
    }

    fn end(&self, _line: &mut Vec<u8>, _target: &str) {}
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

/// Whether a character stands in a line as it is: one that ends no line, commands no terminal, and can be seen.
pub(super) fn is_shown(character: char) -> bool {
    matches!(character, '"' | '\'' | '\\') || character.escape_debug().len() == 1
}

/// For machines: one object. Only a line feed ends it; other separators of lines stand in its texts, as JSON allows.
pub(super) struct Json;

impl Style for Json {
    fn begin(&self, line: &mut Vec<u8>, time: &str, level: Level, _target: &str) {
        for part in ["{\"timestamp\":\"", time, "\",\"level\":\"", level.as_str(), "\""] {
            line.extend_from_slice(part.as_bytes());
        }
    }

    fn fields<'a>(&self, line: &'a mut Vec<u8>) -> impl Visit + 'a {
        JsonFields(line)
    }

    fn end(&self, line: &mut Vec<u8>, target: &str) {
        JsonFields(line).member("target", &target);
        line.push(b'}');
    }
}

struct TextFields<'a>(&'a mut Vec<u8>);

impl TextFields<'_> {
    /// Begins a field. The message stands without its name.
    fn name(&mut self, field: &Field) {
        self.0.push(b' ');
        if field.name() != MESSAGE {
            self.0.extend_from_slice(name(field).as_bytes());
            self.0.push(b'=');
        }
    }

    /// Writes a value that is shown as it is, but for what would end the line, command a terminal or not be seen.
    fn shown(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.name(field);
        let start = self.0.len();
        // Memory takes all that is written.
        let _ = self.0.write_fmt(value);
        if !self.0[start..].iter().all(|byte| matches!(byte, b' '..=b'~')) {
            let text = String::from_utf8_lossy(&self.0[start..]).into_owned();
            self.0.truncate(start);
            for character in text.chars() {
                if is_shown(character) {
                    let _ = write!(self.0, "{character}");
                } else {
                    let _ = write!(self.0, "{}", character.escape_debug());
                }
            }
        }
    }

    fn number(&mut self, field: &Field, value: impl Serialize) {
        self.name(field);
        let _ = serde_json::to_writer(&mut *self.0, &value);
    }
}

impl Visit for TextFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == MESSAGE {
            return self.shown(field, format_args!("{value}"));
        }
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if value.bytes().all(is_plain) {
            self.name(field);
            self.0.push(b'"');
            self.0.extend_from_slice(value.as_bytes());
            self.0.push(b'"');
        } else {
            self.shown(field, format_args!("{value:?}"));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.shown(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.shown(field, format_args!("{value:?}"));
    }
}

struct JsonFields<'a>(&'a mut Vec<u8>);

impl JsonFields<'_> {
    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        let start = self.0.len();
        if serde_json::to_writer(&mut *self.0, value).is_err() {
            self.0.truncate(start);
            self.0.extend_from_slice(b"null");
        }
    }
}

impl Visit for JsonFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(name(field), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(name(field), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(name(field), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(name(field), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(name(field), &value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.member(name(field), &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(name(field), &format!("{value:?}"));
    }
}

/// The field's name as the code means it.
fn name(field: &Field) -> &'static str {
    field.name().strip_prefix("r#").unwrap_or(field.name())
}
