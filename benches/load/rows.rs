//! Throughput beside the floors, the stampede, memory and the start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::http::{Connection, post};
use crate::load::{Order, Slice, closed_loop, count, median};
use crate::server::Server;
use crate::stage::{BOTH, ONE, Stage, ask_each, log_in, requests};
use crate::standin::{self, Standin};

/// Callers of the row with many.
const MANY: usize = 10_000;

/// The load alone goes beyond the limits of a caller and of an address.
pub(crate) const UNLIMITED: [&str; 2] = ["--rate-limits", "off"];

/// Ten thousand callers are more than are polled for, and take more than the cache's default.
const ROOM_FOR_MANY: [&str; 8] = [
    "--rate-limits",
    "off",
    "--cache-max-bytes",
    "4GiB",
    "--conversations-time-to-live",
    "1h",
    "--friends-time-to-live",
    "1h",
];

/// Who is measured: a name, and the server under its load.
struct Row<'a> {
    name: &'a str,
    requests: &'a Arc<Vec<Vec<u8>>>,
    order: Order,
    connections: usize,
}

pub(crate) fn print_head() {
    println!(
        "| work | requests/s | p50 | p99 | resident | floor's requests/s | ratio | ratio of processor time |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
}

/// Loads both in turns and prints their medians.
async fn compare(stage: &Stage, row: &Row<'_>, gateway: &Server, floor: &Server) {
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for round in 0..=stage.rounds {
        let slice = async |server| {
            closed_loop(server, row.requests, row.order, row.connections, stage.slice).await
        };
        let pair = (slice(gateway).await, slice(floor).await);
        // The first round only warms up.
        if round > 0 {
            ours.push(pair.0);
            floors.push(pair.1);
        }
    }
    let refused: usize = ours.iter().chain(&floors).map(|slice| slice.refused).sum();
    assert_eq!(refused, 0, "{}: answers that were no 200", row.name);
    let middle = |slices: &[Slice], of: fn(&Slice) -> f64| median(slices.iter().map(of).collect());
    let ratios = |of: fn(&Slice, &Slice) -> f64| {
        median(ours.iter().zip(&floors).map(|(our, floor)| of(our, floor)).collect())
    };
    println!(
        "| {} | {:.0} | {:.2} ms | {:.2} ms | {} | {:.0} | {:.2} | {:.2} ({:.0} µs) |",
        row.name,
        middle(&ours, Slice::per_second),
        middle(&ours, |slice| slice.percentile(50)),
        middle(&ours, |slice| slice.percentile(99)),
        mebibytes(gateway.resident_bytes()),
        middle(&floors, Slice::per_second),
        ratios(|our, floor| our.per_second() / floor.per_second()),
        ratios(|our, floor| floor.cpu / our.cpu),
        middle(&ours, |slice| slice.cpu),
    );
}

/// Callers whose lists are in memory.
pub(crate) async fn hot(stage: &Stage, name: &str, query: &str) {
    let (gateway, _) = stage.gateway(&UNLIMITED).await;
    let tokens = log_in(gateway.address, 0..64).await;
    let requests = requests(&tokens, query, &[]);
    let answer = ask_each(gateway.address, &requests).await;
    let (floor, _file) = stage.memory_floor(&answer).await;
    let row = Row { name, requests: &requests, order: Order::Own, connections: 64 };
    compare(stage, &row, &gateway, &floor).await;
}

pub(crate) async fn hot_one(stage: &Stage) {
    hot(stage, "hot, one resource, 64 connections of 64 callers", ONE).await;
}

pub(crate) async fn hot_both(stage: &Stage) {
    hot(stage, "hot, both resources, 64 connections of 64 callers", BOTH).await;
}

/// Ten thousand callers in random order, and what each takes.
pub(crate) async fn hot_many(stage: &Stage) {
    let (gateway, _) = stage.gateway(&ROOM_FOR_MANY).await;
    let idle = gateway.resident_bytes();
    let tokens = log_in(gateway.address, 0..MANY).await;
    let logged_in = gateway.resident_bytes();
    ask_each(gateway.address, &requests(&tokens, BOTH, &[])).await;
    let read = gateway.resident_bytes();
    let requests = requests(&tokens, ONE, &[]);
    let answer = ask_each(gateway.address, &requests).await;
    let (floor, _file) = stage.memory_floor(&answer).await;
    let name = "hot, one resource, 64 connections of 10,000 callers in random order";
    let row = Row { name, requests: &requests, order: Order::Random, connections: 64 };
    compare(stage, &row, &gateway, &floor).await;
    let each = |bytes: u64| count(usize::try_from(bytes).unwrap() / MANY);
    let list = count(Standin::list_bytes());
    let cached = each(read.saturating_sub(logged_in));
    println!();
    println!(
        "Idle: {}. Each of {MANY} callers: {:.0} bytes logged in, {cached:.0} bytes more for both lists after one reading, which is {:.2} of their {list:.0} bytes of JSON.",
        mebibytes(idle),
        each(logged_in.saturating_sub(idle)),
        cached / list
    );
    println!();
}

/// Every request goes upstream.
async fn miss(stage: &Stage, name: &str, connections: usize, delay: Duration) {
    let (gateway, _) = stage.gateway(&UNLIMITED).await;
    stage.standin.answer_after(Duration::ZERO);
    let tokens = log_in(gateway.address, 0..connections).await;
    let requests = requests(&tokens, ONE, &[("cache-control", "no-cache")]);
    let floor = stage.pass_through_floor().await;
    stage.standin.answer_after(delay);
    let row = Row { name, requests: &requests, order: Order::Own, connections };
    let before = stage.standin.calls("chatconversation");
    compare(stage, &row, &gateway, &floor).await;
    assert!(stage.standin.calls("chatconversation") > before, "nothing went upstream");
    stage.standin.answer_after(Duration::ZERO);
}

pub(crate) async fn miss_fast(stage: &Stage) {
    miss(stage, "miss, fast upstream, 64 connections", 64, Duration::ZERO).await;
}

pub(crate) async fn miss_slow(stage: &Stage) {
    let delay = Duration::from_millis(20);
    miss(stage, "miss, upstream of 20 ms, 256 connections", 256, delay).await;
}

/// Five hundred ask the same at once, of a caller of whom nothing is in memory.
pub(crate) async fn stampede(stage: &Stage) {
    let (gateway, _) = stage.gateway(&UNLIMITED).await;
    stage.standin.answer_after(Duration::from_millis(20));
    let (mut calls, mut after) = (Vec::new(), Vec::new());
    for round in 0..=stage.rounds {
        let token = log_in(gateway.address, round..round + 1).await;
        let request = requests(&token, BOTH, &[]);
        let mut connections = Vec::new();
        for _ in 0..500 {
            connections.push(Connection::open(gateway.address).await.unwrap());
        }
        let before = ["chatconversation", "chatfriends"].map(|api| stage.standin.calls(api));
        let mut tasks = JoinSet::new();
        for mut connection in connections {
            let request = Arc::clone(&request);
            tasks.spawn(async move { connection.exchange(&request[0]).await.unwrap().status });
        }
        while let Some(status) = tasks.join_next().await {
            assert_eq!(status.unwrap(), 200);
        }
        let ended = Instant::now();
        let since = ended - stage.standin.answered().unwrap();
        let now = ["chatconversation", "chatfriends"].map(|api| stage.standin.calls(api));
        calls.push((now[0] - before[0], now[1] - before[1]));
        after.push(since.as_secs_f64() * 1000.0);
    }
    stage.standin.answer_after(Duration::ZERO);
    println!();
    println!(
        "Stampede of 500 on a cold cache, {} times: upstream calls (conversations, friends) {calls:?}; the last answer came {:.1} ms after the upstream's at best, {:.1} ms in the median.",
        calls.len(),
        after.iter().copied().fold(f64::MAX, f64::min),
        median(after.clone())
    );
    println!();
}

/// From the program's start to its first answer, and its size.
pub(crate) async fn start(stage: &Stage) {
    let (mut times, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let (gateway, time) = stage.gateway(&[]).await;
        times.push(time.as_secs_f64() * 1000.0);
        resident.push(gateway.resident_bytes());
    }
    resident.sort_unstable();
    let size = std::fs::metadata(&stage.gateway).unwrap().len();
    println!();
    println!(
        "Start to first answer: {:.1} ms at best, {:.1} ms in the median of 10. Resident then: {}. Program: {}.",
        times.iter().copied().fold(f64::MAX, f64::min),
        median(times.clone()),
        mebibytes(resident[5]),
        mebibytes(size)
    );
    println!();
}

/// The short form: what it says must hold on any machine, so that a check may run it.
pub(crate) async fn smoke(stage: &Stage) {
    let (gateway, _) = stage.gateway(&UNLIMITED).await;
    let tokens = log_in(gateway.address, 0..2).await;
    ask_each(gateway.address, &requests(&tokens, BOTH, &[])).await;
    let mut connection = Connection::open(gateway.address).await.unwrap();
    let bad = post(
        "/graphql",
        &[("authorization", "Bearer none")],
        r#"{"query":"{ friends { totalCount } }"}"#,
    );
    let reply = connection.exchange(&bad).await.unwrap();
    assert!(String::from_utf8_lossy(reply.body).contains("UNAUTHENTICATED"), "tokens are checked");
    assert_eq!(standin::user(0).len(), 32);
    println!("\nThe tool and the gateway understand each other.\n");
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", count(usize::try_from(bytes / 1024).unwrap()) / 1024.0)
}
