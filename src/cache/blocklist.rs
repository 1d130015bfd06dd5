//! Whom and what a caller blocked.

use super::Weigh;
use crate::ozeki::Blocklist;

impl Weigh for Blocklist {
    fn weight(&self) -> usize {
        let ids = self.users.iter().chain(&self.conversations);
        size_of::<Self>() + ids.map(|id| size_of::<Box<str>>() + id.len()).sum::<usize>()
    }
}
