//! Changes: what a caller changes is never read as it was before.
//!
//! The generation is raised before the upstream call and after it. Where the upstream answers with the whole
//! conversation, the caller's list is kept with that conversation in its place; a rejection, which proves that nothing
//! happened, leaves the list as it was; and when the outcome is unknown the next read goes upstream.

use std::sync::{Arc, PoisonError};

use tokio::time::Instant;

use super::budget::{Allowance, CallBudget};
use super::error::was_not_made;
use super::generations::Generation;
use super::{ChangeError, ConversationList, Data, Resource};
use crate::ozeki::{Call, Change, Conversation, ConversationId, UpstreamError};
use crate::session::Caller;
use crate::telemetry::attributed;

/// A change to the caller's conversations that is under way.
pub(super) struct PendingChange {
    generation: Generation,
    /// The list before the change, if it was in memory, and when its load began.
    before: Option<(Arc<ConversationList>, Instant)>,
}

impl Data {
    /// Changes a conversation and returns it as the upstream tells it after the change.
    ///
    /// The change goes on, and is settled, also when nobody waits for it any more.
    ///
    /// # Errors
    ///
    /// Any [`ChangeError`].
    pub async fn change_conversation(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        id: ConversationId,
        change: impl Fn(&Conversation) -> Change + Send + Sync + 'static,
        budget: &CallBudget,
    ) -> Result<Conversation, ChangeError> {
        let conversation = self.find(caller, id, budget).await?;
        let mut allowance = budget.allow()?;
        let (data, caller) = (Arc::clone(self), Arc::clone(caller));
        self.finish(change(&conversation).call(), async move {
            data.make_change(&caller, &conversation, &change, &mut allowance).await
        })
        .await
    }

    async fn make_change(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        change: &(impl Fn(&Conversation) -> Change + Send + Sync),
        allowance: &mut Allowance,
    ) -> Result<Conversation, ChangeError> {
        let asked = change(conversation);
        let (id, instance) = (&conversation.id, conversation.instance());
        let mut changed = allowance.call(self.try_change(caller, *id, &asked)).await;
        if matches!(&changed, Err(error) if ChangeError::is_rejection(error)) {
            match asked {
                // Not repeated, although the rejection would allow it: the instance that the caller wanted to end has
                // ended, and the new one may hold messages that the caller has not seen.
                Change::Clear { .. } => self.refresh(caller, Resource::Conversations),
                Change::Hide { .. } => {
                    let budget = allowance.budget();
                    if let Some(instance) =
                        self.instance_after_rejection(caller, *id, instance, budget).await
                        && let Some(conversation) = conversation.in_instance(&instance)
                    {
                        let asked = change(&conversation);
                        changed = allowance.call(self.try_change(caller, *id, &asked)).await;
                    }
                }
                // They name no instance, so that none can be the reason.
                Change::Favorite
                | Change::Unfavorite
                | Change::Mute
                | Change::Unmute
                | Change::Unhide
                | Change::SetColor(_) => {}
            }
        }
        let changed = changed?;
        // A hide may be taken for an instance that has ended, which hides nothing; for the present one it can be repeated.
        let is_in_vain = matches!(asked, Change::Hide { .. })
            && !changed.is_hidden_for(caller.user())
            && changed.instance() != instance;
        if is_in_vain {
            allowance.call(self.try_change(caller, *id, &change(&changed))).await
        } else {
            Ok(changed)
        }
    }

    async fn try_change(
        &self,
        caller: &Caller,
        id: ConversationId,
        change: &Change,
    ) -> Result<Conversation, UpstreamError> {
        let pending = self.begin_change(caller);
        let changed = self.client.change_conversation(caller.identity(), id, change).await;
        match &changed {
            Ok(conversation) => {
                self.settle(caller, pending, |list| list.with(conversation));
                self.tell_own_change(caller, id, true);
            }
            Err(error) => self.settle_failure(caller, pending, error),
        }
        changed
    }

    /// Makes a change of a conversation's messages, which is answered without the conversation: the next read of the list
    /// goes upstream.
    pub(super) async fn change_unseen<T>(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        let pending = self.begin_change(caller);
        let done = call.await;
        // The list need not show what became of the messages, so their pages are put behind too.
        if !matches!(&done, Err(error) if was_not_made(error)) {
            self.refresh_messages(caller, conversation);
        }
        match &done {
            Ok(_) => {
                self.refresh(caller, Resource::Conversations);
                self.tell_own_change(caller, conversation, false);
            }
            Err(error) => self.settle_failure(caller, pending, error),
        }
        done
    }

    /// Runs a change to its end, also when nobody waits for it any more.
    pub(super) async fn finish<T: Send + 'static>(
        &self,
        call: Call,
        change: impl Future<Output = Result<T, ChangeError>> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let done = self.tasks.spawn(attributed(change)).await;
        done.unwrap_or_else(|_panic| Err(UpstreamError::Interrupted { call }.into()))
    }

    fn begin_change(&self, caller: &Caller) -> PendingChange {
        let _settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.conversations.held(&self.conversations.slot(caller.key(), ()));
        self.refresh(caller, Resource::Conversations);
        let generation = self.conversations.slot(caller.key(), ()).generation;
        PendingChange { generation, before }
    }

    /// Ends a change: later reads belong to a new generation, which holds the list as `after` makes it of the former
    /// one. If another change began or ended meanwhile, the former list may lack it, so none is kept.
    fn settle(
        &self,
        caller: &Caller,
        pending: PendingChange,
        after: impl FnOnce(&ConversationList) -> ConversationList,
    ) {
        let _settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.conversations.slot(caller.key(), ()).generation;
        self.refresh(caller, Resource::Conversations);
        if let Some((list, started)) = pending.before
            && current == pending.generation
        {
            let slot = self.conversations.slot(caller.key(), ());
            self.conversations.put(&slot, Arc::new(after(&list)), started);
        }
    }

    fn settle_failure(&self, caller: &Caller, pending: PendingChange, error: &UpstreamError) {
        if was_not_made(error) {
            self.settle(caller, pending, ConversationList::clone);
        } else {
            self.refresh(caller, Resource::Conversations);
        }
    }

    /// The caller's conversation with this id; one that a list in memory lacks may be new, so the upstream is asked.
    pub(super) async fn find(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        id: ConversationId,
        budget: &CallBudget,
    ) -> Result<Arc<Conversation>, ChangeError> {
        let was_held =
            self.conversations.held(&self.conversations.slot(caller.key(), ())).is_some();
        let list = self
            .conversations(caller, budget)?
            .fresh()
            .await
            .map_err(ChangeError::before_change)?;
        if let Some(conversation) = list.find(id) {
            return Ok(Arc::clone(conversation));
        }
        if !was_held {
            return Err(ChangeError::NotFound);
        }
        self.refresh(caller, Resource::Conversations);
        let list = self
            .conversations(caller, budget)?
            .fresh()
            .await
            .map_err(ChangeError::before_change)?;
        list.find(id).cloned().ok_or(ChangeError::NotFound)
    }
}
