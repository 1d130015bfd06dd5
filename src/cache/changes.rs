//! Changes: what a caller changes is never read as it was before.
//!
//! The generation is raised before the upstream call and after it. Where the upstream answers with the whole
//! conversation, the caller's list is kept with that conversation in its place; a rejection, which proves that nothing
//! happened, leaves the list as it was; and when the outcome is unknown the next read goes upstream.

use std::sync::{Arc, PoisonError};

use tokio::time::Instant;

use super::budget::{BudgetSpent, CallBudget};
use super::generations::Generation;
use super::{ConversationList, Data, Resource};
use crate::ozeki::{Call, Change, Conversation, ConversationId, UpstreamError};
use crate::session::Caller;

/// Why a change was not made, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// The caller has no such conversation.
    #[error("the caller has no such conversation")]
    NotFound,
    /// A message that the change names is not among those that the caller can be shown to have.
    #[error("the conversation has no such message")]
    UnknownMessage,
    /// An id that the caller gave to a message was given to another one before.
    #[error("the id was given to another message")]
    IdTaken,
    /// The operation has begun as many calls as it may.
    #[error(transparent)]
    BudgetSpent(#[from] BudgetSpent),
    /// The change was not made.
    #[error("the change was not made")]
    NotMade(#[source] Arc<UpstreamError>),
    /// The call was sent and its outcome is not known.
    #[error("it is not known whether the change was made")]
    OutcomeUnknown(#[source] Arc<UpstreamError>),
}

impl From<Arc<UpstreamError>> for ChangeError {
    fn from(error: Arc<UpstreamError>) -> Self {
        if was_not_made(&error) { Self::NotMade(error) } else { Self::OutcomeUnknown(error) }
    }
}

impl From<UpstreamError> for ChangeError {
    fn from(error: UpstreamError) -> Self {
        Arc::new(error).into()
    }
}

/// Whether a call that failed so can have changed nothing: it was refused, or never sent.
pub(super) fn was_not_made(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Rejected { .. } | UpstreamError::Unreachable { .. } => true,
        UpstreamError::TimedOut { .. }
        | UpstreamError::ConnectionLost { .. }
        | UpstreamError::Failed { .. }
        | UpstreamError::TooLarge { .. }
        | UpstreamError::Malformed { .. }
        | UpstreamError::Interrupted { .. } => false,
    }
}

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
        let turn = budget.take()?;
        let (data, caller) = (Arc::clone(self), Arc::clone(caller));
        self.finish(change(&conversation).call(), async move {
            let _turn = turn.await;
            data.make_change(&caller, &conversation, &change).await
        })
        .await
    }

    async fn make_change(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        change: &(impl Fn(&Conversation) -> Change + Send + Sync),
    ) -> Result<Conversation, UpstreamError> {
        let asked = change(conversation);
        let Conversation { id, instance, .. } = conversation;
        // A clear is not repeated, although its rejection would allow it: the instance that the caller wanted to end has
        // ended, and the new one may hold messages that the caller has not seen.
        let is_bound = matches!(asked, Change::Hide { .. });
        let changed = match self.try_change(caller, *id, &asked).await {
            Err(rejection @ UpstreamError::Rejected { .. })
                if matches!(asked, Change::Clear { .. }) =>
            {
                self.refresh(caller, Resource::Conversations);
                return Err(rejection);
            }
            Err(rejection @ UpstreamError::Rejected { .. }) if is_bound => {
                let current = self.instance_after_rejection(caller, *id, instance).await;
                let instance = current.ok_or(rejection)?;
                let conversation = Conversation { instance, ..conversation.clone() };
                self.try_change(caller, *id, &change(&conversation)).await?
            }
            changed => changed?,
        };
        // A hide may be taken for an instance that has ended, which hides nothing; for the present one it can be repeated.
        let is_in_vain = matches!(asked, Change::Hide { .. })
            && !changed.is_hidden_for(caller.user())
            && changed.instance != *instance;
        if is_in_vain { self.try_change(caller, *id, &change(&changed)).await } else { Ok(changed) }
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

    /// Makes a change that is answered without the conversation: the next read of the list goes upstream.
    pub(super) async fn change_unseen<T>(
        &self,
        caller: &Caller,
        id: ConversationId,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        let pending = self.begin_change(caller);
        let done = call.await;
        // The list need not show what became of the messages, so their pages are put behind too.
        if !matches!(&done, Err(error) if was_not_made(error)) {
            self.refresh(caller, Resource::Messages);
        }
        match &done {
            Ok(_) => {
                self.refresh(caller, Resource::Conversations);
                self.tell_own_change(caller, id, false);
            }
            Err(error) => self.settle_failure(caller, pending, error),
        }
        done
    }

    /// Runs a change to its end, also when nobody waits for it any more.
    pub(super) async fn finish<T: Send + 'static>(
        &self,
        call: Call,
        change: impl Future<Output = Result<T, UpstreamError>> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let done = self.tasks.spawn(change).await;
        Ok(done.unwrap_or(Err(UpstreamError::Interrupted { call }))?)
    }

    fn begin_change(&self, caller: &Caller) -> PendingChange {
        let _settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.conversations.held(&self.conversations.slot(caller.key(), ()));
        self.refresh(caller, Resource::Conversations);
        let generation = self.generations.current(caller.key(), Resource::Conversations);
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
        let current = self.generations.current(caller.key(), Resource::Conversations);
        self.refresh(caller, Resource::Conversations);
        if let Some((list, started)) = pending.before
            && current == pending.generation
        {
            let slot = self.conversations.slot(caller.key(), ());
            self.conversations.put(slot, Arc::new(after(&list)), started);
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
        let list =
            self.conversations(caller, budget)?.value().await.map_err(ChangeError::NotMade)?;
        if let Some(conversation) = list.find(id) {
            return Ok(Arc::clone(conversation));
        }
        if !was_held {
            return Err(ChangeError::NotFound);
        }
        self.refresh(caller, Resource::Conversations);
        let list =
            self.conversations(caller, budget)?.value().await.map_err(ChangeError::NotMade)?;
        list.find(id).cloned().ok_or(ChangeError::NotFound)
    }
}
