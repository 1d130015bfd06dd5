//! What the sandbox's server knows: people, their accounts, their conversations and their stations.

mod conversation;
mod entry;
mod stations;
mod timeline;
mod workspaces;

use std::collections::HashMap;

pub(super) use conversation::{Conversation, Properties};
pub(super) use entry::{Data, Entry, EntryId, Kind, created_plus};
pub(super) use stations::{Notices, Stations};
pub(super) use timeline::{Point, Timeline};
pub(super) use workspaces::Workspaces;

use crate::ozeki::{ApiKey, ConversationId, Timestamp, UserId};

/// The one documented word of presence. Source: "friends".
const AVAILABLE: &str = "available";

/// Another word, of our choice.
const OFFLINE: &str = "offline";

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
    pub(super) blocked_users: Vec<UserId>,
    pub(super) blocked_conversations: Vec<ConversationId>,
}

impl Account {
    fn sees_presence_of(&self, user: UserId) -> bool {
        self.friends.contains(&user) || self.acquaintances.contains(&user)
    }
}

/// The whole state of one sandbox; it stands behind one lock.
pub(super) struct World {
    people: HashMap<UserId, Person>,
    accounts: HashMap<UserId, Account>,
    conversations: Vec<Conversation>,
    encryptions: u64,
    steps: u64,
    pub(super) stations: Stations,
    pub(super) workspaces: Workspaces,
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
            steps: 0,
            stations: Stations::default(),
            workspaces: Workspaces::default(),
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
        self.conversations.iter().filter(move |conversation| conversation.is_of(user))
    }

    /// The conversation with this id, if the user takes part in it.
    pub(super) fn conversation_of(
        &self,
        user: UserId,
        id: ConversationId,
    ) -> Option<&Conversation> {
        self.conversations_of(user).find(|conversation| conversation.id == id)
    }

    /// The conversation with this id, if the user takes part in it, to be changed; whoever changes it announces it.
    pub(super) fn conversation_of_mut(
        &mut self,
        user: UserId,
        id: ConversationId,
    ) -> Option<&mut Conversation> {
        self.conversations
            .iter_mut()
            .find(|conversation| conversation.id == id && conversation.is_of(user))
    }

    /// Tells the stations of everybody who takes part, the changing one too, that the conversation changed.
    pub(super) fn announce_conversation(&mut self, id: ConversationId) {
        if let Some(conversation) = self.conversations.iter().find(|known| known.id == id) {
            self.stations.tell(
                |owner| conversation.is_of(owner),
                |notices| Notices::push(&mut notices.conversations, id),
            );
        }
    }

    /// Tells the user's stations that the user's list of conversations shows something else.
    pub(super) fn announce_list(&mut self, user: UserId) {
        self.stations.tell(
            |owner| owner == user,
            |notices| Notices::push(&mut notices.conversation_lists, user),
        );
    }

    /// Makes the user available and tells so to the stations of all who see it, whether or not it is news: the
    /// vendor does not say.
    pub(super) fn make_available(&mut self, user: UserId) {
        self.set_presence(user, AVAILABLE);
    }

    fn set_presence(&mut self, user: UserId, availability: &'static str) {
        let person = self.people.get_mut(&user);
        if let Some(presence) = person.and_then(|person| person.presence.as_mut()) {
            presence.availability = availability;
        }
        let accounts = &self.accounts;
        self.stations.tell(
            |owner| accounts.get(&owner).is_some_and(|account| account.sees_presence_of(user)),
            |notices| Notices::push(&mut notices.availabilities, user),
        );
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

    /// The number of the next thing that people do by themselves.
    pub(super) fn next_step(&mut self) -> u64 {
        self.steps += 1;
        self.steps
    }

    /// Adds a message of a participant and tells everybody who takes part.
    pub(super) fn say(
        &mut self,
        sender: UserId,
        id: ConversationId,
        message: Entry,
        now: Timestamp,
    ) {
        if let Some(conversation) = self.conversation_of_mut(sender, id) {
            conversation.messages.insert(message);
            conversation.last_access = now.unix_seconds();
            self.announce_conversation(id);
        }
    }

    /// Makes the user available, or offline if they are; somebody without presence stays without.
    pub(super) fn toggle_presence(&mut self, user: UserId) {
        let person = self.people.get(&user);
        if let Some(presence) = person.and_then(|person| person.presence.as_ref()) {
            let is_available = presence.availability == AVAILABLE;
            self.set_presence(user, if is_available { OFFLINE } else { AVAILABLE });
        }
    }

    /// A number that no two encryptions of one text share: the same `displayname` reads differently in every answer
    /// of the vendor's samples.
    pub(super) fn next_encryption(&mut self) -> u64 {
        self.encryptions += 1;
        self.encryptions
    }
}
