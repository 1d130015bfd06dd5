//! What a subscriber to friends is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::attention::Attention;
use super::{Feed, FeedEnd, FollowError, Signal};
use crate::cache::{Data, FriendList};
use crate::ozeki::UserId;
use crate::session::Caller;

/// What changed among the caller's friends.
#[derive(Clone, Debug)]
pub struct FriendNews {
    /// The list as it is now.
    pub list: Arc<FriendList>,
    /// Positions in the list of those whose presence changed or was said to have.
    pub changed: Vec<usize>,
}

/// Tells a subscriber what changes among its friends.
pub struct FriendFeed {
    attention: Attention,
    known: Arc<FriendList>,
    /// Named by signals since the last news; of the list, so never more than it has.
    named: BTreeSet<UserId>,
}

impl Data {
    /// Tells what changes from now on among the caller's friends, of whom `known` is the last reading; needs a Tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`FollowError`] where a bound is reached.
    pub fn follow_friends(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        known: Arc<FriendList>,
    ) -> Result<FriendFeed, FollowError> {
        let attention = self.attend(caller, &known)?;
        Ok(FriendFeed { attention, known, named: BTreeSet::new() })
    }
}

impl Feed for FriendFeed {
    type News = FriendNews;

    async fn next(&mut self) -> Result<FriendNews, FeedEnd> {
        loop {
            let Self { attention, known, named } = self;
            attention
                .hear(|signal| {
                    if let Signal::Told(notices) = signal {
                        let ids = notices.friends.ids.iter().copied();
                        named.extend(ids.filter(|id| known.position(*id).is_some()));
                    }
                })
                .await?;
            let reading = attention.data.friends(&attention.caller, &Attention::budget());
            match reading.expect("a new budget has calls").fresh().await {
                Err(error) => attention.failed(error)?,
                Ok(list) => {
                    attention.succeeded();
                    if let Some(news) = self.news(list) {
                        return Ok(news);
                    }
                }
            }
        }
    }
}

impl FriendFeed {
    /// What this list tells beyond the known one, which it becomes.
    fn news(&mut self, list: Arc<FriendList>) -> Option<FriendNews> {
        let named = std::mem::take(&mut self.named);
        let known = std::mem::replace(&mut self.known, Arc::clone(&list));
        let is_changed = |friend: &crate::ozeki::Friend| {
            let before = known.position(friend.id).map(|position| &known.all()[position]);
            named.contains(&friend.id) || before != Some(friend)
        };
        let friends = list.all().iter().enumerate();
        let changed: Vec<usize> = friends
            .filter(|(_, friend)| is_changed(friend))
            .map(|(position, _)| position)
            .collect();
        (!changed.is_empty()).then_some(FriendNews { list, changed })
    }
}
