//! Marking messages as viewed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::budget::{Allowance, CallBudget};
use super::{ChangeError, Data, Resource};
use crate::ozeki::{Call, Conversation, ConversationId, Timestamp, Viewed};
use crate::session::Caller;

/// How many messages of the newest page are read to find one: the page that clients read by default.
const NEWEST_PAGE: u32 = 50;

impl Data {
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
            self.refresh_messages(caller, conversation);
            found = self.find(caller, conversation, budget).await?;
            let page = self.messages(caller, &found, None, NEWEST_PAGE, budget)?;
            page.fresh().await.map_err(ChangeError::before_change)?;
            dates = self.dates_of(caller, conversation, &ids);
        }
        let (first, last) = dates.ok_or(ChangeError::UnknownMessage)?;
        let viewed = Viewed { first, last, ids: ids.into_iter().collect() };
        let mut allowance = budget.allow()?;
        let (data, caller) = (Arc::clone(self), Arc::clone(caller));
        self.finish(Call::MARK_VIEWED, async move {
            data.try_mark_viewed(&caller, &found, &viewed, &mut allowance).await
        })
        .await
    }

    async fn try_mark_viewed(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        viewed: &Viewed,
        allowance: &mut Allowance,
    ) -> Result<(), ChangeError> {
        let (id, instance) = (&conversation.id, conversation.instance());
        let mark = async |instance: &str| {
            let call = self.client.mark_viewed(caller.identity(), *id, instance, viewed);
            self.change_unseen(caller, *id, call).await
        };
        match allowance.call(mark(instance)).await {
            Err(rejection) if ChangeError::is_rejection(&rejection) => {
                let budget = allowance.budget();
                let current = self.instance_after_rejection(caller, *id, instance, budget).await;
                allowance.call(mark(&current.ok_or(rejection)?)).await
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
