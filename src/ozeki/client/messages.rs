//! Messages: reading, sending, marking as viewed.

use serde::Serialize;

use super::Client;
use crate::ozeki::wire::{AddedAnswer, DoneAnswer, DownloadAnswer, MessagesAnswer};
use crate::ozeki::{
    Call, ConversationId, Identity, Message, MessagePage, Timestamp, UpstreamError,
};

/// How far this machine's clock and the server's may be apart, in seconds, for messages to be found by their dates.
pub const CLOCK_DIFFERENCE_MAX_SECONDS: i64 = 24 * 60 * 60;

/// A place between messages and between reports: the four coordinates that the upstream pages by.
///
/// Source: "Calls", Conversation / partial download.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The date of the oldest message that is known.
    pub message_date: Timestamp,
    /// Its id.
    pub message_id: Box<str>,
    /// The date of the oldest report that is known.
    pub report_date: Timestamp,
    /// Its id.
    pub report_id: Box<str>,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id: a UUID.
    pub id: Box<str>,
    /// When it was made.
    pub created: Timestamp,
    /// Ciphertext.
    pub data: Box<str>,
    /// Until when it is kept.
    pub valid_until: Timestamp,
}

/// Messages that were viewed, and the span of time that they were sent in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewed {
    /// The date of the oldest of them.
    pub first: Timestamp,
    /// The date of the newest of them.
    pub last: Timestamp,
    /// Their ids.
    pub ids: Vec<Box<str>>,
}

#[derive(Serialize)]
struct PageMembers<'a> {
    conversationid: String,
    instance: &'a str,
    lastmessagedate: Timestamp,
    lastmessageid: &'a str,
    lastreportdate: Timestamp,
    lastreportid: &'a str,
    limit: u32,
}

#[derive(Serialize)]
struct FromMembers<'a> {
    conversationid: String,
    instance: &'a str,
    firstmessagedate: Timestamp,
    firstmessageid: &'a str,
    firstreportdate: Timestamp,
    firstreportid: &'a str,
}

#[derive(Serialize)]
struct AddMembers<'a> {
    conversationid: String,
    instance: &'a str,
    message: String,
}

/// The message inside `message`. Source: "Where the examples mislead", 4, and "message and report".
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InnerMessage<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    r#type: &'a str,
    created: Timestamp,
    valid_until: Timestamp,
    data: &'a str,
}

#[derive(Serialize)]
struct ViewedMembers<'a> {
    conversationid: String,
    instance: &'a str,
    firstmessagedate: Timestamp,
    lastmessagedate: Timestamp,
    messageids: &'a [Box<str>],
}

impl Client {
    /// Reads at most `limit` messages, and as many reports, that are older than a position, or the newest.
    ///
    /// How to ask for the newest is not documented: the position of a day ahead with empty ids is older than nothing.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`]; `Rejected` too when the instance is no longer the current one.
    pub async fn messages_before(
        &self,
        identity: &Identity,
        conversation: ConversationId,
        instance: &str,
        before: Option<&Position>,
        limit: u32,
    ) -> Result<MessagePage, UpstreamError> {
        let call = Call::MESSAGES_BEFORE;
        let newest = self.ahead_of_all();
        let before = before.unwrap_or(&newest);
        let members = PageMembers {
            conversationid: conversation.to_string(),
            instance,
            lastmessagedate: before.message_date,
            lastmessageid: &before.message_id,
            lastreportdate: before.report_date,
            lastreportid: &before.report_id,
            limit,
        };
        self.read::<MessagesAnswer>(call, identity, members).await
    }

    /// Reads the messages and reports from a position on. Whether what the position names is among them, the vendor
    /// leaves open.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`]; `Rejected` too when the instance is no longer the current one.
    pub async fn messages_from(
        &self,
        identity: &Identity,
        conversation: ConversationId,
        instance: &str,
        from: &Position,
    ) -> Result<MessagePage, UpstreamError> {
        let members = FromMembers {
            conversationid: conversation.to_string(),
            instance,
            firstmessagedate: from.message_date,
            firstmessageid: &from.message_id,
            firstreportdate: from.report_date,
            firstreportid: &from.report_id,
        };
        self.read::<DownloadAnswer>(Call::MESSAGES_FROM, identity, members).await
    }

    /// Sends a message and returns it as it was stored.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`]; `Rejected` too when the instance is no longer the current one.
    pub async fn add_message(
        &self,
        identity: &Identity,
        conversation: ConversationId,
        instance: &str,
        message: &NewMessage,
    ) -> Result<Message, UpstreamError> {
        let call = Call::ADD_MESSAGE;
        let created = message.created;
        let inner = InnerMessage {
            id: &message.id,
            r#type: "Message",
            created,
            valid_until: message.valid_until,
            data: &message.data,
        };
        let inner = serde_json::to_string(&inner).expect("text can be written as JSON");
        let members =
            AddMembers { conversationid: conversation.to_string(), instance, message: inner };
        let stored = self.send::<AddedAnswer>(call, identity, members).await?;
        let sent = Message {
            id: message.id.clone(),
            kind: "Message".into(),
            created,
            valid_until: Some(message.valid_until),
            data: Some(message.data.clone()),
        };
        // The answer leaves the data out.
        Ok(match stored.filter(|stored| stored.id.eq_ignore_ascii_case(&sent.id)) {
            Some(stored) => Message { data: sent.data, ..stored },
            None => sent,
        })
    }

    /// Tells the server that messages were viewed.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`]; `Rejected` too when the instance is no longer the current one.
    pub async fn mark_viewed(
        &self,
        identity: &Identity,
        conversation: ConversationId,
        instance: &str,
        viewed: &Viewed,
    ) -> Result<(), UpstreamError> {
        let members = ViewedMembers {
            conversationid: conversation.to_string(),
            instance,
            firstmessagedate: viewed.first,
            lastmessagedate: viewed.last,
            messageids: &viewed.ids,
        };
        self.send::<DoneAnswer>(Call::MARK_VIEWED, identity, members).await
    }

    fn ahead_of_all(&self) -> Position {
        let date = Timestamp::now(&self.clock).later_by(CLOCK_DIFFERENCE_MAX_SECONDS);
        Position {
            message_date: date,
            message_id: Box::default(),
            report_date: date,
            report_id: Box::default(),
        }
    }
}
