//! Installations of chat clients, and what each of them has not been told yet.

use std::collections::HashMap;

use crate::ozeki::{ConversationId, StationId, UserId};

/// The most stations that are known; the one that has been silent for longest goes first. More than a load test has
/// sessions; each is a few hundred bytes until much changes.
const STATIONS_MAX: usize = 16_384;

/// What a station is told next. Each list names an id once, so that it is never longer than the demo's world is wide.
///
/// What the elements of the lists are is not documented: here they are ids of users, conversations and users.
/// Source: "Calls", Notification.
#[derive(Default)]
pub(in crate::sandbox) struct Notices {
    /// Whose presence changed.
    pub(in crate::sandbox) availabilities: Vec<UserId>,
    /// What was changed, said or seen.
    pub(in crate::sandbox) conversations: Vec<ConversationId>,
    /// Whose list shows something else.
    pub(in crate::sandbox) conversation_lists: Vec<UserId>,
}

impl Notices {
    /// Adds what is not waiting already.
    pub(super) fn push<Id: PartialEq>(list: &mut Vec<Id>, id: Id) {
        if !list.contains(&id) {
            list.push(id);
        }
    }
}

/// A station belongs to whoever logged in, or signed a call, from it last.
struct Station {
    owner: UserId,
    notices: Notices,
    last_call: u64,
}

/// All stations that called.
#[derive(Default)]
pub(in crate::sandbox) struct Stations {
    stations: HashMap<StationId, Station>,
    calls: u64,
}

impl Stations {
    /// Notes a call of this user from this station. What waited for another user is forgotten.
    pub(in crate::sandbox) fn note_call(&mut self, id: StationId, user: UserId) {
        self.calls += 1;
        let last_call = self.calls;
        if !self.stations.contains_key(&id) {
            self.make_room();
        }
        let station = self.stations.entry(id).or_insert_with(|| Station {
            owner: user,
            notices: Notices::default(),
            last_call,
        });
        station.last_call = last_call;
        if station.owner != user {
            station.owner = user;
            station.notices = Notices::default();
        }
    }

    /// Whose station this is.
    pub(in crate::sandbox) fn owner_of(&self, id: StationId) -> Option<UserId> {
        self.stations.get(&id).map(|station| station.owner)
    }

    /// What waits for the station; it waits no longer.
    ///
    /// Whether a real server forgets what it told is not documented. Source: "What is not documented".
    pub(in crate::sandbox) fn drain(&mut self, id: StationId) -> Notices {
        let station = self.stations.get_mut(&id);
        station.map(|station| std::mem::take(&mut station.notices)).unwrap_or_default()
    }

    /// Gives a notice to every station of these owners.
    pub(super) fn tell(&mut self, is_told: impl Fn(UserId) -> bool, notice: impl Fn(&mut Notices)) {
        self.stations
            .values_mut()
            .filter(|station| is_told(station.owner))
            .for_each(|station| notice(&mut station.notices));
    }

    fn make_room(&mut self) {
        if self.stations.len() < STATIONS_MAX {
            return;
        }
        let silent = self.stations.iter().min_by_key(|(_, station)| station.last_call);
        if let Some(id) = silent.map(|(id, _)| *id) {
            self.stations.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(email: &str) -> UserId {
        UserId::from_email(email).unwrap()
    }

    fn station(number: usize) -> StationId {
        StationId::from_bytes(u128::try_from(number).unwrap().to_be_bytes())
    }

    #[test]
    fn a_station_is_told_each_id_once_and_only_for_its_present_owner() {
        let (alice, bob) = (user("alice@example.com"), user("bob@example.com"));
        let mut stations = Stations::default();
        stations.note_call(station(1), alice);
        for _ in 0..2 {
            stations.tell(
                |owner| owner == alice,
                |notices| Notices::push(&mut notices.availabilities, bob),
            );
        }
        assert_eq!(stations.drain(station(1)).availabilities, [bob]);
        assert_eq!(stations.drain(station(1)).availabilities, []);

        stations.tell(|_| true, |notices| Notices::push(&mut notices.availabilities, bob));
        stations.note_call(station(1), bob);
        assert_eq!(stations.owner_of(station(1)), Some(bob));
        assert_eq!(stations.drain(station(1)).availabilities, []);
    }

    #[test]
    fn beyond_the_bound_the_most_silent_station_goes() {
        let alice = user("alice@example.com");
        let mut stations = Stations::default();
        for number in 0..STATIONS_MAX {
            stations.note_call(station(number), alice);
        }
        stations.note_call(station(0), alice);
        stations.note_call(station(STATIONS_MAX), alice);
        assert_eq!(stations.stations.len(), STATIONS_MAX);
        assert_eq!(stations.owner_of(station(0)), Some(alice));
        assert_eq!(stations.owner_of(station(1)), None);
    }
}
