//! Reading what was said: back from a point, and on from one.

use serde::Serialize;

use super::entry::WireEntry;
use super::{check_instance, conversation_of_call};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::api::{ok, write};
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::{Conversation, Entry, EntryId, Point, Timeline, World};

/// The most entries of each kind in one page, told in the refusal: ten times what the vendor's sample asks for.
const LIMIT_MAX: usize = 500;

/// The vendor does not tell the order of the lists; from old to new is our choice.
#[derive(Serialize)]
struct Entries<'a> {
    messages: Vec<WireEntry<'a>>,
    reports: Vec<WireEntry<'a>>,
}

impl<'a> Entries<'a> {
    fn new(messages: &'a [Entry], reports: &'a [Entry]) -> Self {
        let written = |entries: &'a [Entry]| entries.iter().map(WireEntry::new).collect();
        Self { messages: written(messages), reports: written(reports) }
    }
}

/// A page of what is strictly older than the cursor: the newest `limit` messages, and as many reports.
///
/// A message and a report are cursors each for its own list, and the id decides among those of one second. A date
/// without an id is a cursor too, and empty strings ask for the newest. All of this is our reading.
/// Source: "Calls", Conversation / partial download.
pub(super) fn older(
    world: &mut World,
    admitted: &Admitted,
    call: &Incoming,
) -> Result<Vec<u8>, Refusal> {
    let limit = usize::try_from(call.integer("limit")?)
        .ok()
        .filter(|limit| (1..=LIMIT_MAX).contains(limit))
        .ok_or(Refusal::InvalidMember { name: "limit", expected: "a number from 1 to 500" })?;
    let conversation = conversation_of_call(world, admitted, call)?;
    check_instance(conversation, call)?;
    let Conversation { messages, reports, .. } = conversation;
    let message = cursor(messages, call, &Names::LAST_MESSAGE)?;
    let report = cursor(reports, call, &Names::LAST_REPORT)?;
    let entries =
        Entries::new(messages.older_than(message, limit), reports.older_than(report, limit));
    Ok(ok("", entries))
}

/// Everything from the cursor on, with no `status`. Source: "Where the examples mislead", 1.
///
/// Whether what the cursor names is among it, the vendor leaves open: here it is not, and clients have to take both.
/// Empty strings ask for all.
pub(super) fn newer(
    world: &mut World,
    admitted: &Admitted,
    call: &Incoming,
) -> Result<Vec<u8>, Refusal> {
    let conversation = conversation_of_call(world, admitted, call)?;
    check_instance(conversation, call)?;
    let Conversation { messages, reports, .. } = conversation;
    let message = cursor(messages, call, &Names::FIRST_MESSAGE)?;
    let report = cursor(reports, call, &Names::FIRST_REPORT)?;
    Ok(write(&Entries::new(messages.newer_than(message), reports.newer_than(report))))
}

/// The two members that make a cursor, and the form of its id.
struct Names {
    date: &'static str,
    id: &'static str,
    expected: &'static str,
    parse: fn(&str) -> Option<EntryId>,
}

impl Names {
    const LAST_MESSAGE: Self = Self::of_message("lastmessagedate", "lastmessageid");
    const LAST_REPORT: Self = Self::of_report("lastreportdate", "lastreportid");
    const FIRST_MESSAGE: Self = Self::of_message("firstmessagedate", "firstmessageid");
    const FIRST_REPORT: Self = Self::of_report("firstreportdate", "firstreportid");

    const fn of_message(date: &'static str, id: &'static str) -> Self {
        Self { date, id, expected: "a message's UUID", parse: EntryId::of_message }
    }

    const fn of_report(date: &'static str, id: &'static str) -> Self {
        Self {
            date,
            id,
            expected: "a report's 32 lower-case hex digits",
            parse: EntryId::of_report,
        }
    }
}

/// The point that the call names: by date and id, which have to belong together, or by date alone; open for two empty
/// strings.
fn cursor(timeline: &Timeline, call: &Incoming, names: &Names) -> Result<Point, Refusal> {
    let Names { date, id, expected, parse } = *names;
    if call.text(date)?.is_empty() && call.text(id)?.is_empty() {
        return Ok(Point::Open);
    }
    let moment = call.timestamp(date)?;
    if call.text(id)?.is_empty() {
        return Ok(Point::Moment(moment));
    }
    let entry = parse(call.text(id)?).ok_or(Refusal::InvalidMember { name: id, expected })?;
    match timeline.is_date_of(entry, moment) {
        Some(true) => Ok(Point::Entry(entry)),
        Some(false) => Err(Refusal::InvalidMember {
            name: date,
            expected: "the date of what the id beside it names",
        }),
        None => Err(Refusal::NotInConversation(id)),
    }
}
