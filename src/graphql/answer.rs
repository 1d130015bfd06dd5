//! What an operation gives, as the bytes that are sent.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Name, Pos, Response, ServerError, Value};
use bytes::Bytes;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::completion::path_of;
use super::error::RETRY_AFTER_SECONDS;
use super::parser::ParseError;
use super::{ErrorCode, Finished, TooExpensive};
use crate::session::RateLimited;
use crate::telemetry::{OK, OperationOutcome};

/// The most errors of one answer; one failing resource can fail hundreds of fields.
const ERRORS_MAX: usize = 20;

/// The longest message of an error, in characters; validation repeats names of the document.
const MESSAGE_MAX_CHARS: usize = 500;

/// How the library begins to say that a value does not fit a type; the type's name and a quotation mark follow, and
/// then often the value.
const VALUE_REFUSED: [&str; 2] = ["Expected input type \"", "Failed to parse \""];

/// What stands in the library's sentence between an enumeration and the value that it lacks.
const ENUM_VALUE_REFUSED: &str = " does not contain the value \"";

/// How the library ends an error about an argument, or a member of an input, that must be there.
const REQUIRED: &str = " is required but not provided";

/// A GraphQL response.
#[derive(Debug)]
pub struct Answer {
    response: Response,
    progress: Progress,
    written: Option<Written>,
}

/// The answer's bytes, made before they were asked for.
#[derive(Debug)]
struct Written {
    body: Bytes,
    finished: Option<Arc<Finished>>,
}

/// How far an operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// No field has run.
    Refused,
    /// It was begun, and dropped at its deadline.
    TimedOut,
    Executed,
}

impl Answer {
    /// An answer to a request that could not be run at all.
    pub fn request_error(code: ErrorCode, message: impl Into<String>) -> Self {
        let mut error = ServerError::new(message, None);
        set_code(&mut error, code);
        Self::refused(vec![error])
    }

    /// An answer to a request that was one too many.
    pub fn rate_limited(limited: &RateLimited) -> Self {
        Self::too_many(limited.to_string(), limited.retry_after_seconds())
    }

    /// An answer to a request that was one too many, and may not be so in some seconds.
    pub fn too_many(message: impl Into<String>, retry_after_seconds: u64) -> Self {
        Self::try_again(ErrorCode::RateLimited, message.into(), retry_after_seconds)
    }

    /// An answer to a request for which the gateway has no room now.
    pub(super) fn overloaded(retry_after_seconds: u64) -> Self {
        let message = format!(
            "the gateway has more to do than it takes on at once; nothing was begun, try again in {retry_after_seconds} s"
        );
        Self::try_again(ErrorCode::Overloaded, message, retry_after_seconds)
    }

    fn try_again(code: ErrorCode, message: String, seconds: u64) -> Self {
        let mut error = ServerError::new(message, None);
        set_code(&mut error, code);
        if let Some(values) = &mut error.extensions {
            values.set(RETRY_AFTER_SECONDS, seconds);
        }
        Self::refused(vec![error])
    }

    /// An answer to a document that did not parse.
    pub(super) fn parse_error(failure: &ParseError) -> Self {
        let mut error = ServerError::new(failure.to_string(), None);
        error.locations = failure.positions();
        set_code(
            &mut error,
            match failure {
                ParseError::MemberRepeated { .. } => ErrorCode::GraphqlValidationFailed,
                ParseError::Unexpected { .. }
                | ParseError::Text { .. }
                | ParseError::TooDeep { .. }
                | ParseError::TypeSystem { .. }
                | ParseError::MultipleOperations { .. }
                | ParseError::OperationRepeated { .. }
                | ParseError::FragmentRepeated { .. }
                | ParseError::MissingOperation => ErrorCode::GraphqlParseFailed,
            },
        );
        Self::refused(vec![error])
    }

    /// An answer to a request that exceeds a limit; `extensions` tell the limit, its value and what was found.
    pub(super) fn too_expensive(refusal: TooExpensive) -> Self {
        let mut error = ServerError::new(refusal.to_string(), None);
        set_code(&mut error, ErrorCode::OperationTooExpensive);
        let values = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        values.set("limit", refusal.limit.as_str());
        values.set("maximum", refusal.maximum);
        values.set("found", refusal.found);
        Self::refused(vec![error])
    }

    /// An answer to the hash of a document that the gateway does not have. Clients know it by this very message.
    pub(super) fn persisted_query_not_found() -> Self {
        Self::request_error(ErrorCode::PersistedQueryNotFound, "PersistedQueryNotFound")
    }

    /// An answer to a document in which something at these places is wrong.
    pub(super) fn invalid_at(message: impl Into<String>, at: &[Pos]) -> Self {
        let mut error = ServerError::new(message, None);
        error.locations = at.to_vec();
        set_code(&mut error, ErrorCode::GraphqlValidationFailed);
        Self::refused(vec![error])
    }

    fn refused(errors: Vec<ServerError>) -> Self {
        Self { response: Response::from_errors(errors), progress: Progress::Refused, written: None }
    }

    /// The answer of an operation that was not done by its deadline. Its data is null and not absent: it was begun.
    pub(super) fn timed_out() -> Self {
        let response = Response::from_errors(vec![timed_out_error()]);
        Self { response, progress: Progress::TimedOut, written: None }
    }

    /// The answer of an operation that was given to the schema.
    /// `argument_at` names the argument whose value stands at a position; `complete` completes the data.
    pub(super) fn executed<'a>(
        response: Response,
        argument_at: impl Fn(Pos) -> Option<&'a Name>,
        complete: impl FnOnce(Value, &[ServerError]) -> Value,
    ) -> Self {
        // An error without a path is about the request as a whole: no field has run.
        let is_request_error = response.data == Value::Null
            && response.errors.iter().any(|error| error.path.is_empty());
        if is_request_error {
            Self::not_begun(response, argument_at)
        } else {
            Self::event(response, argument_at, complete)
        }
    }

    /// The answer of an operation whose fields have run, such as an event of a subscription.
    pub(super) fn event<'a>(
        mut response: Response,
        argument_at: impl Fn(Pos) -> Option<&'a Name>,
        complete: impl FnOnce(Value, &[ServerError]) -> Value,
    ) -> Self {
        response.data = complete(std::mem::take(&mut response.data), &response.errors);
        // A field that stands in several places is run in each, and fails in each.
        let mut told = HashSet::new();
        response.errors.retain(|error| error.path.is_empty() || told.insert(path_of(error)));
        tell_uncoded_in_our_words(&mut response.errors, argument_at);
        Self { response, progress: Progress::Executed, written: None }
    }

    /// The answer of an operation that could not begin.
    pub(super) fn not_begun<'a>(
        mut response: Response,
        argument_at: impl Fn(Pos) -> Option<&'a Name>,
    ) -> Self {
        // The library's validation finds them in another order each time.
        response.errors.sort_by(|one, other| {
            let place =
                |error: &ServerError| error.locations.first().map(|at| (at.line, at.column));
            place(one).cmp(&place(other)).then_with(|| one.message.cmp(&other.message))
        });
        // What stands in several places of the form that is run may be found in each.
        response.errors.dedup_by(|one, other| {
            (&one.message, &one.locations, &one.path)
                == (&other.message, &other.locations, &other.path)
        });
        tell_uncoded_in_our_words(&mut response.errors, argument_at);
        Self::refused(response.errors)
    }

    /// Takes the names of what was not sent out of the errors, for those who may not ask for the schema.
    pub(super) fn without_unsent_names(mut self) -> Self {
        for error in &mut self.response.errors {
            if let Some(sentence) = error.message.strip_suffix(REQUIRED) {
                let beginning = match sentence.split_once(" argument \"") {
                    // The field was sent, and its argument was not.
                    Some((field, _argument)) if field.starts_with(['F', 'D']) => field,
                    _ => sentence.split(", ").next().unwrap_or_default(),
                };
                error.message = format!("{beginning} lacks a part that is required");
            }
        }
        self
    }

    /// Whether no field has run: the answer has no `data`.
    pub fn is_request_error(&self) -> bool {
        self.progress == Progress::Refused
    }

    /// Whether the operation was dropped at its deadline.
    pub fn is_timed_out(&self) -> bool {
        self.progress == Progress::TimedOut
    }

    /// When to try again, in seconds, where the gateway has no room for the request now.
    pub fn overloaded_for_seconds(&self) -> Option<u64> {
        let is_overloaded = |error: &&ServerError| code_of(error) == Some(ErrorCode::Overloaded);
        let error = self.response.errors.first().filter(is_overloaded)?;
        let Value::Number(seconds) = error.extensions.as_ref()?.get(RETRY_AFTER_SECONDS)? else {
            return None;
        };
        seconds.as_u64()
    }

    /// Whether the operation was done, and nothing failed or has to be said besides its data.
    pub(super) fn is_whole(&self) -> bool {
        self.progress == Progress::Executed
            && self.response.errors.is_empty()
            && self.response.extensions.is_empty()
    }

    /// The answer of a query that was done, and of which there is nothing to say but its data, as JSON.
    pub(super) fn done(body: Vec<u8>) -> Self {
        let written = Written { body: body.into(), finished: None };
        let response = Response::default();
        Self { response, progress: Progress::Executed, written: Some(written) }
    }

    /// The answer that was kept of the same question.
    pub(super) fn repeated(finished: Arc<Finished>) -> Self {
        let written = Written { body: finished.body().clone(), finished: Some(finished) };
        Self { response: Response::default(), progress: Progress::Executed, written: Some(written) }
    }

    /// Writes the answer and shows its bytes to `keep`, unless it was kept already.
    pub(super) fn written(mut self, keep: impl FnOnce(&[u8]) -> Option<Arc<Finished>>) -> Self {
        if self.finished().is_none() {
            let body = self.to_bytes();
            self.written = Some(Written { finished: keep(&body), body });
        }
        self
    }

    /// The answer as it was kept, if it was.
    pub fn finished(&self) -> Option<&Arc<Finished>> {
        self.written.as_ref()?.finished.as_ref()
    }

    /// The answer's errors alone, as the list that it holds.
    pub fn listed_errors(&self) -> impl Serialize + '_ {
        Errors(&self.response.errors)
    }

    /// The answer as JSON.
    pub fn to_bytes(&self) -> Bytes {
        if let Some(written) = &self.written {
            return written.body.clone();
        }
        let text = serde_json::to_vec(&Unwritten(self))
            .expect("text, numbers and lists can be written as JSON");
        // What it has in reserve would be kept with it.
        text.into_boxed_slice().into()
    }

    pub(super) fn outcome(&self) -> OperationOutcome {
        match (self.progress, self.response.errors.is_empty()) {
            (Progress::Refused, _) => OperationOutcome::RequestError,
            (Progress::TimedOut, _) => OperationOutcome::TimedOut,
            (Progress::Executed, true) => OperationOutcome::Ok,
            (Progress::Executed, false) => OperationOutcome::Partial,
        }
    }

    /// How the operation ended, as its line in the log says: `ok`, `partial`, or the code of the first error where
    /// there is nothing but errors.
    pub fn outcome_name(&self) -> &'static str {
        let Some(error) = self.response.errors.first() else { return OK };
        let is_partial = matches!(&self.response.data, Value::Object(fields) if fields.values().any(|it| *it != Value::Null));
        if is_partial { "partial" } else { code_of(error).unwrap_or(ErrorCode::Internal).as_str() }
    }

    pub(super) fn errors(&self) -> &[ServerError] {
        &self.response.errors
    }
}

/// Whether an error is a failure of the gateway's own.
pub(super) fn is_internal(error: &ServerError) -> bool {
    code_of(error) == Some(ErrorCode::Internal)
}

fn code_of(error: &ServerError) -> Option<ErrorCode> {
    let Value::String(code) = error.extensions.as_ref()?.get("code")? else { return None };
    ErrorCode::ALL.into_iter().find(|known| known.as_str() == code)
}

/// What an operation, or an event of a subscription, fails with that was not done in time.
pub(super) fn timed_out_error() -> ServerError {
    let message = "the operation took too long; what it had begun may still happen";
    let mut error = ServerError::new(message, None);
    set_code(&mut error, ErrorCode::UpstreamTimeout);
    error
}

fn tell_uncoded_in_our_words<'a>(
    errors: &mut [ServerError],
    argument_at: impl Fn(Pos) -> Option<&'a Name>,
) {
    // Finding the argument costs a walk through the document, and no more errors than these are told.
    for error in errors.iter_mut().take(ERRORS_MAX) {
        let has_code = error.extensions.as_ref().is_some_and(|values| values.get("code").is_some());
        if !has_code {
            let argument = error.locations.first().and_then(|position| argument_at(*position));
            tell_in_our_words(error, argument);
        }
    }
}

fn set_code(error: &mut ServerError, code: ErrorCode) {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
}

/// What resolvers return has a code. An error without one is the library's: about the document, or about the value of
/// an argument, which it repeats although it may be a secret.
fn tell_in_our_words(error: &mut ServerError, argument: Option<&Name>) {
    let type_name = VALUE_REFUSED
        .iter()
        .find_map(|beginning| error.message.strip_prefix(beginning)?.split('"').next());
    if error.path.is_empty() && type_name.is_none() {
        if let Some((sentence, _value)) = error.message.split_once(ENUM_VALUE_REFUSED) {
            error.message = format!("{sentence} does not have the value that was sent");
        }
        return set_code(error, ErrorCode::GraphqlValidationFailed);
    }
    let subject =
        argument.map_or_else(|| "a value".to_owned(), |name| format!("the value of `{name}`"));
    let expected =
        type_name.map_or_else(|| "its type".to_owned(), |name| format!("the type `{name}`"));
    error.message = format!("{subject} does not fit {expected}");
    set_code(error, ErrorCode::BadUserInput);
    if let (Some(name), Some(values)) = (argument, &mut error.extensions) {
        values.set("argument", name.as_str());
    }
}

// Errors stand first, where a person sees them; `data` is absent from the answer to a request that was not run.
/// An answer that has not been written yet. The answer itself cannot be serialised: its data may be in its bytes alone.
struct Unwritten<'a>(&'a Answer);

impl Serialize for Unwritten<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Answer { response, .. } = self.0;
        let mut members = serializer.serialize_map(None)?;
        if !response.errors.is_empty() {
            members.serialize_entry("errors", &Errors(&response.errors))?;
        }
        if !self.0.is_request_error() {
            members.serialize_entry("data", &response.data)?;
        }
        if !response.extensions.is_empty() {
            members.serialize_entry("extensions", &response.extensions)?;
        }
        members.end()
    }
}

struct Errors<'a>(&'a [ServerError]);

impl Serialize for Errors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = &self.0[..self.0.len().min(ERRORS_MAX)];
        let mut elements = serializer.serialize_seq(Some(shown.len()))?;
        for error in shown {
            elements.serialize_element(&Shortened(error))?;
        }
        elements.end()
    }
}

struct Shortened<'a>(&'a ServerError);

impl Serialize for Shortened<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ServerError { message, locations, path, extensions, source: _ } = self.0;
        let mut members = serializer.serialize_map(None)?;
        match message.char_indices().nth(MESSAGE_MAX_CHARS) {
            None => members.serialize_entry("message", message)?,
            Some((end, _)) => {
                members.serialize_entry("message", &format!("{}…", &message[..end]))?;
            }
        }
        if !locations.is_empty() {
            members.serialize_entry("locations", locations)?;
        }
        if !path.is_empty() {
            members.serialize_entry("path", path)?;
        }
        if let Some(extensions) = extensions {
            members.serialize_entry("extensions", extensions)?;
        }
        members.end()
    }
}
