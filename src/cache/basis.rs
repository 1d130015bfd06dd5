//! What an answer was made of, and whether the same would be read again.

use std::sync::{Arc, Weak};

use super::messages::PageKey;
use super::{ConversationList, Data, FriendList, Messages, Weigh};
use crate::ozeki::{Blocklist, Conversation, Position};
use crate::session::Caller;

/// The most pages of messages that are noted. Each costs a look-up whenever the answer is asked for again, and beyond
/// some dozens that is no longer little beside reading them.
const PAGES_MAX: usize = 64;

/// The values that one operation read of a caller's data, without keeping them.
///
/// It tells values by their identity: one that was loaded again is another, even if it says the same.
#[derive(Debug, Default)]
pub struct Basis {
    conversations: Option<Weak<ConversationList>>,
    friends: Option<Weak<FriendList>>,
    blocklist: Option<Weak<Blocklist>>,
    pages: Vec<(PageKey, Weak<Messages>)>,
    /// Whether something was read that is not noted.
    is_incomplete: bool,
}

impl Basis {
    /// Notes that the conversations were read.
    pub fn note_conversations(&mut self, value: &Arc<ConversationList>) {
        note(&mut self.conversations, value, &mut self.is_incomplete);
    }

    /// Notes that the friends were read.
    pub fn note_friends(&mut self, value: &Arc<FriendList>) {
        note(&mut self.friends, value, &mut self.is_incomplete);
    }

    /// Notes that the blocklist was read.
    pub fn note_blocklist(&mut self, value: &Arc<Blocklist>) {
        note(&mut self.blocklist, value, &mut self.is_incomplete);
    }

    /// Notes that a page of a conversation's messages was read, by the arguments of [`Data::messages`].
    pub fn note_messages(
        &mut self,
        conversation: &Conversation,
        before: Option<Position>,
        size: u32,
        value: &Arc<Messages>,
    ) {
        // The page of a conversation without messages follows from the conversation, which was read too.
        let Some(key) = PageKey::new(conversation, before, size) else { return };
        if self.pages.len() < PAGES_MAX {
            self.pages.push((key, Arc::downgrade(value)));
        } else {
            self.is_incomplete = true;
        }
    }

    /// Whether it tells when an answer ceases to be true: something was read, and all of that is noted.
    pub fn is_complete(&self) -> bool {
        let reads_a_list =
            self.conversations.is_some() || self.friends.is_some() || self.blocklist.is_some();
        reads_a_list && !self.is_incomplete
    }
}

/// Notes a value of which a caller has one.
fn note<V>(noted: &mut Option<Weak<V>>, value: &Arc<V>, is_incomplete: &mut bool) {
    match noted {
        None => *noted = Some(Arc::downgrade(value)),
        // Two states of one resource: no single moment has both.
        Some(first) => *is_incomplete |= !std::ptr::eq(first.as_ptr(), Arc::as_ptr(value)),
    }
}

impl Weigh for Basis {
    fn weight(&self) -> usize {
        // What is only referred to keeps its place, without what it owns on the heap.
        let lists =
            size_of::<ConversationList>() + size_of::<FriendList>() + size_of::<Blocklist>();
        let place = size_of::<(PageKey, Weak<Messages>)>() + size_of::<Messages>();
        let pages = self.pages.iter().map(|(key, _page)| place + key.weight());
        size_of::<Self>() + lists + pages.sum::<usize>()
    }
}

impl Data {
    /// Whether reading again would, at this moment, give the very values of the basis from memory.
    pub fn is_current(&self, caller: &Caller, basis: &Basis) -> bool {
        let key = caller.key();
        let Basis { conversations, friends, blocklist, pages, is_incomplete: _ } = basis;
        basis.is_complete()
            && conversations.as_ref().is_none_or(|value| {
                self.conversations.gives(&self.conversations.slot(key, ()), value)
            })
            && friends
                .as_ref()
                .is_none_or(|value| self.friends.gives(&self.friends.slot(key, ()), value))
            && blocklist
                .as_ref()
                .is_none_or(|value| self.blocklists.gives(&self.blocklists.slot(key, ()), value))
            && pages
                .iter()
                .all(|(page, value)| self.pages.gives(&self.pages.slot(key, page.clone()), value))
    }

    /// Counts what a basis consists of as read once more.
    pub fn count_reads(&self, caller: &Caller, basis: &Basis) {
        if basis.conversations.is_some() || basis.friends.is_some() {
            self.live.note_read(caller);
        }
        if basis.conversations.is_some() {
            self.conversations.count_hit();
        }
        if basis.friends.is_some() {
            self.friends.count_hit();
        }
        if basis.blocklist.is_some() {
            self.blocklists.count_hit();
        }
        for _page in &basis.pages {
            self.pages.count_hit();
        }
    }
}
