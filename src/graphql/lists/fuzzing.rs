//! Cursors of lists, for the fuzzer of cursors.

use super::OrderDirection;
use super::conversations::ConversationPlace;
use super::friends::{FriendOrder, FriendOrderField, FriendOrdering, FriendPlace};
use crate::graphql::paging::{Cursor, Place};

/// Reads a cursor of every order.
pub(in crate::graphql) fn cursor(text: &str) {
    for direction in [OrderDirection::Asc, OrderDirection::Desc] {
        check::<ConversationPlace>(text, direction);
        for field in [FriendOrderField::Name, FriendOrderField::Availability] {
            check::<FriendPlace>(
                text,
                FriendOrdering::from(Some(FriendOrder { field, direction })),
            );
        }
    }
}

fn check<P: Place + PartialEq + std::fmt::Debug>(text: &str, order: P::Order) {
    if let Some(place) = Cursor::decode::<P>(text, order) {
        let again = Cursor::encode(&place);
        assert_eq!(Cursor::decode::<P>(&again, order).as_ref(), Some(&place));
    }
}
