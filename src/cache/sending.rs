//! Sending messages and marking them as viewed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::budget::CallBudget;
use super::changes::{ChangeError, was_not_made};
use super::{Data, Resource, Weigh};
use crate::ozeki::{
    Call, Conversation, ConversationId, Message, NewMessage, Timestamp, UpstreamError, Viewed,
};
use crate::session::Caller;

/// How many messages of the newest page are read to find one: the page that clients read by default.
const NEWEST_PAGE: u32 = 50;

/// Names a message that a client gave an id to: asked for again, it is not sent again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SendKey {
    conversation: ConversationId,
    id: Box<str>,
}

impl Weigh for SendKey {
    fn weight(&self) -> usize {
        self.id.len()
    }
}

impl Weigh for Message {
    fn weight(&self) -> usize {
        let data = self.data.as_deref().map_or(0, str::len);
        size_of::<Self>() + self.id.len() + self.kind.len() + data
    }
}

impl Data {
    /// Sends a message and returns it as the upstream stored it.
    ///
    /// With `is_repeatable`, the id is the client's own: the same message asked for again, also at the same time or after
    /// an outcome that was not known, is sent once.
    ///
    /// # Errors
    ///
    /// Any [`ChangeError`].
    pub async fn send_message(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: ConversationId,
        message: NewMessage,
        is_repeatable: bool,
        budget: &CallBudget,
    ) -> Result<Message, ChangeError> {
        let key = SendKey { conversation, id: message.id.clone() };
        let slot = self.sent.slot(caller.key(), key);
        if is_repeatable && let Some((sent, _)) = self.sent.held(&slot) {
            return same(&sent, &message.data);
        }
        let found = self.find(caller, conversation, budget).await?;
        let data = message.data.clone();
        let load = {
            let (data, caller) = (Arc::clone(self), Arc::clone(caller));
            async move { data.send_once(&caller, &found, message, is_repeatable).await }
        };
        // The shelf lets the same message in only once, and lets the call go on when nobody waits for it.
        let sent = self.sent.read(slot, budget, || load)?.value().await?;
        same(&sent, &data)
    }

    async fn send_once(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        message: NewMessage,
        is_repeatable: bool,
    ) -> Result<Message, UpstreamError> {
        let key = (caller.key(), conversation.id, message.id.clone());
        if is_repeatable
            && self.uncertain.contains_key(&key)
            && let Some(sent) = self.find_sent(caller, conversation, &message.id).await?
        {
            return Ok(sent);
        }
        let sent = self.try_send(caller, conversation, &message).await;
        match &sent {
            Ok(_) => self.uncertain.invalidate(&key),
            Err(error) if !was_not_made(error) => self.uncertain.insert(key, ()),
            Err(_) => {}
        }
        sent
    }

    async fn try_send(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        message: &NewMessage,
    ) -> Result<Message, UpstreamError> {
        let id = conversation.id;
        let send = async |instance: &str| {
            let call = self.client.add_message(caller.identity(), id, instance, message);
            self.change_unseen(caller, id, call).await
        };
        match send(&conversation.instance).await {
            Err(rejection @ UpstreamError::Rejected { .. }) => {
                let instance = &conversation.instance;
                let current = self.instance_after_rejection(caller, id, instance).await;
                send(&current.ok_or(rejection)?).await
            }
            result => result,
        }
    }

    /// Looks for a message among the newest, past every cache.
    async fn find_sent(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        id: &str,
    ) -> Result<Option<Message>, UpstreamError> {
        let instance = &conversation.instance;
        let page = self.client.messages_before(
            caller.identity(),
            conversation.id,
            instance,
            None,
            NEWEST_PAGE,
        );
        Ok(page.await?.messages.into_iter().find(|message| *message.id == *id))
    }

    /// Tells the upstream that the caller has viewed these messages.
    ///
    /// The upstream wants the span of time that they were sent in: it is known of every message that the caller has
    /// read here, and else the newest page is read.
    ///
    /// # Errors
    ///
    /// Any [`ChangeError`]; `UnknownMessage` when one of the messages is neither known nor on the newest page.
    pub async fn mark_viewed(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: ConversationId,
        ids: BTreeSet<Box<str>>,
        budget: &CallBudget,
    ) -> Result<(), ChangeError> {
        let mut found = self.find(caller, conversation, budget).await?;
        let mut dates = self.dates_of(caller, conversation, &ids);
        if dates.is_none() {
            // They may be newer than what is in memory.
            self.refresh(caller, Resource::Conversations);
            self.refresh(caller, Resource::Messages);
            found = self.find(caller, conversation, budget).await?;
            let page = self.messages(caller, &found, None, NEWEST_PAGE, budget)?;
            page.value().await.map_err(ChangeError::NotMade)?;
            dates = self.dates_of(caller, conversation, &ids);
        }
        let (first, last) = dates.ok_or(ChangeError::UnknownMessage)?;
        let viewed = Viewed { first, last, ids: ids.into_iter().collect() };
        let turn = budget.take()?;
        let (data, caller) = (Arc::clone(self), Arc::clone(caller));
        self.finish(Call::MARK_VIEWED, async move {
            let _turn = turn.await;
            data.try_mark_viewed(&caller, &found, &viewed).await
        })
        .await
    }

    async fn try_mark_viewed(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        viewed: &Viewed,
    ) -> Result<(), UpstreamError> {
        let id = conversation.id;
        let mark = async |instance: &str| {
            let call = self.client.mark_viewed(caller.identity(), id, instance, viewed);
            self.change_unseen(caller, id, call).await
        };
        match mark(&conversation.instance).await {
            Err(rejection @ UpstreamError::Rejected { .. }) => {
                let instance = &conversation.instance;
                let current = self.instance_after_rejection(caller, id, instance).await;
                mark(&current.ok_or(rejection)?).await
            }
            result => result,
        }
    }

    /// The dates of the oldest and the newest of the messages, if all are known.
    fn dates_of(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        ids: &BTreeSet<Box<str>>,
    ) -> Option<(Timestamp, Timestamp)> {
        let date = |id: &str| self.dates.get(&(caller.key(), conversation, id.into()));
        let dates: Option<Vec<Timestamp>> = ids.iter().map(|id| date(id)).collect();
        let dates = dates?;
        Some((*dates.iter().min()?, *dates.iter().max()?))
    }
}

fn same(sent: &Message, data: &str) -> Result<Message, ChangeError> {
    let is_same = sent.data.as_deref() == Some(data);
    if is_same { Ok(sent.clone()) } else { Err(ChangeError::IdTaken) }
}
