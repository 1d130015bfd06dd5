//! A fast stand-in of an Ozeki server: any key is a user, and every user has fifty conversations with two participants
//! each and fifty friends. It checks no signature; what it costs is the load's processor's affair.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::load::Dice;

/// Conversations of each user, and friends.
const ROWS: usize = 50;

/// Stands in the texts where the user's id belongs; conversations' ids begin with three quarters of it.
const USER: &str = "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu";
const CONVERSATION: &str = "uuuuuuuuuuuuuuuuuuuuuuuu";

/// Stands where the number of the user's last change belongs.
const CHANGE: &str = "cccccccccccc";

/// The most that a request of the gateway takes, in bytes.
const REQUEST_MAX_BYTES: usize = 64 << 10;

/// The id of the user with this number, which is also their key.
pub(crate) fn user(number: usize) -> String {
    // A prime, so that the ids of neighbours differ in their first digits too.
    format!("{:08x}{number:024x}", number * 2_654_435_761 % (1 << 32))
}

/// The conversation of a user that changes.
fn changing(user: &str) -> String {
    format!("{}{:08x}", &user[..CONVERSATION.len()], 0)
}

/// The calls that came, and when the last answer to one went out.
#[derive(Default)]
struct World {
    calls: HashMap<&'static str, usize>,
    answered: Option<Instant>,
    stations: HashMap<String, HashSet<String>>,
    notices: HashMap<String, Vec<String>>,
    polls: HashMap<String, usize>,
    changes: HashMap<String, u64>,
    delay: Duration,
    /// Answers of a thousand that go wrong.
    troubled: usize,
    answers: usize,
}

/// How long a slow answer takes in trouble: long enough to be seen, and within the time of any call.
const SLOW: Duration = Duration::from_millis(300);

/// How an answer goes wrong.
#[derive(Clone, Copy)]
enum Trouble {
    /// Another status, with this body.
    Says(&'static str, &'static str),
    /// The connection is closed before, or in the middle of the answer.
    Closes,
    CutsOff,
    /// Nothing comes.
    Hangs,
    IsSlow,
}

const TROUBLES: [Trouble; 8] = [
    Trouble::Says("500 Internal Server Error", ""),
    Trouble::Says("503 Service Unavailable", "<html>"),
    Trouble::Says("200 OK", "<html>"),
    Trouble::Says("200 OK", r#"{"status":"ERROR","errormessage":"not today"}"#),
    Trouble::Closes,
    Trouble::CutsOff,
    Trouble::Hangs,
    Trouble::IsSlow,
];

impl World {
    /// Whether the next answer goes wrong, and how.
    fn trouble(&mut self) -> Option<Trouble> {
        self.answers += 1;
        let mut dice = Dice::new(self.answers);
        (dice.below(1000) < self.troubled).then(|| TROUBLES[dice.below(TROUBLES.len())])
    }
}

/// The running stand-in.
#[derive(Clone)]
pub(crate) struct Standin {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    is_down: watch::Sender<bool>,
}

impl Standin {
    /// Serves on a thread of its own for as long as the program runs.
    pub(crate) fn start() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let standin = Self { address, world, is_down: watch::Sender::default() };
        let shared = Arc::clone(&standin.world);
        let is_down = standin.is_down.subscribe();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(serve(listener, shared, is_down));
        });
        standin
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/ozeki/index.php", self.address)
    }

    /// How long it waits before it answers a list.
    pub(crate) fn answer_after(&self, delay: Duration) {
        self.world.lock().unwrap().delay = delay;
    }

    /// How many answers of a thousand go wrong from now on.
    pub(crate) fn trouble(&self, share: usize) {
        self.world.lock().unwrap().troubled = share;
    }

    /// Ends all connections and takes no more, as a server that was killed, or comes back.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.send_replace(is_down);
    }

    /// How many calls came in all.
    pub(crate) fn all_calls(&self) -> usize {
        self.world.lock().unwrap().calls.values().sum()
    }

    /// How many calls of this kind came, such as `chatfriends`.
    pub(crate) fn calls(&self, api: &str) -> usize {
        self.world.lock().unwrap().calls.get(api).copied().unwrap_or(0)
    }

    /// When the last list was sent.
    pub(crate) fn answered(&self) -> Option<Instant> {
        self.world.lock().unwrap().answered
    }

    /// Forgets which stations were polled.
    pub(crate) fn forget_polls(&self) {
        self.world.lock().unwrap().polls.clear();
    }

    /// How often each station was polled since.
    pub(crate) fn polls(&self) -> HashMap<String, usize> {
        self.world.lock().unwrap().polls.clone()
    }

    /// Changes a conversation of a user and tells all stations of theirs; returns the change's number.
    pub(crate) fn change(&self, user: &str) -> u64 {
        let mut world = self.world.lock().unwrap();
        let number = world.changes.entry(user.to_owned()).or_default();
        *number += 1;
        let number = *number;
        for station in world.stations.get(user).cloned().unwrap_or_default() {
            world.notices.entry(station).or_default().push(changing(user));
        }
        number
    }

    /// The bytes of a user's two lists.
    pub(crate) fn list_bytes() -> usize {
        conversations().len() + friends().len()
    }
}

async fn serve(
    listener: std::net::TcpListener,
    world: Arc<Mutex<World>>,
    mut is_down: watch::Receiver<bool>,
) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(TcpListener::from_std(listener).unwrap());
    let texts = Arc::new((conversations(), friends()));
    loop {
        let listening = match listener.take() {
            Some(listening) => listening,
            None => TcpListener::bind(address).await.unwrap(),
        };
        loop {
            let stream = tokio::select! {
                accepted = listening.accept() => accepted.unwrap().0,
                _ = is_down.wait_for(|is_down| *is_down) => break,
            };
            let _ = stream.set_nodelay(true);
            let conversation = converse(stream, Arc::clone(&world), Arc::clone(&texts));
            let mut is_down = is_down.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = conversation => {}
                    _ = is_down.wait_for(|is_down| *is_down) => {}
                }
            });
        }
        drop(listening);
        let _ = is_down.wait_for(|is_down| !*is_down).await;
    }
}

async fn converse(
    mut stream: TcpStream,
    world: Arc<Mutex<World>>,
    texts: Arc<(String, String)>,
) -> Option<()> {
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let (head, body) = loop {
            if let Some(parts) = request(&buffer) {
                break parts;
            }
            let read = stream.read_buf(&mut buffer).await.ok()?;
            if read == 0 || buffer.len() > REQUEST_MAX_BYTES {
                return None;
            }
        };
        buffer.clear();
        let (answer, delay, is_list) = answer(&head, &body, &world, &texts);
        if is_list && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let trouble = world.lock().unwrap().trouble();
        let (status, answer) = match trouble {
            None | Some(Trouble::CutsOff) => ("200 OK", &*answer),
            Some(Trouble::Says(status, body)) => (status, body),
            Some(Trouble::Closes) => return None,
            Some(Trouble::Hangs) => {
                // Until the gateway gives up.
                let _ = stream.read_buf(&mut buffer).await;
                return None;
            }
            Some(Trouble::IsSlow) => {
                tokio::time::sleep(SLOW).await;
                ("200 OK", &*answer)
            }
        };
        let mut bytes = Vec::with_capacity(answer.len() + 128);
        bytes.extend_from_slice(b"HTTP/1.1 ");
        bytes.extend_from_slice(status.as_bytes());
        bytes.extend_from_slice(b"\r\ncontent-type: application/json\r\ncontent-length: ");
        bytes.extend_from_slice(answer.len().to_string().as_bytes());
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(answer.as_bytes());
        if matches!(trouble, Some(Trouble::CutsOff)) {
            bytes.truncate(bytes.len() - answer.len() / 2);
            stream.write_all(&bytes).await.ok()?;
            return None;
        }
        stream.write_all(&bytes).await.ok()?;
        if is_list {
            world.lock().unwrap().answered = Some(Instant::now());
        }
    }
}

/// Head and body of a request, once both are there; requests are not sent before the last one's answer.
fn request(bytes: &[u8]) -> Option<(String, String)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length: usize = header(&head, "content-length")?.parse().ok()?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some((head, String::from_utf8_lossy(body).into_owned()))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| *found == name).map(|(_, value)| value.trim())
}

fn answer(
    head: &str,
    body: &str,
    world: &Mutex<World>,
    texts: &(String, String),
) -> (String, Duration, bool) {
    let mut world = world.lock().unwrap();
    let apis =
        ["chatlogin", "chatnotification", "chatconversation", "chatfriends", "chatavailability"];
    let api = apis.into_iter().find(|api| head.contains(&format!("api={api}"))).unwrap_or("other");
    *world.calls.entry(api).or_default() += 1;
    let station = header(head, "ozeki-station").unwrap_or_default();
    let delay = world.delay;
    match api {
        "chatlogin" => {
            let key = body.split_once(r#""apikey":""#).map_or("", |(_, rest)| rest);
            let user = key.split('"').next().unwrap_or_default();
            let stations = world.stations.entry(user.to_owned()).or_default();
            stations.insert(station.to_owned());
            let text = r#"{"status":"OK","errormessage":"","fullname":"Somebody","userid":""#;
            (format!("{text}{user}\"}}"), delay, false)
        }
        "chatnotification" => {
            *world.polls.entry(station.to_owned()).or_default() += 1;
            let ids = world.notices.remove(station).unwrap_or_default();
            let ids: Vec<_> = ids.into_iter().map(|id| format!("\"{id}\"")).collect();
            let text = format!(
                r#"{{"status":"OK","friendavailabilitesof":[],"conversationchangedof":[{}],"conversationlistchangedof":[]}}"#,
                ids.join(",")
            );
            (text, delay, false)
        }
        "chatavailability" => (r#"{"status":"OK"}"#.to_owned(), delay, false),
        "chatconversation" if body.contains(r#""action":"favorite""#) => {
            let user = header(head, "ozeki-user").unwrap_or(USER);
            let conversation = changing(user);
            let text = format!(
                r#"{{"status":"OK","conversation":{{"id":"{conversation}","participantids":["{user}"],"favoriteby":["{user}"]}}}}"#
            );
            (text, delay, false)
        }
        _ => {
            let user = header(head, "ozeki-user").unwrap_or(USER);
            let change = world.changes.get(user).copied().unwrap_or(0);
            drop(world);
            let text = if api == "chatfriends" { &texts.1 } else { &texts.0 };
            (stamped(text, user, change), delay, true)
        }
    }
}

/// The text with this user's ids and last change in it, at no more than the price of copying it.
fn stamped(text: &str, user: &str, change: u64) -> String {
    let change = format!("{change:012}");
    let mut stamped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\u{1}', '\u{2}', '\u{3}']) {
        stamped.push_str(&rest[..at]);
        let (stamp, length) = match rest.as_bytes()[at] {
            1 => (user, USER.len()),
            2 => (&user[..CONVERSATION.len()], CONVERSATION.len()),
            _ => (&*change, CHANGE.len()),
        };
        stamped.push_str(stamp);
        rest = &rest[at + length..];
    }
    stamped.push_str(rest);
    stamped
}

/// Marks the places of the stamps by control characters, which the texts do not hold otherwise.
fn marked(text: &str) -> String {
    let mark = |mark: char, length: usize| format!("{mark}{}", "-".repeat(length - 1));
    text.replace(USER, &mark('\u{1}', USER.len()))
        .replace(CONVERSATION, &mark('\u{2}', CONVERSATION.len()))
        .replace(CHANGE, &mark('\u{3}', CHANGE.len()))
}

/// As the vendor's sample of a list shows it, of its size: about 700 bytes for each.
fn conversations() -> String {
    let rows = (0..ROWS).map(|row| {
        let peer = user(1_000_000 + row);
        let secret = "c2VjcmV0".repeat(20);
        let (change, seconds) = if row == 0 { (CHANGE, 1_709_990_000) } else { ("000000000000", 1_709_900_000 + row) };
        format!(
            r##"{{"id":"{CONVERSATION}{row:08x}","isgroup":false,"participantids":["{USER}","{peer}"],"participants":[{{"userid":"{USER}","username":"Somebody"}},{{"userid":"{peer}","username":"Peer number {row}"}}],"displayname":"{USER}{USER}","lastmessageid":"bd31713d-0f99-453b-a0c1-{change}","lastreportid":"935d8b8de4c395f50405e617e636{row:04x}","lastaccess":{seconds},"secret":"{secret}","instance":"PqjfKS{row:04}","mutedby":[],"favoriteby":[],"hiddenby":[],"properties":[{{"userid":"{USER}","ismuted":false,"isfavorite":false,"hideid":"","listitembackgroundcolor":"#ffffff"}}]}}"##
        )
    });
    let rows: Vec<_> = rows.collect();
    marked(&format!(r#"{{"status":"OK","errormessage":"","conversations":[{}]}}"#, rows.join(",")))
}

fn friends() -> String {
    let people: Vec<_> =
        (0..ROWS).map(|row| (user(1_000_000 + row), format!("Peer number {row}"))).collect();
    let names: Vec<_> = people.iter().map(|(id, name)| format!(r#""{id}":"{name}""#)).collect();
    let key = "cHVibGlj".repeat(25);
    let presences = people.iter().map(|(id, name)| {
        format!(r#"{{"friendid":"{id}","friendname":"{name}","publickey":"{key}","availability":"available"}}"#)
    });
    let presences: Vec<_> = presences.collect();
    format!(
        r#"{{"status":"OK","errormessage":"","friends":{{{}}},"availabilities":[{}]}}"#,
        names.join(","),
        presences.join(",")
    )
}
