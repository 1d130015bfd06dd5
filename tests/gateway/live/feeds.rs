//! What subscribers are told.

use ozeki_graphql::cache::FeedEnd;
use ozeki_graphql::ozeki::Change;

use super::{Bench, budget, end, is_silent, next};

#[tokio::test]
async fn each_new_message_is_told_once_and_in_order_to_every_subscriber() {
    let bench = Bench::start().await;
    let (alice, bob) = (bench.log_in("alice").await, bench.log_in("bob").await);
    let chat = bench.shared(&alice, &bob).await;
    let list = bench.conversations(&alice).await;
    let mut feeds = [
        bench.data.follow_messages(&alice, list.clone(), None).unwrap(),
        bench.data.follow_messages(&alice, list.clone(), Some(chat.id)).unwrap(),
    ];
    for id in 0..12 {
        let sender = if id % 3 == 2 { &alice } else { &bob };
        let sent = bench.say(sender, chat.id, id).await;
        if id % 2 == 0 {
            for feed in &mut feeds {
                let (conversation, message) = next(feed).await;
                assert_eq!((conversation, message.id), (chat.id, sent.clone()));
                assert_eq!(message.data.as_deref(), Some("YQ=="));
            }
        } else {
            // Two together, the next time.
            let following = bench.say(&bob, chat.id, id + 100).await;
            for feed in &mut feeds {
                assert_eq!(next(feed).await.1.id, sent);
                assert_eq!(next(feed).await.1.id, following);
            }
        }
    }
    for feed in &mut feeds {
        assert!(is_silent(feed).await);
    }
}

#[tokio::test]
async fn one_call_reads_new_messages_for_all_subscribers_of_a_caller() {
    let bench = Bench::start().await;
    let (alice, bob) = (bench.log_in("alice").await, bench.log_in("bob").await);
    let chat = bench.shared(&alice, &bob).await;
    let list = bench.conversations(&alice).await;
    let follow = || bench.data.follow_messages(&alice, list.clone(), None).unwrap();
    let mut feeds: Vec<_> = (0..20).map(|_| follow()).collect();
    bench.told(&alice).await;
    // The first needs the date of the last message that was known; later ones go on from the last that was told.
    bench.say(&bob, chat.id, 1).await;
    for feed in &mut feeds {
        next(feed).await;
    }
    let calls = || {
        (bench.calls(("chatconversation", "list")), bench.calls(("chatconversation", "download")))
    };
    bench.told(&alice).await;
    let (lists, downloads) = calls();
    bench.say(&bob, chat.id, 2).await;
    let told = futures_util::future::join_all(feeds.iter_mut().map(next)).await;
    assert!(told.iter().all(|(_, message)| message.id == told[0].1.id));
    // The sender's own list was read before it was sent.
    let (lists, downloads) = (calls().0 - lists, calls().1 - downloads);
    assert!(lists <= 2, "{lists} lists were read");
    assert_eq!(downloads, 1);
}

#[tokio::test]
async fn a_cleared_conversation_begins_anew() {
    let bench = Bench::start().await;
    let (alice, bob) = (bench.log_in("alice").await, bench.log_in("bob").await);
    let chat = bench.shared(&alice, &bob).await;
    let list = bench.conversations(&alice).await;
    let mut feed = bench.data.follow_messages(&alice, list, Some(chat.id)).unwrap();
    let sent = bench.say(&bob, chat.id, 1).await;
    assert_eq!(next(&mut feed).await.1.id, sent);
    let clear = |one: &ozeki_graphql::ozeki::Conversation| Change::Clear {
        instance: one.instance().into(),
    };
    bench.data.change_conversation(&bob, chat.id, clear, &budget()).await.unwrap();
    bench.told(&alice).await;
    let sent = [bench.say(&bob, chat.id, 2).await, bench.say(&alice, chat.id, 3).await];
    for id in sent {
        assert_eq!(next(&mut feed).await.1.id, id);
    }
    assert!(is_silent(&mut feed).await);
}

#[tokio::test]
async fn a_changed_conversation_and_a_changed_list_are_told() {
    let bench = Bench::start().await;
    let (alice, bob) = (bench.log_in("alice").await, bench.log_in("bob").await);
    let chat = bench.shared(&alice, &bob).await;
    let list = bench.conversations(&alice).await;
    let mut feed = bench.data.follow_conversations(&alice, list).unwrap();
    let sent = bench.say(&bob, chat.id, 1).await;
    let news = next(&mut feed).await;
    assert_eq!(news.changed.len(), 1);
    assert_eq!(news.changed[0].last_message_id(), Some(&*sent));
    assert!(!news.is_list_changed);
    // A change of her own, told at once, and the list with it.
    bench.data.change_conversation(&alice, chat.id, |_| Change::Mute, &budget()).await.unwrap();
    let news = next(&mut feed).await;
    assert!(news.is_list_changed && news.changed[0].is_muted_by(alice.user()));
}

#[tokio::test]
async fn a_friend_who_comes_is_told() {
    let bench = Bench::start().await;
    let (alice, carol) = (bench.log_in("alice").await, bench.log_in("carol").await);
    let friends = bench.friends(&alice).await;
    assert!(!friends.all()[friends.position(carol.user()).unwrap()].is_available());
    let mut feed = bench.data.follow_friends(&alice, friends).unwrap();
    bench.data.set_available(&carol, &budget()).await.unwrap();
    let news = next(&mut feed).await;
    let changed: Vec<_> = news.changed.iter().map(|position| &news.list.all()[*position]).collect();
    assert_eq!(changed.iter().map(|friend| friend.id).collect::<Vec<_>>(), [carol.user()]);
    assert!(changed[0].is_available());
}

#[tokio::test]
async fn a_subscriber_who_does_not_keep_up_is_told_to_read_anew_and_the_others_go_on() {
    let bench = Bench::start().await;
    let (alice, bob) = (bench.log_in("alice").await, bench.log_in("bob").await);
    let chat = bench.shared(&alice, &bob).await;
    let list = bench.conversations(&alice).await;
    let follow = || bench.data.follow_messages(&alice, list.clone(), None).unwrap();
    let (mut slow, mut quick) = (follow(), follow());
    for id in 0..70 {
        let sent = bench.say(&alice, chat.id, id).await;
        assert_eq!(next(&mut quick).await.1.id, sent);
    }
    assert!(matches!(end(&mut slow).await, FeedEnd::Lagged));
    assert_eq!(bench.metric("subscriptions_lagged_total"), 1);
    drop(slow);
    let sent = bench.say(&bob, chat.id, 70).await;
    assert_eq!(next(&mut quick).await.1.id, sent);
}
