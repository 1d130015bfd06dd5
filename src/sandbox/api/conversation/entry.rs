//! Messages and reports as the server writes them.

use std::borrow::Cow;

use serde::Serialize;

use crate::ozeki::Timestamp;
use crate::sandbox::state::Entry;

/// A message or a report, its members in the documented order. Source: "message and report".
#[derive(Serialize)]
pub(super) struct WireEntry<'a> {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(rename = "Created")]
    created: Timestamp,
    #[serde(rename = "ValidUntil")]
    valid_until: Timestamp,
    #[serde(rename = "Data", skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, str>>,
}

impl<'a> WireEntry<'a> {
    pub(super) fn new(entry: &'a Entry) -> Self {
        Self { data: Some(entry.data.text()), ..Self::without_data(entry) }
    }

    /// The form in which `add` tells what it took. Source: "Calls", Conversation / add.
    pub(super) fn without_data(entry: &Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            kind: entry.kind.as_str(),
            created: entry.created,
            valid_until: entry.valid_until,
            data: None,
        }
    }
}
