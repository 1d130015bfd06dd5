//! The conversation object. Source: "conv".

use std::borrow::Cow;
use std::collections::HashSet;

use serde::{Deserialize, Deserializer};

use super::texts::{Texts, borrowed};
use super::{Answer, non_empty, null_as_default};
use crate::ozeki::{ConversationId, Timestamp, UserId};

/// A conversation as its list and most changes tell it. There are many in memory, so its texts stand in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// When it was last used.
    pub last_access: Option<Timestamp>,
    /// Who takes part, each once, in the server's order.
    pub participants: Box<[Participant]>,
    /// What users set for themselves; not every participant has an entry.
    pub properties: Box<[ConversationProperties]>,
    /// Whether it is a group. Missing: no.
    pub is_group: bool,
    texts: Texts<5>,
    /// What most conversations have none of.
    marks: Option<Box<Marks>>,
}

/// The texts of a conversation, by their numbers.
#[derive(Clone, Copy)]
enum Text {
    DisplayName,
    Secret,
    Instance,
    LastMessageId,
    LastReportId,
}

/// Who did what to a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Marks {
    muted: Box<[UserId]>,
    favorite: Box<[UserId]>,
    hidden: Box<[UserId]>,
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
    /// Ciphertext of the name. Missing: empty.
    pub fn display_name(&self) -> &str {
        self.texts.of(Text::DisplayName as usize)
    }

    /// Ciphertext of the conversation's key. Missing: empty.
    pub fn secret(&self) -> &str {
        self.texts.of(Text::Secret as usize)
    }

    /// The name of its current life; a clear begins a new one. Missing: empty.
    pub fn instance(&self) -> &str {
        self.texts.of(Text::Instance as usize)
    }

    /// Its newest message; none after a clear.
    pub fn last_message_id(&self) -> Option<&str> {
        self.texts.non_empty(Text::LastMessageId as usize)
    }

    /// Its newest report; none after a clear.
    pub fn last_report_id(&self) -> Option<&str> {
        self.texts.non_empty(Text::LastReportId as usize)
    }

    /// Who muted it.
    pub fn muted_by(&self) -> &[UserId] {
        self.marks.as_ref().map_or(&[], |marks| &marks.muted)
    }

    /// Whose favourite it is.
    pub fn favorite_by(&self) -> &[UserId] {
        self.marks.as_ref().map_or(&[], |marks| &marks.favorite)
    }

    /// Who hid it, in this or an earlier instance.
    pub fn hidden_by(&self) -> &[UserId] {
        self.marks.as_ref().map_or(&[], |marks| &marks.hidden)
    }

    /// The same in another instance; none if that has no room beside its texts, which no answer's is.
    pub fn in_instance(&self, instance: &str) -> Option<Self> {
        let texts = [
            self.display_name(),
            self.secret(),
            instance,
            self.texts.of(Text::LastMessageId as usize),
            self.texts.of(Text::LastReportId as usize),
        ];
        Some(Self { texts: Texts::new(texts)?, ..self.clone() })
    }

    /// Whether both show one state. The ciphertexts are left out: the server may encrypt anew for each answer.
    ///
    /// Source: "conv", and the vendor's own samples.
    pub fn is_as(&self, other: &Self) -> bool {
        let Self { id, last_access, participants, properties, is_group, texts: _, marks } = self;
        *id == other.id
            && *last_access == other.last_access
            && *participants == other.participants
            && *properties == other.properties
            && *is_group == other.is_group
            && *marks == other.marks
            && self.instance() == other.instance()
            && self.last_message_id() == other.last_message_id()
            && self.last_report_id() == other.last_report_id()
    }

    /// What it occupies on the heap, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let Self { id: _, last_access: _, participants, properties, is_group: _, texts, marks } =
            self;
        let ids = marks.as_ref().map_or(0, |marks| {
            let Marks { muted, favorite, hidden } = &**marks;
            let ids = [muted, favorite, hidden].map(|ids| size_of_val::<[UserId]>(ids));
            size_of::<Marks>() + ids.into_iter().sum::<usize>()
        });
        let names = participants.iter().map(|one| one.name.len());
        let set = properties
            .iter()
            .map(|one| one.hide_id.len() + one.background_color.as_deref().map_or(0, str::len));
        texts.heap_bytes()
            + ids
            + size_of_val::<[Participant]>(participants)
            + names.sum::<usize>()
            + size_of_val::<[ConversationProperties]>(properties)
            + set.sum::<usize>()
    }

    /// What this user set for it, if anything; entries of others may stand before it.
    pub fn properties_of(&self, user: UserId) -> Option<&ConversationProperties> {
        self.properties.iter().find(|properties| properties.user_id == user)
    }

    /// Whether this user muted it: by the user's own entry or by the conversation's list.
    pub fn is_muted_by(&self, user: UserId) -> bool {
        self.properties_of(user).is_some_and(|own| own.is_muted) || self.muted_by().contains(&user)
    }

    /// Whether it is this user's favourite: by the user's own entry or by the conversation's list.
    pub fn is_favorite_of(&self, user: UserId) -> bool {
        self.properties_of(user).is_some_and(|own| own.is_favorite)
            || self.favorite_by().contains(&user)
    }

    /// Whether it is hidden for this user: while the user's hide id names the current instance.
    pub fn is_hidden_for(&self, user: UserId) -> bool {
        let instance = self.instance();
        !instance.is_empty()
            && self
                .properties_of(user)
                .is_some_and(|own| own.hide_id.split(';').any(|hidden| hidden == instance))
    }
}

#[derive(Deserialize)]
struct RawConversation<'a> {
    id: ConversationId,
    #[serde(rename = "isgroup", default, deserialize_with = "null_as_default")]
    is_group: bool,
    #[serde(rename = "participantids", default, deserialize_with = "null_as_default")]
    participant_ids: Vec<UserId>,
    #[serde(default, deserialize_with = "null_as_default")]
    participants: Vec<RawParticipant>,
    #[serde(rename = "displayname", default, borrow, deserialize_with = "borrowed")]
    display_name: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "borrowed")]
    secret: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "borrowed")]
    instance: Cow<'a, str>,
    #[serde(rename = "lastaccess", default, deserialize_with = "unix_seconds")]
    last_access: Option<Timestamp>,
    #[serde(rename = "lastmessageid", default, borrow, deserialize_with = "borrowed")]
    last_message_id: Cow<'a, str>,
    #[serde(rename = "lastreportid", default, borrow, deserialize_with = "borrowed")]
    last_report_id: Cow<'a, str>,
    #[serde(rename = "mutedby", default, deserialize_with = "null_as_default")]
    muted_by: Box<[UserId]>,
    #[serde(rename = "favoriteby", default, deserialize_with = "null_as_default")]
    favorite_by: Box<[UserId]>,
    #[serde(rename = "hiddenby", default, deserialize_with = "null_as_default")]
    hidden_by: Box<[UserId]>,
    #[serde(default, deserialize_with = "null_as_default")]
    properties: Vec<ConversationProperties>,
}

#[derive(Deserialize)]
struct RawParticipant {
    #[serde(rename = "userid")]
    id: UserId,
    #[serde(rename = "username", default, deserialize_with = "null_as_default")]
    name: Box<str>,
}

impl<'de> Deserialize<'de> for Conversation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawConversation::deserialize(deserializer)?;
        let RawConversation {
            id,
            is_group,
            participant_ids,
            participants,
            display_name,
            secret,
            instance,
            last_access,
            last_message_id,
            last_report_id,
            muted_by,
            favorite_by,
            hidden_by,
            properties,
        } = raw;
        let texts = [&display_name, &secret, &instance, &last_message_id, &last_report_id];
        let texts = Texts::read(texts.map(|text| &**text))?;
        let marks = Marks { muted: muted_by, favorite: favorite_by, hidden: hidden_by };
        Ok(Self {
            id,
            last_access,
            participants: join_participants(&participant_ids, participants),
            properties: exact(properties),
            is_group,
            texts,
            marks: (marks != Marks::default()).then(|| Box::new(marks)),
        })
    }
}

/// So many participants are compared with each other before a table of them is made.
const COMPARED_MAX: usize = 16;

/// Joins `participants` with `participantids`: a conversation names everybody in both, but no page says that it must.
fn join_participants(ids: &[UserId], named: Vec<RawParticipant>) -> Box<[Participant]> {
    let count = ids.len().max(named.len());
    let unnamed = ids.iter().map(|&id| Participant { id, name: Box::default() });
    let named = named.into_iter().map(|RawParticipant { id, name }| Participant { id, name });
    let all = named.chain(unnamed);
    let mut joined: Vec<Participant> = Vec::with_capacity(count);
    if count <= COMPARED_MAX {
        for participant in all {
            if joined.iter().all(|other| other.id != participant.id) {
                joined.push(participant);
            }
        }
    } else {
        let mut seen = HashSet::with_capacity(count);
        joined.extend(all.filter(|participant| seen.insert(participant.id)));
    }
    joined.into()
}

/// Boxes elements in no more room than they need: an allocator may leave what is only cut where it is.
fn exact<T>(elements: Vec<T>) -> Box<[T]> {
    let mut exact = Vec::with_capacity(elements.len());
    exact.extend(elements);
    exact.into()
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
        let (alice, administrator) = (user(ALICE), user(ADMINISTRATOR));
        let [conversation] = &conversations[..] else { panic!("{conversations:?}") };
        assert_eq!(conversation.id.to_string(), "8ca16186c36a4e0a1ef2096e6c60b613");
        assert_eq!(conversation.last_access.map(Timestamp::unix_seconds), Some(1_709_898_645));
        assert_eq!(
            *conversation.participants,
            [(alice, "Alice"), (administrator, "Administrator")]
                .map(|(id, name)| Participant { id, name: name.into() })
        );
        let properties = ConversationProperties {
            user_id: alice,
            is_muted: false,
            is_favorite: false,
            hide_id: "".into(),
            background_color: Some("#ffffff".into()),
        };
        assert_eq!(*conversation.properties, [properties]);
        assert!(!conversation.is_group);
        assert_eq!(conversation.display_name(), "XQx2mPd6...fx3Xc+Q==");
        assert_eq!(conversation.secret(), "C7Zw3WH...c8J6HxOsrA==");
        assert_eq!(conversation.instance(), "PqjfKSn7V8");
        let ids = (conversation.last_message_id(), conversation.last_report_id());
        assert_eq!(
            ids,
            (
                Some("bd31713d-0f99-453b-a0c1-6311d1fc24c5"),
                Some("935d8b8de4c395f50405e617e636dbbb")
            )
        );
        let marks = [conversation.muted_by(), conversation.favorite_by(), conversation.hidden_by()];
        assert_eq!(marks, [&[][..]; 3]);
    }

    #[test]
    fn a_text_with_escapes_is_read_as_it_is_meant() {
        let conversation = decode(
            r#","displayname":"a\"b\u00e9","secret":"","instance":"x","mutedby":["d574638619cbff603bf857164c47e850"]"#,
        );
        let conversation = conversation.unwrap();
        assert_eq!(
            [conversation.display_name(), conversation.secret(), conversation.instance()],
            ["a\"bé", "", "x"]
        );
        assert_eq!(conversation.muted_by(), [user(ADMINISTRATOR)]);
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
