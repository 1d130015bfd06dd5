//! Generation numbers: how a value ceases to be asked for without being deleted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Resource;
use super::fair::{FairTable, Owned};
use crate::ozeki::{ConversationId, UserId};
use crate::session::CallerKey;

/// How many resources of callers and their conversations have a number, at about 200 bytes each; the longest unused are
/// dropped first.
const GENERATIONS_MAX: u64 = 400_000;

/// The numbers of one state: a value is current if both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Generation {
    pub(super) own: OwnGeneration,
    pub(super) told: ToldGeneration,
}

/// What the caller does raises it, such as a change: of a value from before nothing may be seen any more.
///
/// It is of a caller's resource, and of the conversation that the value belongs to, if to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OwnGeneration {
    resource: u64,
    conversation: Option<u64>,
}

/// A notice raises it, or a time without notices: a value from before may be behind, and is still the last good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ToldGeneration(u64);

/// The current generation of each caller's resources.
///
/// Numbers are drawn from one counter and never come back: when a resource is dropped from the table and returns, it
/// has a new one, and what was stored under the old one stays out of reach.
#[derive(Debug)]
pub(super) struct Generations {
    current: FairTable<Subject, u64>,
    next: AtomicU64,
}

/// What has a number: a resource of a caller, in this respect.
type Subject = (CallerKey, Resource, Respect);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Respect {
    Own,
    Told,
    /// The part of it that belongs to a conversation.
    OwnConversation(ConversationId),
}

impl Owned for Subject {
    fn owner(&self) -> UserId {
        self.0.user()
    }
}

impl Generations {
    pub(super) fn new() -> Self {
        let current = FairTable::new(GENERATIONS_MAX, None, |_subject, _number| 1);
        Self { current, next: AtomicU64::new(0) }
    }

    /// The generation that a read belongs to.
    pub(super) fn current(
        &self,
        caller: CallerKey,
        resource: Resource,
        conversation: Option<ConversationId>,
    ) -> Generation {
        let of = |respect| self.current.get_with(&(caller, resource, respect), || self.draw());
        Generation {
            own: OwnGeneration {
                resource: of(Respect::Own),
                conversation: conversation.map(|id| of(Respect::OwnConversation(id))),
            },
            told: ToldGeneration(of(Respect::Told)),
        }
    }

    /// Puts all that was read or is being read of a resource behind, for something that the caller did: no later read finds
    /// it.
    pub(super) fn raise(&self, caller: CallerKey, resource: Resource) {
        self.current.insert((caller, resource, Respect::Own), self.draw());
    }

    /// Puts it behind for something that the upstream told, or may have told: later reads go upstream.
    pub(super) fn raise_told(&self, caller: CallerKey, resource: Resource) {
        self.current.insert((caller, resource, Respect::Told), self.draw());
    }

    /// Puts behind what was read of one conversation only.
    pub(super) fn raise_conversation(
        &self,
        caller: CallerKey,
        resource: Resource,
        conversation: ConversationId,
    ) {
        let subject = (caller, resource, Respect::OwnConversation(conversation));
        self.current.insert(subject, self.draw());
    }

    /// Whether a read that belongs to this generation may still be kept. It draws no number: who has gone leaves none.
    pub(super) fn is_current(
        &self,
        caller: CallerKey,
        resource: Resource,
        conversation: Option<ConversationId>,
        generation: Generation,
    ) -> bool {
        let has =
            |respect, number: Option<u64>| self.current.get(&(caller, resource, respect)) == number;
        let Generation { own, told: ToldGeneration(told) } = generation;
        has(Respect::Own, Some(own.resource))
            && has(Respect::Told, Some(told))
            && conversation.is_none_or(|id| has(Respect::OwnConversation(id), own.conversation))
    }

    /// Drops the numbers of a caller: who asks next gets new ones, as after a raise, and one who never comes again leaves
    /// nothing behind.
    pub(super) fn forget(&self, caller: CallerKey) {
        self.current.invalidate_of(caller.user(), |(of, _resource, _respect)| *of == caller);
    }

    fn draw(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ozeki::{ApiKey, Credential, Identity, StationId, UserId};
    use crate::session::Caller;

    fn caller(number: u8) -> CallerKey {
        let identity = Identity {
            user: UserId::from_bytes([number; 16]),
            station: StationId::from_bytes([1; 16]),
            credential: Credential::ApiKey(ApiKey::parse("key").unwrap()),
        };
        Caller::new(identity, None).key()
    }

    #[test]
    fn who_has_gone_leaves_nothing_behind_and_finds_nothing_again() {
        let generations = Generations::new();
        let conversation = Some(ConversationId::from_bytes([1; 16]));
        for number in 0..100 {
            let caller = caller(number);
            let of = |resource| generations.current(caller, resource, conversation);
            let before = Resource::ALL.map(of);
            generations.forget(caller);
            for (resource, before) in Resource::ALL.into_iter().zip(before) {
                // As a load asks that was under way.
                assert!(!generations.is_current(caller, resource, conversation, before));
            }
            assert_eq!(generations.current.weight(), 0);
            for (resource, before) in Resource::ALL.into_iter().zip(before) {
                let after = of(resource);
                assert!(before.own != after.own && before.told != after.told);
                assert!(generations.is_current(caller, resource, conversation, after));
            }
            generations.forget(caller);
        }
        assert_eq!(generations.current.weight(), 0);
    }

    #[test]
    fn who_goes_takes_nobody_elses_numbers_along() {
        let generations = Generations::new();
        let other_station = Identity {
            user: UserId::from_bytes([1; 16]),
            station: StationId::from_bytes([2; 16]),
            credential: Credential::ApiKey(ApiKey::parse("key").unwrap()),
        };
        let others = [caller(2), Caller::new(other_station, None).key()];
        let of = |caller| generations.current(caller, Resource::Friends, None);
        let before = others.map(of);
        of(caller(1));
        generations.forget(caller(1));
        assert_eq!(others.map(of), before);
    }

    #[test]
    fn a_change_of_one_conversation_leaves_the_others_and_one_of_the_resource_leaves_none() {
        let caller = caller(1);
        let generations = Generations::new();
        let [one, other] = [[1; 16], [2; 16]].map(ConversationId::from_bytes);
        let of = |id| generations.current(caller, Resource::Messages, Some(id));
        let before = (of(one), of(other));
        assert_eq!((of(one), of(other)), before);
        generations.raise_conversation(caller, Resource::Messages, one);
        assert_ne!(of(one), before.0);
        assert_eq!(of(other), before.1);
        let before = of(other);
        generations.raise_told(caller, Resource::Messages);
        assert_eq!(of(other).own, before.own);
        assert_ne!(of(other), before);
        generations.raise(caller, Resource::Messages);
        assert_ne!(of(other).own, before.own);
    }
}
