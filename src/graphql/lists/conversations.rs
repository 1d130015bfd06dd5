//! The list of conversations: which of them, in which order, on which page.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject};

use super::OrderDirection;
use crate::cache::ConversationList;
use crate::graphql::FieldError;
use crate::graphql::input::parse_id;
use crate::graphql::paging::{Connection, PageArguments, Paged, Place};
use crate::graphql::types::ConversationNode;
use crate::ozeki::{Conversation, ConversationId, Timestamp, UserId};

/// Keeps the conversations for which all given conditions hold.
#[derive(InputObject, Default)]
pub(in crate::graphql) struct ConversationFilter {
    /// Only groups, or only conversations of two.
    is_group: Option<bool>,
    /// Only those that the viewer muted, or only the others.
    is_muted: Option<bool>,
    /// Only the viewer's favourites, or only the others.
    is_favorite: Option<bool>,
    /// Only those that the viewer hid, or only the others.
    is_hidden: Option<bool>,
    /// Only those in which this user takes part.
    participant_id: Option<ID>,
}

/// A validated filter.
pub(in crate::graphql) struct ConversationCondition {
    filter: ConversationFilter,
    participant: Option<UserId>,
}

impl ConversationFilter {
    /// Checks the filter's ids.
    pub(in crate::graphql) fn validate(self) -> Result<ConversationCondition, FieldError> {
        let participant = self.participant_id.as_ref();
        let participant = participant.map(|id| parse_id("participantId", id)).transpose()?;
        Ok(ConversationCondition { filter: self, participant })
    }

    /// Keeps those in which this user takes part.
    pub(in crate::graphql) fn with_participant(user: UserId) -> ConversationCondition {
        ConversationCondition { filter: Self::default(), participant: Some(user) }
    }
}

impl ConversationCondition {
    fn holds(&self, conversation: &Conversation, viewer: UserId) -> bool {
        let ConversationFilter { is_group, is_muted, is_favorite, is_hidden, participant_id: _ } =
            &self.filter;
        let is =
            |wanted: Option<bool>, actual: &dyn Fn() -> bool| wanted.is_none_or(|w| w == actual());
        is(*is_group, &|| conversation.is_group)
            && is(*is_muted, &|| conversation.is_muted_by(viewer))
            && is(*is_favorite, &|| conversation.is_favorite_of(viewer))
            && is(*is_hidden, &|| conversation.is_hidden_for(viewer))
            && self
                .participant
                .is_none_or(|user| conversation.participants.iter().any(|p| p.id == user))
    }
}

/// How conversations are ordered.
#[derive(InputObject)]
pub(in crate::graphql) struct ConversationOrder {
    /// By what.
    field: ConversationOrderField,
    /// In which direction.
    direction: OrderDirection,
}

/// What conversations can be ordered by.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum ConversationOrderField {
    /// By last access; one without any counts as the oldest.
    LastAccess,
}

/// The direction of the order; without one the newest stand first.
pub(in crate::graphql) fn direction(order: Option<&ConversationOrder>) -> OrderDirection {
    order.map_or(
        OrderDirection::Desc,
        |ConversationOrder { field: ConversationOrderField::LastAccess, direction }| *direction,
    )
}

/// Checks the arguments of a page that has no order of its own: the newest stand first.
pub(in crate::graphql) fn newest_page(
    first: Option<i32>,
    after: Option<&str>,
) -> Result<PageArguments<ConversationPlace>, FieldError> {
    PageArguments::parse(first, after, None, None, OrderDirection::Desc)
}

/// The page of the conversations for which the condition holds.
pub(in crate::graphql) fn connection(
    list: &Arc<ConversationList>,
    viewer: UserId,
    condition: &ConversationCondition,
    direction: OrderDirection,
    arguments: &PageArguments<ConversationPlace>,
) -> Connection<ConversationNode> {
    let positions = positions(list, condition, viewer, direction);
    let node_at = |position| ConversationNode::new(&list.all()[position as usize], viewer);
    Connection::of(&positions, node_at, arguments, direction)
}

/// Positions of the conversations for which the condition holds, in the direction asked for.
fn positions(
    list: &ConversationList,
    condition: &ConversationCondition,
    viewer: UserId,
    direction: OrderDirection,
) -> Vec<u32> {
    // The list stands newest first.
    let conversations = (0_u32..).zip(list.all());
    let held = conversations.filter(|(_, conversation)| condition.holds(conversation, viewer));
    let mut positions: Vec<u32> = held.map(|(position, _)| position).collect();
    if direction == OrderDirection::Asc {
        positions.reverse();
    }
    positions
}

/// Where a conversation stands: by last access, then by id.
#[derive(Debug, PartialEq)]
pub(in crate::graphql) struct ConversationPlace {
    direction: OrderDirection,
    last_access: Option<i64>,
    id: ConversationId,
}

impl PartialOrd for ConversationPlace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        // As the list stands: newest first and, among equals, by id.
        let key = |place: &Self| (Reverse(place.last_access), place.id);
        let newest_first = key(self).cmp(&key(other));
        Some(match self.direction {
            OrderDirection::Desc => newest_first,
            OrderDirection::Asc => newest_first.reverse(),
        })
    }
}

impl Place for ConversationPlace {
    type Order = OrderDirection;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(tag(self.direction));
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend(self.last_access.map(i64::to_be_bytes).into_iter().flatten());
    }

    fn read(bytes: &[u8], direction: OrderDirection) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let (id, last_access) = rest.split_first_chunk()?;
        let last_access = match last_access {
            [] => None,
            bytes => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        };
        let id = ConversationId::from_bytes(*id);
        (first == tag(direction)).then_some(Self { direction, last_access, id })
    }
}

fn tag(direction: OrderDirection) -> u8 {
    match direction {
        OrderDirection::Desc => b'c',
        OrderDirection::Asc => b'C',
    }
}

impl Paged for ConversationNode {
    type Place = ConversationPlace;

    fn place(&self, direction: OrderDirection) -> ConversationPlace {
        let conversation = self.conversation();
        let last_access = conversation.last_access.map(Timestamp::unix_seconds);
        ConversationPlace { direction, last_access, id: conversation.id }
    }
}
