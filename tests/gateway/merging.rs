//! Fields that stand in several places of one object, and objects of which everything is skipped.

use serde_json::{Value, json};

use crate::support::chat::{ADD, chat_of};
use crate::support::{Answer, Caller, Events, TestGateway};

async fn ask(caller: &Caller, query: &str, variables: &Value) -> Answer {
    caller.post(&json!({ "query": query, "variables": variables })).await
}

#[tokio::test]
async fn nothing_is_lost_of_an_object_whose_parts_come_out_empty() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let first = alice.data("{ viewer { id } friends(first: 2) { nodes { name } } conversations(first: 1) { nodes { id isMuted } } }").await;
    let (viewer, names) = (&first["viewer"], &first["friends"]["nodes"]);
    let id = &first["conversations"]["nodes"][0]["id"];
    let ids_alone = json!([{ "id": id }]);
    for (query, expected) in [
        (
            "query S($no: Boolean!) { ...Header ...List } fragment Header on Query { viewer { name @include(if: $no) } } fragment List on Query { viewer { id } }",
            json!({ "viewer": viewer }),
        ),
        (
            "query S($no: Boolean!) { ...List ...Header } fragment Header on Query { viewer { name @include(if: $no) } } fragment List on Query { viewer { id } }",
            json!({ "viewer": viewer }),
        ),
        (
            "query($no: Boolean!) { friends(first: 2) { nodes { isAvailable @include(if: $no) } nodes { name } } }",
            json!({ "friends": { "nodes": names } }),
        ),
        (
            "query($no: Boolean!) { conversations(first: 1) { nodes { ... @include(if: $no) { isMuted } } } ... { conversations(first: 1) { nodes { id } } } }",
            json!({ "conversations": { "nodes": ids_alone } }),
        ),
        ("query($no: Boolean!) { viewer { name @include(if: $no) } }", json!({ "viewer": {} })),
        (
            "query($no: Boolean!) { friends(first: 2) { nodes { ... @include(if: $no) { id } } } }",
            json!({ "friends": { "nodes": [{}, {}] } }),
        ),
        ("query($no: Boolean!) { viewer @include(if: $no) { id } }", json!({})),
    ] {
        // By the library, by a plan and as it was kept, and whether or not a part has to wait.
        for eager in [false, false, false, false, true, true] {
            let caller = if eager {
                alice.clone().with_header("cache-control", "no-cache")
            } else {
                alice.clone()
            };
            let answer = ask(&caller, query, &json!({ "no": false })).await;
            assert_eq!(answer.json(), json!({ "data": expected }), "{query}");
        }
    }
    let mute = "mutation($id: ID!, $no: Boolean!) { muteConversation(input: {id: $id}) { conversation { isFavorite @include(if: $no) } conversation { id isMuted } } }";
    let answer = ask(&alice, mute, &json!({ "id": id, "no": false })).await;
    let conversation = json!({ "id": id, "isMuted": true });
    assert_eq!(answer.json()["data"]["muteConversation"]["conversation"], conversation);
}

#[tokio::test]
async fn fields_that_cannot_be_one_are_refused_before_anything_is_read() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    for query in [
        "{ y: friends(first: 1) { totalCount } ... on Query { y: conversations(first: 1) { totalCount } } }",
        "{ viewer { x: id } viewer { x: name } }",
        "{ friends(first: 1) { nodes { id } } ... on Query { friends(first: 2) { nodes { name } } } }",
    ] {
        let answer = alice.query(query).await;
        assert_eq!(answer.codes()[0].0, "GRAPHQL_VALIDATION_FAILED", "{query}");
        let json = answer.json();
        assert!(json.get("data").is_none(), "{json}");
        assert_eq!(json["errors"][0]["locations"].as_array().map(Vec::len), Some(2), "{json}");
    }
    assert_eq!(gateway.list_calls(), (0, 0));
}

/// Fields were told apart by their places, and a carriage return counted as the beginning of the same line.
#[tokio::test]
async fn fields_that_cannot_be_one_are_refused_however_the_lines_of_the_document_end() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let lines = [
        "mutation {",
        "a: __typename",
        "a: __typename",
        "b: setAvailable { viewer { id } }",
        "... on Mutation {",
        "b: logout { viewerId }",
        "} }",
    ];
    for end in ["\n", "\r\n", "\r"] {
        let answer = alice.query(&lines.join(end)).await;
        assert_eq!(answer.codes()[0].0, "GRAPHQL_VALIDATION_FAILED", "{end:?}");
        let places = json!([{ "line": 4, "column": 1 }, { "line": 6, "column": 1 }]);
        assert_eq!(answer.json()["errors"][0]["locations"], places, "{end:?}");
    }
}

#[tokio::test]
async fn the_same_faults_are_told_in_the_same_order_each_time() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "query($a: Int, $b: Int, $c: Int) { viewer { none nothing } friends(first: \"x\") { nodes { nobody } } ...Missing }";
    let first = alice.query(query).await.text;
    assert!(first.matches("\"message\"").count() > 4, "{first}");
    for _ in 0..5 {
        assert_eq!(alice.query(query).await.text, first);
    }
}

#[tokio::test]
async fn a_change_that_is_asked_for_in_several_places_is_made_once() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let send = format!("sendMessage(input: {{conversationId: \"{chat}\", data: \"YQ==\"}})");
    let mutation = format!(
        "mutation M($no: Boolean!) {{ ... @include(if: $no) {{ {send} {{ __typename }} }} ...F {send} {{ message {{ id @include(if: $no) data }} }} }}
        fragment F on Mutation {{ sent: __typename {send} {{ conversation {{ id }} }} }} query Q {{ viewer {{ id }} }}"
    );
    for (no, calls) in [(false, 1), (true, 2)] {
        let body = json!({ "query": mutation, "operationName": "M", "variables": { "no": no } });
        let mut answer = alice.post(&body).await.json();
        if no {
            assert_eq!(answer["data"]["sendMessage"]["__typename"], "SendMessagePayload");
            assert!(answer["data"]["sendMessage"]["message"]["id"].take().is_string());
        } else {
            let payload = json!({ "conversation": { "id": chat }, "message": { "data": "YQ==" } });
            let data = json!({ "data": { "sent": "Mutation", "sendMessage": payload } });
            assert_eq!(answer, data);
        }
        assert_eq!(gateway.calls(ADD), calls);
    }
    // What is wrong in any of the places is told once, also where it is skipped.
    let wrong = format!(
        "mutation {{ {send} {{ none }} {send} {{ message {{ id }} }} ... @skip(if: true) {{ nothing }} }}"
    );
    let answer = alice.query(&wrong).await;
    assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(2), "{}", answer.text);
    assert_eq!(gateway.calls(ADD), 2);
}

#[tokio::test]
async fn a_subscription_that_stands_in_fragments_and_in_several_places_is_one() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let subscription =
        "subscription { ...F ... on Subscription { messageAdded { message { data } } } }
        fragment F on Subscription { messageAdded { conversationId } }";
    let mut events = Events::ask(&alice, subscription).await;
    for data in ["YQ==", "Yg=="] {
        let send = format!(
            "mutation {{ sendMessage(input: {{conversationId: \"{chat}\", data: \"{data}\"}}) {{ message {{ id }} }} }}"
        );
        alice.data(&send).await;
        let added = json!({ "conversationId": chat, "message": { "data": data } });
        assert_eq!(events.answer().await, json!({ "data": { "messageAdded": added } }));
    }
}

#[tokio::test]
async fn what_the_schema_tells_of_itself_has_no_field_that_nobody_asked_for() {
    use ozeki_graphql::app::Playground;
    let gateway = TestGateway::start_with(|options| options.playground = Playground::On).await;
    let query = "query($no: Boolean!) { __schema { queryType { ...T } } __schema { queryType { kind } } __type(name: \"Int\") { kind name @include(if: $no) } viewer { id @include(if: $no) } }
        fragment T on __Type { name ofType { kind @include(if: $no) } }";
    let alice = gateway.log_in("alice").await;
    let answer = ask(&alice, query, &json!({ "no": false })).await;
    let schema = json!({ "queryType": { "name": "Query", "ofType": null, "kind": "OBJECT" } });
    let data = json!({ "__schema": schema, "__type": { "kind": "SCALAR" }, "viewer": {} });
    assert_eq!(answer.json(), json!({ "data": data }));
}

#[tokio::test]
async fn a_field_that_stands_in_several_places_and_fails_is_told_once() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "{ friend(id: \"x\") { id } ... { friend(id: \"x\") { name } } other: friend(id: \"x\") { id } }";
    for _ in 0..3 {
        let answer = alice.query(query).await.json();
        let paths: Vec<_> =
            answer["errors"].as_array().unwrap().iter().map(|error| &error["path"]).collect();
        assert_eq!(paths, [&json!(["friend"]), &json!(["other"])], "{answer}");
        assert_eq!(answer["data"], json!({ "friend": null, "other": null }));
    }
}

/// What came of the other place was told beside the error, without the fields of the place that failed.
#[tokio::test]
async fn a_field_that_fails_in_one_of_its_places_is_null_as_if_it_stood_in_one() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    for (field, good, bad) in [
        (format!("conversation(id: \"{chat}\")"), "id", "messages(last: -1) { nodes { id } }"),
        (
            "friends(first: 1)".to_owned(),
            "totalCount",
            "nodes { conversations(first: -1) { totalCount } }",
        ),
    ] {
        let together = alice.query(&format!("{{ x: {field} {{ {good} {bad} }} }}")).await.json();
        assert_eq!(together["data"], json!({ "x": null }));
        for [one, other] in [[good, bad], [bad, good]] {
            let query = format!("{{ x: {field} {{ {one} }} ... {{ x: {field} {{ {other} }} }} }}");
            let answer = alice.query(&query).await.json();
            assert_eq!(answer["data"], together["data"], "{query}");
            assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer}");
        }
    }
}

/// A change that was spread over places was made, and one in a single place was not.
#[tokio::test]
async fn a_change_whose_condition_may_lack_a_value_is_refused_before_it_is_made() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let chat = chat_of(&alice).await;
    let send = format!("sendMessage(input: {{conversationId: \"{chat}\", data: \"YQ==\"}})");
    for defined in ["$yes: Boolean", "$yes: [Boolean] = [true]", "$yes: Boolean = null"] {
        for selection in [
            format!("{send} @include(if: $yes) {{ message {{ id }} }}"),
            format!("... @include(if: $yes) {{ {send} {{ message {{ id }} }} }}"),
        ] {
            let answer = alice.query(&format!("mutation({defined}) {{ {selection} }}")).await;
            assert_eq!(answer.codes()[0].0, "GRAPHQL_VALIDATION_FAILED", "{defined} {selection}");
            assert!(answer.json().get("data").is_none(), "{}", answer.text);
        }
    }
    assert_eq!(gateway.calls(ADD), 0);
}
