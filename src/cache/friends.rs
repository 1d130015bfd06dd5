//! A caller's friends.

use super::Weigh;
use crate::ozeki::{Friend, UserId};

/// As much of a name as counts for the order, in characters: it also bounds the cursors that are made of it.
const SORT_NAME_MAX_CHARS: usize = 64;

/// A caller's friends, found by id and listed by name.
#[derive(Debug)]
pub struct FriendList {
    /// Sorted by id.
    friends: Box<[Friend]>,
    /// Positions in `friends`, by name and then id.
    by_name: Box<[u32]>,
}

impl FriendList {
    /// Takes the friends of an answer, sorted by id.
    pub fn new(friends: Vec<Friend>) -> Self {
        let mut by_name: Vec<u32> = (0..).take(friends.len()).collect();
        // Positions are in the order of ids, so a stable sort leaves equal names by id.
        by_name.sort_by_cached_key(|&position| sort_name(friends[position as usize].name()));
        Self { friends: friends.into(), by_name: by_name.into() }
    }

    /// All of them, sorted by id.
    pub fn all(&self) -> &[Friend] {
        &self.friends
    }

    /// Positions in [`all`](Self::all), by [`sort_name`](Self::sort_name) and then id.
    pub fn by_name(&self) -> &[u32] {
        &self.by_name
    }

    /// The position of the friend with this id.
    pub fn position(&self, id: UserId) -> Option<usize> {
        self.friends.binary_search_by_key(&id, |friend| friend.id).ok()
    }

    /// What a friend is sorted by: the beginning of the name in lower case.
    pub fn sort_name(friend: &Friend) -> String {
        sort_name(friend.name())
    }
}

fn sort_name(name: &str) -> String {
    name.chars().take(SORT_NAME_MAX_CHARS).flat_map(char::to_lowercase).collect()
}

impl Weigh for FriendList {
    fn weight(&self) -> usize {
        let texts = self.friends.iter().map(Friend::heap_bytes);
        size_of::<Self>()
            + size_of_val::<[u32]>(&self.by_name)
            + size_of_val::<[Friend]>(&self.friends)
            + texts.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friends_are_listed_by_name_whatever_its_case_and_found_by_id() {
        let friend =
            |id: u8, name: &str| Friend::new(UserId::from_bytes([id; 16]), name, "", "").unwrap();
        let list = FriendList::new(vec![friend(1, "bob"), friend(2, "Alice"), friend(3, "Bob")]);
        let names: Vec<_> =
            list.by_name().iter().map(|&at| list.all()[at as usize].name()).collect();
        assert_eq!(names, ["Alice", "bob", "Bob"]);
        assert_eq!(list.position(UserId::from_bytes([3; 16])), Some(2));
        assert_eq!(list.position(UserId::from_bytes([9; 16])), None);
    }
}
