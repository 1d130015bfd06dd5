//! Connections: pages, filters, orders, joins.

use serde_json::{Value, json};

use crate::support::{Caller, TestGateway};

/// The ids of a page's nodes, and its page information.
async fn page(caller: &Caller, field: &str, arguments: &str) -> (Vec<String>, Value) {
    let query = format!(
        "{{ list: {field}({arguments}) {{ nodes {{ id }} edges {{ cursor node {{ id }} }} totalCount
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    );
    let mut list = caller.data(&query).await["list"].take();
    let ids = |values: &Value, of: fn(&Value) -> &Value| -> Vec<String> {
        let values = values.as_array().unwrap().iter();
        values.map(|value| of(value).as_str().unwrap().to_owned()).collect()
    };
    let nodes = ids(&list["nodes"], |node| &node["id"]);
    assert_eq!(nodes, ids(&list["edges"], |edge| &edge["node"]["id"]));
    let cursors = ids(&list["edges"], |edge| &edge["cursor"]);
    let info = list["pageInfo"].take();
    assert_eq!(info["startCursor"], json!(cursors.first()));
    assert_eq!(info["endCursor"], json!(cursors.last()));
    (nodes, info)
}

/// Arguments without the blanks that no list has.
fn with(order: &str, arguments: &str) -> String {
    format!("{arguments} {order}")
}

#[tokio::test]
async fn pages_both_ways_give_each_node_once_and_in_order() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    for (field, order) in [
        ("conversations", ""),
        ("conversations", "orderBy: {field: LAST_ACCESS, direction: ASC}"),
        ("conversations", "filter: {isGroup: false}"),
        ("friends", ""),
        ("friends", "orderBy: {field: NAME, direction: DESC}"),
        ("friends", "orderBy: {field: AVAILABILITY, direction: ASC}"),
        ("friends", "orderBy: {field: AVAILABILITY, direction: DESC}"),
    ] {
        let (all, info) = page(&alice, field, &with(order, "first: 200")).await;
        assert_eq!(
            (&info["hasPreviousPage"], &info["hasNextPage"]),
            (&json!(false), &json!(false))
        );
        assert!(all.len() > 30, "{field}");
        for size in [1, 7, all.len()] {
            let mut forward = Vec::new();
            let mut position = String::new();
            loop {
                let (nodes, info) =
                    page(&alice, field, &with(order, &format!("first: {size} {position}"))).await;
                assert_eq!(info["hasPreviousPage"], json!(!forward.is_empty()));
                forward.extend(nodes);
                assert_eq!(info["hasNextPage"], json!(forward.len() < all.len()));
                if info["hasNextPage"] == false {
                    break;
                }
                position = format!("after: {}", info["endCursor"]);
            }
            assert_eq!(forward, all, "{field} {order} by {size}");
            let mut backward = Vec::new();
            let mut position = String::new();
            loop {
                let (mut nodes, info) =
                    page(&alice, field, &with(order, &format!("last: {size} {position}"))).await;
                assert_eq!(info["hasNextPage"], json!(!backward.is_empty()));
                nodes.append(&mut backward);
                backward = nodes;
                if info["hasPreviousPage"] == false {
                    break;
                }
                position = format!("before: {}", info["startCursor"]);
            }
            assert_eq!(backward, all, "{field} {order} by {size}");
        }
    }
}

#[tokio::test]
async fn a_page_can_lie_between_two_cursors() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let (all, _) = page(&alice, "conversations", "first: 60").await;
    let (_, info) = page(&alice, "conversations", "first: 10").await;
    let (_, later) = page(&alice, "conversations", "first: 21").await;
    let (after, before) = (&info["endCursor"], &later["endCursor"]);
    let between = |size: &str| format!("{size} after: {after}, before: {before}");
    assert_eq!(page(&alice, "conversations", &between("first: 50")).await.0, all[10..20]);
    assert_eq!(page(&alice, "conversations", &between("first: 3")).await.0, all[10..13]);
    assert_eq!(page(&alice, "conversations", &between("last: 3")).await.0, all[17..20]);
    assert_eq!(page(&alice, "conversations", &between("")).await.0, all[10..20]);
    let nothing = format!("after: {before}, before: {after}");
    assert!(page(&alice, "conversations", &nothing).await.0.is_empty());
    assert!(page(&alice, "conversations", "first: 0").await.0.is_empty());
    assert_eq!(page(&alice, "conversations", "filter: {}").await.0, all[..50]);
}

#[tokio::test]
async fn bad_arguments_are_named_and_make_no_call() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let (_, info) = page(&alice, "friends", "first: 1").await;
    let (_, by_name_down) =
        page(&alice, "friends", "first: 1, orderBy: {field: NAME, direction: DESC}").await;
    let calls = gateway.list_calls();
    let alice = alice.with_header("cache-control", "no-cache");
    let cursor_of_friends = format!("conversations(after: {})", info["endCursor"]);
    let cursor_of_another_order = format!("friends(before: {})", by_name_down["endCursor"]);
    let long_cursor = format!("friends(after: \"{}\")", "A".repeat(2000));
    let long_text = format!("friends(filter: {{nameContains: \"{}\"}})", "a".repeat(101));
    for (field, argument) in [
        ("conversations(first: -1)", "first"),
        ("conversations(first: 201)", "first"),
        ("friends(last: -1)", "last"),
        ("friends(last: 201)", "last"),
        ("friends(first: 1, last: 1)", "first"),
        ("conversations(after: \"\")", "after"),
        ("conversations(after: \"not a cursor\")", "after"),
        ("conversations(before: \"AAAA\")", "before"),
        (&*cursor_of_friends, "after"),
        (&*cursor_of_another_order, "before"),
        (&*long_cursor, "after"),
        ("conversations(filter: {participantId: \"alice\"})", "participantId"),
        (&*long_text, "nameContains"),
    ] {
        let answer = alice.query(&format!("{{ {field} {{ totalCount }} }}")).await;
        let json = answer.json();
        assert_eq!(answer.codes()[0].0, "BAD_USER_INPUT", "{field}: {json}");
        assert_eq!(json["errors"][0]["extensions"]["argument"], argument, "{field}");
    }
    for (field, argument) in [
        ("conversation(id: \"7\") { id }", "id"),
        ("friend(id: \"\") { id }", "id"),
        ("userId(email: \"alice\")", "email"),
    ] {
        let json = alice.query(&format!("{{ {field} }}")).await.json();
        assert_eq!(json["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{json}");
        assert_eq!(json["errors"][0]["extensions"]["argument"], argument, "{field}");
    }
    assert_eq!(gateway.list_calls(), calls);
}

#[tokio::test]
async fn filters_keep_just_what_they_say() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "{ conversations(first: 200) { nodes { id isGroup isMuted isFavorite isHidden participants { id } } } }";
    let data = alice.data(query).await;
    let all = data["conversations"]["nodes"].as_array().unwrap();
    let ids = |keep: &dyn Fn(&Value) -> bool| -> Vec<String> {
        all.iter()
            .filter(|node| keep(node))
            .map(|node| node["id"].as_str().unwrap().to_owned())
            .collect()
    };
    for member in ["isGroup", "isMuted", "isFavorite", "isHidden"] {
        for wanted in [true, false] {
            let expected = ids(&|node| node[member] == wanted);
            assert!(
                !expected.is_empty() && expected.len() < all.len(),
                "{member} tells nothing apart"
            );
            let (found, _) = page(
                &alice,
                "conversations",
                &format!("first: 200, filter: {{{member}: {wanted}}}"),
            )
            .await;
            assert_eq!(found, expected, "{member}");
        }
    }
    let bob = "4b9bb80620f03eb3719e0a061c14283d";
    let with_bob =
        ids(&|node| node["participants"].as_array().unwrap().iter().any(|one| one["id"] == bob));
    assert!(!with_bob.is_empty());
    let (found, _) =
        page(&alice, "conversations", &format!("first: 200, filter: {{participantId: \"{bob}\"}}"))
            .await;
    assert_eq!(found, with_bob);
    let query = format!(
        "{{ friend(id: \"{bob}\") {{ name conversations(first: 200) {{ totalCount nodes {{ id }} }} }} }}"
    );
    let friend = alice.data(&query).await["friend"].take();
    assert_eq!(friend["name"], "Bob");
    assert_eq!(friend["conversations"]["totalCount"], with_bob.len());
    let both = format!("first: 200, filter: {{participantId: \"{bob}\", isGroup: true}}");
    assert!(page(&alice, "conversations", &both).await.0.len() < with_bob.len());
}

#[tokio::test]
async fn friends_are_found_by_name_and_presence() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let data = alice
        .data("{ friends(first: 200) { nodes { name availability isAvailable publicKey } } }")
        .await;
    let all = data["friends"]["nodes"].as_array().unwrap();
    let names: Vec<_> =
        all.iter().map(|friend| friend["name"].as_str().unwrap().to_lowercase()).collect();
    assert!(names.is_sorted());
    for friend in all {
        assert_eq!(friend["isAvailable"], friend["availability"] == "available");
    }
    assert!(
        all.iter().any(|friend| friend["availability"].is_null() && friend["publicKey"].is_null())
    );
    let available = all.iter().filter(|friend| friend["isAvailable"] == true).count();
    let query = "{ a: friends(filter: {isAvailable: true}) { totalCount } n: friends(filter: {isAvailable: false}) { totalCount }
        bob: friends(filter: {nameContains: \"BO\"}) { nodes { name } }
        first: friends(first: 1, orderBy: {field: AVAILABILITY, direction: DESC}) { nodes { isAvailable } } }";
    let data = alice.data(query).await;
    assert_eq!(data["a"]["totalCount"], available);
    assert_eq!(data["n"]["totalCount"], all.len() - available);
    let found = data["bob"]["nodes"].as_array().unwrap();
    assert!(
        found
            .iter()
            .all(|friend| { friend["name"].as_str().unwrap().to_lowercase().contains("bo") })
    );
    assert!(found.iter().any(|friend| friend["name"] == "Bob"));
    assert_eq!(data["first"]["nodes"][0]["isAvailable"], true);
}

#[tokio::test]
async fn one_node_is_found_by_its_id_and_null_where_there_is_none() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let members = "id isGroup displayName secret instance lastAccess lastMessageId lastReportId mutedBy favoriteBy hiddenBy
        properties { userId isMuted isFavorite hideId backgroundColor } isMuted isFavorite isHidden backgroundColor
        participants { id name isViewer friend { id name } }";
    let listed =
        alice.data(&format!("{{ conversations(first: 3) {{ nodes {{ {members} }} }} }}")).await;
    for node in listed["conversations"]["nodes"].as_array().unwrap() {
        let query = format!("{{ conversation(id: {}) {{ {members} }} }}", node["id"]);
        assert_eq!(alice.data(&query).await["conversation"], *node);
    }
    let absent = "00000000000000000000000000000000";
    let query =
        format!("{{ conversation(id: \"{absent}\") {{ id }} friend(id: \"{absent}\") {{ id }} }}");
    assert_eq!(alice.data(&query).await, json!({ "conversation": null, "friend": null }));
}
