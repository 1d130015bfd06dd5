//! What one person does to another: the latency of people who ask at their own pace, while nobody attacks and while
//! somebody does. All limits are on, and attackers have many addresses, since one would soon be told to wait.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::http::{Connection, post};
use crate::load::{Slice, paced};
use crate::machine;
use crate::server::Server;
use crate::stage::{ONE, Stage, ask_each, log_in, login, requests};
use crate::standin;

/// People who are not attackers.
const PEOPLE: usize = 20;

/// How often each asks: fifteen times a second, below the limit of a caller.
const PERIOD: Duration = Duration::from_micros(66_667);

/// Connections of a flood, each from an address of its own.
const FLOOD: u8 = 64;

/// Requests from an address: fewer than those after which it is told to wait, which is answered quickly.
const OF_AN_ADDRESS: usize = 500;

/// Networks that attackers have come from so far, in the whole run: each gateway has seen none of its own.
static ADDRESSES: AtomicU16 = AtomicU16::new(0x0100);

/// Connections that send their header byte by byte, and how long they wait after each byte.
const SLOW: usize = 100;
const SLOWNESS: Duration = Duration::from_millis(100);

/// So many rounds for each that is wanted are left out at most: in those the host of a virtual machine took a processor
/// away, for up to 20 ms at once, and one answer in a hundred would tell of nothing else. Behind them every round counts.
const DISTURBED_MAX: usize = 5;

/// Longer than it takes the gateway to see that connections have ended.
const REST_MAX: Duration = Duration::from_secs(15);

/// How an attacker goes on until told to stop, on a thread of their own.
struct Attack {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Attack {
    fn begin<Task, Work>(connections: u8, task: Task) -> Self
    where
        Task: Fn(u8, Arc<AtomicBool>, Arc<AtomicUsize>) -> Work + Send + 'static,
        Work: Future<Output = ()> + Send + 'static,
    {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let shared = (Arc::clone(&stop), Arc::clone(&answered));
        let thread = spawn(move || {
            machine::give_way();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let mut tasks = JoinSet::new();
                for number in 0..connections {
                    tasks.spawn(task(number, Arc::clone(&shared.0), Arc::clone(&shared.1)));
                }
                while tasks.join_next().await.is_some() {}
            });
        });
        Self { stop, answered, thread }
    }

    /// Ends it, and tells how many answers it got.
    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.answered.load(Ordering::Relaxed)
    }
}

pub(crate) async fn slow_connections(stage: &Stage) {
    let name = "100 connections that send a header's byte each 100 ms";
    compare(stage, name, |to| {
        // More fit one thread than its connections' type counts: one task keeps all of them.
        Attack::begin(1, move |_, stop, answered| dribble(to, stop, answered))
    })
    .await;
}

async fn dribble(to: SocketAddr, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) {
    let mut connections: Vec<Option<Connection>> = (0..SLOW).map(|_| None).collect();
    let head = b"POST /graphql HTTP/1.1\r\nhost: bench\r\nx: ";
    while !stop.load(Ordering::Relaxed) {
        for slot in &mut connections {
            let is_open = match slot {
                Some(connection) => connection.stream.write_all(b"x").await.is_ok(),
                None => false,
            };
            // The gateway ends those that take too long: they come again.
            if !is_open {
                *slot = Connection::open_from(Ipv4Addr::new(127, 0, 1, 1), to).await.ok();
                if let Some(connection) = slot {
                    let _ = connection.stream.write_all(head).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        tokio::time::sleep(SLOWNESS).await;
    }
}

/// Requests whose documents are refused, each for another reason.
pub(crate) fn refused() -> Vec<Vec<u8>> {
    let documents = [
        "{ a ".repeat(2_000),
        "{ conversations { ".repeat(20) + &"} }".repeat(20),
        format!(
            "{{ {} }}",
            (0..800).map(|n| format!("a{n}: __typename")).collect::<Vec<_>>().join(" ")
        ),
        format!("{{ viewer {} {{ id }} }}", "@include(if: true) ".repeat(400)),
        "query { viewer { nothing } }".to_owned(),
        "#".repeat(30_000),
    ];
    let request =
        |document| post("/graphql", &[], &serde_json::json!({ "query": document }).to_string());
    documents.map(request).into()
}

pub(crate) async fn refused_documents(stage: &Stage) {
    let name = "a flood of refused documents, 64 connections, each of which comes from another address after 500 requests";
    let requests = Arc::new(refused());
    compare(stage, name, |to| {
        let requests = Arc::clone(&requests);
        Attack::begin(FLOOD, move |number, stop, answered| {
            let requests = Arc::clone(&requests);
            flood(number, to, stop, answered, move |turn| requests[turn % requests.len()].clone())
        })
    })
    .await;
}

pub(crate) async fn logins(stage: &Stage) {
    let name =
        "a stampede of logins, each of another key, 64 connections that change their addresses too";
    compare(stage, name, |to| {
        Attack::begin(FLOOD, move |number, stop, answered| {
            let first = (usize::from(number) + 1) * 1_000_000;
            flood(number, to, stop, answered, move |turn| login(&standin::user(first + turn)))
        })
    })
    .await;
}

async fn flood(
    number: u8,
    to: SocketAddr,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    request: impl Fn(usize) -> Vec<u8>,
) {
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        let network = ADDRESSES.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let from = Ipv4Addr::new(127, network[0].max(1), network[1], number + 1);
        let Ok(mut connection) = Connection::open_from(from, to).await else { continue };
        for _ in 0..OF_AN_ADDRESS {
            if stop.load(Ordering::Relaxed) || connection.exchange(&request(turn)).await.is_err() {
                break;
            }
            turn += 1;
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// People's latencies with and without the attack, in turns.
async fn compare(stage: &Stage, name: &str, attack: impl Fn(SocketAddr) -> Attack) {
    let (gateway, _) = stage.gateway(&[]).await;
    let tokens = log_in(gateway.address, 0..PEOPLE).await;
    let requests = requests(&tokens, ONE, &[]);
    ask_each(gateway.address, &requests).await;
    let before = gateway.resident_bytes();
    let descriptors = gateway.descriptors();
    let (mut quiet, mut attacked, mut attempts) = (Slice::default(), Slice::default(), 0);
    let (mut rounds, mut disturbed) = (0, 0);
    while rounds < stage.rounds {
        let stolen = machine::stolen_ticks();
        let calm = paced(gateway.address, &requests, PERIOD, stage.slice).await;
        let attack = attack(gateway.address);
        let during = paced(gateway.address, &requests, PERIOD, stage.slice).await;
        let attempted = attack.end();
        if machine::stolen_ticks() > stolen && disturbed < stage.rounds * DISTURBED_MAX {
            disturbed += 1;
            continue;
        }
        rounds += 1;
        attempts += attempted;
        gather(&mut quiet, calm);
        gather(&mut attacked, during);
    }
    let left = rest(&gateway, descriptors).await;
    println!();
    println!(
        "Under {name} ({attempts} in {:.0} s): p99 {:.2} ms beside {:.2} ms when quiet, a ratio of {:.2}; p50 {:.2} ms beside {:.2} ms; {} of {} and {} of {} answers were no 200; resident {} before and {} after; {descriptors} descriptors before and {left} after. {disturbed} rounds were left out since the host took processors away.",
        attacked.seconds,
        attacked.percentile(99),
        quiet.percentile(99),
        attacked.percentile(99) / quiet.percentile(99),
        attacked.percentile(50),
        quiet.percentile(50),
        attacked.refused,
        attacked.latencies.len(),
        quiet.refused,
        quiet.latencies.len(),
        crate::rows::mebibytes(before),
        crate::rows::mebibytes(gateway.resident_bytes())
    );
    println!();
}

/// Waits until no more descriptors are open than before, and tells how many.
async fn rest(gateway: &Server, before: usize) -> usize {
    let deadline = Instant::now() + REST_MAX;
    loop {
        let left = gateway.descriptors();
        if left <= before {
            return left;
        }
        assert!(Instant::now() < deadline, "{left} descriptors are open, not {before}");
        tokio::time::sleep(SLOWNESS).await;
    }
}

fn gather(all: &mut Slice, slice: Slice) {
    all.latencies.extend(slice.latencies);
    all.latencies.sort_unstable();
    all.seconds += slice.seconds;
    all.refused += slice.refused;
}
