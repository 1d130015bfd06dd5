//! The friends list. Source: "friends".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::texts::{Texts, borrowed};
use super::{Answer, null_as_default};
use crate::ozeki::UserId;

/// The only presence word in the public pages. Source: "friends".
const AVAILABLE: &str = "available";

/// A friend: an entry of the map `friends`, with what `availabilities` adds. There are many in memory, so the texts stand
/// in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// Who.
    pub id: UserId,
    texts: Texts<3>,
}

/// The texts of a friend, by their numbers.
#[derive(Clone, Copy)]
enum Text {
    Name,
    PublicKey,
    Availability,
}

/// What `availabilities` adds to a friend.
#[derive(Deserialize)]
struct Presence<'a> {
    #[serde(rename = "friendid")]
    friend_id: UserId,
    #[serde(rename = "publickey", default, borrow, deserialize_with = "borrowed")]
    public_key: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "borrowed")]
    availability: Cow<'a, str>,
}

impl Friend {
    /// A friend by the three texts that the server tells; none if they have no room beside each other, which no answer's
    /// have not.
    pub fn new(id: UserId, name: &str, public_key: &str, availability: &str) -> Option<Self> {
        Some(Self { id, texts: Texts::new([name, public_key, availability])? })
    }

    /// The friend's name.
    pub fn name(&self) -> &str {
        self.texts.of(Text::Name as usize)
    }

    /// The friend's public key, in base64; none where `availabilities` does not name the friend.
    pub fn public_key(&self) -> Option<&str> {
        self.texts.non_empty(Text::PublicKey as usize)
    }

    /// The server's own word for the friend's presence; none where `availabilities` does not name the friend.
    pub fn availability(&self) -> Option<&str> {
        self.texts.non_empty(Text::Availability as usize)
    }

    /// Whether the server's word for the friend is `available`.
    pub fn is_available(&self) -> bool {
        self.availability() == Some(AVAILABLE)
    }

    /// What it occupies on the heap, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.texts.heap_bytes()
    }
}

/// The map of friends; of two entries with one id the first counts, and a null name is empty.
///
/// PHP writes an empty map as `[]`, so that is taken for one.
struct FriendNames<'a>(BTreeMap<UserId, Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for FriendNames<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FriendNamesVisitor)
    }
}

/// A name; a null is an empty one.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow, deserialize_with = "borrowed")] Cow<'a, str>);

struct FriendNamesVisitor;

impl<'de> Visitor<'de> for FriendNamesVisitor {
    type Value = FriendNames<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map from user id to name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<FriendNames<'de>, A::Error> {
        let mut names = BTreeMap::new();
        while let Some((id, Name(name))) = entries.next_entry::<UserId, Name<'de>>()? {
            names.entry(id).or_insert(name);
        }
        Ok(FriendNames(names))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<FriendNames<'de>, A::Error> {
        match elements.next_element::<serde::de::IgnoredAny>()? {
            None => Ok(FriendNames(BTreeMap::new())),
            Some(_) => Err(serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &self)),
        }
    }
}

#[derive(Deserialize)]
struct RawFriendsAnswer<'a> {
    status: Option<Box<str>>,
    #[serde(default, borrow)]
    friends: Option<FriendNames<'a>>,
    #[serde(default, borrow, deserialize_with = "null_as_default")]
    availabilities: Vec<Presence<'a>>,
}

pub(crate) struct FriendsAnswer {
    status: Option<Box<str>>,
    friends: Option<Vec<Friend>>,
}

impl<'de> Deserialize<'de> for FriendsAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let RawFriendsAnswer { status, friends, availabilities } =
            RawFriendsAnswer::deserialize(deserializer)?;
        let Some(FriendNames(names)) = friends else {
            return Ok(Self { status, friends: None });
        };
        // Of two entries of one friend the last counts.
        let presences = availabilities.into_iter().map(|presence| (presence.friend_id, presence));
        let presences: BTreeMap<_, _> = presences.collect();
        let mut friends = Vec::with_capacity(names.len());
        for (id, name) in names {
            let presence = presences.get(&id);
            let public_key = presence.map_or("", |presence| &presence.public_key);
            let availability = presence.map_or("", |presence| &presence.availability);
            friends.push(Friend { id, texts: Texts::read([&name, public_key, availability])? });
        }
        Ok(Self { status, friends: Some(friends) })
    }
}

impl Answer for FriendsAnswer {
    /// Sorted by id, each friend once.
    type Content = Vec<Friend>;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<Self::Content, &'static str> {
        self.friends.ok_or("friends")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Vec<Friend> {
        serde_json::from_str::<FriendsAnswer>(text).unwrap().into_content().unwrap()
    }

    #[test]
    fn the_vendors_list_decodes_in_full() {
        let friends = decode(include_str!("../../../tests/fixtures/friends-list.json"));
        let id: UserId = "d574638619cbff603bf857164c47e850".parse().unwrap();
        let administrator =
            Friend::new(id, "Administrator", "MIIBIjA...IDAQAB", "available").unwrap();
        assert_eq!(friends, [administrator]);
        assert!(friends[0].is_available());
        assert_eq!(friends[0].name(), "Administrator");
        assert_eq!(friends[0].public_key(), Some("MIIBIjA...IDAQAB"));
    }

    #[test]
    fn the_map_is_the_list_and_an_availability_without_a_friend_is_nobody() {
        let friends = decode(
            r#"{"status":"OK","friends":{"d574638619cbff603bf857164c47e850":"Administrator"},
                "availabilities":[{"friendid":"aa68d2204cb2bb85f2de3b9aad0d86d7","availability":"available"}]}"#,
        );
        assert_eq!(friends.len(), 1);
        assert_eq!((friends[0].public_key(), friends[0].availability()), (None, None));
        assert!(!friends[0].is_available());
    }

    #[test]
    fn an_empty_list_is_an_empty_map() {
        assert!(decode(r#"{"status":"OK","friends":[]}"#).is_empty());
        assert!(decode(r#"{"status":"OK","friends":{},"availabilities":null}"#).is_empty());
    }

    #[test]
    fn a_friend_without_a_name_is_kept_and_none_is_told_twice() {
        let id = "d574638619cbff603bf857164c47e850";
        let named =
            |name: &str| format!(r#"{{"status":"OK","friends":{{"{id}":{name},"{id}":"B"}}}}"#);
        assert_eq!(decode(&named("null"))[0].name(), "");
        let friends = decode(&named("\"A\""));
        assert_eq!((friends.len(), friends[0].name()), (1, "A"));
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        for text in [
            r#"{"status":"OK","friends":["d574638619cbff603bf857164c47e850"]}"#,
            r#"{"status":"OK","friends":{"alice":"Alice"}}"#,
            r#"{"status":"OK","friends":{"d574638619cbff603bf857164c47e850":7}}"#,
            r#"{"status":"OK","friends":{},"availabilities":{}}"#,
        ] {
            assert!(serde_json::from_str::<FriendsAnswer>(text).is_err(), "{text}");
        }
    }
}
