//! The list of friends: which of them, in which order, on which page.

use std::cmp::Ordering;
use std::sync::Arc;

use async_graphql::{Enum, InputObject};

use super::OrderDirection;
use crate::cache::FriendList;
use crate::graphql::FieldError;
use crate::graphql::paging::{Connection, PageArguments, Paged, Place};
use crate::graphql::types::FriendNode;
use crate::ozeki::{Friend, UserId};

/// As much text as a person types to find a name.
const NAME_CONTAINS_MAX_CHARS: usize = 100;

/// Keeps the friends for whom all given conditions hold.
#[derive(InputObject, Default)]
pub(in crate::graphql) struct FriendFilter {
    /// Only those who are available, or only the others.
    is_available: Option<bool>,
    /// Only those whose name contains this text, whatever its case; at most 100 characters.
    name_contains: Option<String>,
}

/// A validated filter.
pub(in crate::graphql) struct FriendCondition {
    is_available: Option<bool>,
    name_contains: Option<String>,
}

impl FriendFilter {
    /// Checks the text's length.
    pub(in crate::graphql) fn validate(self) -> Result<FriendCondition, FieldError> {
        let Self { is_available, name_contains } = self;
        let is_long = |text: &String| text.chars().nth(NAME_CONTAINS_MAX_CHARS).is_some();
        if name_contains.as_ref().is_some_and(is_long) {
            let message =
                format!("a text to find has at most {NAME_CONTAINS_MAX_CHARS} characters");
            return Err(FieldError::bad_input("nameContains", message));
        }
        Ok(FriendCondition {
            is_available,
            name_contains: name_contains.map(|text| text.to_lowercase()),
        })
    }
}

impl FriendCondition {
    fn holds(&self, friend: &Friend) -> bool {
        self.is_available.is_none_or(|wanted| wanted == friend.is_available())
            && self
                .name_contains
                .as_ref()
                .is_none_or(|text| friend.name().to_lowercase().contains(text))
    }
}

/// How friends are ordered.
#[derive(InputObject)]
pub(in crate::graphql) struct FriendOrder {
    /// By what.
    pub(super) field: FriendOrderField,
    /// In which direction.
    pub(super) direction: OrderDirection,
}

/// What friends can be ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FriendOrderField {
    /// By name, whatever its case.
    Name,
    /// By whether the friend is available; among equals by name, A to Z.
    Availability,
}

/// An order of friends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::graphql) struct FriendOrdering {
    field: FriendOrderField,
    direction: OrderDirection,
}

impl From<Option<FriendOrder>> for FriendOrdering {
    /// Without an order, friends stand by name.
    fn from(order: Option<FriendOrder>) -> Self {
        let by_name = FriendOrder { field: FriendOrderField::Name, direction: OrderDirection::Asc };
        let FriendOrder { field, direction } = order.unwrap_or(by_name);
        Self { field, direction }
    }
}

impl FriendOrdering {
    /// The first byte of a cursor in this order.
    fn tag(self) -> u8 {
        match (self.field, self.direction) {
            (FriendOrderField::Name, OrderDirection::Asc) => b'n',
            (FriendOrderField::Name, OrderDirection::Desc) => b'N',
            (FriendOrderField::Availability, OrderDirection::Asc) => b'a',
            (FriendOrderField::Availability, OrderDirection::Desc) => b'A',
        }
    }

    /// Brings positions that stand by name into this order.
    fn arrange(self, positions: &mut [u32], list: &FriendList) {
        let is_available = |position: &u32| list.all()[*position as usize].is_available();
        match (self.field, self.direction) {
            (FriendOrderField::Name, OrderDirection::Asc) => {}
            (FriendOrderField::Name, OrderDirection::Desc) => positions.reverse(),
            (FriendOrderField::Availability, OrderDirection::Asc) => {
                positions.sort_by_key(is_available);
            }
            (FriendOrderField::Availability, OrderDirection::Desc) => {
                positions.sort_by_key(|position| !is_available(position));
            }
        }
    }
}

/// The page of the friends for whom the condition holds.
pub(in crate::graphql) fn connection(
    list: &Arc<FriendList>,
    condition: &FriendCondition,
    order: FriendOrdering,
    arguments: &PageArguments<FriendPlace>,
) -> Connection<FriendNode> {
    let holds = |position: &u32| condition.holds(&list.all()[*position as usize]);
    let mut positions: Vec<u32> = list.by_name().iter().copied().filter(holds).collect();
    order.arrange(&mut positions, list);
    let node_at = |position| FriendNode::new(list, position as usize);
    Connection::of(&positions, node_at, arguments, order)
}

/// Where a friend stands: by availability where the order says so, then by name and id.
#[derive(Debug, PartialEq)]
pub(in crate::graphql) struct FriendPlace {
    order: FriendOrdering,
    is_available: bool,
    sort_name: String,
    id: UserId,
}

impl PartialOrd for FriendPlace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let by_name = (&self.sort_name, self.id).cmp(&(&other.sort_name, other.id));
        let by_availability = self.is_available.cmp(&other.is_available);
        Some(match (self.order.field, self.order.direction) {
            (FriendOrderField::Name, OrderDirection::Asc) => by_name,
            (FriendOrderField::Name, OrderDirection::Desc) => by_name.reverse(),
            (FriendOrderField::Availability, OrderDirection::Asc) => by_availability.then(by_name),
            (FriendOrderField::Availability, OrderDirection::Desc) => {
                by_availability.reverse().then(by_name)
            }
        })
    }
}

impl Place for FriendPlace {
    type Order = FriendOrdering;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend([self.order.tag(), u8::from(self.is_available)]);
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(self.sort_name.as_bytes());
    }

    fn read(bytes: &[u8], order: FriendOrdering) -> Option<Self> {
        let (&[tag, is_available], rest) = bytes.split_first_chunk()?;
        let (id, sort_name) = rest.split_first_chunk()?;
        let is_available = match is_available {
            0 => false,
            1 => true,
            _ => return None,
        };
        let sort_name = std::str::from_utf8(sort_name).ok()?.to_owned();
        let id = UserId::from_bytes(*id);
        (tag == order.tag()).then_some(Self { order, is_available, sort_name, id })
    }
}

impl Paged for FriendNode {
    type Place = FriendPlace;

    fn place(&self, order: FriendOrdering) -> FriendPlace {
        let friend = self.friend();
        let sort_name = FriendList::sort_name(friend);
        FriendPlace { order, is_available: friend.is_available(), sort_name, id: friend.id }
    }
}
