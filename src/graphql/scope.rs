//! What one operation may touch: who calls, and the data that it has begun to read.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::Context;

use super::FieldError;
use super::selection::Needs;
use super::stale::Stale;
use crate::cache::{
    BudgetSpent, CallBudget, ConversationList, Data, FriendList, Lenient, Messages, Resource, Shown,
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

/// One operation's view of the gateway.
pub(super) struct Scope {
    pub(super) data: Arc<Data>,
    pub(super) sessions: Arc<Sessions>,
    /// Where the request is from, as far as limits go by it.
    pub(super) client: ClientNetwork,
    /// When the operation began.
    pub(super) now: Timestamp,
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
        let reader = match authentication {
            Authentication::Caller(caller) => {
                Some(Reader::new(Arc::clone(&data), caller, freshness, budget))
            }
            Authentication::Anonymous | Authentication::Refused => None,
        };
        Self { data, sessions, client, now, reader, stale }
    }

    /// The scope of the operation that a field belongs to.
    pub(super) fn of<'a>(context: &Context<'a>) -> &'a Self {
        context.data_unchecked::<Self>()
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
    /// Whether the pages of messages were put behind, where the request asked for none from memory.
    are_messages_refreshed: OnceLock<()>,
}

/// A read that has begun, until a change ends it.
type Begun<V> = Mutex<Option<Result<Lenient<V>, BudgetSpent>>>;

impl Reader {
    fn new(data: Arc<Data>, caller: Arc<Caller>, freshness: Freshness, budget: CallBudget) -> Self {
        Self {
            data,
            caller,
            freshness,
            budget,
            conversations: Mutex::default(),
            friends: Mutex::default(),
            blocklist: Mutex::default(),
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
    fn start_conversations(&self) -> Result<Lenient<ConversationList>, BudgetSpent> {
        self.once(&self.conversations, Resource::Conversations, || {
            self.data.conversations(&self.caller, &self.budget)
        })
    }

    /// Begins to read the friends, unless the operation has already.
    fn start_friends(&self) -> Result<Lenient<FriendList>, BudgetSpent> {
        self.once(&self.friends, Resource::Friends, || {
            self.data.friends(&self.caller, &self.budget)
        })
    }

    /// The caller's conversations, or what may be shown for them: [`Lenient::or_former`].
    pub(super) async fn conversations(
        &self,
        context: &Context<'_>,
    ) -> Result<Arc<ConversationList>, FieldError> {
        Ok(shown(context, self.start_conversations()?.or_former().await?))
    }

    /// The caller's conversations as they are, as what follows them needs.
    pub(super) async fn fresh_conversations(&self) -> Result<Arc<ConversationList>, FieldError> {
        Ok(self.start_conversations()?.fresh().await?)
    }

    /// The caller's friends, or what may be shown for them.
    pub(super) async fn friends(
        &self,
        context: &Context<'_>,
    ) -> Result<Arc<FriendList>, FieldError> {
        Ok(shown(context, self.start_friends()?.or_former().await?))
    }

    /// The caller's friends as they are.
    pub(super) async fn fresh_friends(&self) -> Result<Arc<FriendList>, FieldError> {
        Ok(self.start_friends()?.fresh().await?)
    }

    /// Whom and what the caller blocked, or what may be shown for it.
    pub(super) async fn blocklist(
        &self,
        context: &Context<'_>,
    ) -> Result<Arc<Blocklist>, FieldError> {
        let reading = self.once(&self.blocklist, Resource::Blocklist, || {
            self.data.blocklist(&self.caller, &self.budget)
        });
        Ok(shown(context, reading?.or_former().await?))
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
        let reading = self.data.messages(&self.caller, conversation, before, size, &self.budget);
        Ok(shown(context, reading?.or_former().await?))
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

/// Notes where what is shown is not what the upstream would tell.
fn shown<V>(context: &Context<'_>, shown: Shown<V>) -> Arc<V> {
    if let Some(age) = shown.stale {
        Scope::of(context).stale.note(context, age);
    }
    shown.value
}
