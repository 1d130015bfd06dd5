//! What the calls about a conversation refuse, beyond what every call does.

use super::refusals::refusal_of;
use super::*;
use crate::sandbox::Refusal;

const CONVERSATION: &str = "chatconversation";
const UNKNOWN: &str = "bd31713d-0f99-453b-a0c1-6311d1fc24c5";

const WITH_INSTANCE: [(&str, &str); 5] = [
    (CONVERSATION, "downloadpartial"),
    (CONVERSATION, "download"),
    (CONVERSATION, "add"),
    (CONVERSATION, "clear"),
    ("chatreports", "viewed"),
];
const WITHOUT_INSTANCE: [(&str, &str); 7] = [
    (CONVERSATION, "favorite"),
    (CONVERSATION, "unfavorite"),
    (CONVERSATION, "mute"),
    (CONVERSATION, "unmute"),
    (CONVERSATION, "hide"),
    (CONVERSATION, "unhide"),
    (CONVERSATION, "setlistitembackgroundcolor"),
];

/// Alice's conversation with Bob, and the members of every call about it.
struct Right {
    sandbox: TestSandbox,
    members: Value,
}

impl Right {
    async fn start() -> Self {
        let sandbox = TestSandbox::start().await;
        let newest = sandbox.newest(&ALICE).await;
        let members = json!({
            "conversationid": newest["id"], "instance": newest["instance"],
            "hideid": format!("{};", newest["instance"].as_str().unwrap()), "color": "#bae1ff",
            "lastmessagedate": "", "lastmessageid": "", "lastreportdate": "", "lastreportid": "",
            "firstmessagedate": "", "firstmessageid": "", "firstreportdate": "", "firstreportid": "",
            "limit": 50, "message": Self::message(&json!({})).to_string(),
        });
        Self { sandbox, members }
    }

    /// A message with some of its members replaced; a null takes one away.
    fn message(replaced: &Value) -> Value {
        let mut message = json!({
            "ID": UNKNOWN, "Type": "Message", "Created": "2024-03-08 13:55:47",
            "ValidUntil": "2024-03-15 13:55:47", "Data": "c2VjcmV0",
        });
        replace(&mut message, replaced);
        message
    }

    async fn refusal(&self, user: &TestUser, api: &str, action: &str, wrong: Value) -> Refusal {
        let mut members = self.members.clone();
        replace(&mut members, &wrong);
        refusal_of(&self.sandbox, TestCall::by(user, api, action, members)).await
    }
}

fn replace(members: &mut Value, replaced: &Value) {
    for (name, value) in replaced.as_object().unwrap() {
        if value.is_null() {
            members.as_object_mut().unwrap().remove(name);
        } else {
            members[name] = value.clone();
        }
    }
}

#[tokio::test]
async fn a_conversation_is_refused_to_who_takes_no_part_in_it() {
    let right = Right::start().await;
    let id = |expected| Refusal::InvalidMember { name: "conversationid", expected };
    for (api, action) in WITH_INSTANCE.into_iter().chain(WITHOUT_INSTANCE) {
        for (user, wrong, expected) in [
            (&CAROL, json!({}), Refusal::UnknownConversation),
            (&ALICE, json!({ "conversationid": "0".repeat(32) }), Refusal::UnknownConversation),
            (&ALICE, json!({ "conversationid": "A".repeat(32) }), id("32 lower-case hex digits")),
            (&ALICE, json!({ "conversationid": 7 }), id("a string")),
            (&ALICE, json!({ "conversationid": null }), Refusal::MissingMember("conversationid")),
        ] {
            assert_eq!(right.refusal(user, api, action, wrong).await, expected, "{action}");
        }
    }
}

#[tokio::test]
async fn another_instance_than_the_current_one_is_refused() {
    let right = Right::start().await;
    for (api, action) in WITH_INSTANCE {
        for (wrong, expected) in [
            (json!({ "instance": "PqjfKSn7V8" }), Refusal::StaleInstance),
            (json!({ "instance": "" }), Refusal::StaleInstance),
            (json!({ "instance": null }), Refusal::MissingMember("instance")),
        ] {
            assert_eq!(right.refusal(&ALICE, api, action, wrong).await, expected, "{action}");
        }
    }
    let form = Refusal::InvalidMember {
        name: "hideid",
        expected: "the conversation's instance followed by a semicolon",
    };
    for (hide_id, expected) in [
        ("PqjfKSn7V8;", Refusal::StaleInstance),
        ("PqjfKSn7V8", form),
        (";", form),
        ("", form),
        ("a;b;", form),
    ] {
        let wrong = json!({ "hideid": hide_id });
        assert_eq!(right.refusal(&ALICE, CONVERSATION, "hide", wrong).await, expected);
    }
    assert!(Refusal::StaleInstance.to_string().contains("instance"));
}

#[tokio::test]
async fn what_is_no_colour_is_refused() {
    let right = Right::start().await;
    let expected = Refusal::InvalidMember { name: "color", expected: "a colour such as #bae1ff" };
    for color in ["", "red", "bae1ff", "#bae1f", "#bae1fff", "#bae1fg", "#bae1é"] {
        let wrong = json!({ "color": color });
        let refusal = right.refusal(&ALICE, CONVERSATION, "setlistitembackgroundcolor", wrong);
        assert_eq!(refusal.await, expected, "{color}");
    }
}

#[tokio::test]
async fn a_malformed_message_is_refused() {
    let right = Right::start().await;
    let invalid = |name, expected| Refusal::InvalidMember { name, expected };
    let no_object = invalid("message", "a string that holds a JSON object");
    let date = "a UTC time written yyyy-MM-dd HH:mm:ss";
    let inside = |members: Value| json!(Right::message(&members).to_string());
    for (message, expected) in [
        (json!(null), Refusal::MissingMember("message")),
        (Right::message(&json!({})), invalid("message", "a string")),
        (json!(""), no_object),
        (json!("{"), no_object),
        (json!("[]"), no_object),
        (inside(json!({ "ID": null })), Refusal::MissingMember("message.ID")),
        (inside(json!({ "Type": null })), Refusal::MissingMember("message.Type")),
        (inside(json!({ "Created": null })), Refusal::MissingMember("message.Created")),
        (inside(json!({ "ValidUntil": null })), Refusal::MissingMember("message.ValidUntil")),
        (inside(json!({ "Data": null })), Refusal::MissingMember("message.Data")),
        (inside(json!({ "ID": "1" })), invalid("message.ID", "a UUID")),
        (inside(json!({ "ID": UNKNOWN.to_uppercase() })), invalid("message.ID", "a UUID")),
        (inside(json!({ "Type": "viewed" })), invalid("message.Type", "Message")),
        (inside(json!({ "Created": "2024-03-08T13:55:47Z" })), invalid("message.Created", date)),
        (inside(json!({ "ValidUntil": 7 })), invalid("message.ValidUntil", date)),
        (
            inside(json!({ "ValidUntil": "2024-03-08 13:55:46" })),
            invalid("message.ValidUntil", "at or after message.Created"),
        ),
        (inside(json!({ "Data": "" })), invalid("message.Data", "a ciphertext")),
    ] {
        let wrong = json!({ "message": message });
        assert_eq!(right.refusal(&ALICE, CONVERSATION, "add", wrong).await, expected, "{message}");
    }
}

#[tokio::test]
async fn a_cursor_that_names_nothing_is_refused() {
    let right = Right::start().await;
    let date = "a UTC time written yyyy-MM-dd HH:mm:ss";
    let invalid = |name, expected| Refusal::InvalidMember { name, expected };
    let cleared_report = "035d8b8de4c395f50405e617e636dbbb";
    for limit in [json!(0), json!(501), json!(-1)] {
        let wrong = json!({ "limit": limit });
        let expected = invalid("limit", "a number from 1 to 500");
        assert_eq!(right.refusal(&ALICE, CONVERSATION, "downloadpartial", wrong).await, expected);
    }
    let newest = right.sandbox.newest(&ALICE).await;
    for (wrong, expected) in [
        (
            json!({ "lastmessagedate": "2024-03-08 13:55:47", "lastmessageid": UNKNOWN }),
            Refusal::NotInConversation("lastmessageid"),
        ),
        (
            json!({ "lastreportdate": "2024-03-08 13:55:47", "lastreportid": cleared_report }),
            Refusal::NotInConversation("lastreportid"),
        ),
        (
            json!({ "lastmessagedate": "2024-03-08 00:00:00", "lastmessageid": newest["lastmessageid"] }),
            invalid("lastmessagedate", "the date of what the id beside it names"),
        ),
        (json!({ "lastmessageid": UNKNOWN }), invalid("lastmessagedate", date)),
        (
            json!({ "lastmessagedate": "2024-03-08 13:55:47", "lastmessageid": "7" }),
            invalid("lastmessageid", "a message's UUID"),
        ),
        (
            json!({ "lastreportdate": "2024-03-08 13:55:47", "lastreportid": UNKNOWN }),
            invalid("lastreportid", "a report's 32 lower-case hex digits"),
        ),
        (json!({ "lastreportid": null }), Refusal::MissingMember("lastreportid")),
    ] {
        let refusal = right.refusal(&ALICE, CONVERSATION, "downloadpartial", wrong.clone()).await;
        assert_eq!(refusal, expected, "{wrong}");
    }
    let wrong = json!({ "firstmessagedate": "2024-03-08 13:55:47", "firstmessageid": UNKNOWN });
    let refusal = right.refusal(&ALICE, CONVERSATION, "download", wrong).await;
    assert_eq!(refusal, Refusal::NotInConversation("firstmessageid"));
}

#[tokio::test]
async fn a_report_of_what_was_not_said_then_is_refused() {
    let right = Right::start().await;
    let newest = right.sandbox.newest(&ALICE).await["lastmessageid"].clone();
    let list = Refusal::InvalidMember {
        name: "messageids",
        expected: "a list of 1 to 1000 messages' UUIDs",
    };
    let many = vec![newest.clone(); 1001];
    for (ids, last, expected) in [
        (json!([newest]), "2000-01-01 00:00:00", Refusal::OutsideDates),
        (json!([newest, UNKNOWN]), "2024-03-08 13:55:47", Refusal::NotInConversation("messageids")),
        (json!([]), "2024-03-08 13:55:47", list),
        (json!(many), "2024-03-08 13:55:47", list),
        (json!(["7"]), "2024-03-08 13:55:47", list),
        (json!([7]), "2024-03-08 13:55:47", list),
        (
            json!(newest),
            "2024-03-08 13:55:47",
            Refusal::InvalidMember { name: "messageids", expected: "a list" },
        ),
    ] {
        let wrong = json!({
            "messageids": ids, "firstmessagedate": "2000-01-01 00:00:00", "lastmessagedate": last,
        });
        assert_eq!(right.refusal(&ALICE, "chatreports", "viewed", wrong).await, expected, "{last}");
    }
}
