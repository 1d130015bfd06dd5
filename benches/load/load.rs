//! A closed loop: each connection asks, waits for the answer, and asks again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::http::Connection;
use crate::server::Server;

/// Which request a connection sends next.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// Always the same one, another for each connection.
    Own,
    /// Any of them.
    Random,
}

/// What was seen in one slice of time.
#[derive(Default)]
pub(crate) struct Slice {
    /// In microseconds, in rising order.
    pub(crate) latencies: Vec<u32>,
    pub(crate) seconds: f64,
    /// Of the server, in microseconds for each request.
    pub(crate) cpu: f64,
    /// Answers that were no 200.
    pub(crate) refused: usize,
}

impl Slice {
    pub(crate) fn per_second(&self) -> f64 {
        count(self.latencies.len()) / self.seconds
    }

    /// In milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Loads a server for a while.
pub(crate) async fn closed_loop(
    server: &Server,
    requests: &Arc<Vec<Vec<u8>>>,
    order: Order,
    connections: usize,
    time: Duration,
) -> Slice {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(server.address).await.unwrap());
    }
    let cpu = server.cpu_nanoseconds();
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, connection) in opened.into_iter().enumerate() {
        let requests = Arc::clone(requests);
        tasks.spawn(ask(connection, requests, order, number, started + time));
    }
    let mut slice = Slice::default();
    while let Some(part) = tasks.join_next().await {
        let (latencies, refused) = part.unwrap();
        slice.latencies.extend(latencies);
        slice.refused += refused;
    }
    slice.seconds = started.elapsed().as_secs_f64();
    slice.latencies.sort_unstable();
    let asked = u64::try_from(slice.latencies.len()).unwrap().max(1);
    let cpu = server.cpu_nanoseconds().saturating_sub(cpu) / asked;
    slice.cpu = f64::from(u32::try_from(cpu).unwrap_or(u32::MAX)) / 1000.0;
    slice
}

async fn ask(
    mut connection: Connection,
    requests: Arc<Vec<Vec<u8>>>,
    order: Order,
    number: usize,
    until: Instant,
) -> (Vec<u32>, usize) {
    let mut latencies = Vec::new();
    let mut refused = 0;
    let mut dice = Dice::new(number);
    let mut next = number % requests.len();
    loop {
        if matches!(order, Order::Random) {
            next = dice.below(requests.len());
        }
        let asked = Instant::now();
        let reply = connection.exchange(&requests[next]).await.unwrap();
        refused += usize::from(reply.status != 200);
        latencies.push(micros(asked.elapsed()));
        if Instant::now() >= until {
            return (latencies, refused);
        }
    }
}

/// Asks at a steady pace over one connection for each request, as people do; for what others do to them.
pub(crate) async fn paced(
    to: SocketAddr,
    requests: &[Vec<u8>],
    period: Duration,
    time: Duration,
) -> Slice {
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for (number, request) in requests.iter().enumerate() {
        let request = request.clone();
        let offset = period.mul_f64(count(number) / count(requests.len()));
        tasks.spawn(async move {
            let mut connection = Connection::open_from(Ipv4Addr::LOCALHOST, to).await.unwrap();
            tokio::time::sleep(offset).await;
            let mut ticks = tokio::time::interval(period);
            let (mut latencies, mut refused) = (Vec::new(), 0);
            while Instant::now() < until {
                ticks.tick().await;
                let asked = Instant::now();
                let reply = connection.exchange(&request).await.unwrap();
                refused += usize::from(reply.status != 200);
                latencies.push(micros(asked.elapsed()));
            }
            (latencies, refused)
        });
    }
    let mut slice = Slice { seconds: time.as_secs_f64(), ..Slice::default() };
    while let Some(part) = tasks.join_next().await {
        let (latencies, refused) = part.unwrap();
        slice.latencies.extend(latencies);
        slice.refused += refused;
    }
    slice.latencies.sort_unstable();
    slice
}

/// A small generator of random numbers (xorshift), the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: usize) -> Self {
        Self(
            0x9e37_79b9_7f4a_7c15
                ^ (u64::try_from(seed).unwrap() + 1).wrapping_mul(0x2545_f491_4f6c_dd1d),
        )
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

pub(crate) fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// A count as a number to divide by; none that is measured comes near the end of `u32`.
pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The middle of some numbers.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}
