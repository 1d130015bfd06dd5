//! What the sandbox answers, held against the documented samples and the promises of the demo data.

use std::collections::HashSet;

use super::members::Members;
use super::*;

fn conversations_call() -> TestCall {
    TestCall::signed("chatconversation", LIST)
}

fn id_of(email: &str) -> Value {
    Value::String(UserId::from_email(email).unwrap().to_string())
}

fn items(answer: &Value, name: &str) -> Vec<Value> {
    answer[name].as_array().unwrap().clone()
}

fn names(user: &Value, list: &Value) -> bool {
    list.as_array().unwrap().contains(user)
}

fn entry<'a>(user: &Value, conversation: &'a Value) -> Option<&'a Value> {
    let entries = conversation["properties"].as_array().unwrap();
    entries.iter().find(|entry| entry["userid"] == *user)
}

#[tokio::test]
async fn the_conversation_list_has_the_samples_members_in_its_order() {
    let sandbox = TestSandbox::start().await;
    let (_, answer) = sandbox.text(conversations_call()).await;
    let answer = Members::of(&answer);
    assert_eq!(answer.names(), ["status", "errormessage", "conversations"]);
    assert_eq!(answer.get("errormessage"), r#""File does not exist""#);

    let conversations: Vec<Members> = serde_json::from_str(answer.get("conversations")).unwrap();
    let colored =
        conversations.iter().find(|conversation| conversation.get("properties") != "[]").unwrap();
    assert_eq!(
        colored.names(),
        [
            "id",
            "isgroup",
            "participantids",
            "participants",
            "displayname",
            "lastmessageid",
            "lastreportid",
            "lastaccess",
            "secret",
            "instance",
            "mutedby",
            "favoriteby",
            "hiddenby",
            "properties",
        ]
    );
    assert_eq!(colored.first_of("participants").names(), ["userid", "username"]);
    assert_eq!(
        colored.first_of("properties").names(),
        ["userid", "ismuted", "isfavorite", "hideid", "listitembackgroundcolor"]
    );
}

#[tokio::test]
async fn the_friends_list_has_the_samples_members_in_its_order() {
    let sandbox = TestSandbox::start().await;
    let (_, answer) = sandbox.text(TestCall::signed("chatfriends", LIST)).await;
    let answer = Members::of(&answer);
    assert_eq!(answer.names(), ["status", "errormessage", "friends", "availabilities"]);
    assert_eq!(answer.get("errormessage"), r#""""#);
    assert_eq!(
        answer.first_of("availabilities").names(),
        ["friendid", "friendname", "publickey", "availability"]
    );
}

#[tokio::test]
async fn login_names_the_user_whose_key_it_was() {
    let sandbox = TestSandbox::start().await;
    for user in crate::sandbox::demo_users() {
        let body = serde_json::json!({"action": "login", "apikey": user.api_key}).to_string();
        let (_, answer) = sandbox.text(TestCall::unsigned("chatlogin", &body)).await;
        let members = Members::of(&answer);
        assert_eq!(
            members.names(),
            [
                "status",
                "errormessage",
                "server",
                "listeners",
                "registration",
                "rsakey",
                "userid",
                "fullname",
                "nick",
                "urls",
            ]
        );
        assert_eq!(Members::of(members.get("listeners")).names(), ["udp", "ws", "wss"]);
        assert_eq!(
            Members::of(members.get("urls")).names(),
            [
                "login",
                "availability",
                "conversation",
                "conversationgroup",
                "blocklist",
                "fileserver",
                "friends",
                "notification",
            ]
        );
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["userid"], id_of(user.email));
        assert_eq!(answer["fullname"], user.name);
        assert_eq!(answer["registration"], "true");
    }
}

#[tokio::test]
async fn alice_has_sixty_conversations_of_every_kind() {
    let sandbox = TestSandbox::start().await;
    let alice = id_of("alice@example.com");
    let conversations = items(&sandbox.json(conversations_call()).await, "conversations");
    let count = |is_counted: &dyn Fn(&Value) -> bool| {
        conversations.iter().filter(|one| is_counted(one)).count()
    };
    let ids: HashSet<_> = conversations.iter().map(|one| one["id"].as_str()).collect();
    assert_eq!((conversations.len(), ids.len()), (60, 60));
    assert_eq!(count(&|one| one["isgroup"] == true), 22);
    assert_eq!(count(&|one| names(&alice, &one["favoriteby"])), 5);
    assert_eq!(count(&|one| names(&alice, &one["mutedby"])), 4);
    assert_eq!(count(&|one| names(&alice, &one["hiddenby"])), 3);
    assert_eq!(count(&|one| one["lastmessageid"] == "" && one["lastreportid"] == ""), 3);
    assert_eq!(
        count(&|one| entry(&alice, one)
            .is_some_and(|entry| entry["listitembackgroundcolor"] != "#ffffff")),
        4
    );
    let stale = |one: &Value| {
        entry(&alice, one).is_some_and(|entry| entry["hideid"] != "")
            && !names(&alice, &one["hiddenby"])
    };
    assert_eq!(count(&stale), 1, "hidden before it was cleared");
    let peers_first =
        |one: &Value| entry(&alice, one).is_some() && one["properties"][0]["userid"] != alice;
    assert_eq!(count(&peers_first), 4);
    let peers_only = |one: &Value| {
        entry(&alice, one).is_none()
            && one["properties"].as_array().is_some_and(|all| !all.is_empty())
    };
    assert_eq!(count(&peers_only), 2);
}

#[tokio::test]
async fn every_conversation_holds_together() {
    let sandbox = TestSandbox::start().await;
    for user in crate::sandbox::demo_users() {
        let call = TestCall::signed_by(user.email, user.api_key, "chatconversation", LIST);
        for one in items(&sandbox.json(call).await, "conversations") {
            let ids = items(&one, "participantids");
            let distinct: HashSet<_> = ids.iter().map(|id| id.as_str()).collect();
            let described: Vec<_> = items(&one, "participants")
                .iter()
                .map(|participant| participant["userid"].clone())
                .collect();
            assert!(ids.contains(&id_of(user.email)), "{one}");
            assert_eq!(distinct.len(), ids.len(), "{one}");
            assert_eq!(described, ids, "{one}");
            let is_group = one["isgroup"] == true;
            assert_eq!(is_group, (3..=6).contains(&ids.len()), "{one}");
            assert!(is_group || ids.len() == 2, "{one}");
            assert_eq!(one["instance"].as_str().map(str::len), Some(10), "{one}");
            assert!(one["lastaccess"].as_i64().unwrap() <= NOW, "{one}");
        }
    }
}

#[tokio::test]
async fn demo_users_share_conversations_and_have_some_of_their_own() {
    let sandbox = TestSandbox::start().await;
    let mut lists = Vec::new();
    for user in crate::sandbox::demo_users() {
        let call = TestCall::signed_by(user.email, user.api_key, "chatconversation", LIST);
        let ids: HashSet<_> = items(&sandbox.json(call).await, "conversations")
            .into_iter()
            .map(|one| one["id"].to_string())
            .collect();
        lists.push(ids);
    }
    for list in &lists[1..] {
        assert!(list.intersection(&lists[0]).count() >= 1);
        assert!(list.difference(&lists[0]).count() >= 5);
    }
}

#[tokio::test]
async fn alice_has_forty_friends_of_every_presence() {
    let sandbox = TestSandbox::start().await;
    let answer = sandbox.json(TestCall::signed("chatfriends", LIST)).await;
    let friends = answer["friends"].as_object().unwrap();
    let availabilities = items(&answer, "availabilities");
    let is_friend = |entry: &&Value| friends.contains_key(entry["friendid"].as_str().unwrap());
    let is = |word: &str| {
        let words = availabilities.iter().filter(is_friend);
        words.filter(|entry| entry["availability"] == word).count()
    };
    assert_eq!(friends.len(), 40);
    for email in ["bob@example.com", "carol@example.com", "admin@ozeki.hu"] {
        assert!(friends.contains_key(id_of(email).as_str().unwrap()));
    }
    assert_eq!((is("available"), is("offline"), is("")), (26, 8, 2));
    let strangers = availabilities.iter().filter(|entry| !is_friend(entry));
    assert_eq!(strangers.count(), 1);
    let participants: Vec<_> = items(&sandbox.json(conversations_call()).await, "conversations")
        .iter()
        .flat_map(|one| items(one, "participantids"))
        .collect();
    let colleague = id_of("julia.stein@example.com");
    assert!(participants.contains(&colleague));
    assert!(!friends.contains_key(colleague.as_str().unwrap()));
}

#[tokio::test]
async fn only_the_display_names_ciphertext_differs_between_two_answers() {
    let sandbox = TestSandbox::start().await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(items(&sandbox.json(conversations_call()).await, "conversations"));
    }
    let (second, first) = (answers.pop().unwrap(), answers.pop().unwrap());
    for (mut before, mut after) in first.into_iter().zip(second) {
        assert_ne!(before["displayname"].take(), after["displayname"].take());
        assert_eq!(before, after);
    }
}

#[tokio::test]
async fn two_sandboxes_that_start_at_one_time_answer_alike() {
    let (one, other) = (TestSandbox::start().await, TestSandbox::start().await);
    for api in ["chatconversation", "chatfriends"] {
        let call = TestCall::signed(api, LIST);
        assert_eq!(one.text(call.clone()).await, other.text(call).await);
    }
}
