//! The blocklist. Source: "Calls", Blocklist.

use serde::{Deserialize, Deserializer};

use super::{Answer, null_as_default};

/// Whom and what a user blocked, in the server's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocklist {
    /// Ids of users.
    pub users: Vec<Box<str>>,
    /// Ids of conversations.
    pub conversations: Vec<Box<str>>,
}

/// An element whose form is not documented: the id itself, or an object that holds it under a name that the API uses
/// for ids elsewhere.
#[derive(Deserialize)]
#[serde(untagged)]
enum Blocked {
    Id(Box<str>),
    Object(BlockedObject),
}

#[derive(Deserialize)]
struct BlockedObject {
    #[serde(default)]
    id: Option<Box<str>>,
    #[serde(default)]
    userid: Option<Box<str>>,
    #[serde(default)]
    conversationid: Option<Box<str>>,
}

fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Box<str>>, D::Error> {
    let blocked: Vec<Blocked> = null_as_default(deserializer)?;
    let id = |blocked| match blocked {
        Blocked::Id(id) => Some(id),
        // The more special name counts where there are two.
        Blocked::Object(object) => object.userid.or(object.conversationid).or(object.id),
    };
    let ids = blocked.into_iter().map(|blocked| id(blocked).ok_or("an element without an id"));
    ids.collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

#[derive(Deserialize)]
pub(crate) struct BlocklistAnswer {
    status: Option<Box<str>>,
    #[serde(default, rename = "blockedusers", deserialize_with = "ids")]
    users: Vec<Box<str>>,
    #[serde(default, rename = "blockedconversations", deserialize_with = "ids")]
    conversations: Vec<Box<str>>,
}

impl Answer for BlocklistAnswer {
    type Content = Blocklist;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<Blocklist, &'static str> {
        Ok(Blocklist { users: self.users, conversations: self.conversations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_empty_list_and_either_form_of_element_decode() {
        let decode = |text: &str| {
            serde_json::from_str::<BlocklistAnswer>(text).unwrap().into_content().unwrap()
        };
        let empty = r#"{"status":"OK","errormessage":"File does not exist","blockedusers":[],"blockedconversations":[]}"#;
        assert_eq!(decode(empty), Blocklist::default());
        let blocked = decode(
            r#"{"status":"OK","blockedusers":["a",{"id":"row","userid":"b"}],"blockedconversations":[{"id":"c","x":1}]}"#,
        );
        assert_eq!(blocked.users, ["a".into(), "b".into()]);
        assert_eq!(blocked.conversations, ["c".into()]);
    }
}
