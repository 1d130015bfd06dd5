//! Loads the gateway as frontends would, beside servers that do nothing but what cannot be left out, and prints the
//! tables of `docs/performance.md`.
//!
//!     cargo bench --bench load -- [--gateway PROGRAM] [--rounds N] [--slice SECONDS] [--minutes N] [ROW…]
//!
//! The rows `soak`, for so many minutes, and `outage` measure nothing: they fail where `docs/reliability.md` is not kept.
//! Nor does `recording`: it gives a build that records its own profile each kind of work to do.
//! `instructions` needs valgrind, and fails where a request takes more of them than `benches/instructions.txt` says.

#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]
#![expect(clippy::print_stdout, reason = "the tables are the program's output")]

mod attack;
mod floors;
mod http;
mod instructions;
mod live;
mod load;
mod machine;
mod metrics;
mod outage;
mod recording;
mod rows;
mod server;
mod soak;
mod stage;
mod standin;

use std::path::PathBuf;
use std::time::Duration;

use stage::Stage;
use standin::Standin;

/// As the gateway's own, so that the floors lose nothing by theirs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every row, in the order in which they run when none is named.
const ROWS: [&str; 12] = [
    "hot-one",
    "hot-both",
    "miss-fast",
    "miss-slow",
    "hot-many",
    "stampede",
    "start",
    "slow-connections",
    "refused-documents",
    "logins",
    "notice",
    "subscribers",
];

/// Rows that run when they are named.
const BY_NAME_ONLY: [&str; 5] = ["smoke", "soak", "outage", "recording", "instructions"];

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["memory-floor", address, file] => floors::memory(address, file),
        ["pass-through-floor", address, upstream] => floors::pass_through(address, upstream),
        _ => measure(arguments),
    }
}

fn measure(arguments: Vec<String>) {
    let mut gateway = PathBuf::from(env!("CARGO_BIN_EXE_ozeki-graphql"));
    let (mut rounds, mut seconds, mut minutes, mut rows) = (5, 2.0, 2.0, Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match &*argument {
            "--gateway" => gateway = value().into(),
            "--rounds" => rounds = value().parse().unwrap(),
            "--slice" => seconds = value().parse().unwrap(),
            "--minutes" => minutes = value().parse().unwrap(),
            row if ROWS.contains(&row) || BY_NAME_ONLY.contains(&row) => rows.push(argument),
            other => {
                let all = [&ROWS[..], &BY_NAME_ONLY].concat().join(", ");
                panic!("there is no row `{other}`; there are {all}");
            }
        }
    }
    let rows = if rows.is_empty() { ROWS.map(str::to_owned).into() } else { rows };
    let pinned = machine::can_pin();
    if pinned {
        machine::pin_load();
    }
    let stage = Stage {
        gateway: gateway.canonicalize().unwrap(),
        own: std::env::current_exe().unwrap(),
        pinned,
        standin: Standin::start(),
        slice: Duration::from_secs_f64(seconds),
        rounds,
        soak: Duration::from_secs_f64(minutes * 60.0),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&stage, &rows));
}

async fn run(stage: &Stage, rows: &[String]) {
    println!(
        "Machine: {}; {}.",
        machine::description(),
        if stage.pinned {
            "the server on one processor, load and upstream on another"
        } else {
            "nothing pinned"
        }
    );
    println!("Load average at the start: {}.\n", machine::load_average());
    if rows.iter().any(|row| ROWS.contains(&&**row)) {
        println!("{} rounds of {:?} for each server in turns.\n", stage.rounds, stage.slice);
        rows::print_head();
    }
    for row in rows {
        match &**row {
            "hot-one" => rows::hot_one(stage).await,
            "hot-both" => rows::hot_both(stage).await,
            "hot-many" => rows::hot_many(stage).await,
            "miss-fast" => rows::miss_fast(stage).await,
            "miss-slow" => rows::miss_slow(stage).await,
            "stampede" => rows::stampede(stage).await,
            "start" => rows::start(stage).await,
            "slow-connections" => attack::slow_connections(stage).await,
            "refused-documents" => attack::refused_documents(stage).await,
            "logins" => attack::logins(stage).await,
            "notice" => live::notice(stage).await,
            "subscribers" => live::subscribers(stage).await,
            "soak" => soak::soak(stage).await,
            "outage" => outage::outage(stage).await,
            "recording" => recording::record(stage).await,
            "instructions" => instructions::count(stage).await,
            _ => rows::smoke(stage).await,
        }
    }
    println!("Load average at the end: {}.", machine::load_average());
}
