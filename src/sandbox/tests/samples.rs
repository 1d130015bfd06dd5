//! Every documented request gets an answer with the documented members, in their order and of their types.
//!
//! The fixture holds each call as `ozeki-chat-api.md` documents it. Its ids name nothing in the sandbox: before a
//! request is sent, they are replaced by those of the demo's newest conversation.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::members::Members;
use super::*;

const CALLS: &str = include_str!("../../../tests/fixtures/documented-calls.json");

#[derive(Deserialize)]
struct Sample {
    name: String,
    srv: String,
    api: String,
    request: Value,
    answer: Box<RawValue>,
}

/// What takes the place of the samples' ids and dates.
async fn replacements(sandbox: &TestSandbox) -> Value {
    let newest = sandbox.newest(&ALICE).await;
    let members = json!({
        "conversationid": newest["id"], "instance": newest["instance"], "limit": 200,
        "lastmessagedate": "", "lastmessageid": "", "lastreportdate": "", "lastreportid": "",
    });
    let page = sandbox.ok(&ALICE, "chatconversation", "downloadpartial", members).await;
    let (message, report) = (&page["messages"][60], &page["reports"][60]);
    json!({
        "conversationid": newest["id"],
        "instance": newest["instance"],
        "hideid": format!("{};", newest["instance"].as_str().unwrap()),
        "apikey": ALICE.key,
        "firstmessagedate": message["Created"], "firstmessageid": message["ID"],
        "lastmessagedate": message["Created"], "lastmessageid": message["ID"],
        "firstreportdate": report["Created"], "firstreportid": report["ID"],
        "lastreportdate": report["Created"], "lastreportid": report["ID"],
        "messageids": [message["ID"]],
    })
}

/// The sample as a call by Alice, with the headers that its kind has.
fn call(sample: &Sample, replacements: &Value) -> TestCall {
    let mut request = sample.request.clone();
    for (name, value) in request.as_object_mut().unwrap() {
        if let Some(replacement) = replacements.get(name) {
            *value = replacement.clone();
        }
    }
    let body = request.to_string();
    let call = match sample.name.as_str() {
        "Login" | "Notification" => TestCall::unsigned(&sample.api, &body),
        "Workspace registration" => TestCall::signed(&sample.api, &body).without("ozeki-station"),
        _ => TestCall::signed(&sample.api, &body),
    };
    TestCall { query: format!("srv={}&api={}", sample.srv, sample.api), ..call }
}

/// Asserts that the answer has the sample's members, in its order and of its types, all the way down.
fn assert_alike(path: &str, sample: &RawValue, answer: &RawValue) {
    let kind = |json: &RawValue| match json.get().as_bytes()[0] {
        b'{' => "object",
        b'[' => "list",
        b'"' => "string",
        b't' | b'f' => "boolean",
        b'n' => "null",
        _ => "number",
    };
    assert_eq!(kind(sample), kind(answer), "{path}");
    match kind(sample) {
        // Its members are user ids: any will do.
        "object" if path.ends_with("Friends / list.friends") => {
            let of = |map: &RawValue| Members::of(map.get()).0;
            let (_, sample) = &of(sample)[0];
            for (id, name) in of(answer) {
                assert_alike(&id, sample, &name);
            }
        }
        "object" => {
            let (sample, answer) = (Members::of(sample.get()), Members::of(answer.get()));
            assert_eq!(sample.names(), answer.names(), "{path}");
            for ((name, sample), (_, answer)) in sample.0.iter().zip(&answer.0) {
                assert_alike(&format!("{path}.{name}"), sample, answer);
            }
        }
        "list" => {
            let items = |list: &RawValue| -> Vec<Box<RawValue>> {
                serde_json::from_str(list.get()).unwrap()
            };
            if let Some(sample) = items(sample).first() {
                let items = items(answer);
                // In a list of conversations, nobody set anything for some.
                assert!(!items.is_empty() || path.contains("[]"), "{path}");
                for answer in &items {
                    assert_alike(&format!("{path}[]"), sample, answer);
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_documented_request_is_answered_as_documented() {
    let samples: Vec<Sample> = serde_json::from_str(CALLS).unwrap();
    assert_eq!(samples.len(), 19);
    for sample in samples {
        // A sandbox for each, so that no sample depends on another; its station is known by a signed call.
        let sandbox = TestSandbox::start().await;
        let replacements = replacements(&sandbox).await;
        sandbox.json(TestCall::signed("chatfriends", LIST)).await;
        let (status, answer) = sandbox.text(call(&sample, &replacements)).await;
        assert_eq!(status, StatusCode::OK);
        let answer: Box<RawValue> = serde_json::from_str(&answer).unwrap();
        assert_alike(&sample.name, &sample.answer, &answer);
        let told = |json: &RawValue, name: &str| {
            let json: Value = serde_json::from_str(json.get()).unwrap();
            json[name].clone()
        };
        for name in ["status", "errormessage"] {
            assert_eq!(told(&answer, name), told(&sample.answer, name), "{}", sample.name);
        }
    }
}
