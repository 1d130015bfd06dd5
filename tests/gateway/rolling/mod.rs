//! Two programs behind one address, replaced one after the other while clients change things.

mod balancer;
mod replica;

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ozeki_graphql::clock::Clock;
use ozeki_graphql::ozeki::Recipe;
use ozeki_graphql::sandbox::{
    Fault, Injection, JOURNAL_MAX, Reply, Sandbox, SandboxOptions, Times,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::support::chat::{ADD, MESSAGE_ID, chat_of, send};
use crate::support::{Caller, PROTOCOL, Socket, canaries};
use balancer::Balancer;
use replica::Replica;

const FAVORITE: (&str, &str) = ("chatconversation", "favorite");
const UNFAVORITE: (&str, &str) = ("chatconversation", "unfavorite");

/// Who sends without a pause, but for this one, so that neither the sandbox's journal nor a page is too short for a test.
const WRITERS: usize = 3;
const PAUSE: Duration = Duration::from_millis(20);

/// The longest delay of a shutdown that there is; nobody waits for its end.
const DELAY_MAX: &str = "1m";

/// How often one change is tried: more than while one replica after the other is replaced, so that a test ends.
const ATTEMPTS_MAX: usize = 20;

/// How long a test waits for what must come; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox, and what all programs in front of it share.
struct Home {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Home {
    async fn start() -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        // The programs ask the machine what time it is.
        let clock = Clock::system();
        let options = SandboxOptions { listen, recipe: Recipe::default(), clock };
        let sandbox = Sandbox::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("session.key"), "07".repeat(32)).unwrap();
        Self { sandbox, folder }
    }

    async fn replica(&self, shutdown_delay: &str) -> Replica {
        let key = self.folder.path().join("session.key");
        Replica::start(self.sandbox.url().as_str(), &key, shutdown_delay).await
    }

    fn calls(&self, (api, action): (&str, &str)) -> usize {
        self.sandbox.journal().count(api, action)
    }

    /// Keeps the answer to the next message back.
    fn hold_a_message(&self) -> Injection {
        let fault = Fault::new(Reply::Genuine).held();
        self.sandbox.faults().inject(ADD.0, ADD.1, Times::Next(1), fault)
    }
}

/// Who asks whoever listens at this address.
fn caller(address: std::net::SocketAddr, token: &str) -> Caller {
    let caller = Caller::new(format!("http://{address}/graphql"));
    caller.with_header("authorization", &format!("Bearer {token}"))
}

async fn token(address: std::net::SocketAddr, name: &str) -> String {
    Caller::new(format!("http://{address}/graphql")).log_in(&format!("{name}-demo")).await
}

/// Asks until there is an answer; how often there was none.
async fn answered(caller: &Caller, query: &str) -> (Value, usize) {
    for failed in 0..ATTEMPTS_MAX {
        if let Ok(data) = caller.try_data(query).await {
            return (data, failed);
        }
    }
    panic!("no answer to {query}");
}

/// The clients, and what they were told.
struct Clients {
    stop: Arc<AtomicBool>,
    acknowledged: watch::Receiver<usize>,
    writers: JoinSet<Vec<String>>,
    switching: tokio::task::JoinHandle<(usize, bool)>,
}

impl Clients {
    /// Alice sends, and Bob makes a conversation a favourite and none again.
    fn begin(alice: &[Caller], chat: &str, bob: Caller, of_bob: String) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (progress, acknowledged) = watch::channel(0);
        let mut writers = JoinSet::new();
        for (writer, alice) in alice.iter().cloned().enumerate() {
            let (chat, stop, progress) = (chat.to_owned(), Arc::clone(&stop), progress.clone());
            writers.spawn(async move {
                let (mut ids, mut pauses) = (Vec::new(), interval(PAUSE));
                while !stop.load(Ordering::Relaxed) {
                    pauses.tick().await;
                    let id = format!("00000000-0000-4000-8000-{writer:04}{:08}", ids.len());
                    let query = send(&chat, "YQ==").replace(MESSAGE_ID, &id);
                    let (data, _) = answered(&alice, &query).await;
                    assert_eq!(data["sendMessage"]["message"]["id"], *id);
                    ids.push(id);
                    progress.send_modify(|count| *count += 1);
                }
                ids
            });
        }
        let until = Arc::clone(&stop);
        let switching = tokio::spawn(async move {
            let (mut switched, mut is_favorite, mut pauses) = (0, false, interval(PAUSE));
            while !until.load(Ordering::Relaxed) {
                pauses.tick().await;
                is_favorite = !is_favorite;
                let field =
                    if is_favorite { "favoriteConversation" } else { "unfavoriteConversation" };
                let query = format!(
                    "mutation {{ {field}(input: {{id: \"{of_bob}\"}}) {{ conversation {{ isFavorite }} }} }}"
                );
                let (data, _) = answered(&bob, &query).await;
                assert_eq!(data[field]["conversation"]["isFavorite"], is_favorite);
                switched += 1;
            }
            (switched, is_favorite)
        });
        Self { stop, acknowledged, writers, switching }
    }

    /// Waits until so many more messages are acknowledged, so that what follows happens in the midst of them.
    async fn go_on(&mut self, more: usize) {
        let now = *self.acknowledged.borrow();
        let enough = self.acknowledged.wait_for(|count| *count >= now + more);
        timeout(PATIENCE, enough).await.expect("clients that go on").unwrap();
    }

    /// The ids of the acknowledged messages, how often the favourite was switched, and how it is now.
    async fn end(self) -> (Vec<String>, usize, bool) {
        self.stop.store(true, Ordering::Relaxed);
        let ids = self.writers.join_all().await.concat();
        let (switched, is_favorite) = self.switching.await.unwrap();
        (ids, switched, is_favorite)
    }
}

/// What a subscriber has seen.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    closes: usize,
    events: usize,
}

/// Subscribes, and comes back whenever it is told that its gateway goes away.
async fn follow(address: std::net::SocketAddr, token: String, heard: watch::Sender<Heard>) {
    loop {
        let opened = Socket::open_at(address, &[("sec-websocket-protocol", PROTOCOL)]).await;
        let mut socket = opened.unwrap_or_else(|refusal| panic!("{refusal:?}"));
        socket.introduce(Some(json!({ "Authorization": format!("Bearer {token}") }))).await;
        socket.ask("1", "subscription { conversationChanged { id } }").await;
        loop {
            match socket.next().await {
                Some(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    let is_event =
                        message["payload"]["data"]["conversationChanged"]["id"].is_string();
                    // No `complete` at the end, which would tell clients not to come back.
                    assert!(is_event, "{message}");
                    heard.send_modify(|heard| heard.events += 1);
                }
                Some(Message::Close(Some(frame))) => {
                    assert_eq!(u16::from(frame.code), 1001, "{frame:?}");
                    break heard.send_modify(|heard| heard.closes += 1);
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("a socket that ends without a word: {other:?}"),
            }
        }
    }
}

/// The ids of all messages of a conversation, as a gateway tells them that has read nothing before.
async fn messages(caller: &Caller, chat: &str) -> Vec<String> {
    let (mut ids, mut before) = (Vec::new(), String::new());
    loop {
        let mut query = format!("{{ conversation(id: \"{chat}\") {{ messages(last: 200{before}) ");
        query += "{ nodes { id } pageInfo { hasPreviousPage startCursor } } } }";
        let data = caller.data(&query).await;
        let page = &data["conversation"]["messages"];
        let nodes = page["nodes"].as_array().unwrap();
        ids.extend(nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasPreviousPage"] != true {
            return ids;
        }
        before.clear();
        let _ = write!(before, ", before: {}", page["pageInfo"]["startCursor"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_acknowledged_change_and_makes_none_twice() {
    // Long enough that balancers mostly see it; where one does not, clients ask again.
    const DELAY: &str = "1s";

    let home = Home::start().await;
    let balancer = Balancer::start().await;
    let mut replicas = [home.replica(DELAY).await, home.replica(DELAY).await];
    balancer.add(replicas[0].address);
    let alice = token(balancer.address, "alice").await;
    let bob = token(balancer.address, "bob").await;
    let chat = chat_of(&caller(balancer.address, &alice)).await;
    let of_bob = chat_of(&caller(balancer.address, &bob)).await;
    // The subscriber is at the first replica, which goes first.
    let (heard, mut hearing) = watch::channel(Heard::default());
    let mut following = JoinSet::new();
    following.spawn(follow(balancer.address, alice.clone(), heard));
    let writers: Vec<_> = (0..WRITERS).map(|_| caller(balancer.address, &alice)).collect();
    let bob = caller(balancer.address, &bob);
    let mut clients = Clients::begin(&writers, &chat, bob.clone(), of_bob.clone());
    timeout(PATIENCE, hearing.wait_for(|heard| heard.events > 0)).await.unwrap().unwrap();
    balancer.add(replicas[1].address);
    for replica in &mut replicas {
        clients.go_on(WRITERS * 10).await;
        let new = home.replica(DELAY).await;
        balancer.add(new.address);
        let old = std::mem::replace(replica, new);
        let address = old.address;
        old.terminate().await;
        assert_eq!(old.ended().await.code(), Some(0));
        balancer.remove(address);
    }
    clients.go_on(WRITERS * 10).await;
    let before = *hearing.borrow();
    assert!(before.closes > 0, "the subscriber was never told");
    timeout(PATIENCE, hearing.wait_for(|heard| heard.events > before.events))
        .await
        .unwrap()
        .unwrap();
    following.shutdown().await;

    let (sent, switched, is_favorite) = clients.end().await;
    let fresh = home.replica("0s").await;
    let alice = caller(fresh.address, &token(fresh.address, "alice").await);
    let mut found = HashMap::<_, usize>::new();
    for id in messages(&alice, &chat).await {
        *found.entry(id).or_default() += 1;
    }
    for id in &sent {
        assert_eq!(found.get(id), Some(&1), "{id}");
    }
    // All that was not answered was never sent on: each change reached Ozeki once.
    assert!(home.sandbox.journal().calls().len() < JOURNAL_MAX, "the journal has forgotten calls");
    assert_eq!(home.calls(ADD), sent.len());
    assert_eq!(home.calls(FAVORITE) + home.calls(UNFAVORITE), switched);
    let bob = caller(fresh.address, &token(fresh.address, "bob").await);
    let query = format!("{{ conversation(id: \"{of_bob}\") {{ isFavorite }} }}");
    assert_eq!(bob.data(&query).await["conversation"]["isFavorite"], is_favorite);
    canaries::check();
}

#[tokio::test]
async fn a_change_under_way_is_answered_by_a_program_that_ends() {
    let home = Home::start().await;
    let replica = home.replica("0s").await;
    let alice = caller(replica.address, &token(replica.address, "alice").await);
    let query = send(&chat_of(&alice).await, "YQ==");
    let held = home.hold_a_message();
    let under_way = tokio::spawn(async move { alice.try_data(&query).await });
    held.arrived(1).await;
    replica.terminate().await;
    replica.refuses().await;
    held.release();
    assert_eq!(under_way.await.unwrap().unwrap()["sendMessage"]["message"]["id"], MESSAGE_ID);
    assert_eq!(replica.ended().await.code(), Some(0));
    assert_eq!(home.calls(ADD), 1);
}

#[tokio::test]
async fn a_second_signal_ends_a_program_at_once_whatever_is_under_way() {
    let home = Home::start().await;
    // Ended by the second signal, as soon as the first is seen to work.
    let replica = home.replica(DELAY_MAX).await;
    let alice = caller(replica.address, &token(replica.address, "alice").await);
    let query = send(&chat_of(&alice).await, "YQ==");
    let held = home.hold_a_message();
    let under_way = tokio::spawn(async move { alice.try_data(&query).await });
    held.arrived(1).await;
    replica.terminate().await;
    replica.withdrawn().await;
    replica.terminate().await;
    assert_eq!(replica.ended().await.code(), Some(1));
    assert!(under_way.await.unwrap().is_err());
    held.release();
}
