//! The root of subscriptions: what changes, as it changes.
//!
//! Each field checks its arguments and reads what it is about before it begins, so that only a credential that the
//! upstream has accepted is followed. A reading that fails later is no event: it is repeated until it succeeds.

mod events;

use std::collections::HashSet;

use async_graphql::{Context, ID, SimpleObject, Subscription};

use super::input::parse_id;
use super::lists::OrderDirection;
use super::lists::conversations::{self, ConversationFilter};
use super::paging::{Connection, PageArguments};
use super::types::{ConversationNode, FriendNode, MessageNode};
use super::{FieldError, Scope};
use crate::cache::ConversationList;
use crate::ozeki::ConversationId;
use events::{Events, events};

/// The most conversations that one subscription can name: as many as a page can show.
const IDS_MAX: usize = 200;

pub(super) struct Subscription;

/// What changes, as it changes. Every field needs a session and shows what its user may see. Subscribe first, then
/// query: so nothing is missed in between. A subscription ends with the error `SUBSCRIPTION_LAGGED` when its client
/// does not keep up, and with `UNAUTHENTICATED` at the end of the session.
#[Subscription]
impl Subscription {
    /// A conversation of the viewer each time that something was said, seen or set there, by whomever. It may come more
    /// than once for one change, and once for several.
    async fn conversation_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only these conversations, at most 200. Default: all of the viewer's.")]
        ids: Option<Vec<ID>>,
    ) -> Result<Events<ConversationNode>, FieldError> {
        let reader = Scope::reader(context)?;
        let wanted = ids.map(|ids| parse_ids(&ids)).transpose()?;
        let list = reader.fresh_conversations().await?;
        if let Some(wanted) = &wanted {
            wanted.iter().try_for_each(|id| check_is_known("ids", &list, *id))?;
        }
        let viewer = reader.caller().user();
        let feed = reader.data().follow_conversations(reader.caller(), list)?;
        Ok(events(feed, move |news| {
            let mut changed = news.changed;
            changed.retain(|one| wanted.as_ref().is_none_or(|wanted| wanted.contains(&one.id)));
            changed.into_iter().map(move |one| ConversationNode::new(&one, viewer))
        }))
    }

    /// The viewer's newest conversations, 50 of them at most, each time that the list changed: which conversations are on
    /// it, or what the viewer set for one of them. For what is said in a conversation, use `conversationChanged`.
    async fn conversation_list_changed(
        &self,
        context: &Context<'_>,
    ) -> Result<Events<Connection<ConversationNode>>, FieldError> {
        let reader = Scope::reader(context)?;
        let direction = OrderDirection::Desc;
        let arguments = PageArguments::parse(None, None, None, None, direction)?;
        let condition = ConversationFilter::default().validate()?;
        let list = reader.fresh_conversations().await?;
        let viewer = reader.caller().user();
        let feed = reader.data().follow_conversations(reader.caller(), list)?;
        Ok(events(feed, move |news| {
            news.is_list_changed.then(|| {
                conversations::connection(&news.list, viewer, &condition, direction, &arguments)
            })
        }))
    }

    /// Each new message, once, from old to new within its conversation; also those that the viewer sent.
    async fn message_added(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only this conversation. Default: all of the viewer's.")]
        conversation_id: Option<ID>,
    ) -> Result<Events<MessageAdded>, FieldError> {
        let reader = Scope::reader(context)?;
        let id = conversation_id.as_ref().map(|id| parse_id("conversationId", id)).transpose()?;
        let list = reader.fresh_conversations().await?;
        if let Some(id) = id {
            check_is_known("conversationId", &list, id)?;
        }
        let feed = reader.data().follow_messages(reader.caller(), list, id)?;
        Ok(events(feed, |(conversation, message)| {
            let conversation_id = conversation.to_string().into();
            [MessageAdded { conversation_id, message: MessageNode::from(&message) }]
        }))
    }

    /// A friend each time that the friend's presence changed.
    async fn friend_availability_changed(
        &self,
        context: &Context<'_>,
    ) -> Result<Events<FriendNode>, FieldError> {
        let reader = Scope::reader(context)?;
        let list = reader.fresh_friends().await?;
        let feed = reader.data().follow_friends(reader.caller(), list)?;
        Ok(events(feed, |news| {
            let changed = news.changed.into_iter();
            changed.map(move |position| FriendNode::new(&news.list, position))
        }))
    }
}

/// A new message and where it was sent.
#[derive(SimpleObject)]
struct MessageAdded {
    /// The conversation that it was sent to.
    conversation_id: ID,
    /// The message.
    message: MessageNode,
}

fn parse_ids(ids: &[ID]) -> Result<HashSet<ConversationId>, FieldError> {
    if !(1..=IDS_MAX).contains(&ids.len()) {
        let message = format!("name 1 to {IDS_MAX} conversations, or leave it out for all");
        return Err(FieldError::bad_input("ids", message));
    }
    ids.iter().map(|id| parse_id("ids", id)).collect()
}

fn check_is_known(
    argument: &'static str,
    list: &ConversationList,
    id: ConversationId,
) -> Result<(), FieldError> {
    let known = list.find(id);
    known.map(|_| ()).ok_or_else(|| FieldError::unknown_conversation(argument))
}
