//! Who is polled for, how often, and until when.

use std::time::Duration;

use ozeki_graphql::cache::{FeedEnd, FollowError};
use ozeki_graphql::sandbox::{Fault, Reply, Times};

use super::{Bench, budget, end, next};

const LISTS: [(&str, &str); 2] = [("chatconversation", "list"), ("chatfriends", "list")];

#[tokio::test]
async fn callers_who_share_a_station_share_one_poller_and_it_ends_with_them() {
    // Nobody is followed for reading alone.
    let bench = Bench::start_with(|options| options.live_time_to_live = Duration::ZERO).await;
    let alice = bench.log_in("alice").await;
    let again = bench.log_in_at("alice", Some(alice.identity().station)).await;
    let list = bench.conversations(&alice).await;
    assert_eq!(bench.metric("pollers"), 0);
    let first = bench.data.follow_conversations(&alice, list.clone()).unwrap();
    let second = bench.data.follow_conversations(&again, list.clone()).unwrap();
    let elsewhere = bench.log_in("alice").await;
    let third = bench.data.follow_conversations(&elsewhere, list).unwrap();
    assert_eq!((bench.metric("pollers"), bench.metric("subscriptions")), (2, 3));
    drop((first, third));
    bench.until(|| bench.metric("pollers") == 1).await;
    drop(second);
    bench.idle().await;
}

#[tokio::test]
async fn the_subscriptions_of_one_caller_are_bounded() {
    let bench = Bench::start().await;
    let alice = bench.log_in("alice").await;
    let list = bench.conversations(&alice).await;
    let follow = || bench.data.follow_conversations(&alice, list.clone());
    let feeds: Vec<_> = (0..500).map(|_| follow().unwrap()).collect();
    assert!(matches!(follow(), Err(FollowError::CallerFull)));
    drop(feeds);
    assert!(follow().is_ok());
}

#[tokio::test]
async fn a_subscription_ends_with_its_session_and_only_with_its_own() {
    let bench = Bench::start().await;
    let alice = bench.log_in("alice").await;
    let again = bench.log_in_at("alice", Some(alice.identity().station)).await;
    let list = bench.conversations(&alice).await;
    let mut ended = bench.data.follow_conversations(&alice, list.clone()).unwrap();
    let mut staying = bench.data.follow_conversations(&again, list).unwrap();
    bench.data.forget(&alice);
    assert!(matches!(end(&mut ended).await, FeedEnd::SessionEnded));
    drop(ended);
    let bob = bench.log_in("bob").await;
    let chat = bench.shared(&bob, &again).await;
    bench.say(&bob, chat.id, 1).await;
    assert_eq!(next(&mut staying).await.changed[0].id, chat.id);
    // An hour is the session's life here.
    bench.clock.advance(Duration::from_secs(60 * 60));
    assert!(matches!(end(&mut staying).await, FeedEnd::SessionEnded));
}

#[tokio::test]
async fn a_shutdown_ends_pollers_and_subscriptions() {
    let bench = Bench::start().await;
    let alice = bench.log_in("alice").await;
    let list = bench.conversations(&alice).await;
    let mut feed = bench.data.follow_conversations(&alice, list).unwrap();
    bench.told(&alice).await;
    bench.data.drain().await;
    assert!(matches!(end(&mut feed).await, FeedEnd::Interrupted));
    drop(feed);
    bench.idle().await;
}

/// Keeps a paused clock from moving by itself while calls are under way: it does so only while no thread works.
struct Still {
    _busy: std::sync::mpsc::Sender<()>,
}

impl Still {
    fn stand() -> Self {
        tokio::time::pause();
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || receiver.recv());
        Self { _busy: sender }
    }
}

/// Waits until so many polls have ended, without a timer: then the poller sleeps.
async fn ended(bench: &Bench, polls: i64) {
    let labels = r#"{api="chatnotification",action="download",outcome="ok"}"#;
    let name = format!("upstream_call_duration_seconds_count{labels}");
    while bench.metric_or_zero(&name) < polls && bench.metric("pollers") == 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_unchanged_hour_of_reads_costs_the_polls_alone() {
    let bench = Bench::start_with(|options| {
        options.live_time_to_live = Duration::from_secs(2 * 60 * 60);
        options.notification_interval = Duration::from_secs(1);
    })
    .await;
    let alice = bench.log_in("alice").await;
    let still = Still::stand();
    bench.conversations(&alice).await;
    bench.friends(&alice).await;
    let mut polls = 0;
    let mut lists = None;
    for minute in 0..60 {
        for _ in 0..7 {
            tokio::time::advance(Duration::from_secs(9)).await;
            polls += 1;
            ended(&bench, polls).await;
        }
        bench.conversations(&alice).await;
        bench.friends(&alice).await;
        let calls = LISTS.map(|call| bench.calls(call));
        if minute > 0 {
            assert_eq!(*lists.get_or_insert(calls), calls, "minute {minute}");
        }
    }
    assert_eq!(bench.metric("pollers"), 1);
    // Who reads no more is let go.
    for _ in 0..15 {
        tokio::time::advance(Duration::from_secs(9)).await;
        polls += 1;
        if bench.metric("pollers") == 1 {
            ended(&bench, polls).await;
        }
    }
    assert_eq!(bench.metric("pollers"), 0);
    drop(still);
}

#[tokio::test]
async fn who_reads_is_polled_for_later_and_keeps_what_was_just_read() {
    let bench = Bench::start_with(|options| {
        options.notification_interval = Duration::from_secs(1);
        options.conversations_time_to_live = Duration::from_secs(10);
        options.friends_time_to_live = Duration::from_secs(10);
    })
    .await;
    let alice = bench.log_in("alice").await;
    let still = Still::stand();
    let read = async || {
        bench.conversations(&alice).await;
        bench.friends(&alice).await;
        LISTS.map(|call| bench.calls(call))
    };
    let calls = read().await;
    tokio::time::advance(Duration::from_secs(7)).await;
    assert_eq!((read().await, bench.polls(&alice)), (calls, 0));
    tokio::time::advance(Duration::from_secs(2)).await;
    ended(&bench, 1).await;
    assert_eq!((read().await, bench.polls(&alice)), (calls, 1));
    drop(still);
}

#[tokio::test]
async fn a_list_that_was_being_read_at_the_logout_makes_nobody_be_polled_for() {
    let bench = Bench::start().await;
    let alice = bench.log_in("alice").await;
    for (api, action) in LISTS {
        let fault = Fault::new(Reply::Genuine).held();
        let held = bench.sandbox.faults().inject(api, action, Times::Next(1), fault);
        let read = if api == LISTS[0].0 {
            let reading = bench.data.conversations(&alice, &budget()).unwrap();
            tokio::spawn(async move { reading.fresh().await.is_ok() })
        } else {
            let reading = bench.data.friends(&alice, &budget()).unwrap();
            tokio::spawn(async move { reading.fresh().await.is_ok() })
        };
        held.arrived(1).await;
        bench.data.forget(&alice);
        held.release();
        assert!(read.await.unwrap());
        assert_eq!(bench.metric("pollers"), 0, "{api}");
    }
    bench.friends(&alice).await;
    assert_eq!(bench.metric("pollers"), 1);
}
