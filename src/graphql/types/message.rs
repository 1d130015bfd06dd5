//! Messages, their pages and the reports beside them.

use std::sync::Arc;

use async_graphql::connection::PageInfo;
use async_graphql::{ID, Object, SimpleObject};

use crate::cache::Messages;
use crate::graphql::FieldError;
use crate::graphql::message_cursor::MessageCursor;
use crate::graphql::scalars::DateTime;
use crate::ozeki::{Conversation, ConversationId, Message, Position, Report};

/// The messages of a page that names no size.
const PAGE_DEFAULT: u32 = 50;

/// The most messages of a page.
const PAGE_MAX: u32 = 200;

/// Validated `last` and `before`.
pub(in crate::graphql) struct MessageArguments {
    pub(in crate::graphql) size: u32,
    before: Option<MessageCursor>,
}

impl MessageArguments {
    /// Checks the arguments as far as that is possible without the conversation.
    pub(in crate::graphql) fn parse(
        last: Option<i32>,
        before: Option<&str>,
    ) -> Result<Self, FieldError> {
        let size = match last {
            None => Some(PAGE_DEFAULT),
            Some(last) => u32::try_from(last).ok().filter(|size| (1..=PAGE_MAX).contains(size)),
        };
        let size = size.ok_or_else(|| {
            FieldError::bad_input("last", format!("a page has 1 to {PAGE_MAX} messages"))
        })?;
        let decode = |text| MessageCursor::decode(text).ok_or_else(foreign_cursor);
        Ok(Self { size, before: before.map(decode).transpose()? })
    }

    /// The position before which the page ends, if the cursor is of this conversation.
    pub(in crate::graphql) fn before_in(
        &self,
        conversation: ConversationId,
    ) -> Result<Option<&Position>, FieldError> {
        let Some(cursor) = &self.before else { return Ok(None) };
        let is_own = cursor.conversation == conversation;
        if is_own { Ok(Some(&cursor.position)) } else { Err(foreign_cursor()) }
    }
}

fn foreign_cursor() -> FieldError {
    let message =
        "this is no cursor of this conversation's messages; take one from `pageInfo` or `edges`";
    FieldError::bad_input("before", message)
}

/// A page of messages.
pub(in crate::graphql) struct MessageConnection {
    conversation: ConversationId,
    page: Arc<Messages>,
    is_newest: bool,
}

impl MessageConnection {
    pub(in crate::graphql) fn new(
        conversation: &Conversation,
        page: Arc<Messages>,
        is_newest: bool,
    ) -> Self {
        Self { conversation: conversation.id, page, is_newest }
    }

    fn cursor(&self, index: usize) -> Option<String> {
        self.page.position(index).map(|position| self.written(position))
    }

    fn written(&self, position: Position) -> String {
        MessageCursor { conversation: self.conversation, position }.encode()
    }
}

/// A page of messages, from old to new, with what is needed to go further back.
#[Object]
impl MessageConnection {
    /// The page's messages, each with its cursor.
    async fn edges(&self) -> Vec<MessageEdge> {
        let edge = |(index, message)| {
            let cursor = self.cursor(index)?;
            Some(MessageEdge { cursor, node: MessageNode::from(message) })
        };
        self.page.messages.iter().enumerate().filter_map(edge).collect()
    }

    /// The page's messages, without cursors.
    async fn nodes(&self) -> Vec<MessageNode> {
        self.page.messages.iter().map(MessageNode::from).collect()
    }

    /// Whether there are older messages (`hasPreviousPage`) or newer ones, and the cursors of the oldest and newest of
    /// the page.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.page.has_older,
            has_next_page: !self.is_newest,
            start_cursor: self.page.start().map(|position| self.written(position)),
            end_cursor: self.page.messages.len().checked_sub(1).and_then(|last| self.cursor(last)),
        }
    }

    /// Reports on messages, such as that they were delivered or viewed, from old to new: at most as many as the page may
    /// have messages. They are paged beside the messages, so where there are more reports than messages they are of a later
    /// time than the page, and none is left out on the way back. How a report names its message is not documented by the
    /// chat server.
    async fn reports(&self) -> Vec<ReportNode> {
        self.page.reports.iter().map(ReportNode::from).collect()
    }

    /// Whether there are older reports, which may be so when there are no older messages: go on with `startCursor` then.
    async fn has_older_reports(&self) -> bool {
        self.page.has_older_reports
    }
}

/// A message and its place in the conversation.
#[derive(SimpleObject)]
struct MessageEdge {
    /// Opaque: pass it as `before` to read what is older than this message.
    cursor: String,
    /// The message itself.
    node: MessageNode,
}

/// A message of a conversation.
#[derive(SimpleObject)]
#[graphql(name = "Message")]
pub(in crate::graphql) struct MessageNode {
    /// The message's id: a UUID, made by the client that sent it.
    id: ID,
    /// The server's word for the kind of message, such as `Message`.
    r#type: String,
    /// When it was sent.
    created_at: DateTime,
    /// Until when it is kept. Null where the server does not tell.
    valid_until: Option<DateTime>,
    /// The content, end-to-end encrypted: base64 ciphertext that only the participants' clients can read. Null where
    /// the server leaves it out.
    data: Option<String>,
}

impl From<&Message> for MessageNode {
    fn from(message: &Message) -> Self {
        Self {
            id: (&*message.id).into(),
            r#type: message.kind.to_string(),
            created_at: DateTime(message.created),
            valid_until: message.valid_until.map(DateTime),
            data: message.data.as_deref().map(str::to_owned),
        }
    }
}

/// A report on messages.
#[derive(SimpleObject)]
#[graphql(name = "Report")]
struct ReportNode {
    /// The report's id.
    id: ID,
    /// The server's word for what is reported, such as `delivered` or `viewed`.
    r#type: String,
    /// When it was made. Null where the server does not tell.
    created_at: Option<DateTime>,
}

impl From<&Report> for ReportNode {
    fn from(report: &Report) -> Self {
        Self {
            id: (&*report.id).into(),
            r#type: report.kind.to_string(),
            created_at: report.created.map(DateTime),
        }
    }
}
