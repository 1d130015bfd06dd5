//! What is said and read: paging, sending, clearing, and the reports about it.

use std::collections::HashSet;
use std::time::Duration;

use super::*;

const CONVERSATION: &str = "chatconversation";
const ID: &str = "bd31713d-0f99-453b-a0c1-6311d1fc24c5";

/// Members that name the conversation as it is now, and these.
fn members(conversation: &Value, more: Value) -> Value {
    let mut members = more;
    members["conversationid"] = conversation["id"].clone();
    members["instance"] = conversation["instance"].clone();
    members
}

/// Members that page back from these entries, or from the newest.
fn back_from(conversation: &Value, message: &Value, report: &Value, limit: usize) -> Value {
    let member = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("").to_owned();
    members(
        conversation,
        json!({
            "lastmessagedate": member(message, "Created"), "lastmessageid": member(message, "ID"),
            "lastreportdate": member(report, "Created"), "lastreportid": member(report, "ID"),
            "limit": limit,
        }),
    )
}

fn on_from(conversation: &Value, message: &Value, report: &Value) -> Value {
    let member = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("").to_owned();
    members(
        conversation,
        json!({
            "firstmessagedate": member(message, "Created"), "firstmessageid": member(message, "ID"),
            "firstreportdate": member(report, "Created"), "firstreportid": member(report, "ID"),
        }),
    )
}

fn list(answer: &Value, name: &str) -> Vec<Value> {
    answer[name].as_array().unwrap().clone()
}

/// Members that send a message.
fn message(conversation: &Value, id: &str, created: &str, data: &str) -> Value {
    let message = json!({
        "ID": id, "Type": "Message", "Created": created, "ValidUntil": "2024-03-15 14:12:48",
        "Data": data,
    });
    members(conversation, json!({ "message": message.to_string() }))
}

impl TestSandbox {
    async fn page(&self, user: &TestUser, members: Value) -> (Vec<Value>, Vec<Value>) {
        let answer = self.ok(user, CONVERSATION, "downloadpartial", members).await;
        (list(&answer, "messages"), list(&answer, "reports"))
    }

    async fn newest_page(&self, user: &TestUser, conversation: &Value) -> (Vec<Value>, Vec<Value>) {
        self.page(user, back_from(conversation, &Value::Null, &Value::Null, 50)).await
    }

    /// Pages back to the first entry; returns the lengths of the pages and the messages and reports, old to new.
    async fn page_to_the_first(
        &self,
        conversation: &Value,
        limit: usize,
    ) -> (Vec<usize>, Vec<Value>, Vec<Value>) {
        let (mut lengths, mut messages, mut reports) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let message = messages.first().unwrap_or(&Value::Null);
            let report = reports.first().unwrap_or(&Value::Null);
            let (older, older_reports) =
                self.page(&ALICE, back_from(conversation, message, report, limit)).await;
            lengths.push(older.len());
            if older.is_empty() && older_reports.is_empty() {
                return (lengths, messages, reports);
            }
            messages.splice(..0, older);
            reports.splice(..0, older_reports);
        }
    }
}

#[tokio::test]
async fn the_newest_conversation_is_with_bob_and_goes_back_three_pages() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    assert!(
        newest["isgroup"] == false
            && newest["participantids"].to_string().contains(BOB.id().as_str().unwrap())
    );
    let (lengths, messages, reports) = sandbox.page_to_the_first(&newest, 50).await;
    assert_eq!(lengths[..3], [50, 50, 30]);
    assert!(lengths[3..].iter().all(|length| *length == 0));
    let ids: HashSet<_> = messages.iter().map(|message| message["ID"].as_str()).collect();
    assert_eq!(ids.len(), 130);
    assert!(messages.is_sorted_by_key(|message| message["Created"].as_str().unwrap().to_owned()));
    assert!(messages.windows(2).any(|pair| pair[0]["Created"] == pair[1]["Created"]));
    assert_eq!(messages.last().unwrap()["ID"], newest["lastmessageid"]);
    assert_eq!(reports.last().unwrap()["ID"], newest["lastreportid"]);
    for word in ["delivered", "viewed"] {
        assert!(reports.iter().any(|report| report["Type"] == word), "{word}");
    }
    assert!(reports.is_sorted_by_key(|report| report["Created"].as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn pages_of_every_size_meet_every_entry_once() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    let (_, messages, reports) = sandbox.page_to_the_first(&newest, 200).await;
    for limit in [1, 7] {
        let (_, same_messages, same_reports) = sandbox.page_to_the_first(&newest, limit).await;
        assert_eq!((&messages, &reports), (&same_messages, &same_reports), "{limit}");
    }
}

#[tokio::test]
async fn every_conversation_names_its_newest_message_and_report() {
    let sandbox = TestSandbox::start().await;
    let (mut empty, mut longest) = (0, 0);
    for conversation in sandbox.conversations(&ALICE).await {
        let any = back_from(&conversation, &Value::Null, &Value::Null, 200);
        let (messages, reports) = sandbox.page(&ALICE, any).await;
        let newest =
            |entries: &[Value]| entries.last().map_or("".into(), |last| last["ID"].clone());
        assert_eq!(newest(&messages), conversation["lastmessageid"]);
        assert_eq!(newest(&reports), conversation["lastreportid"]);
        empty += usize::from(messages.is_empty());
        longest += usize::from(messages.len() > 40);
    }
    assert_eq!((empty, longest), (3, 1));
}

#[tokio::test]
async fn a_download_tells_what_came_after_the_named_entries_and_has_no_status() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    let (messages, reports) = sandbox.newest_page(&ALICE, &newest).await;
    let after = on_from(&newest, &messages[40], &reports[45]);
    let answer = sandbox.json(TestCall::by(&ALICE, CONVERSATION, "download", after)).await;
    let expected = json!({ "messages": messages[41..], "reports": reports[46..] });
    assert_eq!(answer, expected);

    let all = on_from(&newest, &Value::Null, &Value::Null);
    let answer = sandbox.json(TestCall::by(&ALICE, CONVERSATION, "download", all)).await;
    assert_eq!(list(&answer, "messages").len(), 130);
}

#[tokio::test]
async fn a_date_alone_leaves_out_what_was_said_in_its_second() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    let (messages, _) = sandbox.newest_page(&ALICE, &newest).await;
    let is_of_one_second = |pair: &[Value]| pair[0]["Created"] == pair[1]["Created"];
    let first = messages.windows(2).position(is_of_one_second).unwrap();
    let date = json!({ "Created": messages[first]["Created"] });
    let (older, _) = sandbox.page(&ALICE, back_from(&newest, &date, &Value::Null, 1)).await;
    assert_eq!(older, messages[first - 1..first]);
    let after = on_from(&newest, &date, &Value::Null);
    let answer = sandbox.json(TestCall::by(&ALICE, CONVERSATION, "download", after)).await;
    assert_eq!(list(&answer, "messages"), messages[first + 2..]);
}

#[tokio::test]
async fn a_sent_message_is_the_newest_for_everybody() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    sandbox.clock.advance(Duration::from_secs(60));
    let sent = message(&newest, ID, "2024-03-08 13:56:47", "c2VjcmV0");
    let answer = sandbox.ok(&ALICE, CONVERSATION, "add", sent).await;
    assert_eq!(
        answer["message"],
        json!({
            "ID": ID, "Type": "Message", "Created": "2024-03-08 13:56:47",
            "ValidUntil": "2024-03-15 14:12:48",
        })
    );
    let seen = sandbox.again(&BOB, &newest).await;
    assert_eq!((&seen["lastmessageid"], &seen["lastaccess"]), (&json!(ID), &json!(NOW + 60)));
    assert_eq!(
        (&seen["instance"], &seen["lastreportid"]),
        (&newest["instance"], &newest["lastreportid"])
    );
    let (messages, _) = sandbox.newest_page(&BOB, &seen).await;
    assert_eq!(messages.last().unwrap()["Data"], "c2VjcmV0");
}

#[tokio::test]
async fn a_message_sent_twice_is_answered_alike_and_kept_once() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    let sent = message(&newest, ID, "2024-03-08 13:55:47", "c2VjcmV0");
    let first = sandbox.ok(&ALICE, CONVERSATION, "add", sent).await;
    sandbox.clock.advance(Duration::from_secs(60));
    let again = message(&newest, ID, "2024-03-08 13:55:50", "b3RoZXI=");
    assert_eq!(sandbox.ok(&ALICE, CONVERSATION, "add", again).await, first);
    let (messages, _) = sandbox.newest_page(&ALICE, &newest).await;
    assert_eq!(messages.iter().filter(|message| message["ID"] == ID).count(), 1);
    assert_eq!(messages.last().unwrap()["Data"], "c2VjcmV0");
    assert_eq!(sandbox.again(&ALICE, &newest).await["lastaccess"], NOW);
}

#[tokio::test]
async fn messages_of_one_second_stand_in_the_order_of_their_arrival() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    let ids: Vec<_> =
        (0..5).map(|last| format!("bd31713d-0f99-453b-a0c1-6311d1fc24c{last}")).rev().collect();
    for id in &ids {
        let sent = message(&newest, id, "2024-03-08 13:55:47", "c2VjcmV0");
        sandbox.ok(&BOB, CONVERSATION, "add", sent).await;
    }
    let (messages, _) = sandbox.newest_page(&ALICE, &newest).await;
    let told: Vec<_> =
        messages[45..].iter().map(|message| message["ID"].as_str().unwrap()).collect();
    assert_eq!(told, ids);
    let (older, _) = sandbox.page(&ALICE, back_from(&newest, &messages[47], &Value::Null, 2)).await;
    assert_eq!(older, messages[45..47]);
}

#[tokio::test]
async fn a_cleared_conversation_is_empty_for_everybody_and_in_another_instance() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    let answer = sandbox.ok(&ALICE, CONVERSATION, "clear", members(&newest, json!({}))).await;
    let cleared = &answer["conversation"];
    assert_eq!((&cleared["lastmessageid"], &cleared["lastreportid"]), (&json!(""), &json!("")));
    assert_ne!(cleared["instance"], newest["instance"]);
    assert_eq!(cleared["lastaccess"], NOW);
    let seen = sandbox.again(&BOB, &newest).await;
    assert_eq!(seen["instance"], cleared["instance"]);
    assert_eq!(sandbox.newest_page(&BOB, &seen).await, (vec![], vec![]));

    let answer = sandbox.ok(&BOB, CONVERSATION, "clear", members(&seen, json!({}))).await;
    assert_ne!(answer["conversation"]["instance"], seen["instance"]);
}

#[tokio::test]
async fn a_viewed_message_is_reported_to_the_peer_once() {
    let sandbox = TestSandbox::start().await;
    let newest = sandbox.newest(&ALICE).await;
    let sent = message(&newest, ID, "2024-03-08 13:55:47", "c2VjcmV0");
    sandbox.ok(&ALICE, CONVERSATION, "add", sent).await;
    sandbox.clock.advance(Duration::from_secs(5));
    let viewed = members(
        &newest,
        json!({
            "firstmessagedate": "2024-03-08 13:55:47", "lastmessagedate": "2024-03-08 13:55:47",
            "messageids": [ID],
        }),
    );
    let answer = sandbox.ok(&BOB, "chatreports", "viewed", viewed.clone()).await;
    assert_eq!(answer, json!({ "status": "OK", "errormessage": "" }));

    let seen = sandbox.again(&ALICE, &newest).await;
    let (_, reports) = sandbox.newest_page(&ALICE, &seen).await;
    let report = reports.last().unwrap();
    assert_eq!(
        (&report["Type"], &report["Created"]),
        (&json!("viewed"), &json!("2024-03-08 13:55:52"))
    );
    assert_eq!((&seen["lastreportid"], &seen["lastmessageid"]), (&report["ID"], &json!(ID)));
    assert_eq!(seen["lastaccess"], NOW + 5);

    sandbox.ok(&BOB, "chatreports", "viewed", viewed).await;
    assert_eq!(sandbox.newest_page(&ALICE, &seen).await.1, reports);
}
