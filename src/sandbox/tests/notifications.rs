//! What stations are told, and what they are not.

use super::*;

const CONVERSATION: &str = "chatconversation";

/// A notification download: no user and no signature.
fn download(station: StationId) -> TestCall {
    TestCall::unsigned("chatnotification", &body("download", json!({})))
        .with("ozeki-station", &station.to_string())
}

impl TestSandbox {
    /// Lets every user's station be known, with nothing waiting for it.
    async fn with_stations() -> Self {
        let sandbox = Self::start().await;
        for user in [&ALICE, &BOB, &CAROL] {
            sandbox.ok(user, "chatfriends", "list", json!({})).await;
        }
        sandbox
    }

    /// What waits for the user: availabilities, conversations and lists.
    async fn notices(&self, user: &TestUser) -> [Vec<Value>; 3] {
        let answer = self.json(download(user.station())).await;
        assert_eq!(answer["status"], "OK", "{answer}");
        ["friendavailabilitesof", "conversationchangedof", "conversationlistchangedof"]
            .map(|name| answer[name].as_array().unwrap().clone())
    }
}

const NOTHING: [Vec<Value>; 3] = [Vec::new(), Vec::new(), Vec::new()];

fn of_conversation(conversation: &Value) -> [Vec<Value>; 3] {
    [vec![], vec![conversation["id"].clone()], vec![]]
}

#[tokio::test]
async fn a_message_is_told_to_the_participants_once() {
    let sandbox = TestSandbox::with_stations().await;
    let newest = sandbox.newest(&ALICE).await;
    for last in 0..2 {
        let message = json!({
            "ID": format!("bd31713d-0f99-453b-a0c1-6311d1fc24c{last}"), "Type": "Message",
            "Created": "2024-03-08 13:55:47", "ValidUntil": "2024-03-15 13:55:47", "Data": "YQ==",
        });
        let members = json!({
            "conversationid": newest["id"], "instance": newest["instance"],
            "message": message.to_string(),
        });
        sandbox.ok(&ALICE, CONVERSATION, "add", members.clone()).await;
    }
    for user in [&ALICE, &BOB] {
        assert_eq!(sandbox.notices(user).await, of_conversation(&newest));
        assert_eq!(sandbox.notices(user).await, NOTHING);
    }
    assert_eq!(sandbox.notices(&CAROL).await, NOTHING);
}

#[tokio::test]
async fn a_setting_is_told_to_the_participants_and_as_a_change_of_the_users_list() {
    let sandbox = TestSandbox::with_stations().await;
    let newest = sandbox.newest(&ALICE).await;
    for action in ["favorite", "mute", "unmute", "unhide"] {
        sandbox.ok(&ALICE, CONVERSATION, action, json!({ "conversationid": newest["id"] })).await;
        let of_list = [vec![], vec![newest["id"].clone()], vec![ALICE.id()]];
        assert_eq!(sandbox.notices(&ALICE).await, of_list, "{action}");
        assert_eq!(sandbox.notices(&BOB).await, of_conversation(&newest), "{action}");
        assert_eq!(sandbox.notices(&CAROL).await, NOTHING, "{action}");
    }
}

#[tokio::test]
async fn clearing_and_viewing_are_told_to_the_participants() {
    let sandbox = TestSandbox::with_stations().await;
    let newest = sandbox.newest(&ALICE).await;
    let members = json!({
        "conversationid": newest["id"], "instance": newest["instance"],
        "firstmessagedate": "2024-01-01 00:00:00", "lastmessagedate": "2024-03-08 13:55:47",
        "messageids": [newest["lastmessageid"]],
    });
    for (api, action) in [("chatreports", "viewed"), (CONVERSATION, "clear")] {
        sandbox.ok(&ALICE, api, action, members.clone()).await;
        for user in [&ALICE, &BOB] {
            assert_eq!(sandbox.notices(user).await, of_conversation(&newest), "{action}");
        }
    }
}

#[tokio::test]
async fn a_refused_change_is_told_to_nobody() {
    let sandbox = TestSandbox::with_stations().await;
    let newest = sandbox.newest(&ALICE).await;
    let members = json!({ "conversationid": newest["id"], "instance": "0000000000" });
    let answer = sandbox.json(TestCall::by(&ALICE, CONVERSATION, "clear", members)).await;
    assert_eq!(answer["status"], "ERROR");
    assert_eq!(sandbox.notices(&BOB).await, NOTHING);
}

#[tokio::test]
async fn presence_is_told_to_those_who_see_it() {
    let sandbox = TestSandbox::with_stations().await;
    sandbox.ok(&CAROL, "chatavailability", "useravailable", json!({})).await;
    for user in [&ALICE, &BOB] {
        assert_eq!(sandbox.notices(user).await, [vec![CAROL.id()], vec![], vec![]]);
    }
    assert_eq!(sandbox.notices(&CAROL).await, NOTHING);
}

#[tokio::test]
async fn a_login_makes_a_station_the_users() {
    let sandbox = TestSandbox::with_stations().await;
    sandbox.ok(&CAROL, "chatavailability", "useravailable", json!({})).await;
    let login = TestCall::unsigned("chatlogin", r#"{"action":"login","apikey":"carol-demo"}"#)
        .with("ozeki-station", &ALICE.station().to_string());
    sandbox.json(login).await;
    assert_eq!(sandbox.notices(&ALICE).await, NOTHING, "what waited was for alice");
    let journal = sandbox.sandbox.journal().calls();
    let polled = journal.last().unwrap();
    assert_eq!(polled.user.map(|user| user.to_string().into()), Some(CAROL.id()));
}

#[tokio::test]
async fn a_station_that_nobody_called_from_is_refused() {
    let sandbox = TestSandbox::start().await;
    let wrong = TestCall::by(&ALICE, "chatfriends", "list", json!({})).with("ozeki-signature", "0");
    sandbox.json(wrong).await;
    let answer = sandbox.json(download(ALICE.station())).await;
    let words = "the header Ozeki-Station names no station that a user called from";
    assert_eq!(answer, json!({ "status": "ERROR", "errormessage": words }));
}
