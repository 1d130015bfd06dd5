//! What the sandbox's server knows: people, their accounts and their conversations.

mod conversation;

use std::collections::HashMap;

pub(super) use conversation::{Conversation, Properties};

use crate::ozeki::{ApiKey, UserId};

/// Somebody who can take part in conversations.
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) name: String,
    /// `None` for somebody who has never logged in: no key pair, no presence.
    pub(super) presence: Option<Presence>,
}

/// What a person's client has told the server.
pub(super) struct Presence {
    /// Base64.
    pub(super) public_key: String,
    /// The server's word for it; only `available` is documented. Source: "friends".
    pub(super) availability: &'static str,
}

/// Somebody who can log in to the sandbox.
pub(super) struct Account {
    pub(super) api_key: ApiKey,
    pub(super) nick: &'static str,
    /// The private key, encrypted by the client: base64.
    pub(super) encrypted_private_key: String,
    pub(super) friends: Vec<UserId>,
    /// Whose presence the user sees without being friends with them.
    pub(super) acquaintances: Vec<UserId>,
}

/// The whole state of one sandbox; it stands behind one lock.
pub(super) struct World {
    people: HashMap<UserId, Person>,
    accounts: HashMap<UserId, Account>,
    conversations: Vec<Conversation>,
    encryptions: u64,
}

impl World {
    /// Puts a world together; `accounts` and all that people refer to must be among `people`.
    pub(super) fn new(
        people: impl IntoIterator<Item = Person>,
        accounts: HashMap<UserId, Account>,
        conversations: Vec<Conversation>,
    ) -> Self {
        Self {
            people: people.into_iter().map(|person| (person.id, person)).collect(),
            accounts,
            conversations,
            encryptions: 0,
        }
    }

    pub(super) fn person(&self, id: UserId) -> Option<&Person> {
        self.people.get(&id)
    }

    pub(super) fn account(&self, id: UserId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// Whose API key this is.
    pub(super) fn owner_of_key(&self, api_key: &ApiKey) -> Option<UserId> {
        self.accounts.iter().find_map(|(id, account)| (account.api_key == *api_key).then_some(*id))
    }

    /// The conversations that the user takes part in, in no promised order.
    pub(super) fn conversations_of(&self, user: UserId) -> impl Iterator<Item = &Conversation> {
        self.conversations
            .iter()
            .filter(move |conversation| conversation.participants.contains(&user))
    }

    /// The user's friends, in the order in which they became so.
    pub(super) fn friends_of(&self, user: UserId) -> impl Iterator<Item = &Person> {
        self.account(user)
            .into_iter()
            .flat_map(|account| &account.friends)
            .filter_map(|id| self.person(*id))
    }

    /// Whose presence the user sees: acquaintances, then those friends who have one.
    pub(super) fn presences_seen_by(
        &self,
        user: UserId,
    ) -> impl Iterator<Item = (&Person, &Presence)> {
        self.account(user)
            .into_iter()
            .flat_map(|account| account.acquaintances.iter().chain(account.friends.iter().rev()))
            .filter_map(|id| self.person(*id))
            .filter_map(|person| Some((person, person.presence.as_ref()?)))
    }

    /// A number that no two encryptions of one text share: the same `displayname` reads differently in every answer
    /// of the vendor's samples.
    pub(super) fn next_encryption(&mut self) -> u64 {
        self.encryptions += 1;
        self.encryptions
    }
}
