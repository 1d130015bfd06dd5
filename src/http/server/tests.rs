//! Connections over memory, with a clock that jumps: nothing here waits.

mod encrypted;
mod turns;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Shared};
use super::limits::{CLOSE_TIMEOUT, ConnectionLimits, HALF_CLOSED_MAX};
use super::open::Open;
use super::{Pauses, is_of_one_connection};
use crate::http::Peer;
use crate::http::turns::{Standing, Turns};
use crate::telemetry::Metrics;

const SECOND: Duration = Duration::from_secs(1);
const LARGE_BYTES: usize = 1 << 20;
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: gate.example\r\n\r\n";

/// A server of one connection, seen from its client.
struct Connected {
    stream: DuplexStream,
    serving: JoinHandle<()>,
    stop: CancellationToken,
    tasks: TaskTracker,
    metrics: Arc<Metrics>,
    release: Arc<Notify>,
}

impl Connected {
    fn new() -> Self {
        Self::in_line(Turns::default())
    }

    /// A client that shares turns with others.
    fn in_line(turns: Turns) -> Self {
        Self::by(turns, None)
    }

    fn by(turns: Turns, tls: Option<TlsAcceptor>) -> Self {
        let release = Arc::new(Notify::new());
        let held = Arc::clone(&release);
        let slow = move || {
            let held = Arc::clone(&held);
            async move {
                held.notified().await;
                "released"
            }
        };
        let router = Router::new()
            .route("/", get(async || "small"))
            .route("/large", get(async || Bytes::from(vec![b'x'; LARGE_BYTES])))
            .route("/held", get(slow))
            .route("/peer", get(async |Extension(peer): Extension<Peer>| peer.address.to_string()))
            .route("/echo", get(upgraded_to_echo))
            .merge(turns::routes(&release));
        let (metrics, stop, tasks) =
            (Arc::new(Metrics::default()), CancellationToken::new(), TaskTracker::new());
        let limits = ConnectionLimits::default();
        let shared = Shared {
            routes: router,
            limits,
            tls,
            tasks: tasks.clone(),
            turns,
            is_leaving: Arc::default(),
            stop: stop.clone(),
            abort: CancellationToken::new(),
        };
        let (stream, inner) = duplex(64 * 1024);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let open = Open::new(place, Some(Arc::clone(&metrics)));
        let standing = Standing::newcomer(shared.turns.clone());
        let address = SocketAddr::from(([192, 0, 2, 7], 4711));
        let peer = Peer { address, standing: standing.clone() };
        let serving = connection::serve(shared, inner, peer, open);
        let serving = tokio::spawn(standing.by_turns(serving));
        Self { stream, serving, stop, tasks, metrics, release }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next answer, whose body ends with `end`.
    async fn answer(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).await.unwrap();
            assert!(count > 0, "closed after {text:?}");
            text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        text
    }

    /// How long the server keeps the connection from now on, and nothing is left of it then.
    async fn kept_for(&mut self) -> Duration {
        let begun = Instant::now();
        (&mut self.serving).await.unwrap();
        self.tasks.close();
        self.tasks.wait().await;
        let text = self.metrics.encode();
        assert!(text.contains("\nozeki_graphql_connections_open 0\n"), "{text}");
        begun.elapsed()
    }
}

async fn upgraded_to_echo(request: Request) -> Response {
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
        let mut bytes = [0; 4];
        io.read_exact(&mut bytes).await.unwrap();
        io.write_all(&bytes).await.unwrap();
    });
    let headers = [("connection", "upgrade"), ("upgrade", "echo")];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_closed() {
    assert_eq!(Connected::new().kept_for().await.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_closed_however_steadily() {
    for start in [&b""[..], GET] {
        let mut client = Connected::new();
        client.send(start).await;
        if !start.is_empty() {
            client.answer("small").await;
            sleep(30 * SECOND).await;
        }
        let begun = Instant::now();
        let drip = async {
            for byte in b"GET / HTTP/1.1\r\nx: ".iter().chain(std::iter::repeat(&b'x')) {
                if client.stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                sleep(SECOND).await;
            }
        };
        drip.await;
        assert!((9..=12).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_pause_for_longer_than_proxies_do_and_not_for_ever() {
    let mut client = Connected::new();
    for _ in 0..3 {
        client.send(GET).await;
        client.answer("small").await;
        sleep(60 * SECOND).await;
    }
    client.send(GET).await;
    client.answer("small").await;
    assert_eq!(client.kept_for().await.as_secs(), 75);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_of_ours_closes_nothing() {
    let mut client = Connected::new();
    client.send(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n").await;
    sleep(600 * SECOND).await;
    client.release.notify_one();
    client.answer("released").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_is_closed() {
    let mut client = Connected::new();
    client.send(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.kept_for().await.as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_a_few_bytes_now_and_then_is_closed() {
    let mut client = Connected::new();
    client.send(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let begun = Instant::now();
    while !client.serving.is_finished() {
        client.stream.read_exact(&mut [0; 100]).await.unwrap();
        sleep(SECOND).await;
    }
    assert!(begun.elapsed() <= 32 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_its_whole_answer() {
    let mut client = Connected::new();
    client.send(b"GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let mut taken = 0;
    loop {
        let mut bytes = vec![0; 20 * 1024];
        let count = client.stream.read(&mut bytes).await.unwrap();
        if count == 0 {
            break;
        }
        taken += count;
        sleep(20 * SECOND).await;
    }
    assert!(taken > LARGE_BYTES, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_no_more_gets_its_answer_if_that_is_there_soon() {
    let ask = async |path: &str| {
        let mut client = Connected::new();
        client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await;
        client.stream.shutdown().await.unwrap();
        client
    };
    for (path, end) in [("/", "small"), ("/large", "xxx"), ("/held", "released")] {
        let mut client = ask(path).await;
        sleep(SECOND / 4).await;
        client.release.notify_one();
        let mut text = String::new();
        client.stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with(end), "{path}");
        assert!(path != "/large" || text.len() > LARGE_BYTES, "{}", text.len());
        assert_eq!(client.kept_for().await, Duration::ZERO);
    }
    // Who takes it slowly has not gone.
    let mut client = ask("/large").await;
    let mut taken = 0;
    while let Ok(count @ 1..) = client.stream.read(&mut vec![0; 20 * 1024]).await {
        taken += count;
        sleep(SECOND).await;
    }
    assert!(taken > LARGE_BYTES, "{taken}");
    // This one has, for all that is known.
    assert_eq!(ask("/held").await.kept_for().await, HALF_CLOSED_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused() {
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(100));
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024));
    for head in [many, long] {
        let mut client = Connected::new();
        let _ = client.stream.write_all(head.as_bytes()).await;
        let mut text = String::new();
        client.stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_pauses_at_once_and_lets_answers_finish() {
    let mut pausing = Connected::new();
    pausing.send(GET).await;
    pausing.answer("small").await;
    let mut silent = Connected::new();
    let mut busy = Connected::new();
    busy.send(b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n").await;
    // The clock moves only when all that can run has run.
    sleep(SECOND).await;
    for client in [&pausing, &silent, &busy] {
        client.stop.cancel();
    }
    assert_eq!(pausing.kept_for().await, Duration::ZERO);
    assert_eq!(silent.kept_for().await, Duration::ZERO);
    sleep(SECOND).await;
    busy.release.notify_one();
    assert!(busy.answer("released").await.contains("connection: close"));
    assert_eq!(busy.kept_for().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_speaks_its_own_protocol_and_counts_until_it_ends() {
    let mut client = Connected::new();
    let head = b"GET /echo HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    client.send(head).await;
    assert!(client.answer("\r\n\r\n").await.starts_with("HTTP/1.1 101 "));
    sleep(600 * SECOND).await;
    assert!(client.metrics.encode().contains("\nozeki_graphql_connections_open 1\n"));
    client.send(b"ping").await;
    client.answer("ping").await;
    client.kept_for().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_knows_its_peer() {
    let mut client = Connected::new();
    client.send(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await;
    client.answer("192.0.2.7:4711").await;
}

/// The client of an HTTP/2 connection that takes `window` bytes of each answer unasked.
async fn http2(stream: DuplexStream, window: u32) -> h2::client::SendRequest<Bytes> {
    let mut builder = h2::client::Builder::new();
    let (client, connection) =
        builder.initial_window_size(window).handshake::<_, Bytes>(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

fn ask(client: &mut h2::client::SendRequest<Bytes>, path: &str) -> h2::client::ResponseFuture {
    let request = http::Request::get(format!("http://gate.example{path}")).body(()).unwrap();
    client.send_request(request, true).unwrap().0
}

#[tokio::test(start_paused = true)]
async fn an_http2_stream_whose_client_takes_nothing_is_reset_and_the_others_go_on() {
    let connected = Connected::new();
    let mut client = http2(connected.stream, 1000).await;
    let begun = Instant::now();
    let mut stalled = ask(&mut client, "/large").await.unwrap().into_body();
    let held = ask(&mut client, "/held");
    stalled.data().await.unwrap().unwrap();
    let error = stalled.data().await.unwrap().unwrap_err();
    assert!(error.is_reset(), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 30);
    // One that waits for us is not stalled.
    sleep(60 * SECOND).await;
    connected.release.notify_one();
    assert_eq!(held.await.unwrap().status(), 200);
    assert_eq!(ask(&mut client, "/").await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_http2_connection_is_closed_after_a_long_pause() {
    let connected = Connected::new();
    let mut client = http2(connected.stream, 65_535).await;
    assert_eq!(ask(&mut client, "/").await.unwrap().status(), 200);
    let begun = Instant::now();
    connected.serving.await.unwrap();
    assert!((75..=81).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head, &stream.to_be_bytes()[..], payload].concat()
}

/// What a client of HTTP/2 sends that asks for `path` and then says nothing more.
fn http2_get(path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    // GET of http, of this path and the authority `a`.
    let head = [b"\x82\x86\x04", &[length][..], path.as_bytes(), b"\x41\x01a"].concat();
    [HTTP2_PREFACE, &frame(SETTINGS, 0, 0, b""), &frame(HEADERS, 0b101, 1, &head)].concat()
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_an_http2_connection_soon_whose_client_says_nothing_more() {
    let mut pausing = Connected::new();
    pausing.send(&http2_get("/")).await;
    let mut busy = Connected::new();
    busy.send(&http2_get("/held")).await;
    sleep(SECOND).await;
    pausing.stop.cancel();
    busy.stop.cancel();
    assert_eq!(pausing.kept_for().await, CLOSE_TIMEOUT);
    // The time begins when the last answer has ended.
    sleep(10 * SECOND).await;
    assert!(!busy.serving.is_finished());
    busy.release.notify_one();
    assert_eq!(busy.kept_for().await, CLOSE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_a_head_its_own_time() {
    let mut client = Connected::new();
    client.send(b"GET / HT").await;
    sleep(SECOND).await;
    client.stop.cancel();
    assert_eq!(client.kept_for().await, 9 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_streams_that_are_reset_at_once_ends_its_connection() {
    const RST_STREAM: u8 = 3;
    let mut client = Connected::new();
    let mut flood = HTTP2_PREFACE.to_vec();
    flood.extend(frame(SETTINGS, 0, 0, b""));
    for stream in (1..1000).step_by(2) {
        // GET http / of authority `a`: the end of the headers and of the stream; then CANCEL.
        flood.extend(frame(HEADERS, 0b101, stream, b"\x82\x86\x84\x41\x01a"));
        flood.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    let _ = client.stream.write_all(&flood).await;
    assert_eq!(client.kept_for().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_pieces_is_the_whole_answer() {
    let connected = Connected::new();
    let mut client = http2(connected.stream, 65_535).await;
    let answer = ask(&mut client, "/large").await.unwrap();
    assert_eq!(answer.headers()["content-length"], LARGE_BYTES.to_string());
    let mut body = answer.into_body();
    let mut taken = 0;
    while let Some(piece) = body.data().await {
        let length = piece.unwrap().len();
        taken += length;
        body.flow_control().release_capacity(length).unwrap();
    }
    assert_eq!(taken, LARGE_BYTES);
}

#[test]
fn a_failure_to_accept_pauses_longer_each_time_and_up_to_a_second() {
    let mut pauses = Pauses::default();
    let told: Vec<u128> = (0..9).map(|_| pauses.next().as_millis()).collect();
    assert_eq!(told, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    pauses.end();
    assert_eq!(pauses.next().as_millis(), 10);
    assert!(is_of_one_connection(&std::io::ErrorKind::ConnectionAborted.into()));
    assert!(!is_of_one_connection(&std::io::Error::from_raw_os_error(24)));
}
