//! A server between the gateway and the sandbox that spoils answers below HTTP, byte by byte.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::faults::{ELSEWHERE, Fault, Then};
use crate::support::chat::chat_of;
use crate::support::{Caller, TestGateway};

/// Where an endless answer ends all the same: far more than a gateway that stops reading lets into the buffers of two
/// sockets.
const ENDLESS_MAX_BYTES: usize = 256 << 20;

/// How long after the last byte the next one of a slow answer comes.
const SLOWNESS: Duration = Duration::from_secs(1);

/// The fault that waits for calls.
struct Armed {
    call: (&'static str, &'static str),
    fault: Fault,
}

/// What the tasks of all connections share.
struct Shared {
    sandbox: SocketAddr,
    /// Another host.
    elsewhere: std::net::TcpListener,
    armed: Mutex<Option<Armed>>,
    met: watch::Sender<usize>,
    released: watch::Sender<bool>,
    /// The bytes of endless answers that were taken.
    endless: AtomicUsize,
}

/// A gateway whose upstream is the sandbox behind the proxy.
pub(super) struct Spoilt {
    pub(super) gateway: TestGateway,
    /// A conversation of Alice's.
    pub(super) chat: String,
    anybody: Caller,
    shared: Arc<Shared>,
}

/// A fault that waits; it is taken back when dropped, and what it holds up goes on.
pub(super) struct Spell<'a>(&'a Shared);

impl Drop for Spell<'_> {
    fn drop(&mut self) {
        *self.0.armed.lock().unwrap() = None;
        self.0.released.send_replace(true);
    }
}

impl Spell<'_> {
    /// Waits until a call has met the fault.
    pub(super) async fn met(&self) {
        self.0.met.subscribe().wait_for(|met| *met > 0).await.unwrap();
    }

    /// How many calls have met it.
    pub(super) fn meetings(&self) -> usize {
        *self.0.met.borrow()
    }

    /// Whether no call met it, since it does not apply to the call's answer.
    pub(super) fn was_in_vain(&self) -> bool {
        self.meetings() == 0
    }
}

impl Spoilt {
    pub(super) async fn start(body_max_bytes: usize, timeout: Duration) -> Self {
        let [listener, elsewhere] = [listen(), listen()];
        let address = listener.local_addr().unwrap();
        let gateway = TestGateway::start_with(|options| {
            options.client.url.set_port(Some(address.port())).unwrap();
            options.client.body_max_bytes = body_max_bytes;
            options.client.timeout = timeout;
        })
        .await;
        let shared = Arc::new(Shared {
            sandbox: gateway.ozeki_address(),
            elsewhere,
            armed: Mutex::default(),
            met: watch::Sender::default(),
            released: watch::Sender::default(),
            endless: AtomicUsize::default(),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&serving)));
            }
        });
        let anybody = gateway.anonymous();
        let mut spoilt = Self { gateway, chat: String::new(), anybody, shared };
        spoilt.chat = chat_of(&spoilt.log_in("alice").await).await;
        spoilt
    }

    /// As [`TestGateway::log_in`], over connections that are open already: one client for each of hundreds of sessions
    /// would cost more than all that is tried.
    pub(super) async fn log_in(&self, name: &str) -> Caller {
        let token = self.anybody.log_in(&format!("{name}-demo")).await;
        self.anybody.clone().with_header("authorization", &format!("Bearer {token}"))
    }

    /// Spoils each answer to a call from now on.
    pub(super) fn spoil(&self, call: (&'static str, &'static str), fault: Fault) -> Spell<'_> {
        self.shared.met.send_replace(0);
        self.shared.released.send_replace(false);
        self.shared.endless.store(0, Ordering::Relaxed);
        *self.shared.armed.lock().unwrap() = Some(Armed { call, fault });
        Spell(&self.shared)
    }

    /// Whether the gateway went to another host.
    pub(super) fn was_left(&self) -> bool {
        self.shared.elsewhere.accept().is_ok()
    }

    /// The bytes of the last fault's endless answers that the gateway took, or that fit into the sockets' buffers.
    pub(super) fn endless_bytes(&self) -> usize {
        self.shared.endless.load(Ordering::Relaxed)
    }
}

fn listen() -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

/// Answers the calls of one connection, until a fault ends it.
async fn converse(mut stream: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let request = message(&mut stream, &mut buffer).await?;
        let mut upstream = TcpStream::connect(shared.sandbox).await.ok()?;
        upstream.write_all(&request).await.ok()?;
        let mut answer = Vec::new();
        let answer = message(&mut upstream, &mut answer).await?;
        let (_, body) = parts(&answer)?;
        let text = String::from_utf8_lossy(&request).into_owned();
        let spoilt = shared.armed.lock().unwrap().as_ref().and_then(|armed| {
            let (api, action) = armed.call;
            let is_meant = text.contains(&format!("api={api} "))
                && text.contains(&format!("\"action\":\"{action}\""));
            let bytes =
                is_meant.then(|| (armed.fault.bytes)(std::str::from_utf8(body).ok()?))??;
            Some((bytes, armed.fault.then))
        });
        match spoilt {
            None => stream.write_all(&answer).await.ok()?,
            Some((bytes, then)) => {
                shared.met.send_modify(|met| *met += 1);
                let elsewhere = shared.elsewhere.local_addr().ok()?.to_string();
                let bytes = replaced(bytes, ELSEWHERE, &elsewhere);
                play(&mut stream, &shared, &bytes, then).await?;
            }
        }
    }
}

/// Plays a fault; none when the connection is over.
async fn play(stream: &mut TcpStream, shared: &Shared, bytes: &[u8], then: Then) -> Option<()> {
    let mut released = shared.released.subscribe();
    if matches!(then, Then::IsLate) {
        released.wait_for(|released| *released).await.ok()?;
    }
    let sent = match then {
        Then::Drips(whole) => {
            stream.write_all(&bytes[..whole.min(bytes.len())]).await.ok()?;
            for byte in &bytes[whole.min(bytes.len())..] {
                stream.write_all(&[*byte]).await.ok()?;
                tokio::time::sleep(SLOWNESS).await;
            }
            Ok(())
        }
        Then::StaysOpen
        | Then::Closes
        | Then::Resets
        | Then::Hangs
        | Then::IsLate
        | Then::Repeats(_) => stream.write_all(bytes).await,
    };
    sent.ok()?;
    match then {
        Then::StaysOpen | Then::IsLate => Some(()),
        Then::Closes | Then::Drips(_) => None,
        Then::Resets => {
            // What was sent arrives first: a reset may overtake it.
            stream.flush().await.ok()?;
            let _ = stream.set_zero_linger();
            None
        }
        Then::Hangs => {
            released.wait_for(|released| *released).await.ok()?;
            None
        }
        Then::Repeats(more) => {
            while shared.endless.load(Ordering::Relaxed) < ENDLESS_MAX_BYTES {
                stream.write_all(more).await.ok()?;
                shared.endless.fetch_add(more.len(), Ordering::Relaxed);
            }
            None
        }
    }
}

/// Reads one request or answer, head and body.
async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some((head, body)) = parts(buffer) {
            let length = head + body.len();
            return Some(buffer.drain(..length).collect());
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// The length of the head, and the body, once both are there.
fn parts(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    Some((end, bytes.get(end..end + length.trim().parse::<usize>().ok()?)?))
}

fn replaced(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => text.replace(from, to).into_bytes(),
        Err(other) => other.into_bytes(),
    }
}
