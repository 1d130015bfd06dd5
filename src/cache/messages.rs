//! Pages of messages. The list is the validator: what tells that a page has changed is part of its key.

use std::collections::HashSet;
use std::sync::Arc;

use super::budget::{Allowance, BudgetSpent, CallBudget};
use super::shelf::Part;
use super::{Data, Lenient, ReadError, Reading, Resource, Weigh};
use crate::ozeki::{
    Conversation, ConversationId, Message, MessagePage, Position, Report, Timestamp, UpstreamError,
};
use crate::session::Caller;

/// The size of a page in the vendor's example: a server may give no more at once. Source: "Calls".
const UPSTREAM_PAGE: usize = 50;

/// A page of a conversation's messages, from old to new.
#[derive(Debug)]
pub struct Messages {
    /// The messages.
    pub messages: Box<[Message]>,
    /// The reports that came with them.
    pub reports: Box<[Report]>,
    /// Whether there are older messages.
    pub has_older: bool,
    /// Whether there are older reports.
    pub has_older_reports: bool,
    /// The place that the page ends before; none of the newest.
    before: Option<Position>,
    /// The oldest report that is known on this page or the one that it goes on from.
    oldest_report: Option<(Timestamp, Box<str>)>,
}

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PageKey {
    conversation: ConversationId,
    instance: Box<str>,
    from: PageFrom,
    size: u32,
}

/// Where a page ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum PageFrom {
    /// At the newest message: the list names it, so a page of an older state is not asked for any more.
    Newest { last_message_id: Option<Box<str>>, last_report_id: Option<Box<str>> },
    /// Before a position: what is older does not change within an instance.
    Before(Position),
}

impl Messages {
    /// Cuts a page of `size` out of what was read to show one row more.
    fn new(page: MessagePage, size: u32, before: Option<&Position>) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let MessagePage { mut messages, mut reports } = page;
        let has_older = messages.len() > size;
        let has_older_reports = reports.len() > size;
        messages.drain(..messages.len().saturating_sub(size));
        reports.drain(..reports.len().saturating_sub(size));
        let oldest = reports.iter().find_map(|one| Some((one.created?, one.id.clone())));
        let known = before.map(|before| (before.report_date, before.report_id.clone()));
        Self {
            messages: messages.into(),
            reports: reports.into(),
            has_older,
            has_older_reports,
            before: before.cloned(),
            oldest_report: oldest.or(known),
        }
    }

    /// The page of a conversation without messages.
    fn empty() -> Self {
        Self::new(MessagePage::default(), 0, None)
    }

    /// Where older messages and reports go on. A page without messages may still have reports, and more behind them.
    pub fn start(&self) -> Option<Position> {
        let of_reports = || {
            let (report_date, report_id) = self.oldest_report.clone()?;
            Some(match self.before.clone() {
                Some(before) => Position { report_date, report_id, ..before },
                None => Position {
                    message_date: report_date,
                    message_id: Box::default(),
                    report_date,
                    report_id,
                },
            })
        };
        self.position(0).or_else(|| (!self.reports.is_empty()).then(of_reports).flatten())
    }

    /// The position before which the page's message at `index` stands: where the next older page goes on.
    pub fn position(&self, index: usize) -> Option<Position> {
        let message = self.messages.get(index)?;
        let (message_date, message_id) = (message.created, message.id.clone());
        // Without a report so far, those as old as the message or older come with the older page.
        let report = self.oldest_report.clone().unwrap_or((message_date, Box::default()));
        let (report_date, report_id) = report;
        Some(Position { message_date, message_id, report_date, report_id })
    }
}

/// Puts an older page before what was read: each row once, and without the row that the page goes on from. Tells
/// whether that brought any message.
fn prepend(
    read: &mut MessagePage,
    mut page: MessagePage,
    from: Option<&Position>,
    newest: Option<&str>,
) -> bool {
    // Where all were sent within one second, the list's newest message tells which way the server lists them.
    let is_named = |message: Option<&Message>| message.map(|one| &*one.id) == newest;
    if from.is_none()
        && newest.is_some()
        && is_named(page.messages.first())
        && !is_named(page.messages.last())
    {
        page.messages.reverse();
    }
    let (known_message, known_report) =
        from.map_or(("", ""), |from| (&*from.message_id, &*from.report_id));
    let mut seen: HashSet<Box<str>> = read.messages.iter().map(|one| one.id.clone()).collect();
    page.messages.retain(|one| *one.id != *known_message && seen.insert(one.id.clone()));
    let mut seen: HashSet<Box<str>> = read.reports.iter().map(|one| one.id.clone()).collect();
    page.reports.retain(|one| *one.id != *known_report && seen.insert(one.id.clone()));
    let is_new = !page.messages.is_empty();
    read.messages.splice(0..0, page.messages);
    read.reports.splice(0..0, page.reports);
    is_new
}

impl Weigh for Messages {
    fn weight(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        let message =
            |one: &Message| size_of::<Message>() + one.id.len() + one.kind.len() + text(&one.data);
        let report = |one: &Report| size_of::<Report>() + one.id.len() + one.kind.len();
        size_of::<Self>()
            + self.messages.iter().map(message).sum::<usize>()
            + self.reports.iter().map(report).sum::<usize>()
    }
}

impl PageKey {
    /// The page before a position, or the newest. None where the conversation tells that it has no messages.
    pub(super) fn new(
        conversation: &Conversation,
        before: Option<Position>,
        size: u32,
    ) -> Option<Self> {
        let last_message_id = conversation.last_message_id();
        let last_report_id = conversation.last_report_id();
        if last_message_id.is_none() && last_report_id.is_none() {
            return None;
        }
        let from = match before {
            Some(position) => PageFrom::Before(position),
            None => PageFrom::Newest {
                last_message_id: last_message_id.map(Into::into),
                last_report_id: last_report_id.map(Into::into),
            },
        };
        let instance = conversation.instance().into();
        Some(Self { conversation: conversation.id, instance, from, size })
    }
}

impl Part for PageKey {
    fn conversation(&self) -> Option<ConversationId> {
        Some(self.conversation)
    }
}

impl Weigh for PageKey {
    fn weight(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        self.instance.len()
            + match &self.from {
                PageFrom::Newest { last_message_id, last_report_id } => {
                    text(last_message_id) + text(last_report_id)
                }
                PageFrom::Before(position) => position.message_id.len() + position.report_id.len(),
            }
    }
}

impl Data {
    /// Begins to read a page of at most `size` messages that are older than a position, or the newest; needs a Tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`BudgetSpent`] when the page would need a call and the operation may make none.
    pub fn messages(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        before: Option<Position>,
        size: u32,
        budget: &CallBudget,
    ) -> Result<Lenient<Messages>, BudgetSpent> {
        let Some(key) = PageKey::new(conversation, before, size) else {
            return Ok(Reading::Ready(Arc::new(Messages::empty())).into());
        };
        self.pages.read_leniently(self.pages.slot(caller.key(), key.clone()), budget, |allowance| {
            let (data, caller) = (Arc::clone(self), Arc::clone(caller));
            async move { data.load_page(&caller, key, allowance).await }
        })
    }

    async fn load_page(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        key: PageKey,
        mut allowance: Allowance,
    ) -> Result<Messages, ReadError> {
        let PageKey { conversation, instance, from, size } = key;
        let (newest, before) = match from {
            PageFrom::Newest { last_message_id, .. } => (last_message_id, None),
            PageFrom::Before(position) => (None, Some(position)),
        };
        let mut instance = instance;
        let mut read = MessagePage::default();
        let mut from = before.clone();
        // One row more than asked for tells whether there is an older page.
        let wanted = size.saturating_add(1);
        loop {
            let read_before =
                self.page_before(caller, conversation, &instance, from.as_ref(), wanted);
            let mut page = allowance.call(read_before).await;
            if matches!(&page, Err(error) if ReadError::is_rejection(error))
                && read.messages.is_empty()
                && let Some(current) = self
                    .instance_after_rejection(caller, conversation, &instance, allowance.budget())
                    .await
            {
                instance = current;
                let read_again =
                    self.page_before(caller, conversation, &instance, from.as_ref(), wanted);
                page = allowance.call(read_again).await;
            }
            let page = page?;
            // A full page of the documented size may be all that the server gives at once, and not all there is.
            let may_be_cut = page.messages.len() == UPSTREAM_PAGE;
            let is_new = prepend(&mut read, page, from.as_ref(), newest.as_deref());
            let is_enough = read.messages.len() >= usize::try_from(wanted).unwrap_or(usize::MAX);
            if !may_be_cut || !is_new || is_enough {
                break;
            }
            from = Self::new_position(&read, before.as_ref());
        }
        self.remember_dates(caller, conversation, &read.messages);
        Ok(Messages::new(read, size, before.as_ref()))
    }

    async fn page_before(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        instance: &str,
        before: Option<&Position>,
        limit: u32,
    ) -> Result<MessagePage, UpstreamError> {
        self.client.messages_before(caller.identity(), conversation, instance, before, limit).await
    }

    /// Where the rows older than these go on.
    fn new_position(read: &MessagePage, before: Option<&Position>) -> Option<Position> {
        let rows = u32::try_from(read.messages.len()).unwrap_or(u32::MAX);
        Messages::new(read.clone(), rows, before).position(0)
    }

    /// The conversation's instance, if it is another one than a rejected call named: then the call may be made again.
    ///
    /// A rejection proves that the call did nothing, and an instance that has changed explains it. One that has not
    /// changed does not, so the rejection stands.
    pub(super) async fn instance_after_rejection(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: ConversationId,
        instance: &str,
        budget: &CallBudget,
    ) -> Option<Box<str>> {
        self.refresh(caller, Resource::Conversations);
        let list = self.conversations(caller, budget).ok()?.fresh().await.ok()?;
        let current = list.find(conversation)?.instance();
        (current != instance).then(|| current.into())
    }

    pub(super) fn remember_dates(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        messages: &[Message],
    ) {
        for message in messages {
            self.dates.insert((caller.key(), conversation, message.id.clone()), message.created);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, second: u32) -> Message {
        let text = format!(r#"{{"ID":"{id}","Created":"2024-03-08 14:12:{second:02}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn ids(page: &MessagePage) -> Vec<&str> {
        page.messages.iter().map(|one| &*one.id).collect()
    }

    fn page(rows: &[(&str, u32)]) -> MessagePage {
        let messages = rows.iter().map(|(id, second)| message(id, *second)).collect();
        MessagePage { messages, reports: Vec::new() }
    }

    #[test]
    fn the_lists_newest_message_tells_the_order_within_one_second() {
        let mut read = MessagePage::default();
        assert!(prepend(&mut read, page(&[("b", 1), ("a", 1)]), None, Some("b")));
        assert_eq!(ids(&read), ["a", "b"]);
        let mut read = MessagePage::default();
        prepend(&mut read, page(&[("a", 1), ("b", 1)]), None, Some("b"));
        assert_eq!(ids(&read), ["a", "b"]);
    }

    #[test]
    fn a_row_that_comes_again_is_shown_once() {
        let mut read = page(&[("c", 3), ("d", 4)]);
        let from = Messages::new(read.clone(), 2, None).position(0).unwrap();
        assert!(prepend(
            &mut read,
            page(&[("a", 1), ("a", 1), ("b", 2), ("c", 3)]),
            Some(&from),
            None
        ));
        assert_eq!(ids(&read), ["a", "b", "c", "d"]);
        assert!(!prepend(&mut read, page(&[("c", 3)]), Some(&from), None));
    }
}
