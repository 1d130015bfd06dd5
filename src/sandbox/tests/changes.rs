//! What users set for themselves, and what else they change.

use std::time::Duration;

use super::*;

const CONVERSATION: &str = "chatconversation";

impl TestSandbox {
    /// Makes Alice's change, and tells the conversation as it was answered.
    async fn change(&self, action: &str, conversation: &Value, more: Value) -> Value {
        let mut members = more;
        members["conversationid"] = conversation["id"].clone();
        let answer = self.ok(&ALICE, CONVERSATION, action, members).await;
        answer["conversation"].clone()
    }
}

/// What differs with each answer is left out.
fn plain(mut conversation: Value) -> Value {
    conversation["displayname"].take();
    conversation
}

/// Alice's entry in the properties.
fn own(conversation: &Value) -> &Value {
    let entries = conversation["properties"].as_array().unwrap();
    entries.iter().find(|entry| entry["userid"] == ALICE.id()).unwrap()
}

fn is_among(conversation: &Value, name: &str) -> bool {
    conversation[name].as_array().unwrap().contains(&ALICE.id())
}

/// A conversation with Bob for which Alice has set nothing that counts yet.
async fn unset(sandbox: &TestSandbox) -> Value {
    let conversations = sandbox.conversations(&ALICE).await;
    let with_bob = conversations.into_iter().find(|one| {
        one["participantids"].as_array().unwrap().contains(&BOB.id())
            && one["properties"] == json!([])
    });
    with_bob.unwrap()
}

#[tokio::test]
async fn each_setting_is_answered_and_then_seen_by_everybody() {
    let sandbox = TestSandbox::start().await;
    let before = unset(&sandbox).await;
    sandbox.clock.advance(Duration::from_secs(60));
    for (set, reset, list, member) in [
        ("favorite", "unfavorite", "favoriteby", "isfavorite"),
        ("mute", "unmute", "mutedby", "ismuted"),
    ] {
        for (action, is_set) in [(set, true), (set, true), (reset, false), (reset, false)] {
            let changed = sandbox.change(action, &before, json!({})).await;
            assert_eq!(own(&changed)[member], is_set, "{action}");
            assert_eq!(is_among(&changed, list), is_set, "{action}");
            assert_eq!(plain(sandbox.again(&BOB, &before).await), plain(changed));
        }
    }
    let colored =
        sandbox.change("setlistitembackgroundcolor", &before, json!({ "color": "#bae1ff" })).await;
    assert_eq!(own(&colored)["listitembackgroundcolor"], "#bae1ff");
    assert_eq!(plain(sandbox.again(&BOB, &before).await), plain(colored.clone()));
    assert_eq!(colored["lastaccess"], before["lastaccess"]);
}

#[tokio::test]
async fn a_hidden_conversation_is_hidden_until_it_is_shown_or_cleared() {
    let sandbox = TestSandbox::start().await;
    let before = unset(&sandbox).await;
    let hide_id = format!("{};", before["instance"].as_str().unwrap());
    let hide = json!({ "hideid": hide_id });
    let hidden = sandbox.change("hide", &before, hide.clone()).await;
    assert_eq!(own(&hidden)["hideid"], hide_id);
    assert!(is_among(&hidden, "hiddenby"));
    let shown = sandbox.change("unhide", &before, json!({})).await;
    assert_eq!(own(&shown)["hideid"], "");
    assert!(!is_among(&shown, "hiddenby"));

    sandbox.change("hide", &before, hide).await;
    let clear = json!({ "instance": before["instance"] });
    let cleared = sandbox.change("clear", &before, clear).await;
    assert_eq!(own(&cleared)["hideid"], hide_id);
    assert!(!is_among(&cleared, "hiddenby"));
}

#[tokio::test]
async fn whoever_says_so_is_available_to_friends() {
    let sandbox = TestSandbox::start().await;
    let carols_presence = async || {
        let answer = sandbox.ok(&ALICE, "chatfriends", "list", json!({})).await;
        let presences = answer["availabilities"].as_array().unwrap().clone();
        let carols = presences.iter().find(|presence| presence["friendid"] == CAROL.id());
        carols.unwrap()["availability"].clone()
    };
    assert_eq!(carols_presence().await, "offline");
    let answer = sandbox.ok(&CAROL, "chatavailability", "useravailable", json!({})).await;
    assert_eq!(answer, json!({ "status": "OK", "errormessage": "" }));
    assert_eq!(carols_presence().await, "available");
}

#[tokio::test]
async fn the_blocklist_names_users_and_conversations() {
    let sandbox = TestSandbox::start().await;
    let (blocked, none) = (|count| json!(count), json!(0));
    for (user, users, conversations) in [
        (&ALICE, blocked(1), none.clone()),
        (&BOB, none.clone(), none.clone()),
        (&CAROL, blocked(1), blocked(1)),
    ] {
        let answer = sandbox.ok(user, "chatblocklist", "blocklist", json!({})).await;
        assert_eq!(answer["errormessage"], "File does not exist");
        assert_eq!(answer["blockedusers"].as_array().unwrap().len(), users);
        assert_eq!(answer["blockedconversations"].as_array().unwrap().len(), conversations);
    }
}

/// A workspace registration: signed, but without station and date.
fn registration(user: &TestUser, name: &str) -> TestCall {
    let body = json!({ "action": "workspaceregister", "workspacename": name }).to_string();
    TestCall {
        query: "srv=chatowner&api=workspace".into(),
        ..TestCall::signed_by(user.email, user.key, "workspace", &body)
    }
    .without("ozeki-station")
}

#[tokio::test]
async fn a_workspace_belongs_to_who_registered_it_first() {
    let sandbox = TestSandbox::start().await;
    let taken = json!({ "status": "ERROR", "errormessage": "the workspace is another user's" });
    let ok = json!({ "status": "OK", "errormessage": "" });
    for (user, answer) in [(&ALICE, &ok), (&ALICE, &ok), (&BOB, &taken)] {
        assert_eq!(sandbox.json(registration(user, "alice.ozeki.chat")).await, *answer);
    }
    let with_station = registration(&BOB, "bob.ozeki.chat").with("ozeki-station", "7");
    assert_eq!(sandbox.json(with_station).await, ok);
}

#[tokio::test]
async fn what_is_no_host_name_is_no_workspace() {
    let sandbox = TestSandbox::start().await;
    let long = format!("{}.chat", "a".repeat(64));
    for name in ["", "alice", "alice..chat", ".chat", "al ice.chat", "alice.chat/", &long] {
        let answer = sandbox.json(registration(&ALICE, name)).await;
        let expected = "the member workspacename is not a host name such as alice.ozeki.chat";
        assert_eq!(answer["errormessage"], expected, "{name}");
    }
}
