//! A caller's conversations.

use std::sync::Arc;

use super::Weigh;
use crate::ozeki::{Conversation, ConversationId};

/// A caller's conversations, newest first by last access, then by id; each once.
#[derive(Clone, Debug)]
pub struct ConversationList(Box<[Arc<Conversation>]>);

impl ConversationList {
    /// Puts the server's list in order; of two entries with one id the first is kept.
    pub fn new(conversations: Vec<Conversation>) -> Self {
        Self::ordered(conversations.into_iter().map(Arc::new).collect())
    }

    /// The list with this conversation in the place of the one with its id, or added.
    #[must_use]
    pub fn with(&self, conversation: &Conversation) -> Self {
        let others = self.0.iter().filter(|other| other.id != conversation.id).cloned();
        Self::ordered(others.chain([Arc::new(conversation.clone())]).collect())
    }

    fn ordered(mut conversations: Vec<Arc<Conversation>>) -> Self {
        conversations.sort_by_key(|conversation| conversation.id);
        conversations.dedup_by_key(|conversation| conversation.id);
        conversations.sort_by_key(|conversation| std::cmp::Reverse(conversation.last_access));
        Self(conversations.into())
    }

    /// All of them, newest first.
    pub fn all(&self) -> &[Arc<Conversation>] {
        &self.0
    }

    /// The conversation with this id.
    pub fn find(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.0.iter().find(|conversation| conversation.id == id)
    }
}

impl Weigh for ConversationList {
    fn weight(&self) -> usize {
        // The reference, the two counts beside what it refers to, and that.
        let place =
            size_of::<Arc<Conversation>>() + 2 * size_of::<usize>() + size_of::<Conversation>();
        size_of::<Self>() + self.0.iter().map(|one| place + one.heap_bytes()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ozeki::Timestamp;

    fn conversation(id: u8, last_access: &str) -> Conversation {
        let id = ConversationId::from_bytes([id; 16]);
        serde_json::from_str(&format!(r#"{{"id":"{id}","lastaccess":{last_access}}}"#)).unwrap()
    }

    #[test]
    fn the_newest_stands_first_and_none_stands_twice() {
        let list = ConversationList::new(vec![
            conversation(3, "null"),
            conversation(2, "5"),
            conversation(1, "5"),
            conversation(4, "9"),
            conversation(4, "7"),
        ]);
        let order: Vec<_> = list.all().iter().map(|one| one.id.as_bytes()[0]).collect();
        assert_eq!(order, [4, 1, 2, 3]);
        assert_eq!(list.all()[0].last_access.map(Timestamp::unix_seconds), Some(9));
        let second = ConversationId::from_bytes([2; 16]);
        assert_eq!(list.find(second).map(|one| one.id), Some(second));
        assert!(list.find(ConversationId::from_bytes([7; 16])).is_none());
    }

    #[test]
    fn a_changed_conversation_takes_the_place_of_the_former() {
        let list = ConversationList::new(vec![conversation(1, "5"), conversation(2, "9")]);
        let list = list.with(&conversation(1, "10")).with(&conversation(3, "7"));
        let order: Vec<_> = list.all().iter().map(|one| one.id.as_bytes()[0]).collect();
        assert_eq!(order, [1, 2, 3]);
    }
}
