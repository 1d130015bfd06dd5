//! Values as JSON, exactly as `serde_json` writes them.

use crate::ozeki::Timestamp;

pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("text can be written into memory as JSON");
}

pub(super) fn optional_text(out: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => text(out, value),
        None => null(out),
    }
}

/// Digits and letters: nothing in them has to be escaped.
pub(super) fn plain(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

pub(super) fn truth(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(super) fn number(out: &mut Vec<u8>, value: usize) {
    serde_json::to_writer(out, &value).expect("a number can be written into memory as JSON");
}

pub(super) fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

pub(super) fn moment(out: &mut Vec<u8>, value: Option<Timestamp>) {
    match value {
        Some(moment) => plain(out, moment.to_rfc_3339().as_bytes()),
        None => null(out),
    }
}

pub(super) fn list<T>(
    out: &mut Vec<u8>,
    elements: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    let start = out.len();
    for element in elements {
        if out.len() > start {
            out.push(b',');
        }
        write(out, element);
    }
    out.push(b']');
}
