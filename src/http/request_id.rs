//! An id for each request, in its log line and its answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::{Builder, Uuid};

use crate::telemetry::random;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer than the ids of common proxies; it bounds what a client can put into our log.
const REQUEST_ID_MAX_BYTES: usize = 64;

/// Takes the client's or proxy's id, if it is a plain one, or makes one.
pub(super) fn of(headers: &HeaderMap) -> HeaderValue {
    given(headers).unwrap_or_else(new_id)
}

fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    let is_valid =
        (1..=REQUEST_ID_MAX_BYTES).contains(&id.len()) && id.as_bytes().iter().all(is_plain);
    is_valid.then(|| id.clone())
}

fn new_id() -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = new_uuid().hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).expect("a UUID is visible ASCII")
}

fn new_uuid() -> Uuid {
    let drawn = random().zip(random()).map(|(high, low)| u128::from(high) << 64 | u128::from(low));
    drawn.map_or_else(Uuid::new_v4, |drawn| {
        Builder::from_random_bytes(drawn.to_ne_bytes()).into_uuid()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_random_uuids_and_none_comes_twice() {
        let ids: HashSet<Uuid> = (0..1_000).map(|_| new_uuid()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
    }
}
