//! How many instructions of its own the gateway takes for a request, which repeats on any machine: valgrind counts them.
//!
//! Two runs differ in nothing but the number of requests, so what else a run takes falls out.

use std::path::{Path, PathBuf};

use crate::http::Connection;
use crate::server::Server;
use crate::stage::{ONE, Stage, log_in, requests};

/// The committed figures: the work's name and its instructions a request, in lines.
const FIGURES: &str = include_str!("../instructions.txt");

/// By how much a figure may be exceeded, in percent: compilers and libraries differ a little.
const TOLERANCE_PERCENT: u64 = 10;

/// Requests before those that are counted: what is kept is there, and buffers have grown.
const WARM_UP: usize = 50;

/// By how many requests the two runs differ: the more, the less of what the runtime does by its clock falls on each.
const HITS: usize = 4_000;
const MISSES: usize = 100;

/// How often each run is made.
const RUNS: usize = 3;

/// Neither polling nor expiry falls into a run.
const UNDISTURBED: [&str; 8] = [
    "--rate-limits",
    "off",
    "--conversations-time-to-live",
    "1h",
    "--friends-time-to-live",
    "1h",
    "--live-time-to-live",
    "0s",
];

/// Counts both works and compares them with the committed figures.
pub(crate) async fn count(stage: &Stage) {
    println!("| work | instructions a request | committed |");
    println!("| --- | --- | --- |");
    let no_cache = ("cache-control", "no-cache");
    let hit = of_each(stage, HITS, &[]).await;
    let found = [("hit", hit), ("miss", of_each(stage, MISSES, &[no_cache]).await)];
    let mut exceeded = Vec::new();
    for (work, instructions) in found {
        let committed = figure(work);
        println!("| {work} | {instructions} | {committed} |");
        if instructions * 100 > committed * (100 + TOLERANCE_PERCENT) {
            exceeded.push(work);
        }
    }
    assert!(exceeded.is_empty(), "more than {TOLERANCE_PERCENT} % above the figure: {exceeded:?}");
}

fn figure(work: &str) -> u64 {
    let line = FIGURES.lines().find_map(|line| line.strip_prefix(work)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no figure for {work}")).trim().parse().unwrap()
}

/// The instructions that each of so many more requests takes.
async fn of_each(stage: &Stage, more: usize, headers: &[(&str, &str)]) -> u64 {
    let few = least(stage, more, headers).await;
    let many = least(stage, 2 * more, headers).await;
    many.saturating_sub(few) / more as u64
}

/// What the run that was disturbed least took: the runtime and the log do something each time that they are waked, and on
/// a machine with other work that is more often for as many requests.
async fn least(stage: &Stage, count: usize, headers: &[(&str, &str)]) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..RUNS {
        least = least.min(of_run(stage, count, headers).await);
    }
    least
}

/// The instructions of a gateway that answers so many requests of one caller.
async fn of_run(stage: &Stage, count: usize, headers: &[(&str, &str)]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("callgrind.out");
    let mut server = under_valgrind(stage, &out).await;
    let tokens = log_in(server.address, 0..1).await;
    let requests = requests(&tokens, ONE, headers);
    let mut connection = Connection::open(server.address).await.unwrap();
    for _ in 0..WARM_UP + count {
        let reply = connection.exchange(&requests[0]).await.unwrap();
        assert_eq!(reply.status, 200);
    }
    server.stop();
    let text = std::fs::read_to_string(out).unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    total.expect("callgrind tells its totals").trim().parse().unwrap()
}

async fn under_valgrind(stage: &Stage, out: &Path) -> Server {
    let upstream = stage.standin.url();
    let gateway = stage.gateway.to_str().unwrap().to_owned();
    let out = format!("--callgrind-out-file={}", out.display());
    let arguments = |address: &str| {
        let own = ["--tool=callgrind", &*out, &*gateway, "serve", "--upstream-url", &*upstream];
        let own = own.into_iter().chain(["--listen", address, "--admin-listen", "off"]);
        own.chain(UNDISTURBED).map(str::to_owned).collect()
    };
    Server::start(&PathBuf::from("valgrind"), arguments, stage.pinned).await.0
}
