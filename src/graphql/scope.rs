//! What one operation may touch: who calls, and the data that it has begun to read.

use std::mem;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::Context;

use super::FieldError;
use super::selection::Needs;
use super::stale::Stale;
use crate::cache::{
    Basis, BudgetSpent, CallBudget, ConversationList, Data, FriendList, Lenient, Messages,
    ReadError, Resource, Shown,
};
use crate::ozeki::{Blocklist, Conversation, Position, Timestamp};
use crate::session::{Authentication, Caller, ClientNetwork, Sessions};

/// Whether reads may be answered from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As long as a value is fresh.
    Cached,
    /// Not at all: the request asked for `no-cache`.
    Upstream,
}

/// What an operation has read so far; whoever began it may ask when it has ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads(Arc<Mutex<Basis>>);

impl Reads {
    fn note(&self, note: impl FnOnce(&mut Basis)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes out what was read.
    pub(super) fn take(&self) -> Basis {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One operation's view of the gateway.
pub(super) struct Scope {
    pub(super) data: Arc<Data>,
    pub(super) sessions: Arc<Sessions>,
    /// Where the request is from, as far as limits go by it.
    pub(super) client: ClientNetwork,
    /// When the operation began.
    pub(super) now: Timestamp,
    /// What it has read.
    pub(super) reads: Reads,
    reader: Option<Reader>,
    stale: Stale,
}

impl Scope {
    pub(super) fn new(
        data: Arc<Data>,
        sessions: Arc<Sessions>,
        (authentication, client): (Authentication, ClientNetwork),
        freshness: Freshness,
        budget: CallBudget,
        now: Timestamp,
        stale: Stale,
    ) -> Self {
        let reads = Reads::default();
        let reader = match authentication {
            Authentication::Caller(caller) => {
                Some(Reader::new(Arc::clone(&data), caller, freshness, budget, reads.clone()))
            }
            Authentication::Anonymous | Authentication::Refused => None,
        };
        Self { data, sessions, client, now, reads, reader, stale }
    }

    /// The scope of the operation that a field belongs to.
    pub(super) fn of<'a>(context: &Context<'a>) -> &'a Self {
        context.data_unchecked::<Self>()
    }

    /// The reader of the operation's caller, if it has one.
    pub(super) fn plain_reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    /// The reader of the operation's caller.
    pub(super) fn reader<'a>(context: &Context<'a>) -> Result<&'a Reader, FieldError> {
        Self::of(context).reader.as_ref().ok_or_else(FieldError::unauthenticated)
    }
}

/// Reads the caller's data; each resource once in an operation, so that all its fields see one state, and anew after a
/// change of its own.
pub(super) struct Reader {
    data: Arc<Data>,
    caller: Arc<Caller>,
    freshness: Freshness,
    budget: CallBudget,
    conversations: Begun<ConversationList>,
    friends: Begun<FriendList>,
    blocklist: Begun<Blocklist>,
    reads: Reads,
    /// Whether the pages of messages were put behind, where the request asked for none from memory.
    are_messages_refreshed: OnceLock<()>,
}

/// A read that has begun, until a change ends it.
type Begun<V> = Mutex<Option<Result<Lenient<V>, BudgetSpent>>>;

impl Reader {
    fn new(
        data: Arc<Data>,
        caller: Arc<Caller>,
        freshness: Freshness,
        budget: CallBudget,
        reads: Reads,
    ) -> Self {
        Self {
            data,
            caller,
            freshness,
            budget,
            conversations: Mutex::default(),
            friends: Mutex::default(),
            blocklist: Mutex::default(),
            reads,
            are_messages_refreshed: OnceLock::new(),
        }
    }

    pub(super) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    pub(super) fn data(&self) -> &Arc<Data> {
        &self.data
    }

    pub(super) fn budget(&self) -> &CallBudget {
        &self.budget
    }

    /// Begins to read the conversations, unless the operation has already.
    pub(super) fn start_conversations(&self) -> Result<Lenient<ConversationList>, BudgetSpent> {
        self.once(&self.conversations, Resource::Conversations, || {
            self.data.conversations(&self.caller, &self.budget)
        })
    }

    /// Begins to read the friends, unless the operation has already.
    pub(super) fn start_friends(&self) -> Result<Lenient<FriendList>, BudgetSpent> {
        self.once(&self.friends, Resource::Friends, || {
            self.data.friends(&self.caller, &self.budget)
        })
    }

    /// Begins to read whom and what the caller blocked, unless the operation has already.
    pub(super) fn start_blocklist(&self) -> Result<Lenient<Blocklist>, BudgetSpent> {
        self.once(&self.blocklist, Resource::Blocklist, || {
            self.data.blocklist(&self.caller, &self.budget)
        })
    }

    /// The caller's conversations, where there is nothing to say besides: neither an error nor that they are stale.
    pub(super) async fn plain_conversations(&self) -> Option<Arc<ConversationList>> {
        let list = plain(self.start_conversations().ok()?.or_former().await)?;
        self.reads.note(|basis| basis.note_conversations(&list));
        Some(list)
    }

    /// The caller's friends, where there is nothing to say besides.
    pub(super) async fn plain_friends(&self) -> Option<Arc<FriendList>> {
        let list = plain(self.start_friends().ok()?.or_former().await)?;
        self.reads.note(|basis| basis.note_friends(&list));
        Some(list)
    }

    /// Whom and what the caller blocked, where there is nothing to say besides.
    pub(super) async fn plain_blocklist(&self) -> Option<Arc<Blocklist>> {
        let blocklist = plain(self.start_blocklist().ok()?.or_former().await)?;
        self.reads.note(|basis| basis.note_blocklist(&blocklist));
        Some(blocklist)
    }

    /// The caller's conversations, or what may be shown for them: [`Lenient::or_former`].
    pub(super) async fn conversations(
        &self,
        context: &Context<'_>,
    ) -> Result<Arc<ConversationList>, FieldError> {
        let list = shown(context, self.start_conversations()?.or_former().await?);
        self.reads.note(|basis| basis.note_conversations(&list));
        Ok(list)
    }

    /// The caller's conversations as they are, as what follows them needs.
    pub(super) async fn fresh_conversations(&self) -> Result<Arc<ConversationList>, FieldError> {
        let list = self.start_conversations()?.fresh().await?;
        self.reads.note(|basis| basis.note_conversations(&list));
        Ok(list)
    }

    /// The caller's friends, or what may be shown for them.
    pub(super) async fn friends(
        &self,
        context: &Context<'_>,
    ) -> Result<Arc<FriendList>, FieldError> {
        let list = shown(context, self.start_friends()?.or_former().await?);
        self.reads.note(|basis| basis.note_friends(&list));
        Ok(list)
    }

    /// The caller's friends as they are.
    pub(super) async fn fresh_friends(&self) -> Result<Arc<FriendList>, FieldError> {
        let list = self.start_friends()?.fresh().await?;
        self.reads.note(|basis| basis.note_friends(&list));
        Ok(list)
    }

    /// Whom and what the caller blocked, or what may be shown for it.
    pub(super) async fn blocklist(
        &self,
        context: &Context<'_>,
    ) -> Result<Arc<Blocklist>, FieldError> {
        let blocklist = shown(context, self.start_blocklist()?.or_former().await?);
        self.reads.note(|basis| basis.note_blocklist(&blocklist));
        Ok(blocklist)
    }

    /// A page of a conversation's messages: older than a position, or the newest.
    pub(super) async fn messages(
        &self,
        context: &Context<'_>,
        conversation: &Conversation,
        before: Option<Position>,
        size: u32,
    ) -> Result<Arc<Messages>, FieldError> {
        if self.freshness == Freshness::Upstream {
            self.are_messages_refreshed
                .get_or_init(|| self.data.refresh(&self.caller, Resource::Messages));
        }
        let reading =
            self.data.messages(&self.caller, conversation, before.clone(), size, &self.budget);
        let page = shown(context, reading?.or_former().await?);
        self.reads.note(|basis| basis.note_messages(conversation, before, size, &page));
        Ok(page)
    }

    /// Lets the operation's next read of the conversations see what was changed.
    pub(super) fn renew_conversations(&self) {
        *self.conversations.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Begins to read what fields below a field will need, so that both calls go out at the same time.
    pub(super) fn start(&self, needs: Needs) {
        // A spent budget is told by the field that needs the resource.
        if needs.conversations {
            let _ = self.start_conversations();
        }
        if needs.friends {
            let _ = self.start_friends();
        }
    }

    fn once<V: Send + Sync + 'static>(
        &self,
        begun: &Begun<V>,
        resource: Resource,
        read: impl FnOnce() -> Result<Lenient<V>, BudgetSpent>,
    ) -> Result<Lenient<V>, BudgetSpent> {
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            if self.freshness == Freshness::Upstream {
                self.data.refresh(&self.caller, resource);
            }
            read()
        };
        begun.get_or_insert_with(read).clone()
    }
}

/// What is shown, where it is what the upstream would tell.
fn plain<V>(shown: Result<Shown<V>, ReadError>) -> Option<Arc<V>> {
    shown.ok().filter(|shown| shown.stale.is_none()).map(|shown| shown.value)
}

/// Notes where what is shown is not what the upstream would tell.
fn shown<V>(context: &Context<'_>, shown: Shown<V>) -> Arc<V> {
    if let Some(age) = shown.stale {
        Scope::of(context).stale.note(context, age);
    }
    shown.value
}
