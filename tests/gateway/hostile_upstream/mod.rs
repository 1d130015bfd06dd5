//! Every way in which an upstream can go wrong below and in its answers, for every kind of call: a typed error or the right
//! answer, in time, the other field's data still there, and all well again with the next good answer.

mod faults;
mod proxy;

use std::fmt::Write as _;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::time::Instant;

use crate::support::chat::{ADD, PAGE, chat_of};
use crate::support::{Answer, CONVERSATIONS, Caller, FRIENDS, LOGIN, Socket, pass};
use faults::{BODY_MAX_BYTES, FAULTS, Fate, Fault};
use proxy::Spoilt;

const ALICE: &str = "c160f8cc69a4f0bf2b0362752353d060";
const ANOTHER: &str = "0123456789abcdef0123456789abcdef";

const FAVORITE: (&str, &str) = ("chatconversation", "favorite");
const AVAILABLE: (&str, &str) = ("chatavailability", "useravailable");
const NOTICES: (&str, &str) = ("chatnotification", "download");

/// What a poll is answered, as far as faults look at it.
const NO_NOTICES: &str = r#"{"status":"OK","conversationchangedof":[]}"#;

/// The time of a call, as by default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most that sockets' buffers take of an endless answer, with room to spare.
const BUFFERS_MAX_BYTES: usize = 32 << 20;

/// Faults that are tried at once, each with a gateway of its own; where reads are repeated it is the waits between that
/// take the time.
const AT_ONCE: usize = 2;
const AT_ONCE_WHERE_REPEATED: usize = 8;

/// What is asked, which field the fault meets, and the field beside it.
struct Question {
    call: (&'static str, &'static str),
    query: String,
    field: &'static str,
    beside: &'static str,
    is_read: bool,
}

fn questions(chat: &str) -> [Question; 7] {
    let lists = "{ conversations(first: 3) { nodes { id lastAccess participants { id name } } } friends { totalCount nodes { id name } } }";
    let page = format!(
        "{{ conversation(id: \"{chat}\") {{ messages(last: 5) {{ nodes {{ id createdAt }} }} }} friends {{ totalCount }} }}"
    );
    let favorite = format!(
        "favoriteConversation(input: {{id: \"{chat}\"}}) {{ conversation {{ id isFavorite }} }}"
    );
    let available = "setAvailable { viewer { id } }";
    let message = uuid::Uuid::new_v4();
    let send = format!(
        "sendMessage(input: {{conversationId: \"{chat}\", data: \"YQ==\", id: \"{message}\"}}) {{ message {{ id data }} }}"
    );
    let read = |call, query: &str, field, beside| Question {
        call,
        query: query.to_owned(),
        field,
        beside,
        is_read: true,
    };
    let change = |call, first: &str, second: &str, field, beside| {
        let query = format!("mutation {{ {first} {second} }}");
        Question { call, query, field, beside, is_read: false }
    };
    let login = "login(input: {apiKey: \"alice-demo\"}) { viewer { id name } }";
    [
        read(CONVERSATIONS, lists, "conversations", "friends"),
        read(FRIENDS, lists, "friends", "conversations"),
        read(PAGE, &page, "conversation", "friends"),
        change(FAVORITE, &favorite, available, "favoriteConversation", "setAvailable"),
        change(AVAILABLE, available, &favorite, "setAvailable", "favoriteConversation"),
        change(ADD, &send, available, "sendMessage", "setAvailable"),
        change(LOGIN, login, available, "login", "setAvailable"),
    ]
}

impl Fate {
    /// The code of the field's error; none where its data are right.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Right => None,
            Self::TimedOut => Some("UPSTREAM_TIMEOUT"),
            Self::Lost | Self::Failed => Some("UPSTREAM_UNAVAILABLE"),
            Self::Invalid => Some("UPSTREAM_INVALID_RESPONSE"),
            Self::Rejected => Some("UPSTREAM_REJECTED"),
        }
    }

    /// How often a read is sent.
    const fn reads(self) -> usize {
        if matches!(self, Self::Lost) { 3 } else { 1 }
    }

    /// Whether a change that ended so may have been made.
    const fn is_unknown(self) -> bool {
        !matches!(self, Self::Right | Self::Rejected)
    }
}

/// Waits for the answer to a call that meets a fault, and sees that its time is kept.
async fn answer_to(
    spoilt: &Spoilt,
    caller: &Caller,
    question: &Question,
    fault: Fault,
) -> Option<(Answer, usize)> {
    let spell = spoilt.spoil(question.call, fault);
    let (asking, query) = (caller.clone(), question.query.clone());
    let mut asked = tokio::spawn(async move { asking.query(&query).await });
    let started = Instant::now();
    if fault.fate == Fate::TimedOut {
        tokio::select! {
            () = spell.met() => {}
            answer = &mut asked => panic!("{}: {:?}", fault.name, answer.unwrap()),
        }
        while started.elapsed() + Duration::from_secs(1) < TIMEOUT {
            pass(Duration::from_secs(1)).await;
        }
        assert!(!asked.is_finished(), "{}: before its time", fault.name);
        pass(Duration::from_secs(2)).await;
    }
    let answer = asked.await.unwrap();
    assert!(started.elapsed() < TIMEOUT + Duration::from_secs(3), "{}: after its time", fault.name);
    Some((answer, spell.meetings())).filter(|_| !spell.was_in_vain())
}

/// Lets one call meet a fault.
async fn check(spoilt: &Spoilt, fault: Fault, number: usize) {
    let alice = spoilt.log_in("alice").await;
    let chat = &spoilt.chat;
    let [.., last] = questions(chat);
    let question = questions(chat).into_iter().nth(number).unwrap_or(last);
    let name = format!("{}, {:?}", fault.name, question.call);
    if number >= 2 {
        // Pages and changes begin with the list.
        chat_of(&alice).await;
    }
    let met = answer_to(spoilt, &alice, &question, fault).await;
    let Some((answer, calls)) = met else { return };
    let json = answer.json();
    // A message counts as sent by the status alone: described badly, it must not be sent again.
    let is_sent = question.call == ADD && fault.is_of_members;
    let fate = if is_sent { Fate::Right } else { fault.fate };
    assert_eq!(calls, if question.is_read { fate.reads() } else { 1 }, "{name}: {json}");
    let codes: Vec<_> = answer.codes().into_iter().map(|(code, _)| code).collect();
    let is_refused = question.call == LOGIN && fate == Fate::Rejected;
    let expected = if is_refused { Some("UNAUTHENTICATED") } else { fate.code() };
    assert_eq!(codes, expected.as_slice(), "{name}: {json}");
    let data = &json["data"];
    assert!(!data[question.beside].is_null(), "{name}: {json}");
    if let Some(error) = json["errors"].get(0) {
        assert_eq!(error["path"][0], question.field, "{name}: {json}");
        let is_change = !question.is_read && question.call != LOGIN;
        let outcome = error["extensions"]["outcome"].as_str();
        let expected = (is_change && fate.is_unknown()).then_some("unknown");
        assert_eq!(outcome, expected, "{name}: {json}");
    }
    for foreign in ["CANARY", "127.0.0.1", ANOTHER] {
        assert!(!answer.text.contains(foreign), "{name}: {}", answer.text);
    }
    let endless = spoilt.endless_bytes();
    assert!(endless < BUFFERS_MAX_BYTES, "{name}: {endless} bytes were taken");
    // It recovers with the next good answer, which is the same for who comes anew.
    let after = alice.data(&question.query).await;
    if question.is_read {
        let good = spoilt.log_in("alice").await.data(&question.query).await;
        assert_eq!(after, good, "{name}");
        assert!(fate != Fate::Right || *data == good, "{name}: {json}");
    } else if fate == Fate::Right {
        assert_eq!(*data, after, "{name}");
    }
}

/// Lets polls meet a fault: the subscription goes on and hears of what changed.
async fn check_polls(spoilt: &Spoilt, fault: Fault) {
    let (alice, bob) = (spoilt.log_in("alice").await, spoilt.log_in("bob").await);
    let credential = json!({ "Authorization": alice.header("authorization") });
    let mut socket = Socket::introduced(&spoilt.gateway, Some(credential)).await;
    let chats = async |caller: &Caller| {
        let list = "{ conversations(first: 100) { nodes { id isGroup } } }";
        let nodes = caller.data(list).await["conversations"]["nodes"].take();
        nodes.as_array().cloned().unwrap_or_default()
    };
    let hers = chats(&alice).await;
    let theirs = chats(&bob).await.into_iter().find(|chat| hers.contains(chat));
    let chat = theirs.unwrap()["id"].as_str().unwrap().to_owned();
    let spell = spoilt.spoil(NOTICES, fault);
    socket.ask("1", "subscription { conversationChanged { id } }").await;
    if (fault.bytes)(NO_NOTICES).is_some() {
        spell.met().await;
    }
    if fault.fate == Fate::TimedOut {
        for _ in 0..11 {
            pass(Duration::from_secs(1)).await;
        }
    }
    drop(spell);
    let message = uuid::Uuid::new_v4();
    let send = format!(
        "mutation {{ sendMessage(input: {{conversationId: \"{chat}\", data: \"YQ==\", id: \"{message}\"}}) {{ message {{ id }} }} }}"
    );
    bob.data(&send).await;
    let told = async {
        loop {
            let heard = socket.hear().await;
            assert_eq!(heard["type"], "next", "{}: {heard}", fault.name);
            if heard["payload"]["data"]["conversationChanged"]["id"] == *chat {
                break;
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(20), told).await;
    assert!(told.is_ok(), "{}: what changed was not told", fault.name);
}

/// All kinds of calls meet a fault.
async fn check_all(fault: Fault) {
    let spoilt = Spoilt::start(BODY_MAX_BYTES, TIMEOUT).await;
    for number in 0..questions("").len() {
        check(&spoilt, fault, number).await;
    }
    check_polls(&spoilt, fault).await;
    assert!(!spoilt.was_left(), "{}: another host was asked", fault.name);
}

/// Tries faults, and tells of all at which a call went wrong.
async fn check_each(fates: &[Fate], at_once: usize) {
    let faults = FAULTS.iter().filter(|fault| fates.contains(&fault.fate));
    let checks = stream::iter(faults).map(|fault| tokio::spawn(check_all(*fault)));
    let ends: Vec<_> = checks.buffer_unordered(at_once).collect().await;
    let failed = ends.iter().filter(|end| end.is_err()).count();
    assert_eq!(failed, 0, "of {} faults; each is told above", ends.len());
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_costs_its_time_and_no_more() {
    // One after the other, since each passes time.
    check_each(&[Fate::TimedOut], 1).await;
}

#[tokio::test]
async fn a_lost_answer_is_read_again_and_no_change_is_made_twice() {
    check_each(&[Fate::Lost], AT_ONCE_WHERE_REPEATED).await;
}

#[tokio::test]
async fn an_answer_that_is_wrong_is_told_and_costs_no_other_field() {
    check_each(&[Fate::Failed, Fate::Invalid, Fate::Rejected], AT_ONCE).await;
}

#[tokio::test]
async fn an_answer_that_is_only_odd_is_read() {
    check_each(&[Fate::Right], AT_ONCE).await;
}

/// The table of `docs/reliability.md`.
fn table() -> String {
    let mut table = String::from(
        "| the server answers | a field gets | a read is sent | a change's outcome |\n| --- | --- | --- | --- |\n",
    );
    for fault in FAULTS {
        let got = fault.fate.code().map_or("its data".to_owned(), |code| format!("`{code}`"));
        let sent = if fault.fate.reads() == 1 { "once" } else { "3 times" };
        let outcome = match fault.fate {
            Fate::Right => "made",
            Fate::Rejected => "not made",
            Fate::TimedOut | Fate::Lost | Fate::Failed | Fate::Invalid => "unknown",
        };
        let _ = writeln!(table, "| {} | {got} | {sent} | {outcome} |", fault.name);
    }
    table
}

#[test]
fn the_document_tells_every_fault() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability.md");
    let text = std::fs::read_to_string(path).unwrap();
    let told = text.split_once("<!-- faults: begin -->").unwrap().1;
    let told = told.split_once("<!-- faults: end -->").unwrap().0;
    let expected = table();
    assert!(told.trim() == expected.trim(), "put this into docs/reliability.md:\n\n{expected}");
}
