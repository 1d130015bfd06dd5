//! A whole session of two users: reading back, sending, viewing, changing.

use ozeki_graphql::sandbox::{Fault, Reply};
use serde_json::{Value, json};

use crate::support::{CONVERSATIONS, Caller, FRIENDS, TestGateway};

const PAGE: (&str, &str) = ("chatconversation", "downloadpartial");
const ADD: (&str, &str) = ("chatconversation", "add");
const VIEWED: (&str, &str) = ("chatreports", "viewed");

/// The conversation of alice and bob that has the most messages, and how many.
const LONGEST: usize = 130;

fn ids(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().unwrap().iter();
    nodes.map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

/// The newest conversation of alice, which is the long one with bob.
async fn newest_conversation(caller: &Caller) -> String {
    let data = caller.data("{ conversations(first: 1) { nodes { id } } }").await;
    ids(&data["conversations"]["nodes"]).remove(0)
}

async fn page(caller: &Caller, conversation: &str, arguments: &str) -> Value {
    let query = format!(
        "{{ conversation(id: \"{conversation}\") {{ messages{arguments} {{
            nodes {{ id type createdAt validUntil data }} edges {{ cursor node {{ id }} }} reports {{ id type createdAt }}
            pageInfo {{ hasPreviousPage hasNextPage startCursor endCursor }} }} }} }}"
    );
    caller.data(&query).await["conversation"]["messages"].take()
}

#[tokio::test]
async fn two_users_go_through_a_whole_session() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    let chat = newest_conversation(&alice).await;
    assert_eq!((gateway.list_calls(), gateway.calls(PAGE)), ((1, 0), 0));

    // Three pages back to the first message, each read once.
    let mut all = Vec::new();
    let mut arguments = String::new();
    for step in 1..=3 {
        let read = page(&alice, &chat, &arguments).await;
        assert_eq!(gateway.calls(PAGE), step);
        assert_eq!(page(&alice, &chat, &arguments).await, read);
        assert_eq!(gateway.calls(PAGE), step);
        assert_eq!(read["pageInfo"]["hasNextPage"], step > 1);
        assert_eq!(read["pageInfo"]["hasPreviousPage"], step < 3);
        let mut nodes = ids(&read["nodes"]);
        nodes.append(&mut all);
        all = nodes;
        arguments = format!("(before: {})", read["pageInfo"]["startCursor"]);
    }
    assert_eq!(all.len(), LONGEST);
    assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), LONGEST);
    assert_eq!(gateway.list_calls(), (1, 0));

    // Alice sends; her next read has the message, by one call for the list and one for the page.
    let data = "bm90IHJlYWxseSBlbmNyeXB0ZWQ=";
    let sending = format!(
        "mutation {{ sendMessage(input: {{conversationId: \"{chat}\", data: \"{data}\"}}) {{
            message {{ id type data createdAt validUntil }} conversation {{ lastMessageId }} }} }}"
    );
    let sent = alice.data(&sending).await["sendMessage"].take();
    assert_eq!((gateway.calls(ADD), gateway.list_calls()), (1, (2, 0)));
    let message = &sent["message"];
    assert_eq!((&message["type"], &message["data"]), (&json!("Message"), &json!(data)));
    // The clock stands at 2024-03-08 13:55:47; a message is kept for seven days.
    assert_eq!(message["createdAt"], "2024-03-08T13:55:47Z");
    assert_eq!(message["validUntil"], "2024-03-15T13:55:47Z");
    assert_eq!(sent["conversation"]["lastMessageId"], message["id"]);
    let read = page(&alice, &chat, "(last: 2)").await;
    assert_eq!(read["nodes"][1], *message);
    assert_eq!((gateway.calls(PAGE), gateway.list_calls()), (4, (2, 0)));

    // Bob reads it and marks it as viewed, at his first and only read of the page.
    let read = page(&bob, &chat, "(last: 1)").await;
    assert_eq!(read["nodes"][0]["id"], message["id"]);
    let reports = read["reports"].as_array().unwrap().len();
    let view = format!(
        "mutation {{ markViewed(input: {{conversationId: \"{chat}\", messageIds: [{}]}}) {{ messageIds conversation {{ lastReportId }} }} }}",
        message["id"]
    );
    let viewed = bob.data(&view).await["markViewed"].take();
    assert_eq!(viewed["messageIds"], json!([message["id"]]));
    assert_eq!((gateway.calls(VIEWED), gateway.calls(PAGE)), (1, 5));
    let read = page(&bob, &chat, "(last: 1)").await;
    let newest = read["reports"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(newest["type"], "viewed", "{reports} before");
    assert_eq!(viewed["conversation"]["lastReportId"], newest["id"]);

    // Alice changes the conversation; each change is seen at once, without another read of the list.
    let view = "{ isMuted isFavorite isHidden backgroundColor lastMessageId instance }";
    let now = async || {
        let query = format!("{{ conversation(id: \"{chat}\") {view} }}");
        alice.data(&query).await["conversation"].take()
    };
    let calls = gateway.list_calls();
    for (mutation, member, expected) in [
        ("muteConversation", "isMuted", json!(true)),
        ("favoriteConversation", "isFavorite", json!(true)),
        ("hideConversation", "isHidden", json!(true)),
        ("unhideConversation", "isHidden", json!(false)),
        ("unmuteConversation", "isMuted", json!(false)),
        ("unfavoriteConversation", "isFavorite", json!(false)),
        ("clearConversation", "lastMessageId", json!(null)),
    ] {
        let before = now().await;
        let query = format!(
            "mutation {{ {mutation}(input: {{id: \"{chat}\"}}) {{ conversation {view} }} }}"
        );
        let changed = alice.data(&query).await[mutation]["conversation"].take();
        assert_eq!(changed[member], expected, "{mutation}");
        assert_eq!(now().await, changed, "{mutation}");
        assert_eq!(before["instance"] == changed["instance"], mutation != "clearConversation");
    }
    let color = format!(
        "mutation {{ setConversationColor(input: {{id: \"{chat}\", color: \"#BAE1FF\"}}) {{ conversation {view} }} }}"
    );
    alice.data(&color).await;
    assert_eq!(now().await["backgroundColor"], "#bae1ff");
    assert_eq!(gateway.list_calls(), calls);
    assert!(page(&alice, &chat, "").await["nodes"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn the_last_messages_of_fifty_conversations_cost_a_call_each_and_then_none() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "{ conversations(first: 50) { nodes { lastMessageId messages(last: 1) { nodes { id } } } } }";
    let data = alice.data(query).await;
    for node in data["conversations"]["nodes"].as_array().unwrap() {
        assert_eq!(node["messages"]["nodes"][0]["id"], node["lastMessageId"]);
    }
    let calls = gateway.calls(PAGE);
    assert!((1..=50).contains(&calls), "{calls}");
    assert_eq!(alice.data(query).await, data);
    assert_eq!((gateway.calls(PAGE), gateway.calls(CONVERSATIONS)), (calls, 1));
}

#[tokio::test]
async fn beyond_its_budget_an_operation_keeps_what_fitted() {
    let gateway = TestGateway::start_with(|options| {
        options.operation_calls_max = std::num::NonZeroUsize::new(5).unwrap();
    })
    .await;
    let alice = gateway.log_in("alice").await;
    let query = "{ conversations(first: 20) { nodes { id messages(last: 1) { nodes { id } } } } }";
    let answer = alice.query(query).await;
    let codes = answer.codes();
    assert!(
        !codes.is_empty()
            && codes.iter().all(|(code, path)| {
                code == "OPERATION_TOO_EXPENSIVE" && path.ends_with(".messages")
            })
    );
    assert_eq!(gateway.calls(PAGE), 4);
    let json = answer.json();
    let nodes = json["data"]["conversations"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 20);
    assert!(nodes.iter().filter(|node| !node["messages"].is_null()).count() >= 4);
}

#[tokio::test]
async fn bad_input_is_named_and_makes_no_call() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = newest_conversation(&alice).await;
    let cursor = page(&alice, &chat, "(last: 2)").await["pageInfo"]["startCursor"].take();
    let cursor = cursor.as_str().unwrap().to_owned();
    let data = alice.data("{ conversations(first: 2) { nodes { id } } }").await;
    let other = ids(&data["conversations"]["nodes"]).remove(1);
    let calls =
        |gateway: &TestGateway| [PAGE, ADD, VIEWED, CONVERSATIONS].map(|call| gateway.calls(call));
    let before = calls(&gateway);
    let altered = format!("{}A", &cursor[..cursor.len() - 1]);
    let altered =
        if altered == cursor { format!("{}B", &cursor[..cursor.len() - 1]) } else { altered };
    let read = |id: &str, arguments: &str| {
        format!("{{ conversation(id: \"{id}\") {{ messages({arguments}) {{ nodes {{ id }} }} }} }}")
    };
    let send = |members: &str| {
        format!("mutation {{ sendMessage(input: {{{members}}}) {{ message {{ id }} }} }}")
    };
    let valid = format!("conversationId: \"{chat}\", data: \"YQ==\"");
    for (query, argument) in [
        (read(&chat, "last: 0"), "last"),
        (read(&chat, "last: 201"), "last"),
        (read(&chat, "before: \"\""), "before"),
        (read(&chat, &format!("before: \"{altered}\"")), "before"),
        (read(&other, &format!("before: \"{cursor}\"")), "before"),
        (send("conversationId: \"7\", data: \"YQ==\""), "conversationId"),
        (send(&format!("conversationId: \"{chat}\", data: \"\"")), "data"),
        (send(&format!("conversationId: \"{chat}\", data: \"not base64!\"")), "data"),
        (send(&format!("{valid}, id: \"7\"")), "id"),
        (send(&format!("{valid}, validUntil: \"2024-03-08T13:55:47Z\"")), "validUntil"),
        (send(&format!("{valid}, validUntil: \"tomorrow\"")), "validUntil"),
        (
            format!(
                "mutation {{ markViewed(input: {{conversationId: \"{chat}\", messageIds: []}}) {{ messageIds }} }}"
            ),
            "messageIds",
        ),
        (
            "mutation { markViewed(input: {conversationId: \"x\", messageIds: [\"a\"]}) { messageIds } }"
                .to_owned(),
            "conversationId",
        ),
        (
            format!(
                "mutation {{ setConversationColor(input: {{id: \"{chat}\", color: \"red\"}}) {{ conversation {{ id }} }} }}"
            ),
            "color",
        ),
        (
            "mutation { muteConversation(input: {id: \"\"}) { conversation { id } } }".to_owned(),
            "id",
        ),
        ("mutation { registerWorkspace(input: {name: \" \"}) { name } }".to_owned(), "name"),
    ] {
        let answer = alice.query(&query).await;
        let json = answer.json();
        assert_eq!(answer.codes()[0].0, "BAD_USER_INPUT", "{query}: {json}");
        assert_eq!(json["errors"][0]["extensions"]["argument"], argument, "{query}");
    }
    assert_eq!(calls(&gateway), before);
}

#[tokio::test]
async fn what_the_caller_does_not_have_is_not_found() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let absent = "00000000000000000000000000000000";
    for mutation in [
        format!("muteConversation(input: {{id: \"{absent}\"}}) {{ conversation {{ id }} }}"),
        format!("clearConversation(input: {{id: \"{absent}\"}}) {{ conversation {{ id }} }}"),
        format!(
            "sendMessage(input: {{conversationId: \"{absent}\", data: \"YQ==\"}}) {{ message {{ id }} }}"
        ),
        format!(
            "markViewed(input: {{conversationId: \"{absent}\", messageIds: [\"a\"]}}) {{ messageIds }}"
        ),
    ] {
        let answer = alice.query(&format!("mutation {{ {mutation} }}")).await;
        assert_eq!(answer.codes()[0].0, "NOT_FOUND", "{mutation}");
    }
    let chat = newest_conversation(&alice).await;
    let view = format!(
        "mutation {{ markViewed(input: {{conversationId: \"{chat}\", messageIds: [\"unheard-of\"]}}) {{ messageIds }} }}"
    );
    assert_eq!(alice.query(&view).await.codes()[0].0, "NOT_FOUND");
    assert_eq!(gateway.calls(VIEWED), 0);
}

#[tokio::test]
async fn presence_blocklist_and_workspace_are_served() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let data = alice.data("mutation { setAvailable { viewer { name } } registerWorkspace(input: {name: \"alice.ozeki.chat\"}) { name } }").await;
    assert_eq!(
        data,
        json!({ "setAvailable": { "viewer": { "name": "Alice" } }, "registerWorkspace": { "name": "alice.ozeki.chat" } })
    );
    let mut blocked = 0;
    for name in ["alice", "bob", "carol", "admin"] {
        let caller = gateway.log_in(name).await;
        let query = "{ a: blocklist { userIds conversationIds } b: blocklist { userIds } }";
        let data = caller.data(query).await;
        blocked += data["a"]["userIds"].as_array().unwrap().len();
    }
    assert!(blocked > 0);
    assert_eq!((gateway.calls(("chatblocklist", "blocklist")), gateway.calls(FRIENDS)), (4, 0));
}

#[tokio::test]
async fn a_server_that_gives_fifty_rows_at_once_hides_no_older_ones() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = newest_conversation(&alice).await;
    let rows = |numbers: std::ops::Range<u32>| {
        let row = |number: u32| {
            let (minute, second) = (number / 60, number % 60);
            json!({ "ID": format!("m{number}"), "Type": "Message", "Created": format!("2024-03-08 10:{minute:02}:{second:02}") })
        };
        let messages: Vec<Value> = numbers.map(row).collect();
        json!({ "status": "OK", "errormessage": "", "messages": messages, "reports": [{ "ID": "r", "Type": "viewed" }] })
    };
    for numbers in [70..120, 20..70] {
        gateway.spoil(PAGE, Fault::new(Reply::json(rows(numbers).to_string())));
    }
    let read = page(&alice, &chat, "").await;
    let nodes = ids(&read["nodes"]);
    assert_eq!((nodes.len(), &*nodes[0], &*nodes[49]), (50, "m70", "m119"));
    assert_eq!(read["pageInfo"]["hasPreviousPage"], true);
    assert_eq!(read["reports"], json!([{ "id": "r", "type": "viewed", "createdAt": null }]));
}

#[tokio::test]
async fn reports_beyond_the_messages_are_reached_by_going_on() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = newest_conversation(&alice).await;
    let answer = |messages: &[&str], reports: std::ops::Range<u32>| {
        let report = |number| json!({ "ID": format!("r{number}"), "Type": "viewed", "Created": format!("2024-03-08 11:00:{number:02}") });
        let message =
            |id: &&str| json!({ "ID": id, "Type": "Message", "Created": "2024-03-08 10:00:00" });
        let messages: Vec<Value> = messages.iter().map(message).collect();
        json!({ "status": "OK", "messages": messages, "reports": reports.map(report).collect::<Vec<_>>() })
    };
    let read = async |arguments: &str| {
        let query = format!(
            "{{ conversation(id: \"{chat}\") {{ messages{arguments} {{ nodes {{ id }} reports {{ id }} hasOlderReports pageInfo {{ hasPreviousPage startCursor }} }} }} }}"
        );
        alice.data(&query).await["conversation"]["messages"].take()
    };
    gateway.spoil(PAGE, Fault::new(Reply::json(answer(&["m"], 4..7).to_string())));
    let newest = read("(last: 2)").await;
    assert_eq!(newest["pageInfo"]["hasPreviousPage"], false);
    assert_eq!(
        (ids(&newest["reports"]), &newest["hasOlderReports"]),
        (vec!["r5".into(), "r6".into()], &json!(true))
    );
    gateway.spoil(PAGE, Fault::new(Reply::json(answer(&[], 3..5).to_string())));
    let older = read(&format!("(last: 2, before: {})", newest["pageInfo"]["startCursor"])).await;
    assert_eq!(
        (ids(&older["reports"]), &older["hasOlderReports"]),
        (vec!["r3".into(), "r4".into()], &json!(false))
    );
    assert!(ids(&older["nodes"]).is_empty() && older["pageInfo"]["startCursor"].is_string());
}
