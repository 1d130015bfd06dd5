//! The conversation object. Source: "conv".

use serde::{Deserialize, Deserializer};

use super::{Answer, non_empty, null_as_default};
use crate::ozeki::{ConversationId, Timestamp, UserId};

/// A conversation as its list and most changes tell it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "RawConversation")]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Whether it is a group. Missing: no.
    pub is_group: bool,
    /// Who takes part, each once, in the server's order.
    pub participants: Box<[Participant]>,
    /// Ciphertext of the name. Missing: empty.
    pub display_name: Box<str>,
    /// Ciphertext of the conversation's key. Missing: empty.
    pub secret: Box<str>,
    /// The name of its current life; a clear begins a new one. Missing: empty.
    pub instance: Box<str>,
    /// When it was last used.
    pub last_access: Option<Timestamp>,
    /// Its newest message; none after a clear.
    pub last_message_id: Option<Box<str>>,
    /// Its newest report; none after a clear.
    pub last_report_id: Option<Box<str>>,
    /// Who muted it.
    pub muted_by: Box<[UserId]>,
    /// Whose favourite it is.
    pub favorite_by: Box<[UserId]>,
    /// Who hid it, in this or an earlier instance.
    pub hidden_by: Box<[UserId]>,
    /// What users set for themselves; not every participant has an entry.
    pub properties: Box<[ConversationProperties]>,
}

/// Someone who takes part in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub id: UserId,
    /// The name that the server tells; empty where it tells none.
    pub name: Box<str>,
}

/// What one user set for a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ConversationProperties {
    /// Who set it.
    #[serde(rename = "userid")]
    pub user_id: UserId,
    /// Whether it is muted.
    #[serde(rename = "ismuted", default, deserialize_with = "null_as_default")]
    pub is_muted: bool,
    /// Whether it is a favourite.
    #[serde(rename = "isfavorite", default, deserialize_with = "null_as_default")]
    pub is_favorite: bool,
    /// The instances in which it is hidden, each followed by `;`.
    #[serde(rename = "hideid", default, deserialize_with = "null_as_default")]
    pub hide_id: Box<str>,
    /// The colour of its row, such as `#ffffff`.
    #[serde(rename = "listitembackgroundcolor", default, deserialize_with = "non_empty")]
    pub background_color: Option<Box<str>>,
}

impl Conversation {
    /// What this user set for it, if anything; entries of others may stand before it.
    pub fn properties_of(&self, user: UserId) -> Option<&ConversationProperties> {
        self.properties.iter().find(|properties| properties.user_id == user)
    }

    /// Whether this user muted it: by the user's own entry or by the conversation's list.
    pub fn is_muted_by(&self, user: UserId) -> bool {
        self.properties_of(user).is_some_and(|own| own.is_muted) || self.muted_by.contains(&user)
    }

    /// Whether it is this user's favourite: by the user's own entry or by the conversation's list.
    pub fn is_favorite_of(&self, user: UserId) -> bool {
        self.properties_of(user).is_some_and(|own| own.is_favorite)
            || self.favorite_by.contains(&user)
    }

    /// Whether it is hidden for this user: while the user's hide id names the current instance.
    pub fn is_hidden_for(&self, user: UserId) -> bool {
        !self.instance.is_empty()
            && self
                .properties_of(user)
                .is_some_and(|own| own.hide_id.split(';').any(|hidden| *hidden == *self.instance))
    }
}

#[derive(Deserialize)]
struct RawConversation {
    id: ConversationId,
    #[serde(rename = "isgroup", default, deserialize_with = "null_as_default")]
    is_group: bool,
    #[serde(rename = "participantids", default, deserialize_with = "null_as_default")]
    participant_ids: Vec<UserId>,
    #[serde(default, deserialize_with = "null_as_default")]
    participants: Vec<RawParticipant>,
    #[serde(rename = "displayname", default, deserialize_with = "null_as_default")]
    display_name: Box<str>,
    #[serde(default, deserialize_with = "null_as_default")]
    secret: Box<str>,
    #[serde(default, deserialize_with = "null_as_default")]
    instance: Box<str>,
    #[serde(rename = "lastaccess", default, deserialize_with = "unix_seconds")]
    last_access: Option<Timestamp>,
    #[serde(rename = "lastmessageid", default, deserialize_with = "non_empty")]
    last_message_id: Option<Box<str>>,
    #[serde(rename = "lastreportid", default, deserialize_with = "non_empty")]
    last_report_id: Option<Box<str>>,
    #[serde(rename = "mutedby", default, deserialize_with = "null_as_default")]
    muted_by: Box<[UserId]>,
    #[serde(rename = "favoriteby", default, deserialize_with = "null_as_default")]
    favorite_by: Box<[UserId]>,
    #[serde(rename = "hiddenby", default, deserialize_with = "null_as_default")]
    hidden_by: Box<[UserId]>,
    #[serde(default, deserialize_with = "null_as_default")]
    properties: Box<[ConversationProperties]>,
}

#[derive(Deserialize)]
struct RawParticipant {
    #[serde(rename = "userid")]
    id: UserId,
    #[serde(rename = "username", default, deserialize_with = "null_as_default")]
    name: Box<str>,
}

impl From<RawConversation> for Conversation {
    fn from(raw: RawConversation) -> Self {
        Self {
            id: raw.id,
            is_group: raw.is_group,
            participants: join_participants(&raw.participant_ids, raw.participants),
            display_name: raw.display_name,
            secret: raw.secret,
            instance: raw.instance,
            last_access: raw.last_access,
            last_message_id: raw.last_message_id,
            last_report_id: raw.last_report_id,
            muted_by: raw.muted_by,
            favorite_by: raw.favorite_by,
            hidden_by: raw.hidden_by,
            properties: raw.properties,
        }
    }
}

/// Joins `participants` with `participantids`: a conversation names everybody in both, but no page says that it must.
fn join_participants(ids: &[UserId], named: Vec<RawParticipant>) -> Box<[Participant]> {
    let unnamed = ids.iter().map(|&id| Participant { id, name: Box::default() });
    let named = named.into_iter().map(|RawParticipant { id, name }| Participant { id, name });
    let mut seen = std::collections::HashSet::with_capacity(ids.len());
    named.chain(unnamed).filter(|participant| seen.insert(participant.id)).collect()
}

fn unix_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let seconds = Option::<i64>::deserialize(deserializer)?;
    seconds.map(Timestamp::from_unix_seconds).transpose().map_err(serde::de::Error::custom)
}

#[derive(Deserialize)]
pub(crate) struct ConversationListAnswer {
    status: Option<Box<str>>,
    #[serde(default)]
    conversations: Option<Vec<Conversation>>,
}

impl Answer for ConversationListAnswer {
    type Content = Vec<Conversation>;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<Self::Content, &'static str> {
        self.conversations.ok_or("conversations")
    }
}

#[derive(Deserialize)]
pub(crate) struct ConversationAnswer {
    status: Option<Box<str>>,
    #[serde(default)]
    conversation: Option<Conversation>,
}

impl Answer for ConversationAnswer {
    type Content = Conversation;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<Conversation, &'static str> {
        self.conversation.ok_or("conversation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "aa68d2204cb2bb85f2de3b9aad0d86d7";
    const ADMINISTRATOR: &str = "d574638619cbff603bf857164c47e850";

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    #[test]
    fn the_vendors_list_decodes_in_full() {
        let sample = include_str!("../../../tests/fixtures/conversation-list.json");
        let answer: ConversationListAnswer = serde_json::from_str(sample).unwrap();
        assert_eq!(answer.status(), Some("OK"));
        let conversations = answer.into_content().unwrap();
        let alice = user(ALICE);
        assert_eq!(
            conversations,
            [Conversation {
                id: "8ca16186c36a4e0a1ef2096e6c60b613".parse().unwrap(),
                is_group: false,
                participants: [
                    Participant { id: alice, name: "Alice".into() },
                    Participant { id: user(ADMINISTRATOR), name: "Administrator".into() },
                ]
                .into(),
                display_name: "XQx2mPd6...fx3Xc+Q==".into(),
                secret: "C7Zw3WH...c8J6HxOsrA==".into(),
                instance: "PqjfKSn7V8".into(),
                last_access: Some(Timestamp::from_unix_seconds(1_709_898_645).unwrap()),
                last_message_id: Some("bd31713d-0f99-453b-a0c1-6311d1fc24c5".into()),
                last_report_id: Some("935d8b8de4c395f50405e617e636dbbb".into()),
                muted_by: [].into(),
                favorite_by: [].into(),
                hidden_by: [].into(),
                properties: [ConversationProperties {
                    user_id: alice,
                    is_muted: false,
                    is_favorite: false,
                    hide_id: "".into(),
                    background_color: Some("#ffffff".into()),
                }]
                .into(),
            }]
        );
    }

    fn decode(members: &str) -> Result<Conversation, serde_json::Error> {
        serde_json::from_str(&format!(r#"{{"id":"8ca16186c36a4e0a1ef2096e6c60b613"{members}}}"#))
    }

    #[test]
    fn only_the_id_is_needed_and_null_is_missing() {
        let bare = decode("").unwrap();
        assert!(bare.participants.is_empty() && bare.last_access.is_none() && !bare.is_group);
        let nulls = r#","isgroup":null,"participants":null,"participantids":null,"displayname":null,
            "lastmessageid":null,"lastaccess":null,"mutedby":null,"properties":null"#;
        assert_eq!(decode(nulls).unwrap(), bare);
        assert_eq!(
            decode(r#","lastmessageid":"","lastreportid":"","news":{"x":[1]}"#).unwrap(),
            bare
        );
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        for members in [
            r#","isgroup":"false""#,
            r#","lastaccess":"yesterday""#,
            r#","lastaccess":99999999999999"#,
            r#","participants":{}"#,
            r#","mutedby":["alice"]"#,
            r#","displayname":7"#,
        ] {
            assert!(decode(members).is_err(), "{members}");
        }
    }

    #[test]
    fn a_participant_without_a_name_is_kept_and_none_is_told_twice() {
        let members = format!(
            r#","participantids":["{ADMINISTRATOR}","{ALICE}"],"participants":[{{"userid":"{ALICE}","username":"Alice"}}]"#
        );
        let participants = decode(&members).unwrap().participants;
        let names: Vec<_> = participants.iter().map(|p| (p.id, &*p.name)).collect();
        assert_eq!(names, [(user(ALICE), "Alice"), (user(ADMINISTRATOR), "")]);
    }

    #[test]
    fn a_users_own_view_is_found_behind_a_peers_entry() {
        let members = format!(
            r#","instance":"B2","mutedby":["{ADMINISTRATOR}"],"properties":[
                {{"userid":"{ADMINISTRATOR}","isfavorite":true,"hideid":"A1;"}},
                {{"userid":"{ALICE}","ismuted":true,"hideid":"A1;B2;"}}]"#
        );
        let conversation = decode(&members).unwrap();
        let (alice, administrator) = (user(ALICE), user(ADMINISTRATOR));
        assert!(conversation.is_muted_by(alice) && conversation.is_muted_by(administrator));
        assert!(!conversation.is_favorite_of(alice) && conversation.is_favorite_of(administrator));
        assert!(conversation.is_hidden_for(alice) && !conversation.is_hidden_for(administrator));
    }
}
