//! New messages: each once, from old to new.
//!
//! What a subscriber knows of a conversation is its entry in the last list: the instance and the newest message. When
//! a list shows another newest message, what lies between the two is read, by one call however many subscribers ask,
//! since all of them go on from the same message.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::attention::Attention;
use super::{Feed, FeedEnd, FollowError, conversations};
use crate::cache::budget::Allowance;
use crate::cache::shelf::Part;
use crate::cache::{ConversationList, Data, ReadError, Resource, Weigh};
use crate::ozeki::{Conversation, ConversationId, Message, Position};
use crate::session::Caller;

/// How many messages are looked through for the last known one, where its date is not known.
const LOOKED_THROUGH_MAX: u32 = 200;

/// How long what was read for one subscriber is kept for the others, who ask within moments.
pub(in crate::cache) const NEWS_TIME_TO_LIVE: Duration = Duration::from_secs(30);

/// Names what lies between two messages of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::cache) struct BetweenKey {
    conversation: ConversationId,
    instance: Box<str>,
    after: Box<str>,
    to: Option<Box<str>>,
}

impl Part for BetweenKey {
    fn conversation(&self) -> Option<ConversationId> {
        Some(self.conversation)
    }
}

impl Weigh for BetweenKey {
    fn weight(&self) -> usize {
        self.instance.len() + self.after.len() + self.to.as_deref().map_or(0, str::len)
    }
}

/// Messages that lie between two others, from old to new.
#[derive(Debug)]
pub(in crate::cache) struct Between(Box<[Message]>);

impl Weigh for Between {
    fn weight(&self) -> usize {
        self.0.iter().map(Weigh::weight).sum()
    }
}

/// Tells a subscriber of new messages.
pub struct MessageFeed {
    attention: Attention,
    /// None: in all of them.
    conversation: Option<ConversationId>,
    known: Arc<ConversationList>,
    /// Conversations with a new newest message that is not read yet; each once, so never more than the list has.
    waiting: VecDeque<Waiting>,
    /// Read and not handed over yet: of one conversation.
    ready: VecDeque<(ConversationId, Message)>,
}

struct Waiting {
    /// As it was when its newest message was handed over; none when its present life is new.
    before: Option<Arc<Conversation>>,
    now: Arc<Conversation>,
}

impl Data {
    /// Tells the messages that are new from now on, in one conversation or in all of `known`, the last reading of the
    /// caller's list; needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`FollowError`] where a bound is reached.
    pub fn follow_messages(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        known: Arc<ConversationList>,
        conversation: Option<ConversationId>,
    ) -> Result<MessageFeed, FollowError> {
        let attention = self.attend(caller, &known)?;
        let (waiting, ready) = (VecDeque::new(), VecDeque::new());
        Ok(MessageFeed { attention, conversation, known, waiting, ready })
    }

    /// The messages that are newer than `from`, up to the newest that the list tells.
    async fn between(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        now: &Conversation,
        from: Position,
    ) -> Result<Arc<Between>, ReadError> {
        let instance: Box<str> = now.instance().into();
        let newest: Option<Box<str>> = now.last_message_id().map(Into::into);
        let key = BetweenKey {
            conversation: now.id,
            instance: instance.clone(),
            after: from.message_id.clone(),
            to: newest.clone(),
        };
        let load = |mut allowance: Allowance| {
            let (data, caller) = (Arc::clone(self), Arc::clone(caller));
            let id = now.id;
            async move {
                let call = data.client.messages_from(caller.identity(), id, &instance, &from);
                let page = allowance.call::<_, ReadError>(call).await?;
                let mut messages = page.messages;
                old_to_new(&mut messages, newest.as_deref());
                data.remember_dates(&caller, id, &messages);
                // Whether the message that it goes on from is among them, the vendor leaves open.
                let mut seen = HashSet::from([from.message_id.clone()]);
                messages.retain(|message| seen.insert(message.id.clone()));
                end_at(&mut messages, newest.as_deref());
                Ok(Between(messages.into()))
            }
        };
        let reading = self.news.read(self.news.slot(caller.key(), key), &Attention::budget(), load);
        reading.expect("a new budget has calls").value().await
    }
}

/// Where all were sent within one second, the list's newest message tells which way the server lists them.
fn old_to_new(messages: &mut [Message], newest: Option<&str>) {
    if let (Some(first), Some(last)) = (messages.first(), messages.last())
        && first.created == last.created
        && Some(&*first.id) == newest
    {
        messages.reverse();
    }
}

/// Leaves out what is newer than the list: its own notice is still to come.
fn end_at(messages: &mut Vec<Message>, newest: Option<&str>) {
    let end = messages.iter().rposition(|message| Some(&*message.id) == newest);
    messages.truncate(end.map_or(messages.len(), |end| end + 1));
}

impl Feed for MessageFeed {
    type News = (ConversationId, Message);

    async fn next(&mut self) -> Result<(ConversationId, Message), FeedEnd> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Ok(next);
            }
            if let Err(error) = self.read_next().await? {
                if error.is_rejection() {
                    // The conversation may have been cleared since the list was read.
                    let Attention { data, caller, .. } = &self.attention;
                    data.refresh(caller, Resource::Conversations);
                }
                self.attention.failed(error)?;
            }
            if self.ready.is_empty() && (self.waiting.is_empty() || self.attention.is_retrying()) {
                self.listen().await?;
            }
        }
    }
}

impl MessageFeed {
    /// Waits until the list may have changed, and notes what is new on it.
    async fn listen(&mut self) -> Result<(), FeedEnd> {
        self.attention.hear(|_| {}).await?;
        match conversations::read(&self.attention).await {
            Err(error) => self.attention.failed(error),
            Ok(list) => {
                if self.waiting.is_empty() {
                    self.attention.succeeded();
                }
                self.note(&list);
                Ok(())
            }
        }
    }

    fn note(&mut self, list: &Arc<ConversationList>) {
        let known = std::mem::replace(&mut self.known, Arc::clone(list));
        // What was said first is told first.
        for now in list.all().iter().rev() {
            if self.conversation.is_some_and(|wanted| wanted != now.id) {
                continue;
            }
            let before = known.find(now.id).filter(|before| before.instance() == now.instance());
            let waiting = self.waiting.iter_mut().find(|waiting| waiting.now.id == now.id);
            if let Some(waiting) = waiting {
                waiting.before = waiting.before.take().filter(|_| before.is_some());
                waiting.now = Arc::clone(now);
            } else if before.is_none_or(|before| before.last_message_id() != now.last_message_id())
            {
                self.waiting.push_back(Waiting { before: before.cloned(), now: Arc::clone(now) });
            }
        }
        self.waiting.retain(|one| one.now.last_message_id().is_some());
    }

    /// Reads what is new in the conversation that has waited longest.
    async fn read_next(&mut self) -> Result<Result<(), ReadError>, FeedEnd> {
        let Some(Waiting { before, now }) = self.waiting.front() else { return Ok(Ok(())) };
        let messages = match self.read_new(before.as_deref(), now).await {
            Ok(messages) => messages.ok_or_else(|| self.attention.lagged())?,
            Err(error) => return Ok(Err(error)),
        };
        self.attention.succeeded();
        let id = now.id;
        self.ready.extend(messages.into_iter().map(|message| (id, message)));
        self.waiting.pop_front();
        Ok(Ok(()))
    }

    /// The messages since the conversation was as `before`; none where that cannot be told.
    async fn read_new(
        &self,
        before: Option<&Conversation>,
        now: &Conversation,
    ) -> Result<Option<Vec<Message>>, ReadError> {
        let Attention { data, caller, .. } = &self.attention;
        let known = before.and_then(|before| before.last_message_id()).map(Box::<str>::from);
        if let Some(id) = &known
            && let Some(date) = data.dates.get(&(caller.key(), now.id, id.clone()))
        {
            let from = Position {
                message_date: date,
                message_id: id.clone(),
                report_date: date,
                report_id: Box::default(),
            };
            let between = data.between(caller, now, from).await?;
            return Ok(Some(between.0.to_vec()));
        }
        let budget = Attention::budget();
        let page = data.messages(caller, now, None, LOOKED_THROUGH_MAX, &budget);
        let page = page.expect("a new budget has calls").fresh().await?;
        let mut messages = page.messages.to_vec();
        end_at(&mut messages, now.last_message_id());
        let Some(id) = known else {
            return Ok((!page.has_older).then_some(messages));
        };
        if let Some(position) = messages.iter().rposition(|message| message.id == id) {
            messages.drain(..=position);
            return Ok(Some(messages));
        }
        // It is no longer there, so what was said after the conversation's last use is new.
        let Some(last_access) = before.and_then(|before| before.last_access) else {
            return Ok(None);
        };
        let is_all =
            !page.has_older || messages.first().is_some_and(|oldest| oldest.created <= last_access);
        messages.retain(|message| message.created > last_access);
        Ok(is_all.then_some(messages))
    }
}
