//! What the demo's people do by themselves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

#[tokio::test]
async fn alice_is_written_to_and_sees_friends_come_and_go_the_same_in_every_run() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let sandbox = TestSandbox::start().await;
        sandbox.ok(&ALICE, "chatfriends", "list", json!({})).await;
        let mut told = [0, 0];
        for _ in 0..30 {
            sandbox.sandbox.step();
            let download = TestCall::unsigned("chatnotification", &body("download", json!({})))
                .with("ozeki-station", &ALICE.station().to_string());
            let answer = sandbox.json(download).await;
            for (count, member) in
                told.iter_mut().zip(["conversationchangedof", "friendavailabilitesof"])
            {
                *count += answer[member].as_array().unwrap().len();
            }
        }
        assert_eq!(told, [20, 10]);
        let newest = sandbox.newest(&ALICE).await;
        runs.push((newest["id"].clone(), newest["lastmessageid"].clone()));
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn what_is_written_is_a_new_message_with_base64_for_its_data() {
    let sandbox = TestSandbox::start().await;
    let before = sandbox.conversations(&ALICE).await;
    sandbox.sandbox.step();
    sandbox.sandbox.step();
    let after = sandbox.conversations(&ALICE).await;
    let changed: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(one, other)| one["lastmessageid"] != other["lastmessageid"])
        .collect();
    let [(_, conversation)] = changed[..] else { panic!("{} changed", changed.len()) };
    let members = json!({
        "conversationid": conversation["id"], "instance": conversation["instance"],
        "lastmessagedate": "", "lastmessageid": "", "lastreportdate": "", "lastreportid": "",
        "limit": 1,
    });
    let page = sandbox.ok(&ALICE, "chatconversation", "downloadpartial", members).await;
    let message = &page["messages"][0];
    assert_eq!(message["ID"], conversation["lastmessageid"]);
    let data = message["Data"].as_str().unwrap();
    assert!(STANDARD.decode(data).is_ok_and(|bytes| !bytes.is_empty()));
}
