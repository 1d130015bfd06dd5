//! What clients send that no well-meaning one would.

use serde_json::json;

use crate::support::{FRIENDS, TestGateway};

#[tokio::test]
async fn a_variable_that_is_absent_has_its_default_in_directives_too() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    for (directive, default, is_there) in [
        ("skip", true, false),
        ("skip", false, true),
        ("include", true, true),
        ("include", false, false),
    ] {
        let query = format!(
            "query($b: Boolean = {default}) {{ viewer {{ id }} friends @{directive}(if: $b) {{ totalCount }} }}"
        );
        let data = alice.data(&query).await;
        assert_eq!(data.get("friends").is_some(), is_there, "{query}: {data}");
    }
    let query = "query($first: Int = 2, $direction: OrderDirection! = DESC) {
        friends(first: $first, orderBy: {field: NAME, direction: $direction}) { nodes { id } }
    }";
    assert_eq!(alice.data(query).await["friends"]["nodes"].as_array().unwrap().len(), 2);
    let body = json!({ "query": query, "variables": { "first": 3 } });
    let json = alice.post(&body).await.json();
    assert_eq!(json["data"]["friends"]["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(gateway.calls(FRIENDS), 1);
}

#[tokio::test]
async fn what_is_skipped_by_default_is_not_fetched() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query = "query($names: Boolean = false) {
        conversations { nodes { id participants { id friend @include(if: $names) { name } } } }
    }";
    alice.data(query).await;
    assert_eq!(gateway.list_calls(), (1, 0));
}
