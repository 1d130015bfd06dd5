//! What a subscriber to conversations is told.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::attention::Attention;
use super::{Feed, FeedEnd, FollowError, Signal};
use crate::cache::{ConversationList, Data, ReadError};
use crate::ozeki::{Conversation, ConversationId};
use crate::session::Caller;

/// What changed among the caller's conversations.
#[derive(Clone, Debug)]
pub struct ConversationNews {
    /// The list as it is now.
    pub list: Arc<ConversationList>,
    /// Those that changed or were said to have, in the order of the list.
    pub changed: Vec<Arc<Conversation>>,
    /// Whether the list itself changed: what is on it, or what the caller set for it.
    pub is_list_changed: bool,
}

/// Tells a subscriber what changes among its conversations.
pub struct ConversationFeed {
    attention: Attention,
    known: Arc<ConversationList>,
    /// Named by signals since the last news; of the list, so never more than it has.
    named: BTreeSet<ConversationId>,
    is_list_named: bool,
}

impl Data {
    /// Tells what changes from now on among the caller's conversations, of which `known` is the last reading; needs a
    /// Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`FollowError`] where a bound is reached.
    pub fn follow_conversations(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        known: Arc<ConversationList>,
    ) -> Result<ConversationFeed, FollowError> {
        let attention = self.attend(caller, &known)?;
        Ok(ConversationFeed { attention, known, named: BTreeSet::new(), is_list_named: false })
    }
}

impl Feed for ConversationFeed {
    type News = ConversationNews;

    async fn next(&mut self) -> Result<ConversationNews, FeedEnd> {
        loop {
            let Self { attention, known, named, is_list_named } = self;
            let viewer = attention.caller.user();
            attention
                .hear(|signal| match signal {
                    Signal::Told(notices) => {
                        let ids = notices.conversations.ids.iter().copied();
                        named.extend(ids.filter(|id| known.find(*id).is_some()));
                        *is_list_named |= notices.lists.ids.contains(&viewer);
                    }
                    Signal::Changed { conversation, is_list_changed } => {
                        named.insert(*conversation);
                        *is_list_named |= is_list_changed;
                    }
                    Signal::Gap | Signal::Expired(_) | Signal::LoggedOut(_) => {}
                })
                .await?;
            match read(attention).await {
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

impl ConversationFeed {
    /// What this list tells beyond the known one, which it becomes.
    fn news(&mut self, list: Arc<ConversationList>) -> Option<ConversationNews> {
        let named = std::mem::take(&mut self.named);
        let is_list_named = std::mem::take(&mut self.is_list_named);
        let known = std::mem::replace(&mut self.known, Arc::clone(&list));
        let changed: Vec<_> = list
            .all()
            .iter()
            .filter(|now| {
                let before = known.find(now.id);
                named.contains(&now.id) || before.is_none_or(|before| !before.is_as(now))
            })
            .cloned()
            .collect();
        let is_list_changed = is_list_named || ids(&known) != ids(&list);
        let is_news = is_list_changed || !changed.is_empty();
        is_news.then_some(ConversationNews { list, changed, is_list_changed })
    }
}

fn ids(list: &ConversationList) -> HashSet<ConversationId> {
    list.all().iter().map(|one| one.id).collect()
}

/// The caller's list as it is now: subscribers of one caller share the call.
pub(super) async fn read(attention: &Attention) -> Result<Arc<ConversationList>, ReadError> {
    let Attention { data, caller, .. } = attention;
    let reading = data.conversations(caller, &Attention::budget());
    reading.expect("a new budget has calls").fresh().await
}
