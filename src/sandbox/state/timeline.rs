//! The messages, or the reports, of one conversation, from old to new.

use super::entry::{Entry, EntryId};
use crate::ozeki::Timestamp;

/// The most entries that are kept; the oldest go first. Thirty times what the fullest demo conversation has, and
/// 300 KiB without what clients sent.
const ENTRIES_MAX: usize = 4096;

/// The most ciphertext of clients that is kept; the oldest entries go first. It holds four of the largest messages
/// that a call can carry.
const SENT_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Entries ordered by their creation, and within a second by their arrival.
#[derive(Default)]
pub(in crate::sandbox) struct Timeline {
    entries: Vec<Entry>,
    sent_bytes: usize,
}

/// A place in a timeline that a call names.
#[derive(Clone, Copy)]
pub(in crate::sandbox) enum Point {
    /// None: everything is on the side that is asked for.
    Open,
    /// A moment, whatever was said in it.
    Moment(Timestamp),
    /// An entry.
    Entry(EntryId),
}

impl Timeline {
    /// Puts the entry at its place and drops the oldest beyond the bounds; an entry that is there already stays as
    /// it is. Tells whether anything changed.
    pub(in crate::sandbox) fn insert(&mut self, entry: Entry) -> bool {
        if self.find(entry.id).is_some() {
            return false;
        }
        self.sent_bytes += entry.data.held_bytes();
        let place = self.entries.partition_point(|known| known.created <= entry.created);
        self.entries.insert(place, entry);
        let mut sent_bytes = self.sent_bytes;
        let mut dropped = self.entries.len().saturating_sub(ENTRIES_MAX);
        sent_bytes -= held_bytes(&self.entries[..dropped]);
        while sent_bytes > SENT_MAX_BYTES && dropped < self.entries.len() - 1 {
            sent_bytes -= self.entries[dropped].data.held_bytes();
            dropped += 1;
        }
        self.entries.drain(..dropped);
        self.sent_bytes = sent_bytes;
        true
    }

    pub(in crate::sandbox) fn find(&self, id: EntryId) -> Option<&Entry> {
        self.position(id).map(|position| &self.entries[position])
    }

    /// The newest entry's id as an answer tells it; empty when there is none.
    pub(in crate::sandbox) fn newest_id(&self) -> String {
        self.entries.last().map(|entry| entry.id.to_string()).unwrap_or_default()
    }

    /// The newest `limit` entries before this point.
    pub(in crate::sandbox) fn older_than(&self, point: Point, limit: usize) -> &[Entry] {
        let end = match point {
            Point::Open => self.entries.len(),
            Point::Moment(moment) => self.entries.partition_point(|entry| entry.created < moment),
            Point::Entry(id) => self.position(id).unwrap_or(0),
        };
        &self.entries[end.saturating_sub(limit)..end]
    }

    /// The entries after this point.
    pub(in crate::sandbox) fn newer_than(&self, point: Point) -> &[Entry] {
        let start = match point {
            Point::Open => 0,
            Point::Moment(moment) => self.entries.partition_point(|entry| entry.created <= moment),
            Point::Entry(id) => self.position(id).map_or(0, |position| position + 1),
        };
        &self.entries[start..]
    }

    /// Whether this moment is when the entry was created; `None` when there is no such entry.
    pub(in crate::sandbox) fn is_date_of(&self, id: EntryId, date: Timestamp) -> Option<bool> {
        self.find(id).map(|entry| entry.created == date)
    }

    // From the newest: clients page there, and what is looked up most was said last.
    fn position(&self, id: EntryId) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.id == id)
    }
}

fn held_bytes(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.data.held_bytes()).sum()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::sandbox::state::{Data, Kind};

    fn id(number: usize) -> EntryId {
        EntryId::Message(Uuid::from_u128(number.try_into().unwrap()))
    }

    fn message(number: usize, created: i64, data: &str) -> Entry {
        let created = Timestamp::from_unix_seconds(created).unwrap();
        Entry {
            id: id(number),
            kind: Kind::Message,
            created,
            valid_until: created,
            data: Data::Sent(data.into()),
        }
    }

    fn ids(entries: &[Entry]) -> Vec<EntryId> {
        entries.iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn entries_of_one_second_keep_the_order_of_their_arrival() {
        let mut timeline = Timeline::default();
        for (number, created) in [(1, 20), (2, 20), (3, 10), (4, 20)] {
            assert!(timeline.insert(message(number, created, "")));
        }
        assert!(timeline.older_than(Point::Open, 9).iter().map(|entry| entry.id).eq([
            id(3),
            id(1),
            id(2),
            id(4)
        ]));
        assert!(ids(timeline.older_than(Point::Entry(id(4)), 2)) == [id(1), id(2)]);
        assert!(ids(timeline.newer_than(Point::Entry(id(1)))) == [id(2), id(4)]);
        let moment = |seconds| Point::Moment(Timestamp::from_unix_seconds(seconds).unwrap());
        assert!(ids(timeline.older_than(moment(20), 9)) == [id(3)]);
        assert!(ids(timeline.older_than(moment(21), 2)) == [id(2), id(4)]);
        assert!(ids(timeline.newer_than(moment(10))) == [id(1), id(2), id(4)]);
        assert_eq!(timeline.newest_id(), id(4).to_string());
    }

    #[test]
    fn an_entry_that_is_known_stays_as_it_was() {
        let mut timeline = Timeline::default();
        assert!(timeline.insert(message(1, 10, "first")));
        assert!(!timeline.insert(message(1, 20, "second")));
        assert_eq!(timeline.find(id(1)).unwrap().data.text(), "first");
    }

    #[test]
    fn beyond_the_bounds_the_oldest_go_and_the_newest_stays() {
        let mut timeline = Timeline::default();
        for number in 0..=ENTRIES_MAX {
            timeline.insert(message(number, 0, ""));
        }
        assert_eq!(timeline.newer_than(Point::Open).len(), ENTRIES_MAX);
        assert!(timeline.find(id(0)).is_none());

        let mut timeline = Timeline::default();
        for number in 0..6 {
            timeline.insert(message(number, 0, &"a".repeat(1024 * 1024)));
        }
        assert!(ids(timeline.newer_than(Point::Open)) == [id(2), id(3), id(4), id(5)]);
        timeline.insert(message(6, 0, &"a".repeat(2 * SENT_MAX_BYTES)));
        assert!(ids(timeline.newer_than(Point::Open)) == [id(6)]);
        assert_eq!(timeline.sent_bytes, 2 * SENT_MAX_BYTES);
    }
}
