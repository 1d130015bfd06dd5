//! Queries of plain data are written straight from their selection from the second time on: in the same bytes as the
//! first time, when the schema library ran them.

use std::collections::BTreeSet;

use ozeki_graphql::sandbox::{Fault, Reply};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::author::{Author, named, schema};
use crate::support::{Answer, CONVERSATIONS, Caller, FRIENDS, TestGateway};

/// How many answers were written straight from their selection.
async fn planned(gateway: &TestGateway) -> u64 {
    let metrics = Caller::new(gateway.admin_url() + "/metrics").get("").await.text;
    let name = "ozeki_graphql_answers_planned_total ";
    let count = metrics.lines().find_map(|line| line.strip_prefix(name));
    count.map_or(0, |count| count.parse().unwrap())
}

async fn gateway() -> TestGateway {
    TestGateway::start_with(|options| options.cache.keeps_answers = false).await
}

async fn ask(caller: &Caller, query: &str, variables: &Value) -> Answer {
    caller.post(&json!({ "query": query, "variables": variables })).await
}

#[test]
fn an_answer_that_is_written_straight_is_the_one_that_the_library_gives() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let schema = schema();
    let gateway = runtime.block_on(gateway());
    let alice = runtime.block_on(gateway.log_in("alice"));
    let ids = runtime.block_on(async {
        let known = "{ conversations(first: 2) { nodes { id participants { id } } } }";
        let known = alice.data(known).await.to_string();
        let mut ids = vec!["00000000000000000000000000000000".to_owned(), "short".to_owned()];
        ids.extend(known.split('"').filter(|part| part.len() == 32).map(str::to_owned));
        ids
    });
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let numbers = std::cell::Cell::new(0);
    let whole = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&proptest::collection::vec(any::<u16>(), 10..200), |dice| {
            let mut author = Author::new(&schema, &dice, &ids);
            if dice[0] % 2 == 0 {
                author = author.settled();
            }
            let (query, [first, second]) = author.operation("Query");
            runtime.block_on(async {
                // A document that nobody sent before is run by the library.
                let unseen = || {
                    numbers.set(numbers.get() + 1);
                    format!("{query} #{}", numbers.get())
                };
                let by_library = ask(&alice, &unseen(), &second).await;
                let seen = unseen();
                ask(&alice, &seen, &first).await;
                let again = ask(&alice, &seen, &second).await;
                let (first_time, second_time) = (&by_library.text, &again.text);
                assert_eq!(
                    (again.status, second_time),
                    (by_library.status, first_time),
                    "{query} {second}"
                );
                whole.set(whole.get() + u64::from(!again.text.contains("\"errors\"")));
            });
            Ok(())
        })
        .unwrap();
    let planned = runtime.block_on(planned(&gateway));
    // What is left to the library has messages, parts that are skipped or merged, or nothing selected at all.
    assert!(planned > 30, "{planned} of {}", whole.get());
}

#[tokio::test]
async fn every_field_of_plain_data_can_be_written_straight() {
    let gateway = gateway().await;
    let alice = gateway.log_in("alice").await;
    let schema = schema();
    let mut count = 0;
    for (object, around) in [
        ("Query", "{ OWN }"),
        ("Viewer", "{ viewer { OWN } }"),
        ("ConversationConnection", "{ conversations(first: 2) { OWN } }"),
        ("ConversationEdge", "{ conversations(first: 2) { edges { OWN } } }"),
        ("Conversation", "{ conversations(first: 2) { nodes { OWN } } }"),
        ("ConversationProperties", "{ conversations { nodes { properties { OWN } } } }"),
        ("Participant", "{ conversations(first: 2) { nodes { participants { OWN } } } }"),
        ("PageInfo", "{ friends(last: 2) { pageInfo { OWN } } }"),
        ("FriendConnection", "{ friends(first: 2) { OWN } }"),
        ("FriendEdge", "{ friends(first: 2) { edges { OWN } } }"),
        ("Friend", "{ friends(first: 2) { nodes { OWN } } }"),
        ("Blocklist", "{ blocklist { OWN } }"),
    ] {
        for field in &schema[object] {
            let name = field.name.node.as_str();
            if (object, name) == ("Conversation", "messages") {
                continue;
            }
            let arguments = match (object, name) {
                ("Query", "conversation" | "friend") => {
                    "(id: \"00000000000000000000000000000000\")"
                }
                ("Query", "userId") => "(email: \"a@example.com\")",
                _ => "",
            };
            let below =
                if schema.contains_key(named(&field.ty.node)) { " { __typename }" } else { "" };
            let query = around.replace("OWN", &format!("{name}{arguments}{below}"));
            let by_library = alice.query(&query).await.text;
            assert_eq!(alice.query(&query).await.text, by_library);
            assert!(!by_library.contains("\"errors\""), "{by_library}");
            count += 1;
            assert_eq!(planned(&gateway).await, count, "{query}");
        }
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_as_the_library_tells_it() {
    let gateway = gateway().await;
    let alice = gateway.log_in("alice").await;
    let eager = alice.clone().with_header("cache-control", "no-cache");
    let query = "query Q($n: Int) { conversations(first: $n) { nodes { participants { friend { name } } } } friends { totalCount } viewer { id } }";
    alice.data(query).await;
    let seen = planned(&gateway).await;
    let fresh = |number: u8| format!("{query} # {number}");
    for (number, of) in [(1, CONVERSATIONS), (2, FRIENDS)] {
        let mut texts = Vec::new();
        for query in [fresh(number), query.to_owned()] {
            gateway.spoil(of, Fault::new(Reply::json(r#"{"status":"ERROR","errormessage":"no"}"#)));
            texts.push(eager.query(&query).await.text);
        }
        assert_eq!(texts[0], texts[1]);
        assert!(texts[0].contains("\"errors\""), "{}", texts[0]);
    }
    for number in [json!(-1), json!("three"), json!(1.5), json!(3_000_000_000_u64)] {
        let variables = json!({ "n": number });
        let by_library = ask(&alice, &fresh(3), &variables).await.text;
        assert_eq!(ask(&alice, query, &variables).await.text, by_library);
        assert!(by_library.contains("\"errors\""), "{by_library}");
    }
    let anonymous = gateway.anonymous();
    assert_eq!(anonymous.query(query).await.text, anonymous.query(&fresh(4)).await.text);
    assert_eq!(planned(&gateway).await, seen);
    alice.data(query).await;
    assert_eq!(planned(&gateway).await, seen + 1);
}

#[tokio::test]
async fn of_many_who_waited_for_the_same_list_two_write_the_answer() {
    let gateway = TestGateway::start().await;
    let query = "{ friends(first: 3) { nodes { id name } } }";
    gateway.log_in("bob").await.data(query).await;
    let alice = gateway.log_in("alice").await;
    let held = gateway.spoil(FRIENDS, Fault::new(Reply::Genuine).held());
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let alice = alice.clone();
            tokio::spawn(async move { alice.query(query).await.text })
        })
        .collect();
    let all = "ozeki_graphql_cache_reads_total{resource=\"friends\",outcome=\"coalesced\"} 49";
    gateway.until_metric(all).await;
    held.release();
    let mut texts = BTreeSet::new();
    for answer in asking {
        texts.insert(answer.await.unwrap());
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    // The first shows that the question is asked, the second that it is asked again.
    assert_eq!(planned(&gateway).await, 2);
    gateway.until_metric("ozeki_graphql_answers_repeated_total 48").await;
}
