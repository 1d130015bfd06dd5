//! What one operation may touch: who calls, and the data that it has begun to read.

use std::sync::{Arc, OnceLock};

use async_graphql::Context;

use super::FieldError;
use crate::cache::{ConversationList, Data, FriendList, Reading, Resource};
use crate::session::{Authentication, Caller, Sessions};

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
    reader: Option<Reader>,
}

impl Scope {
    pub(super) fn new(
        data: Arc<Data>,
        sessions: Arc<Sessions>,
        authentication: Authentication,
        freshness: Freshness,
    ) -> Self {
        let reader = match authentication {
            Authentication::Caller(caller) => {
                Some(Reader::new(Arc::clone(&data), caller, freshness))
            }
            Authentication::Anonymous | Authentication::Refused => None,
        };
        Self { data, sessions, reader }
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

/// Reads the caller's data; each resource once in an operation, so that all its fields see one state.
pub(super) struct Reader {
    data: Arc<Data>,
    caller: Arc<Caller>,
    freshness: Freshness,
    conversations: OnceLock<Reading<ConversationList>>,
    friends: OnceLock<Reading<FriendList>>,
}

impl Reader {
    fn new(data: Arc<Data>, caller: Arc<Caller>, freshness: Freshness) -> Self {
        let (conversations, friends) = (OnceLock::new(), OnceLock::new());
        Self { data, caller, freshness, conversations, friends }
    }

    pub(super) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Begins to read the conversations, unless the operation has already.
    pub(super) fn start_conversations(&self) -> Reading<ConversationList> {
        let begin = || {
            self.refresh_if_asked(Resource::Conversations);
            self.data.conversations(&self.caller)
        };
        self.conversations.get_or_init(begin).clone()
    }

    /// Begins to read the friends, unless the operation has already.
    pub(super) fn start_friends(&self) -> Reading<FriendList> {
        let begin = || {
            self.refresh_if_asked(Resource::Friends);
            self.data.friends(&self.caller)
        };
        self.friends.get_or_init(begin).clone()
    }

    pub(super) async fn conversations(&self) -> Result<Arc<ConversationList>, FieldError> {
        Ok(self.start_conversations().value().await?)
    }

    pub(super) async fn friends(&self) -> Result<Arc<FriendList>, FieldError> {
        Ok(self.start_friends().value().await?)
    }

    /// Begins to read what fields below this one will need, so that both calls go out at the same time.
    pub(super) fn start_what_is_selected_below(&self, context: &Context<'_>) {
        let mut selected = Selected::default();
        selected.visit(context.field());
        if selected.conversations {
            self.start_conversations();
        }
        if selected.friends {
            self.start_friends();
        }
    }

    fn refresh_if_asked(&self, resource: Resource) {
        if self.freshness == Freshness::Upstream {
            self.data.refresh(&self.caller, resource);
        }
    }
}

/// The resources that a selection needs; skipped fields are not among them.
#[derive(Default)]
struct Selected {
    conversations: bool,
    friends: bool,
}

impl Selected {
    fn visit(&mut self, field: async_graphql::SelectionField<'_>) {
        for child in field.selection_set() {
            match child.name() {
                "conversations" => self.conversations = true,
                "friend" => self.friends = true,
                _ => {}
            }
            if self.conversations && self.friends {
                return;
            }
            self.visit(child);
        }
    }
}
