//! Connections that wait for their turns together.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::task::{JoinSet, unconstrained};
use tokio::time::timeout;

use super::*;
use crate::http::turns::Shown;

const CLIENTS: usize = 1_000;

/// Routes that note who asks, as those of the gateway do.
pub(super) fn routes(release: &Arc<Notify>) -> Router {
    let held = Arc::clone(release);
    let held = move |Extension(peer): Extension<Peer>| {
        let held = Arc::clone(&held);
        async move {
            peer.standing.note(Shown::Itself, true);
            held.notified().await;
            held.notify_one();
            "known"
        }
    };
    let note = |shown, is_admitted| {
        get(async move |Extension(peer): Extension<Peer>| {
            peer.standing.note(shown, is_admitted);
            "noted"
        })
    };
    Router::new()
        .route("/known", note(Shown::Itself, true))
        .route("/charged", note(Shown::Nothing, true))
        .route("/nameless", note(Shown::Nothing, false))
        .route("/known/held", get(held))
}

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_clients_show_and_however_many_wait_all_are_answered() {
    let turns = Turns::default();
    let mut asking = JoinSet::new();
    for client in 0..CLIENTS / 5 {
        let mut connected = Connected::in_line(turns.clone());
        asking.spawn(async move {
            for turn in 0..10 {
                let path = ["/known", "/charged", "/nameless"][(client + turn) % 3];
                for part in request(path).chunks(20) {
                    connected.send(part).await;
                    tokio::task::yield_now().await;
                }
                connected.answer("noted").await;
            }
        });
    }
    asking.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_thousand_busy_connections_of_nobody_in_no_time() {
    let turns = Turns::default();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Connected::in_line(turns.clone())).collect();
    for client in &mut clients {
        client.send(&request("/nameless")).await;
        client.send(&request("/held")).await;
    }
    for client in &mut clients {
        client.answer("noted").await;
    }
    // All of them have something to do again, and none has had a turn.
    for client in &clients {
        client.release.notify_one();
        client.stop.cancel();
    }
    let begun = Instant::now();
    let ended = clients.iter_mut().map(async |client| {
        client.answer("released").await;
        client.kept_for().await
    });
    join_all(ended).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_a_thousand_stand_in_line_has_its_answer_before_most_of_them() {
    let turns = Turns::default();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Connected::in_line(turns.clone())).collect();
    for client in &mut clients {
        client.send(&request("/nameless")).await;
        client.answer("noted").await;
    }
    for client in &mut clients {
        client.send(&request("/nameless")).await;
    }
    let mut login = Connected::in_line(turns);
    login.send(&request("/charged")).await;
    login.answer("noted").await;
    // As when the upstream has answered: it needs more than the turn in which it was read.
    login.send(&request("/charged")).await;
    login.answer("noted").await;
    let mut answered = 0;
    for client in &mut clients {
        let mut bytes = [0; 4096];
        let read = unconstrained(client.stream.read(&mut bytes));
        answered += usize::from(read.now_or_never().is_some());
    }
    assert!(answered < CLIENTS / 2, "{answered} were answered before");
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_who_is_known_goes_on_whatever_others_of_its_connection_show() {
    let turns = Turns::default();
    let connected = Connected::in_line(turns.clone());
    let mut client = http2(connected.stream, 65_535).await;
    let known = ask(&mut client, "/known/held");
    assert_eq!(ask(&mut client, "/nameless").await.unwrap().status(), 200);
    sleep(SECOND).await;
    let taken = turns.all().await;
    connected.release.notify_one();
    // Its stream went on without a turn; its connection, which last asked for somebody else, waits for one.
    let went_on = timeout(SECOND, connected.release.notified()).await;
    assert!(went_on.is_ok(), "it waited for a turn");
    drop(taken);
    assert_eq!(known.await.unwrap().status(), 200);
}
