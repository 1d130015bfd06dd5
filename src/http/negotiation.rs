//! Which media type an answer has. Specification: GraphQL over HTTP, "Media Types" and "Accept".

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};

use crate::graphql::Answer;

/// The media types that answers can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/json`: every well-formed request gets status 200.
    Json,
    /// `application/graphql-response+json`: the status tells whether the operation ran.
    GraphqlResponse,
}

impl MediaType {
    /// The header's value.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// Chooses by the `Accept` header. None: the client takes neither. Without the header, or where the client has no
    /// preference, `application/json`, as the specification advises for clients from before the other one.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let ranges = Range::all(headers);
        if ranges.is_empty() {
            return Some(Self::Json);
        }
        let json = Range::quality(&ranges, "json");
        let graphql = Range::quality(&ranges, "graphql-response+json");
        if json.max(graphql) == Some(0) || json.max(graphql).is_none() {
            return None;
        }
        let names_graphql = ranges.iter().any(|range| range.subtype == "graphql-response+json");
        // Among equals the newer type, if the client names it at all.
        let prefers_graphql = if names_graphql { graphql >= json } else { graphql > json };
        Some(if prefers_graphql { Self::GraphqlResponse } else { Self::Json })
    }

    /// Whether the client takes server-sent events, and how that compares to the other media types.
    pub(super) fn event_stream(headers: &HeaderMap) -> EventStream {
        let ranges = Range::all(headers);
        let is_named = |range: &&Range| range.is_event_stream;
        let quality = ranges.iter().find(is_named).map_or(0, |range| range.quality);
        let others = ["json", "graphql-response+json"];
        let others =
            others.into_iter().filter_map(|subtype| Range::quality(&ranges, subtype)).max();
        match (quality, others) {
            (0, _) => EventStream::Refused,
            (quality, Some(others)) if others >= quality => EventStream::Accepted,
            _ => EventStream::Preferred,
        }
    }

    /// The status of an answer. This is the one place that chooses between the specification's drafts: an operation
    /// that ran has 200, also with errors beside its data. One that was dropped at its deadline has 504 in either type,
    /// as if the server had not answered, and one for which there is no room 503: proxies go by it too.
    pub(super) fn status(self, answer: &Answer) -> StatusCode {
        if answer.is_timed_out() {
            return StatusCode::GATEWAY_TIMEOUT;
        }
        if answer.overloaded_for_seconds().is_some() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        if !answer.is_request_error() || self == Self::Json {
            return StatusCode::OK;
        }
        StatusCode::BAD_REQUEST
    }
}

/// Whether an answer may be sent as `text/event-stream`; a wildcard does not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventStream {
    /// No.
    Refused,
    /// Where the answer cannot be given otherwise.
    Accepted,
    /// Rather than otherwise.
    Preferred,
}

/// One media range of an `Accept` header that could mean us.
struct Range {
    /// The subtype of `application`, or `*`.
    subtype: String,
    is_full_wildcard: bool,
    is_event_stream: bool,
    /// In thousandths.
    quality: u16,
}

impl Range {
    fn all(headers: &HeaderMap) -> Vec<Self> {
        let values = headers.get_all(ACCEPT).iter();
        values
            .flat_map(|value| value.as_bytes().split(|&b| b == b','))
            .filter_map(Self::parse)
            .collect()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
        let mut parts = text.split(';').map(str::trim);
        let range = parts.next()?;
        let (kind, subtype) = range.split_once('/')?;
        let quality =
            parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), thousandths)?;
        let is_full_wildcard = range == "*/*";
        // A range of another type counts as present, so that it is no missing header, and matches nothing.
        let subtype = if is_full_wildcard || kind == "application" { subtype } else { "" };
        let is_event_stream = range == "text/event-stream";
        Some(Self { subtype: subtype.to_owned(), is_full_wildcard, is_event_stream, quality })
    }

    /// The quality of the most specific range that matches.
    fn quality(ranges: &[Self], subtype: &str) -> Option<u16> {
        let specificity = |range: &&Self| match (range.subtype == subtype, range.is_full_wildcard) {
            (true, _) => 2,
            (false, false) => 1,
            (false, true) => 0,
        };
        let matching =
            ranges.iter().filter(|range| range.subtype == subtype || range.subtype == "*");
        matching.max_by_key(specificity).map(|range| range.quality)
    }
}

/// Reads `0.5` as 500; RFC 9110 allows three decimals and nothing above 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", decimals) => Some(decimals),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        MediaType::accepted(&headers)
    }

    #[test]
    fn the_client_chooses_and_json_is_for_those_who_do_not() {
        let (json, graphql) = (Some(MediaType::Json), Some(MediaType::GraphqlResponse));
        assert_eq!(MediaType::accepted(&HeaderMap::new()), json);
        for (accept, expected) in [
            ("*/*", json),
            ("application/*", json),
            ("application/json", json),
            ("application/graphql-response+json", graphql),
            ("APPLICATION/GraphQL-Response+JSON; charset=utf-8", graphql),
            ("application/graphql-response+json, application/json", graphql),
            ("application/json, application/graphql-response+json", graphql),
            ("application/graphql-response+json;q=0.5, application/json", json),
            ("application/json;q=0.9, application/graphql-response+json", graphql),
            ("application/graphql-response+json;q=0, */*", json),
            ("application/json;q=0, */*", graphql),
            ("text/html, */*;q=0.1", json),
            ("application/graphql-response+json, application/json;q=0.9, */*;q=0.1", graphql),
            ("text/html", None),
            ("text/*", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn events_are_sent_to_those_who_ask_for_them_by_name() {
        for (accept, expected) in [
            ("*/*", EventStream::Refused),
            ("text/*", EventStream::Refused),
            ("application/json", EventStream::Refused),
            ("text/event-stream;q=0", EventStream::Refused),
            ("text/event-stream", EventStream::Preferred),
            ("Text/Event-Stream, multipart/mixed", EventStream::Preferred),
            ("text/event-stream, application/json;q=0.9", EventStream::Preferred),
            ("application/graphql-response+json, text/event-stream", EventStream::Accepted),
            ("text/event-stream;q=0.5, */*", EventStream::Accepted),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(MediaType::event_stream(&headers), expected, "{accept}");
        }
        assert_eq!(MediaType::event_stream(&HeaderMap::new()), EventStream::Refused);
    }
}
