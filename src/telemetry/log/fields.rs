//! The fields of a line of the log, as the library writes them for people, at a fraction of its cost: each request has a
//! line with a dozen of them.

use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// Writes fields without colours.
#[derive(Debug)]
pub(super) struct PlainFields;

impl<'writer> FormatFields<'writer> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Plain { writer, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Plain<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    result: fmt::Result,
}

impl Plain<'_> {
    /// Writes what needs no escaping: `name=value`.
    fn plain(&mut self, field: &Field, value: &[&str]) {
        let space = if self.is_first { "" } else { " " };
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        for part in [space, name, "="].iter().chain(value) {
            self.result = self.result.and_then(|()| self.writer.write_str(part));
        }
        self.is_first = false;
    }

    /// Has the library write what may need to be escaped.
    fn by_library(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        use tracing_subscriber::field::VisitOutput;

        let mut visitor = DefaultVisitor::new(self.writer.by_ref(), self.is_first);
        record(&mut visitor);
        self.result = self.result.and(visitor.finish());
        self.is_first = false;
    }
}

impl Visit for Plain<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if field.name() != MESSAGE && value.bytes().all(is_plain) {
            self.plain(field, &["\"", value, "\""]);
        } else {
            self.by_library(|visitor| visitor.record_str(field, value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == MESSAGE {
            return self.by_library(|visitor| visitor.record_u64(field, value));
        }
        let mut digits = [0; U64_DIGITS_MAX];
        let digits = decimal(value, &mut digits);
        self.plain(field, &[digits]);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.by_library(|visitor| visitor.record_bool(field, value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.by_library(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.by_library(|visitor| visitor.record_debug(field, value));
    }
}

/// The field that is written without its name.
const MESSAGE: &str = "message";

const U64_DIGITS_MAX: usize = 20;

/// Writes a number from its last digit on.
fn decimal(mut value: u64, digits: &mut [u8; U64_DIGITS_MAX]) -> &str {
    let mut start = U64_DIGITS_MAX;
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
        if value == 0 {
            break;
        }
    }
    std::str::from_utf8(&digits[start..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt::format::DefaultFields;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines<F>(fields: F, log: impl FnOnce()) -> String
    where
        F: for<'writer> FormatFields<'writer> + Send + Sync + 'static,
    {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .fmt_fields(fields)
            .with_writer(move || writer.clone())
            .finish();
        with_default(subscriber, log);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn log() {
        let io = io::Error::other(fmt::Error);
        let error: &(dyn Error + 'static) = &io;
        let span = tracing::info_span!("request", request_id = "a-1", more = "a \"b\"");
        let _entered = span.enter();
        for text in ["", "plain", "with \"marks\"", "back\\slash", "ő", "line\nend", "\x1b[1m"] {
            tracing::info!(text, r#type = text, shown = %text, debugged = ?text, "a message");
            tracing::warn!("{text}");
            tracing::info!(message = text);
        }
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            tracing::info!(number, none = None::<u64>, some = Some(number), "a number");
            tracing::info!(message = number);
        }
        tracing::error!(error, yes = true, small = -5, fraction = 0.5, large = u128::MAX, "failed");
    }

    #[test]
    fn fields_are_written_as_the_library_writes_them() {
        let own = lines(PlainFields, log);
        assert!(own.lines().count() > 30, "{own}");
        assert_eq!(own, lines(DefaultFields::new(), log));
    }
}
