//! What becomes of an event: one line, with the fields of the spans around it.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use tracing::field::Visit;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::style::Style;

/// A line longer than this leaves no room behind that is kept for the next one.
const KEPT_ROOM_MAX_BYTES: usize = 4 << 10;

const TO_THE_SECOND: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

thread_local! {
    static LINE: RefCell<Line> = RefCell::default();
}

/// Writes each event as a line.
pub(super) struct Lines<S, W> {
    style: S,
    write: W,
}

/// The fields of a span, written as they stand in each line below it.
struct SpanFields(Vec<u8>);

/// The room in which a thread writes its lines.
#[derive(Default)]
struct Line {
    text: Vec<u8>,
    moment: Moment,
}

impl<S: Style, W: Fn(&[u8])> Lines<S, W> {
    /// Hands each line to `write`, as a whole.
    pub(super) fn new(style: S, write: W) -> Self {
        Self { style, write }
    }

    fn write_line<R>(&self, line: &mut Line, event: &Event<'_>, context: &Context<'_, R>)
    where
        R: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Line { text, moment } = line;
        let metadata = event.metadata();
        text.clear();
        self.style.begin(text, moment.at(unix_time()), *metadata.level(), metadata.target());
        event.record(&mut self.style.fields(text));
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(SpanFields(fields)) = span.extensions().get() {
                text.extend_from_slice(fields);
            }
        }
        self.style.end(text, metadata.target());
        text.push(b'\n');
        (self.write)(text);
        if text.capacity() > KEPT_ROOM_MAX_BYTES {
            *text = Vec::new();
        }
    }
}

impl<R, S, W> Layer<R> for Lines<S, W>
where
    R: Subscriber + for<'a> LookupSpan<'a>,
    S: Style,
    W: Fn(&[u8]) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, R>) {
        self.note(id, &context, |fields| attributes.record(fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, R>) {
        self.note(id, &context, |fields| values.record(fields));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, R>) {
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut line) => self.write_line(&mut line, event, &context),
            // What is being written logs itself.
            Err(_) => self.write_line(&mut Line::default(), event, &context),
        });
    }
}

impl<S: Style, W> Lines<S, W> {
    /// Adds fields to those of a span.
    fn note<R>(&self, id: &Id, context: &Context<'_, R>, record: impl FnOnce(&mut dyn Visit))
    where
        R: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = context.span(id) else { return };
        // Written before the span is locked: what is shown may log itself, which reads the span.
        let mut added = Vec::new();
        record(&mut self.style.fields(&mut added));
        let mut extensions = span.extensions_mut();
        match extensions.get_mut() {
            Some(SpanFields(fields)) => fields.extend_from_slice(&added),
            None => extensions.insert(SpanFields(added)),
        }
    }
}

/// The time of a line, in UTC to the microsecond. The part down to the second is kept for the lines of the same second.
#[derive(Default)]
struct Moment {
    second: Option<u64>,
    text: String,
}

impl Moment {
    /// The text of a time since 1970.
    fn at(&mut self, since: Duration) -> &str {
        let second = since.as_secs();
        if self.second != Some(second) {
            let date = i64::try_from(second).ok().map(OffsetDateTime::from_unix_timestamp);
            let date = date.and_then(|date| date.ok()?.format(TO_THE_SECOND).ok());
            self.text = date.unwrap_or_default();
            self.second = Some(second);
        }
        self.text.truncate("0000-00-00T00:00:00".len());
        self.text.push('.');
        let mut rest = since.subsec_micros();
        for place in [100_000, 10_000, 1_000, 100, 10, 1] {
            self.text.push(char::from_digit(rest / place, 10).unwrap_or_default());
            rest %= place;
        }
        self.text.push('Z');
        &self.text
    }
}

#[expect(clippy::disallowed_methods, reason = "a line tells when it was really written")]
fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::{Arc, Mutex};
    use std::{fmt, io};

    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::Value;
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::style::{Json, Text, is_shown};
    use super::*;

    /// What is written by a style while something is logged.
    fn logged(style: impl Style, log: impl FnOnce()) -> Vec<String> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&written);
        let write = move |line: &[u8]| lines.lock().unwrap().push(line.to_vec());
        let subscriber = tracing_subscriber::registry().with(Lines::new(style, write));
        with_default(subscriber, log);
        let lines = written.lock().unwrap().clone();
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    fn without_time(line: &str) -> &str {
        let (time, rest) = line.split_at("2026-11-22T06:59:39.123456Z".len());
        let is_time = time.chars().all(|it| it.is_ascii_digit() || "-T:.Z".contains(it));
        assert!(is_time, "{line}");
        rest.strip_suffix('\n').unwrap()
    }

    fn log_a_bit() {
        let span = tracing::info_span!("request", request_id = "a-1");
        let _entered = span.enter();
        let none: Option<&str> = None;
        tracing::info!(method = "GET", status = 200_u16, none, r#type = "x y", "request answered");
        let io = io::Error::other(fmt::Error);
        let error: &(dyn Error + 'static) = &io;
        tracing::warn!(error, yes = true, small = -5, fraction = 0.5, large = u128::MAX, "failed");
        tracing::error!(parent: None, shown = %"a b", debugged = ?Some("c"), "no span");
    }

    #[test]
    fn people_read_time_level_origin_message_and_fields() {
        let text = logged(Text { has_colours: false }, log_a_bit);
        let text: Vec<_> = text.iter().map(|line| without_time(line)).collect();
        let target = module_path!();
        assert_eq!(
            text[0],
            format!(
                "  INFO {target}: request answered method=\"GET\" status=200 type=\"x y\" request_id=\"a-1\""
            )
        );
        assert_eq!(
            text[1],
            format!(
                "  WARN {target}: failed error=an error occurred when formatting an argument yes=true small=-5 fraction=0.5 large={} request_id=\"a-1\"",
                u128::MAX
            )
        );
        assert_eq!(text[2], format!(" ERROR {target}: no span shown=a b debugged=Some(\"c\")"));
        assert_eq!(text.len(), 3);
        let coloured = logged(Text { has_colours: true }, log_a_bit);
        assert!(coloured.iter().all(|line| line.contains("\u{1b}[")), "{coloured:?}");
    }

    #[test]
    fn machines_read_one_object() {
        let json = logged(Json, log_a_bit);
        let objects: Vec<Value> =
            json.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects[0]["level"], "INFO");
        assert_eq!(objects[0]["message"], "request answered");
        assert_eq!(objects[0]["status"], 200);
        assert_eq!(objects[0]["type"], "x y");
        assert_eq!(objects[0]["request_id"], "a-1");
        assert_eq!(objects[0]["target"], module_path!());
        assert!(objects[0].get("none").is_none());
        assert!(objects[0]["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(objects[1]["error"], "an error occurred when formatting an argument");
        assert_eq!((&objects[1]["yes"], &objects[1]["small"]), (&true.into(), &(-5).into()));
        assert_eq!(objects[2]["shown"], "a b");
        assert!(objects[2].get("request_id").is_none());
    }

    #[test]
    fn the_time_of_a_line_is_exact_within_a_second_and_in_the_next() {
        let mut moment = Moment::default();
        for (micros, expected) in [
            (1_795_330_779_000_007, "2026-11-22T06:59:39.000007Z"),
            (1_795_330_779_999_999, "2026-11-22T06:59:39.999999Z"),
            (1_795_330_780_120_000, "2026-11-22T06:59:40.120000Z"),
            (0, "1970-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(moment.at(Duration::from_micros(micros)), expected);
        }
    }

    /// Logs while it is shown.
    struct Talkative;

    impl fmt::Display for Talkative {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            tracing::info!("within");
            formatter.write_str("shown")
        }
    }

    #[test]
    fn what_logs_while_it_is_logged_leaves_the_line_whole() {
        let text = logged(Text { has_colours: false }, || {
            tracing::info!(it = %Talkative, "around");
        });
        // The library tells of the inner event only where the log is the whole program's.
        assert!(text.last().unwrap().ends_with("around it=shown\n"), "{text:?}");
    }

    #[test]
    fn what_ends_a_line_or_turns_it_round_is_escaped_and_other_text_is_not() {
        let text = "\u{2028}\u{2029}\u{202e}\u{2066}\u{85}\u{1b}\n 'é' \"日本\\語\"";
        let text = logged(Text { has_colours: false }, || tracing::info!("{text}"));
        let shown = r#"\u{2028}\u{2029}\u{202e}\u{2066}\u{85}\u{1b}\n 'é' "日本\語""#;
        assert!(text[0].ends_with(&format!(" {shown}\n")), "{text:?}");
    }

    proptest! {
        #[test]
        fn no_text_begins_another_line_or_is_lost(characters in vec(any::<char>(), 0..40)) {
            let text = String::from_iter(characters);
            let log = || {
                let span = tracing::info_span!("request", id = text);
                let _entered = span.enter();
                tracing::info!(text, shown = %text, debugged = ?text, "{text}");
            };
            for line in logged(Text { has_colours: false }, log) {
                let line = line.strip_suffix('\n').unwrap();
                prop_assert!(line.chars().all(is_shown), "{line:?}");
            }
            let lines = logged(Json, log);
            let object: Value = serde_json::from_str(&lines[0]).unwrap();
            prop_assert!(lines[0].matches('\n').count() == 1);
            for name in ["text", "shown", "message", "id"] {
                prop_assert_eq!(&object[name], text.as_str());
            }
        }
    }
}
