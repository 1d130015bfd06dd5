//! The friends list. Source: "friends".

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Answer, non_empty, null_as_default};
use crate::ozeki::UserId;

/// The only presence word in the public pages. Source: "friends".
const AVAILABLE: &str = "available";

/// A friend: an entry of the map `friends`, with what `availabilities` adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// Who.
    pub id: UserId,
    /// The friend's name.
    pub name: Box<str>,
    /// The key and presence; none where `availabilities` does not name the friend.
    pub presence: Option<Presence>,
}

/// What `availabilities` adds to a friend.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Presence {
    #[serde(rename = "friendid")]
    friend_id: UserId,
    /// The friend's public key, in base64.
    #[serde(rename = "publickey", default, deserialize_with = "non_empty")]
    pub public_key: Option<Box<str>>,
    /// The server's own word.
    #[serde(default, deserialize_with = "non_empty")]
    pub availability: Option<Box<str>>,
}

impl Friend {
    /// Whether the server's word for the friend is `available`.
    pub fn is_available(&self) -> bool {
        let word = self.presence.as_ref().and_then(|presence| presence.availability.as_deref());
        word == Some(AVAILABLE)
    }
}

/// The map of friends; of two entries with one id the first counts, and a null name is empty.
///
/// PHP writes an empty map as `[]`, so that is taken for one.
struct FriendNames(BTreeMap<UserId, Box<str>>);

impl<'de> Deserialize<'de> for FriendNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FriendNamesVisitor)
    }
}

struct FriendNamesVisitor;

impl<'de> Visitor<'de> for FriendNamesVisitor {
    type Value = FriendNames;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map from user id to name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<FriendNames, A::Error> {
        let mut names = BTreeMap::new();
        while let Some((id, name)) = entries.next_entry::<UserId, Option<Box<str>>>()? {
            names.entry(id).or_insert_with(|| name.unwrap_or_default());
        }
        Ok(FriendNames(names))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<FriendNames, A::Error> {
        match elements.next_element::<serde::de::IgnoredAny>()? {
            None => Ok(FriendNames(BTreeMap::new())),
            Some(_) => Err(serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &self)),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct FriendsAnswer {
    status: Option<Box<str>>,
    #[serde(default)]
    friends: Option<FriendNames>,
    #[serde(default, deserialize_with = "null_as_default")]
    availabilities: Vec<Presence>,
}

impl Answer for FriendsAnswer {
    /// Sorted by id, each friend once.
    type Content = Vec<Friend>;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<Self::Content, &'static str> {
        let FriendNames(names) = self.friends.ok_or("friends")?;
        let mut presences: BTreeMap<_, _> = self
            .availabilities
            .into_iter()
            .map(|presence| (presence.friend_id, presence))
            .collect();
        let friends = names
            .into_iter()
            .map(|(id, name)| Friend { id, name, presence: presences.remove(&id) })
            .collect();
        Ok(friends)
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
        let presence = Presence {
            friend_id: id,
            public_key: Some("MIIBIjA...IDAQAB".into()),
            availability: Some("available".into()),
        };
        assert_eq!(
            friends,
            [Friend { id, name: "Administrator".into(), presence: Some(presence) }]
        );
        assert!(friends[0].is_available());
    }

    #[test]
    fn the_map_is_the_list_and_an_availability_without_a_friend_is_nobody() {
        let friends = decode(
            r#"{"status":"OK","friends":{"d574638619cbff603bf857164c47e850":"Administrator"},
                "availabilities":[{"friendid":"aa68d2204cb2bb85f2de3b9aad0d86d7","availability":"available"}]}"#,
        );
        assert_eq!(friends.len(), 1);
        assert_eq!(friends[0].presence, None);
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
        assert_eq!(&*decode(&named("null"))[0].name, "");
        let friends = decode(&named("\"A\""));
        assert_eq!((friends.len(), &*friends[0].name), (1, "A"));
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
