//! Opaque cursors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longer than any cursor of ours: an order, a name of 64 characters and an id.
const CURSOR_MAX_CHARS: usize = 1024;

/// The place of a node in an order; places compare as their nodes stand.
pub(in crate::graphql) trait Place: PartialOrd + Sized {
    /// The orders that the nodes can stand in.
    type Order: Copy;

    /// Writes the place; the first byte tells the kind of place and its order.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Reads a place of this order, if it is one.
    fn read(bytes: &[u8], order: Self::Order) -> Option<Self>;
}

/// The text of a place.
pub(in crate::graphql) struct Cursor;

impl Cursor {
    pub(in crate::graphql) fn encode(place: &impl Place) -> String {
        let mut bytes = Vec::with_capacity(64);
        place.write(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(in crate::graphql) fn decode<P: Place>(text: &str, order: P::Order) -> Option<P> {
        if text.len() > CURSOR_MAX_CHARS {
            return None;
        }
        P::read(&URL_SAFE_NO_PAD.decode(text).ok()?, order)
    }
}
