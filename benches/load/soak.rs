//! People and subscribers of a gateway whose upstream goes wrong now and then, for as long as one likes. Each answer is
//! looked through: it is its caller's, or a typed error. At the end nothing may be left: neither memory beyond that of the
//! beginning, nor descriptors, connections, operations, subscriptions or pollers.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::http::{Connection, post};
use crate::live::{next, say, subscribe};
use crate::load::{Dice, count};
use crate::metrics::{scrape, value};
use crate::rows::mebibytes;
use crate::server::{Server, free_address};
use crate::stage::{Stage, login};
use crate::standin::{self, Standin};

/// Who asks, and who subscribes.
const PEOPLE: usize = 40;
const SUBSCRIBERS: usize = 8;

/// The longest that a person thinks.
const PAUSE_MAX_MILLISECONDS: usize = 200;

/// Calls of a thousand that go wrong, and how often and how long all of them do.
const TROUBLED: usize = 50;
const OUTAGE_EVERY: Duration = Duration::from_secs(30);
const OUTAGE: Duration = Duration::from_secs(3);

/// Everything short, so that all that ends by time ends many times.
const SETTINGS: [&str; 14] = [
    "--rate-limits",
    "off",
    "--upstream-timeout",
    "1s",
    "--conversations-time-to-live",
    "2s",
    "--friends-time-to-live",
    "2s",
    "--live-time-to-live",
    "10s",
    "--stale-time-to-live",
    "20s",
    "--cache-max-bytes",
    "4MiB",
];

/// The deadline of a request is 15 s; no answer may take longer, with room for a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(16);

/// How often something changes for a subscriber who has not heard of it yet.
const CHANGE_EVERY: Duration = Duration::from_secs(2);

/// Longer than the end of a connection goes unseen.
const UNSEEN: Duration = Duration::from_millis(500);

/// Longer than it takes to tell what polls that failed have missed: they can be eight seconds apart, and the next may meet
/// an outage too, or the list that is read then.
const EVENT_MAX: Duration = Duration::from_secs(60);

/// Longer than who only read is polled for, who hung up in the moment of their logout: two minutes and an interval.
const REST_MAX: Duration = Duration::from_secs(150);

/// What is left to warm up after a quarter of the time, and what memory may differ by later, in bytes.
const RESIDENT_SLACK_BYTES: u64 = 8 << 20;

/// Descriptors that may be open beside those of the beginning: sockets that the kernel is about to close.
const DESCRIPTORS_SLACK: usize = 4;

/// What must be nothing when nobody is left.
const GAUGES: [&str; 6] = [
    "connections_open",
    "streams_open",
    "subscriptions",
    "socket_operations_active",
    "operations_in_flight",
    "pollers",
];

const QUERY: &str = "{ viewer { id } conversations(first: 50) { nodes { id participants { id name } } } friends(first: 50) { nodes { id name isAvailable } } }";

/// The errors that a failing upstream, or a machine with much else to do, explains.
const EXPECTED: [&str; 5] = [
    "OVERLOADED",
    "UPSTREAM_UNAVAILABLE",
    "UPSTREAM_TIMEOUT",
    "UPSTREAM_INVALID_RESPONSE",
    "UPSTREAM_REJECTED",
];

/// What was seen, by name.
#[derive(Clone, Default)]
struct Tally(Arc<Mutex<BTreeMap<String, usize>>>);

impl Tally {
    fn count(&self, what: &str) {
        *self.0.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    /// Looks through an answer to this user.
    fn check(&self, user: &str, status: u16, body: &[u8]) -> Value {
        let text = String::from_utf8_lossy(body);
        let json: Value = serde_json::from_slice(body).unwrap_or_else(|_| panic!("{text:.300}"));
        let errors = json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        for error in errors {
            let code = error["extensions"]["code"].as_str().unwrap_or("none");
            let is_login = error["path"][0] == "login" && code == "UNAUTHENTICATED";
            assert!(EXPECTED.contains(&code) || is_login, "{text:.1000}");
            self.count(code);
        }
        assert!(status == 200 || status >= 502 && !errors.is_empty(), "{status}: {text:.300}");
        let data = json["data"].as_object().into_iter().flatten();
        let is_whole = data.clone().count() > 0 && data.into_iter().all(|(_, it)| !it.is_null());
        assert!(is_whole || !errors.is_empty(), "{text:.300}");
        let viewer = &json["data"]["viewer"]["id"];
        assert!(viewer.is_null() || *viewer == *user, "for {user}: {text:.300}");
        for id in ids(&json["data"]["conversations"]) {
            assert!(id.starts_with(&user[..24]), "{id} for {user}");
        }
        for list in ["conversations", "friends"].map(|list| &json["data"][list]) {
            assert!(list.is_null() || ids(list).count() == 50, "{text:.300}");
        }
        self.count(if json["extensions"]["stale"].is_null() { "answers" } else { "stale answers" });
        json
    }
}

fn ids(list: &Value) -> impl Iterator<Item = &str> {
    list["nodes"].as_array().into_iter().flatten().filter_map(|node| node["id"].as_str())
}

pub(crate) async fn soak(stage: &Stage) {
    let admin = free_address();
    let (gateway, _) = stage.gateway_with_admin(&admin.to_string(), &SETTINGS).await;
    scrape(admin).await;
    let descriptors = gateway.descriptors();
    let (tally, stop) = (Tally::default(), Arc::<AtomicBool>::default());
    let mut tasks = JoinSet::new();
    for number in 0..PEOPLE + SUBSCRIBERS {
        // Numbers that no other row uses.
        let user = standin::user(5_000_000 + number);
        let (to, tally, stop) = (gateway.address, tally.clone(), Arc::clone(&stop));
        if number < PEOPLE {
            tasks.spawn(ask(to, user, number, tally, stop));
        } else {
            tasks.spawn(listen(to, user, number, tally, stop, stage.standin.clone()));
        }
    }
    let resident = watch(stage, &gateway, &mut tasks).await;
    stop.store(true, Ordering::Relaxed);
    stage.standin.trouble(0);
    while let Some(end) = tasks.join_next().await {
        end.unwrap();
    }
    let left = rest(&gateway, admin, descriptors).await;
    let [early, late] =
        [&resident[resident.len() / 4..resident.len() / 2], &resident[resident.len() * 3 / 4..]];
    let (early, late, most) =
        (middle(early), middle(late), resident.iter().max().copied().unwrap());
    println!();
    println!(
        "Soak of {:.1} minutes: {:?}. Resident: {} in the second quarter, {} in the last, {} at most; {left}.",
        count(resident.len()) / 60.0,
        tally.0.lock().unwrap(),
        mebibytes(early),
        mebibytes(late),
        mebibytes(most)
    );
    println!();
    assert!(late <= early + RESIDENT_SLACK_BYTES + early / 20, "memory grows");
}

/// Looks at the memory each second, and makes trouble, until the time is over.
async fn watch(stage: &Stage, gateway: &Server, tasks: &mut JoinSet<()>) -> Vec<u64> {
    let mut resident = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let started = Instant::now();
    while started.elapsed() < stage.soak {
        ticks.tick().await;
        resident.push(gateway.resident_bytes());
        let is_outage = started.elapsed().as_secs() % OUTAGE_EVERY.as_secs() < OUTAGE.as_secs();
        stage.standin.trouble(if is_outage { 1000 } else { TROUBLED });
        if let Some(end) = tasks.try_join_next() {
            end.unwrap();
            panic!("somebody left");
        }
    }
    resident
}

/// Waits until nothing is left, and tells what was seen.
async fn rest(gateway: &Server, admin: SocketAddr, before: usize) -> String {
    let started = Instant::now();
    loop {
        let text = scrape(admin).await;
        let gauges = GAUGES.iter().map(|name| (*name, value(&text, name)));
        let busy: Vec<_> = gauges.filter(|(_, value)| *value != 0).collect();
        let descriptors = gateway.descriptors();
        if busy.is_empty() && descriptors <= before + DESCRIPTORS_SLACK {
            let seconds = started.elapsed().as_secs();
            return format!(
                "{before} descriptors at the start, {descriptors} {seconds} s after the end, all gauges at zero"
            );
        }
        assert!(started.elapsed() < REST_MAX, "{busy:?}, {descriptors} descriptors, not {before}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn middle(samples: &[u64]) -> u64 {
    let mut samples = samples.to_vec();
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or(0)
}

async fn exchange(connection: &mut Connection, request: &[u8]) -> (u16, Vec<u8>) {
    let answer = tokio::time::timeout(ANSWER_MAX, connection.exchange(request)).await;
    let reply = answer.expect("an answer in time").unwrap();
    (reply.status, reply.body.to_vec())
}

/// Logs in, again and again until it works.
async fn enter(to: SocketAddr, user: &str, tally: &Tally, stop: &AtomicBool) -> Option<String> {
    while !stop.load(Ordering::Relaxed) {
        let mut connection = Connection::open(to).await.unwrap();
        let (status, body) = exchange(&mut connection, &login(user)).await;
        let json = tally.check(user, status, &body);
        if let Some(token) = json["data"]["login"]["token"].as_str() {
            tally.count("logins");
            return Some(token.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    None
}

/// Logs out: then nothing is polled any more for who has gone.
async fn leave(connection: &mut Connection, user: &str, token: &str, tally: &Tally) {
    let query = r#"{"query":"mutation { logout { viewerId } }"}"#;
    let request = post("/graphql", &[("authorization", &format!("Bearer {token}"))], query);
    // Bounded by the patience for an answer: each refusal says to try again in a second.
    for _ in 0..ANSWER_MAX.as_secs() {
        let (status, body) = exchange(connection, &request).await;
        let json = tally.check(user, status, &body);
        if json["data"]["logout"]["viewerId"] == *user {
            tally.count("logouts");
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{user} cannot log out");
}

/// A person: logs in, asks, changes, hangs up, logs out, and begins again.
async fn ask(to: SocketAddr, user: String, number: usize, tally: Tally, stop: Arc<AtomicBool>) {
    let mut dice = Dice::new(number);
    while let Some(token) = enter(to, &user, &tally, &stop).await {
        let bearer = format!("Bearer {token}");
        let request = |query: &str, more: &[(&str, &str)]| {
            let headers = [more, &[("authorization", &*bearer)]].concat();
            post("/graphql", &headers, &serde_json::json!({ "query": query }).to_string())
        };
        let favorite = format!(
            "mutation {{ favoriteConversation(input: {{id: \"{}{:08x}\"}}) {{ conversation {{ id isFavorite }} }} }}",
            &user[..24],
            0
        );
        let mut connection = Connection::open(to).await.unwrap();
        while !stop.load(Ordering::Relaxed) {
            let pause = u64::try_from(dice.below(PAUSE_MAX_MILLISECONDS)).unwrap();
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let (what, request) = match dice.below(100) {
                0..75 => ("queries", request(QUERY, &[])),
                75..85 => ("queries", request(QUERY, &[("cache-control", "no-cache")])),
                85..92 => ("changes", request(&favorite, &[])),
                92..95 => ("changes", request("mutation { setAvailable { viewer { id } } }", &[])),
                95..98 => {
                    connection.stream.write_all(&request(QUERY, &[])).await.unwrap();
                    connection = Connection::open(to).await.unwrap();
                    tokio::time::sleep(UNSEEN).await;
                    tally.count("hung up");
                    continue;
                }
                _ => break,
            };
            let (status, body) = exchange(&mut connection, &request).await;
            tally.check(&user, status, &body);
            tally.count(what);
        }
        leave(&mut connection, &user, &token, &tally).await;
    }
}

/// A subscriber: hears of a change of its own, leaves in one way or another, and comes again.
async fn listen(
    to: SocketAddr,
    user: String,
    number: usize,
    tally: Tally,
    stop: Arc<AtomicBool>,
    standin: Standin,
) {
    let mut dice = Dice::new(number);
    while let Some(token) = enter(to, &user, &tally, &stop).await {
        let Some(mut socket) = subscribe(Ipv4Addr::LOCALHOST, to, &token).await else {
            tally.count("closed sockets");
            continue;
        };
        tally.count("subscriptions");
        let until = tokio::time::Instant::now() + EVENT_MAX;
        // What changes before the subscription has read the list is no change: so there is one more now and then.
        let mut changes = tokio::time::interval(CHANGE_EVERY);
        loop {
            let heard = tokio::select! {
                heard = tokio::time::timeout_at(until, next(&mut socket)) => heard,
                _ = changes.tick() => {
                    standin.change(&user);
                    continue;
                }
            };
            let heard = heard.expect("an event in time").expect("an open socket");
            match heard["type"].as_str() {
                Some("ping") => say(&mut socket, &serde_json::json!({ "type": "pong" })).await,
                Some("error" | "complete") => {
                    tally.count("refused subscriptions");
                    break;
                }
                _ => {
                    let payload = heard["payload"].to_string();
                    let json = tally.check(&user, 200, payload.as_bytes());
                    if let Some(id) = json["data"]["conversationChanged"]["id"].as_str() {
                        assert!(id.starts_with(&user[..24]), "{id} for {user}");
                        tally.count("events");
                        break;
                    }
                }
            }
        }
        if dice.below(2) == 0 {
            let _ = socket.close(None).await;
            while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
        }
        drop(socket);
        // Who hangs up has gone when the gateway has seen it.
        tokio::time::sleep(UNSEEN).await;
        let mut connection = Connection::open(to).await.unwrap();
        leave(&mut connection, &user, &token, &tally).await;
    }
}
