//! Pages of messages. The list is the validator: what tells that a page has changed is part of its key.

use std::sync::Arc;

use super::budget::{BudgetSpent, CallBudget};
use super::{Data, Reading, Resource, Weigh};
use crate::ozeki::{
    Conversation, ConversationId, Message, MessagePage, Position, Report, Timestamp, UpstreamError,
};
use crate::session::Caller;

/// A page of a conversation's messages, from old to new.
#[derive(Debug)]
pub struct Messages {
    /// The messages.
    pub messages: Box<[Message]>,
    /// The reports that came with them.
    pub reports: Box<[Report]>,
    /// Whether there are older messages.
    pub has_older: bool,
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
    /// Cuts a page of `size` out of an answer to which one row more was asked for.
    fn new(page: MessagePage, size: u32, before: Option<&Position>) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let MessagePage { mut messages, mut reports } = page;
        let has_older = messages.len() > size;
        messages.drain(..messages.len().saturating_sub(size));
        reports.drain(..reports.len().saturating_sub(size));
        let oldest = reports.first().map(|report| (report.created, report.id.clone()));
        let known = before.map(|before| (before.report_date, before.report_id.clone()));
        Self {
            messages: messages.into(),
            reports: reports.into(),
            has_older,
            oldest_report: oldest.or(known),
        }
    }

    /// The page of a conversation without messages.
    fn empty() -> Self {
        Self::new(MessagePage::default(), 0, None)
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
    ) -> Result<Reading<Messages>, BudgetSpent> {
        let Conversation { id, instance, last_message_id, last_report_id, .. } = conversation;
        if last_message_id.is_none() && last_report_id.is_none() {
            return Ok(Reading::Ready(Arc::new(Messages::empty())));
        }
        let from = match before {
            Some(position) => PageFrom::Before(position),
            None => PageFrom::Newest {
                last_message_id: last_message_id.clone(),
                last_report_id: last_report_id.clone(),
            },
        };
        let key = PageKey { conversation: *id, instance: instance.clone(), from, size };
        self.pages.read(self.pages.slot(caller.key(), key.clone()), budget, || {
            let (data, caller) = (Arc::clone(self), Arc::clone(caller));
            async move { data.load_page(&caller, key).await }
        })
    }

    async fn load_page(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        key: PageKey,
    ) -> Result<Messages, UpstreamError> {
        let PageKey { conversation, instance, from, size } = key;
        let before = match from {
            PageFrom::Newest { .. } => None,
            PageFrom::Before(position) => Some(position),
        };
        let read = async |instance: &str| {
            // One row more than asked for tells whether there is an older page.
            let limit = size.saturating_add(1);
            let identity = caller.identity();
            self.client
                .messages_before(identity, conversation, instance, before.as_ref(), limit)
                .await
        };
        let page = match read(&instance).await {
            Err(rejection @ UpstreamError::Rejected { .. }) => {
                let current = self.instance_after_rejection(caller, conversation, &instance).await;
                read(&current.ok_or(rejection)?).await?
            }
            page => page?,
        };
        self.remember_dates(caller, conversation, &page.messages);
        Ok(Messages::new(page, size, before.as_ref()))
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
    ) -> Option<Box<str>> {
        self.refresh(caller, Resource::Conversations);
        // This call and the repeated one are bounded by being made once for a rejection.
        let list = self.conversations(caller, &CallBudget::of_one()).ok()?.value().await.ok()?;
        let current = &list.find(conversation)?.instance;
        (**current != *instance).then(|| current.clone())
    }

    fn remember_dates(&self, caller: &Caller, conversation: ConversationId, messages: &[Message]) {
        for message in messages {
            self.dates.insert((caller.key(), conversation, message.id.clone()), message.created);
        }
    }
}
