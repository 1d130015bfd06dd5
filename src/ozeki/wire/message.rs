//! Messages and reports. Source: "message and report".

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::{Answer, non_empty, null_as_default};
use crate::ozeki::Timestamp;

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Its id: a UUID, made by the client that sent it.
    #[serde(rename = "ID")]
    pub id: Box<str>,
    /// The server's word for its kind, such as `Message`. Missing: empty.
    #[serde(rename = "Type", default, deserialize_with = "null_as_default")]
    pub kind: Box<str>,
    /// When it was sent.
    #[serde(rename = "Created")]
    pub created: Timestamp,
    /// Until when it is kept.
    #[serde(rename = "ValidUntil", default, deserialize_with = "moment")]
    pub valid_until: Option<Timestamp>,
    /// Ciphertext.
    #[serde(rename = "Data", default, deserialize_with = "non_empty")]
    pub data: Option<Box<str>>,
}

/// A report on messages, such as that they were viewed; its further members are not documented.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Report {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: Box<str>,
    /// The server's word for its kind, such as `delivered` or `viewed`. Missing: empty.
    #[serde(rename = "Type", default, deserialize_with = "null_as_default")]
    pub kind: Box<str>,
    /// When it was made, if the server tells.
    #[serde(rename = "Created", default, deserialize_with = "moment")]
    pub created: Option<Timestamp>,
}

/// Messages and reports, each from old to new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Message>,
    /// The reports.
    pub reports: Vec<Report>,
}

/// Reads a missing, null or empty date as none.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<Box<str>>::deserialize(deserializer)?;
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.parse()).transpose().map_err(serde::de::Error::custom)
}

#[derive(Deserialize)]
pub(crate) struct MessagesAnswer {
    status: Option<Box<str>>,
    #[serde(default)]
    messages: Option<Vec<Message>>,
    #[serde(default, deserialize_with = "null_as_default")]
    reports: Vec<Report>,
}

impl Answer for MessagesAnswer {
    type Content = MessagePage;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<MessagePage, &'static str> {
        let messages = self.messages.ok_or("messages")?;
        Ok(MessagePage {
            messages: old_to_new(messages, |message| message.created),
            reports: old_to_new(self.reports, |report| report.created),
        })
    }
}

/// Everything from a point on: an answer without a status, which succeeds when its lists are there.
///
/// Source: "Where the examples mislead", 1.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct DownloadAnswer(MessagesAnswer);

impl Answer for DownloadAnswer {
    type Content = MessagePage;

    fn status(&self) -> Option<&str> {
        self.0.status().or_else(|| self.0.messages.is_some().then_some("OK"))
    }

    fn into_content(self) -> Result<MessagePage, &'static str> {
        self.0.into_content()
    }
}

/// Puts a page in order. Which way the server lists it is not documented, so it is seen from the ends; what was made in
/// one second keeps the server's order.
fn old_to_new<T, D: Ord>(mut items: Vec<T>, created: impl Fn(&T) -> D) -> Vec<T> {
    if let (Some(first), Some(last)) = (items.first(), items.last())
        && created(first) > created(last)
    {
        items.reverse();
    }
    items.sort_by_key(created);
    items
}

#[derive(Deserialize)]
pub(crate) struct AddedAnswer {
    status: Option<Box<str>>,
    #[serde(default)]
    message: Option<Stored>,
}

/// Status OK tells that the message was sent: an answer that describes it badly must not make a client send it again.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Message(Message),
    Unusable(IgnoredAny),
}

impl Answer for AddedAnswer {
    /// The message without its data, if the server describes it.
    type Content = Option<Message>;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<Option<Message>, &'static str> {
        Ok(self.message.and_then(|stored| match stored {
            Stored::Message(message) => Some(message),
            Stored::Unusable(_) => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> MessagePage {
        serde_json::from_str::<MessagesAnswer>(text).unwrap().into_content().unwrap()
    }

    #[test]
    fn the_vendors_message_decodes_in_full() {
        let page = page(
            r#"{"status":"OK","errormessage":"","messages":[{"ID":"bd31713d-0f99-453b-a0c1-6311d1fc24c5",
                "Type":"Message","Created":"2024-03-08 14:12:48","ValidUntil":"2024-03-15 14:12:48","Data":"XQx2"}],
                "reports":[{"ID":"935d8b8de4c395f50405e617e636dbbb","Type":"viewed","Created":"2024-03-08 14:12:49"}]}"#,
        );
        let message = Message {
            id: "bd31713d-0f99-453b-a0c1-6311d1fc24c5".into(),
            kind: "Message".into(),
            created: "2024-03-08 14:12:48".parse().unwrap(),
            valid_until: "2024-03-15 14:12:48".parse().ok(),
            data: Some("XQx2".into()),
        };
        assert_eq!(page.messages, [message]);
        assert_eq!(&*page.reports[0].kind, "viewed");
    }

    #[test]
    fn a_page_stands_from_old_to_new_whichever_way_it_came() {
        let message = |id: &str, second: u8| {
            format!(r#"{{"ID":"{id}","Created":"2024-03-08 14:12:0{second}"}}"#)
        };
        let ids = |messages: [String; 3]| {
            let text = format!(r#"{{"messages":[{}],"reports":null}}"#, messages.join(","));
            page(&text).messages.iter().map(|one| one.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(ids([message("a", 1), message("b", 2), message("c", 2)]), ["a", "b", "c"]);
        assert_eq!(ids([message("c", 2), message("b", 2), message("a", 1)]), ["a", "b", "c"]);
    }
}
