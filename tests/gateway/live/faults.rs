//! Notification answers that are late, broken, refused or huge: nothing is lost by them.

use std::time::Duration;

use http::StatusCode;
use ozeki_graphql::sandbox::{Fault, Reply, Times};

use super::{Bench, NOTIFICATIONS, is_silent, next};

#[tokio::test]
async fn what_a_spoilt_answer_told_is_found_all_the_same() {
    let bench = Bench::start().await;
    let (alice, bob) = (bench.log_in("alice").await, bench.log_in("bob").await);
    let chat = bench.shared(&alice, &bob).await;
    let list = bench.conversations(&alice).await;
    let mut feed = bench.data.follow_messages(&alice, list, None).unwrap();
    bench.told(&alice).await;
    let replies = [
        Reply::Closed,
        Reply::Truncated,
        Reply::Oversized { bytes: 2 << 20 },
        Reply::json("[]"),
        Reply::json(r#"{"status":"OK","conversationchangedof":"all"}"#),
        Reply::json(r#"{"status":"ERROR","errormessage":"busy"}"#),
        Reply::status(StatusCode::BAD_GATEWAY, "<html>"),
    ];
    for (id, reply) in (0..).zip(replies) {
        // The sandbox forgets what it told, whatever became of the answer.
        let held = Fault::new(Reply::Genuine).held();
        let (api, action) = NOTIFICATIONS;
        let before = bench.sandbox.faults().inject(api, action, Times::Next(1), held);
        before.arrived(1).await;
        let spoilt =
            bench.sandbox.faults().inject(api, action, Times::Next(1), Fault::new(reply.clone()));
        let sent = bench.say(&bob, chat.id, id).await;
        before.release();
        spoilt.arrived(1).await;
        assert_eq!(next(&mut feed).await.1.id, sent, "{reply:?}");
    }
    assert!(is_silent(&mut feed).await);
}

#[tokio::test]
async fn without_healthy_polls_a_list_is_believed_no_longer_than_without_any() {
    let bench = Bench::start().await;
    let alice = bench.log_in("alice").await;
    let lists = || bench.calls(("chatconversation", "list"));
    bench.conversations(&alice).await;
    bench.told(&alice).await;
    bench.conversations(&alice).await;
    let covered = lists();
    bench.conversations(&alice).await;
    assert_eq!(lists(), covered);
    let (api, action) = NOTIFICATIONS;
    let failing = bench.sandbox.faults().inject(api, action, Times::All, Fault::new(Reply::Closed));
    // The second begins when the failure of the first has been taken note of.
    failing.arrived(2).await;
    for more in 1..4 {
        bench.conversations(&alice).await;
        assert_eq!(lists(), covered + more);
    }
    failing.cancel();
    bench.told(&alice).await;
    bench.conversations(&alice).await;
    let covered = lists();
    bench.conversations(&alice).await;
    assert_eq!(lists(), covered);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_read_again_until_its_news_are_told() {
    let bench = Bench::start().await;
    let (alice, carol) = (bench.log_in("alice").await, bench.log_in("carol").await);
    let friends = bench.friends(&alice).await;
    let mut feed = bench.data.follow_friends(&alice, friends).unwrap();
    bench.told(&alice).await;
    assert!(is_silent(&mut feed).await);
    let fault = Fault::new(Reply::status(StatusCode::BAD_GATEWAY, ""));
    let failing = bench.sandbox.faults().inject("chatfriends", "list", Times::Next(2), fault);
    bench.data.set_available(&carol, &super::budget()).await.unwrap();
    let news = next(&mut feed).await;
    assert_eq!(news.list.all()[news.changed[0]].id, carol.user());
    assert_eq!(failing.arrivals(), 2);
}

#[tokio::test]
async fn a_late_answer_holds_nobody_up() {
    let bench = Bench::start().await;
    let alice = bench.log_in("alice").await;
    let (api, action) = NOTIFICATIONS;
    let held = Fault::new(Reply::Genuine).held();
    let late = bench.sandbox.faults().inject(api, action, Times::Next(1), held);
    bench.conversations(&alice).await;
    late.arrived(1).await;
    let reading = bench.conversations(&alice);
    tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap();
    late.release();
}
