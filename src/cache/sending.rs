//! Sending messages, each once.
//!
//! A message under an id of the client's own may be asked for again, also at the same time, after an outcome that was
//! not known, and with another session. What the same caller sent is answered from memory; whatever else may have been
//! sent before is looked for upstream, by the credential of who asks, before it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};

use super::budget::{Allowance, CallBudget};
use super::data::SENT_TIME_TO_LIVE;
use super::fair::{FairTable, Owned};
use super::shelf::Part;
use super::{ChangeError, Data, ReadError, Weigh};
use crate::ozeki::{
    CLOCK_DIFFERENCE_MAX_SECONDS, Call, Conversation, ConversationId, Message, NewMessage,
    Position, Timestamp, UserId,
};
use crate::session::{Caller, CallerKey};

/// How many messages are read at once to find one; the vendor's clients read as many. Source: "Calls".
const LOOK_UP_PAGE: u32 = 50;

/// How many messages of users are remembered as begun to be sent, at about 300 bytes each; the longest unused are
/// dropped first.
const ATTEMPTS_MAX: u64 = 50_000;

/// Names a message that a client gave an id to: asked for again, it is not sent again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SendKey {
    conversation: ConversationId,
    id: Box<str>,
}

impl Part for SendKey {}

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

/// Messages that were begun to be sent under ids of clients. They stand under the user, so that they are known to the
/// same user's next session; what they tell is no more than that the upstream must be asked.
#[derive(Debug)]
pub(super) struct Attempts(FairTable<AttemptKey, Attempt>);

type AttemptKey = (UserId, ConversationId, Box<str>);

impl Owned for AttemptKey {
    fn owner(&self) -> UserId {
        self.0
    }
}

/// The first attempt to send a message.
#[derive(Clone, Debug)]
struct Attempt {
    caller: CallerKey,
    /// Of its content.
    digest: [u8; 32],
    since: Timestamp,
    /// Whether a call may have reached the upstream.
    is_begun: Arc<AtomicBool>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self(FairTable::new(ATTEMPTS_MAX, Some(SENT_TIME_TO_LIVE), |_key, _attempt| 1))
    }

    /// The first attempt at this message, which may be this one.
    fn first(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        message: &NewMessage,
    ) -> Result<Attempt, ChangeError> {
        let key = (caller.user(), conversation, message.id.clone());
        let digest = Sha256::digest(message.data.as_bytes()).into();
        let attempt = self.0.get_with(&key, || Attempt {
            caller: caller.key(),
            digest,
            since: message.created,
            is_begun: Arc::default(),
        });
        // Another credential is not believed to be this user's; it can look upstream.
        let is_other_content = attempt.caller == caller.key() && attempt.digest != digest;
        if is_other_content { Err(ChangeError::IdTaken) } else { Ok(attempt) }
    }

    /// Frees the id of a message that is known not to have been sent.
    fn forget(&self, caller: &Caller, conversation: ConversationId, id: &str) {
        self.0.invalidate(&(caller.user(), conversation, id.into()));
    }
}

impl Data {
    /// Sends a message and returns it as the upstream stored it.
    ///
    /// With `is_repeatable`, the id is the client's own: the same message asked for again is sent once.
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
        if is_repeatable {
            return self.send_once(caller, conversation, message, budget).await;
        }
        let found = self.find(caller, conversation, budget).await?;
        let mut allowance = budget.allow()?;
        let (data, caller) = (Arc::clone(self), Arc::clone(caller));
        self.finish(Call::ADD_MESSAGE, async move {
            data.try_send(&caller, &found, &message, &mut allowance).await
        })
        .await
    }

    async fn send_once(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: ConversationId,
        message: NewMessage,
        budget: &CallBudget,
    ) -> Result<Message, ChangeError> {
        let key = SendKey { conversation, id: message.id.clone() };
        let slot = self.sent.slot(caller.key(), key);
        if let Some((sent, _)) = self.sent.held(&slot) {
            return same(&sent, &message.data);
        }
        let found = self.find(caller, conversation, budget).await?;
        let attempt = self.attempts.first(caller, conversation, &message)?;
        let (id, data) = (message.id.clone(), message.data.clone());
        // The shelf lets the same message in only once, and lets the call go on when nobody waits for it.
        let reading = {
            let (data, caller, attempt) = (Arc::clone(self), Arc::clone(caller), attempt.clone());
            self.sent.read(slot, budget, |mut allowance| async move {
                data.attempt(&caller, &found, &message, &attempt, &mut allowance).await
            })
        };
        let sent = match reading {
            Ok(reading) => reading.value().await,
            Err(spent) => Err(spent.into()),
        };
        if sent.is_err() && !attempt.is_begun.load(Ordering::SeqCst) {
            self.attempts.forget(caller, conversation, &id);
        }
        same(&*sent?, &data)
    }

    /// Sends a message, unless it is found to have been sent before.
    async fn attempt(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        message: &NewMessage,
        attempt: &Attempt,
        allowance: &mut Allowance,
    ) -> Result<Message, ChangeError> {
        let is_first = !attempt.is_begun.swap(true, Ordering::SeqCst);
        if !is_first {
            let found = self.find_sent(caller, conversation, message, attempt.since, allowance);
            if let Some(sent) = found.await? {
                return Ok(sent);
            }
        }
        let sent = self.try_send(caller, conversation, message, allowance).await;
        if is_first && matches!(sent, Err(ChangeError::NotMade(_))) {
            attempt.is_begun.store(false, Ordering::SeqCst);
        }
        sent
    }

    async fn try_send(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        message: &NewMessage,
        allowance: &mut Allowance,
    ) -> Result<Message, ChangeError> {
        let (id, instance) = (&conversation.id, conversation.instance());
        let send = async |instance: &str| {
            let call = self.client.add_message(caller.identity(), *id, instance, message);
            self.change_unseen(caller, *id, call).await
        };
        match allowance.call(send(instance)).await {
            Err(rejection) if ChangeError::is_rejection(&rejection) => {
                let budget = allowance.budget();
                let current = self.instance_after_rejection(caller, *id, instance, budget).await;
                allowance.call(send(&current.ok_or(rejection)?)).await
            }
            result => result,
        }
    }

    /// Looks for a message upstream, back to well before the first attempt to send it. That it is not there proves that
    /// it was not sent, but for a server that still works on a call that it was given up on.
    ///
    /// How far it looks is bounded by the operation's budget of calls.
    async fn find_sent(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: &Conversation,
        message: &NewMessage,
        since: Timestamp,
        allowance: &mut Allowance,
    ) -> Result<Option<Message>, ChangeError> {
        let id = &conversation.id;
        let since = since.later_by(-CLOCK_DIFFERENCE_MAX_SECONDS);
        let mut instance: Box<str> = conversation.instance().into();
        let mut before: Option<Position> = None;
        loop {
            let read = self.client.messages_before(
                caller.identity(),
                *id,
                &instance,
                before.as_ref(),
                LOOK_UP_PAGE,
            );
            let page = match allowance.call::<_, ReadError>(read).await {
                Ok(page) => page,
                Err(error) => {
                    let budget = allowance.budget();
                    let current = if error.is_rejection() {
                        self.instance_after_rejection(caller, *id, &instance, budget).await
                    } else {
                        None
                    };
                    // What a cleared conversation held is gone; the search begins anew in what followed.
                    instance = current.ok_or_else(|| ChangeError::still_unknown(error))?;
                    before = None;
                    continue;
                }
            };
            // Servers may write the digits of a UUID in either case.
            let is_sent = |one: &Message| one.id.eq_ignore_ascii_case(&message.id);
            let mut messages = page.messages;
            if let Some(position) = messages.iter().position(is_sent) {
                return Ok(Some(messages.swap_remove(position)));
            }
            let Some(oldest) = messages.first().filter(|oldest| oldest.created >= since) else {
                return Ok(None);
            };
            if before.as_ref().is_some_and(|before| before.message_id == oldest.id) {
                return Ok(None);
            }
            before = Some(Position {
                message_date: oldest.created,
                message_id: oldest.id.clone(),
                report_date: oldest.created,
                report_id: Box::default(),
            });
        }
    }
}

fn same(sent: &Message, data: &str) -> Result<Message, ChangeError> {
    let is_same = sent.data.as_deref() == Some(data);
    if is_same { Ok(sent.clone()) } else { Err(ChangeError::IdTaken) }
}
