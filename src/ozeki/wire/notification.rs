//! What changed since a station asked last. Source: "Calls", Notification.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Answer;
use crate::ozeki::{ConversationId, UserId};

/// What changed. What the elements of the three lists are is known by example only, so what is no id counts as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// Users whose presence changed.
    pub friends: Noticed<UserId>,
    /// Conversations in which something was said, seen or set.
    pub conversations: Noticed<ConversationId>,
    /// Users whose list of conversations changed.
    pub lists: Noticed<UserId>,
}

/// The elements of one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed<Id> {
    /// Those that are ids, in the server's order.
    pub ids: Box<[Id]>,
    /// How many are something else: they tell that something changed, and not what.
    pub others: usize,
}

impl<Id> Noticed<Id> {
    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.others == 0
    }
}

// Derived, it would ask for `Id: Default`.
impl<Id> Default for Noticed<Id> {
    fn default() -> Self {
        Self { ids: Box::default(), others: 0 }
    }
}

/// PHP writes a list with a gap as a map, so its values are taken.
impl<'de, Id: FromStr> Deserialize<'de> for Noticed<Id> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NoticedVisitor(PhantomData))
    }
}

struct NoticedVisitor<Id>(PhantomData<Id>);

impl<'de, Id: FromStr> Visitor<'de> for NoticedVisitor<Id> {
    type Value = Noticed<Id>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of ids")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Noticed<Id>, E> {
        Ok(Noticed::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Noticed<Id>, A::Error> {
        let mut gathered = Gathered::default();
        while let Some(element) = elements.next_element()? {
            gathered.push(element);
        }
        Ok(gathered.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Noticed<Id>, A::Error> {
        let mut gathered = Gathered::default();
        while let Some((_, element)) = entries.next_entry::<IgnoredAny, _>()? {
            gathered.push(element);
        }
        Ok(gathered.into())
    }
}

/// A text, or anything else.
#[derive(Deserialize)]
#[serde(untagged)]
enum Element {
    Text(Box<str>),
    Other(IgnoredAny),
}

struct Gathered<Id> {
    ids: Vec<Id>,
    others: usize,
}

impl<Id> Default for Gathered<Id> {
    fn default() -> Self {
        Self { ids: Vec::new(), others: 0 }
    }
}

impl<Id: FromStr> Gathered<Id> {
    fn push(&mut self, element: Element) {
        match element {
            Element::Text(text) => match text.parse() {
                Ok(id) => self.ids.push(id),
                Err(_) => self.others += 1,
            },
            Element::Other(IgnoredAny) => self.others += 1,
        }
    }
}

impl<Id> From<Gathered<Id>> for Noticed<Id> {
    fn from(gathered: Gathered<Id>) -> Self {
        Self { ids: gathered.ids.into(), others: gathered.others }
    }
}

/// The members are spelled as documented.
#[derive(Deserialize)]
pub(crate) struct NotificationAnswer {
    status: Option<Box<str>>,
    #[serde(default)]
    friendavailabilitesof: Noticed<UserId>,
    #[serde(default)]
    conversationchangedof: Noticed<ConversationId>,
    #[serde(default)]
    conversationlistchangedof: Noticed<UserId>,
}

impl Answer for NotificationAnswer {
    type Content = Notices;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<Notices, &'static str> {
        Ok(Notices {
            friends: self.friendavailabilitesof,
            conversations: self.conversationchangedof,
            lists: self.conversationlistchangedof,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(members: &str) -> Result<Notices, serde_json::Error> {
        let answer: NotificationAnswer =
            serde_json::from_str(&format!(r#"{{"status":"OK",{members}}}"#))?;
        Ok(answer.into_content().unwrap())
    }

    #[test]
    fn ids_are_read_in_order_and_what_is_no_id_is_counted() {
        let [a, b] = ["aa68d2204cb2bb85f2de3b9aad0d86d7", "d574638619cbff603bf857164c47e850"];
        let told = notices(&format!(
            r#""friendavailabilitesof":["{b}","{a}"],"conversationchangedof":{{"1":"{a}","4":7}},
               "conversationlistchangedof":["all",null,{{"userid":"{a}"}},["{b}"]]"#
        ))
        .unwrap();
        assert_eq!(*told.friends.ids, [b.parse().unwrap(), a.parse().unwrap()]);
        assert_eq!(
            (&*told.conversations.ids, told.conversations.others),
            (&[a.parse().unwrap()][..], 1)
        );
        assert_eq!((told.lists.ids.len(), told.lists.others), (0, 4));
    }

    #[test]
    fn a_missing_or_null_list_tells_nothing_and_a_text_is_an_error() {
        let told = notices(r#""friendavailabilitesof":null,"conversationchangedof":[]"#).unwrap();
        assert_eq!(told, Notices::default());
        assert!(told.friends.is_empty() && told.lists.is_empty());
        assert!(notices(r#""conversationchangedof":"all""#).is_err());
    }
}
