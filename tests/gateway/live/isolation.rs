//! The notification call proves nothing: a station that somebody else uses tells nothing.

use std::sync::Arc;

use ozeki_graphql::ozeki::{ApiKey, Credential, Identity};
use ozeki_graphql::sandbox::{Fault, Reply, Times};
use ozeki_graphql::session::Caller;

use super::{Bench, NOTIFICATIONS, budget, is_silent};

#[tokio::test]
async fn a_wrong_credential_is_not_followed() {
    let bench = Bench::start().await;
    let alice = bench.log_in("alice").await;
    let credential = Credential::ApiKey(ApiKey::parse("guessed").unwrap());
    let identity = Identity { credential, ..alice.identity().clone() };
    let thief = Arc::new(Caller::new(identity, None));
    assert!(bench.data.conversations(&thief, &budget()).unwrap().fresh().await.is_err());
    assert!(bench.data.friends(&thief, &budget()).unwrap().fresh().await.is_err());
    assert_eq!((bench.metric("pollers"), bench.calls(NOTIFICATIONS)), (0, 0));
}

#[tokio::test]
async fn notices_of_what_the_caller_does_not_have_tell_nothing() {
    let bench = Bench::start().await;
    let (alice, carol) = (bench.log_in("alice").await, bench.log_in("carol").await);
    let lists = (bench.conversations(&carol).await, bench.friends(&carol).await);
    let not_hers = bench.conversations(&alice).await;
    let not_hers = not_hers.all().iter().find(|one| lists.0.find(one.id).is_none()).unwrap();
    let mut conversations = bench.data.follow_conversations(&carol, lists.0.clone()).unwrap();
    let mut messages = bench.data.follow_messages(&carol, lists.0.clone(), None).unwrap();
    let mut friends = bench.data.follow_friends(&carol, lists.1.clone()).unwrap();
    bench.told(&carol).await;
    let stranger = "00000000000000000000000000000000";
    let told = format!(
        r#"{{"status":"OK","errormessage":"","friendavailabilitesof":["{stranger}","{}"],
            "conversationchangedof":["{}",7],"conversationlistchangedof":["{}",null]}}"#,
        carol.user(),
        not_hers.id,
        alice.user()
    );
    let (api, action) = NOTIFICATIONS;
    let fault = Fault::new(Reply::json(told));
    bench.sandbox.faults().inject(api, action, Times::Next(3), fault).arrived(3).await;
    assert!(is_silent(&mut conversations).await);
    assert!(is_silent(&mut messages).await);
    assert!(is_silent(&mut friends).await);
}

#[tokio::test]
async fn a_station_borrowed_from_somebody_else_tells_nothing_of_them() {
    let bench = Bench::start().await;
    let (alice, bob) = (bench.log_in("alice").await, bench.log_in("bob").await);
    // What carol does with alice's station makes it hers; then alice calls again, and it is alice's.
    let carol = bench.log_in_at("carol", Some(alice.identity().station)).await;
    let list = bench.conversations(&carol).await;
    let chat = bench.shared(&alice, &bob).await;
    let mut feed = bench.data.follow_messages(&carol, list.clone(), None).unwrap();
    let mut changed = bench.data.follow_conversations(&carol, list).unwrap();
    let polls = || bench.calls(NOTIFICATIONS);
    let before = polls();
    bench.until(|| polls() >= before + 4).await;
    bench.say(&bob, chat.id, 1).await;
    assert!(is_silent(&mut feed).await);
    assert!(is_silent(&mut changed).await);
}
