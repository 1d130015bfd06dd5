//! Subscriptions over sockets: how late an event is, how many calls it takes, and what an idle subscriber costs.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::load::{Dice, Slice, count, micros};
use crate::rows::mebibytes;
use crate::stage::{ONE, Stage, ask_each, log_in, requests};
use crate::standin;

const SUBSCRIPTION: &str = "subscription { conversationChanged { id lastMessageId } }";

/// Longer than the longest interval between polls, and than readers are polled for first.
const SETTLE: Duration = Duration::from_secs(9);

/// Longer than any event takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// An event as one subscriber heard it: the caller's number, the subscriber's, the change's, and when.
type Heard = (usize, usize, u64, Instant);

pub(crate) async fn notice(stage: &Stage) {
    for interval in ["1s", "100ms"] {
        watch(stage, 20, 1, interval, 10).await;
    }
}

pub(crate) async fn subscribers(stage: &Stage) {
    watch(stage, 100, 10, "1s", 5).await;
}

/// Changes something for each caller, `changes` times, and waits until every subscriber has heard of it.
async fn watch(stage: &Stage, callers: usize, each: usize, interval: &str, changes: u64) {
    let (gateway, _) = stage.gateway(&["--notification-interval", interval]).await;
    // Numbers that no other row uses, for each has a count of changes.
    let first = 100_000 * interval.len() + 1000 * callers;
    let tokens = log_in(gateway.address, first..first + callers).await;
    // The lists are in memory whether or not somebody subscribes.
    ask_each(gateway.address, &requests(&tokens, ONE, &[])).await;
    let before = gateway.resident_bytes();
    let (sender, mut events) = unbounded_channel();
    let mut tasks = JoinSet::new();
    for (caller, token) in tokens.iter().enumerate() {
        for subscriber in 0..each {
            let socket = subscribe(home(caller), gateway.address, token).await.unwrap();
            tasks.spawn(listen(socket, caller, subscriber, sender.clone()));
        }
    }
    tokio::time::sleep(SETTLE).await;
    let resident = gateway.resident_bytes();
    let (stations, polls) = idle_polls(stage).await;

    let mut heard: HashMap<(usize, usize), Vec<u64>> = HashMap::new();
    while let Ok((caller, subscriber, number, _)) = events.try_recv() {
        heard.entry((caller, subscriber)).or_default().push(number);
    }
    let early = heard.drain().count();
    let lists = stage.standin.calls("chatconversation");
    let mut latencies = Vec::new();
    for change in 1..=changes {
        let raised = raise(stage, first, callers, change).await;
        hear(&mut events, &raised, callers * each, &mut heard, &mut latencies).await;
    }
    let lists = stage.standin.calls("chatconversation") - lists;
    // What is told twice would come now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    while let Ok((caller, subscriber, number, _)) = events.try_recv() {
        heard.entry((caller, subscriber)).or_default().push(number);
    }
    let expected: Vec<_> = (1..=changes).collect();
    let exact = heard.values().filter(|numbers| **numbers == expected).count();
    latencies.sort_unstable();
    let slice = Slice { latencies, ..Slice::default() };
    println!();
    println!(
        "{} subscribers of {callers} callers, interval {interval}: notice to event p50 {:.0} ms, p99 {:.0} ms; {exact} of {} heard each of {changes} changes once and in order ({early} heard something before); {lists} reads of lists for {} notices; {stations} stations polled, each at most {polls:.1} times in an idle second; {:.1} KiB for each idle subscriber (resident {} before, {} after).",
        callers * each,
        slice.percentile(50),
        slice.percentile(99),
        callers * each,
        callers * usize::try_from(changes).unwrap(),
        count(usize::try_from(resident.saturating_sub(before) / 1024).unwrap())
            / count(callers * each),
        mebibytes(before),
        mebibytes(resident)
    );
    println!();
    tasks.shutdown().await;
}

/// The stations that are polled while nothing happens, and how often the busiest is in a second.
async fn idle_polls(stage: &Stage) -> (usize, f64) {
    const WINDOW: Duration = Duration::from_secs(10);
    stage.standin.forget_polls();
    tokio::time::sleep(WINDOW).await;
    let polls = stage.standin.polls();
    let most = polls.values().copied().max().unwrap_or(0);
    (polls.len(), count(most) / WINDOW.as_secs_f64())
}

/// Changes something for each caller, at moments spread over a second, so that no poll's rhythm is met.
async fn raise(stage: &Stage, first: usize, callers: usize, change: u64) -> Vec<Instant> {
    let mut dice = Dice::new(usize::try_from(change).unwrap());
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let standin = stage.standin.clone();
        let wait = Duration::from_millis(u64::try_from(dice.below(1000)).unwrap());
        tasks.spawn(async move {
            tokio::time::sleep(wait).await;
            let raised = Instant::now();
            let number = standin.change(&standin::user(first + caller));
            assert_eq!(number, change, "no row before changed this user");
            (caller, raised)
        });
    }
    let mut raised = vec![Instant::now(); callers];
    while let Some(one) = tasks.join_next().await {
        let (caller, moment) = one.unwrap();
        raised[caller] = moment;
    }
    raised
}

/// Hears one event from each subscriber, or as many as come in time.
async fn hear(
    events: &mut UnboundedReceiver<Heard>,
    raised: &[Instant],
    expected: usize,
    heard: &mut HashMap<(usize, usize), Vec<u64>>,
    latencies: &mut Vec<u32>,
) {
    let until = tokio::time::Instant::now() + PATIENCE;
    for _ in 0..expected {
        let next = tokio::time::timeout_at(until, events.recv()).await;
        let Ok(Some((caller, subscriber, number, moment))) = next else { return };
        heard.entry((caller, subscriber)).or_default().push(number);
        latencies.push(micros(moment.saturating_duration_since(raised[caller])));
    }
}

/// Where a caller is: nobody has a thousand sockets, and one address may not.
fn home(caller: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 3, u8::try_from(caller % 250).unwrap() + 1)
}

/// Subscribes; none if the gateway closes the socket, as it does when a starved load introduces itself too late.
pub(crate) async fn subscribe(
    from: Ipv4Addr,
    to: SocketAddr,
    token: &str,
) -> Option<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{to}/graphql").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    let local = TcpSocket::new_v4().unwrap();
    local.bind((from, 0).into()).unwrap();
    let stream = local.connect(to).await.unwrap();
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let payload = json!({ "authorization": format!("Bearer {token}") });
    say(&mut socket, &json!({ "type": "connection_init", "payload": payload })).await;
    let acknowledged = next(&mut socket).await?;
    assert_eq!(acknowledged["type"], "connection_ack", "{acknowledged}");
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": SUBSCRIPTION } });
    say(&mut socket, &subscribe).await;
    Some(socket)
}

pub(crate) async fn say(socket: &mut WebSocketStream<TcpStream>, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// The next message of the protocol; pings are answered below.
pub(crate) async fn next(socket: &mut WebSocketStream<TcpStream>) -> Option<Value> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return serde_json::from_str(&text).ok(),
            Message::Close(_) => return None,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// Hands on what a subscriber hears until the socket ends.
async fn listen(
    mut socket: WebSocketStream<TcpStream>,
    caller: usize,
    subscriber: usize,
    events: UnboundedSender<Heard>,
) {
    while let Some(message) = next(&mut socket).await {
        let moment = Instant::now();
        if message["type"] == "ping" {
            say(&mut socket, &json!({ "type": "pong" })).await;
            continue;
        }
        let id = message["payload"]["data"]["conversationChanged"]["lastMessageId"].as_str();
        let number = id.and_then(|id| id.rsplit('-').next()?.parse().ok());
        let number = number.unwrap_or_else(|| panic!("no event: {message}"));
        if events.send((caller, subscriber, number, moment)).is_err() {
            return;
        }
    }
}
