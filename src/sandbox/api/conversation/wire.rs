//! The conversation object as the server writes it.

use serde::Serialize;

use crate::ozeki::{ConversationId, UserId};
use crate::sandbox::state::{Conversation, Properties, World};

/// A conversation, its members in the documented order. Source: "conv".
#[derive(Serialize)]
pub(super) struct WireConversation<'a> {
    id: ConversationId,
    isgroup: bool,
    participantids: &'a [UserId],
    participants: Vec<Participant<'a>>,
    displayname: String,
    lastmessageid: String,
    lastreportid: String,
    lastaccess: i64,
    secret: &'a str,
    instance: &'a str,
    mutedby: Vec<UserId>,
    favoriteby: Vec<UserId>,
    hiddenby: Vec<UserId>,
    properties: Vec<WireProperties<'a>>,
}

#[derive(Serialize)]
struct Participant<'a> {
    userid: UserId,
    username: &'a str,
}

#[derive(Serialize)]
struct WireProperties<'a> {
    userid: UserId,
    ismuted: bool,
    isfavorite: bool,
    hideid: &'a str,
    listitembackgroundcolor: &'a str,
}

impl<'a> WireConversation<'a> {
    pub(super) fn new(conversation: &'a Conversation, world: &'a World, encryption: u64) -> Self {
        let participants = conversation
            .participants
            .iter()
            .filter_map(|id| world.person(*id))
            .map(|person| Participant { userid: person.id, username: &person.name })
            .collect();
        Self {
            id: conversation.id,
            isgroup: conversation.is_group,
            participantids: &conversation.participants,
            participants,
            displayname: conversation.encrypted_display_name(encryption),
            lastmessageid: conversation.messages.newest_id(),
            lastreportid: conversation.reports.newest_id(),
            lastaccess: conversation.last_access,
            secret: &conversation.secret,
            instance: &conversation.instance,
            mutedby: conversation.muted_by(),
            favoriteby: conversation.favorite_by(),
            hiddenby: conversation.hidden_by(),
            properties: conversation.properties.iter().map(WireProperties::new).collect(),
        }
    }
}

impl<'a> WireProperties<'a> {
    fn new(properties: &'a Properties) -> Self {
        Self {
            userid: properties.user,
            ismuted: properties.is_muted,
            isfavorite: properties.is_favorite,
            hideid: &properties.hide_id,
            listitembackgroundcolor: &properties.background_color,
        }
    }
}
