//! Queries of plain data are written straight from their selection from the second time on: in the same bytes as the
//! first time, when the schema library ran them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition,
};
use ozeki_graphql::sandbox::{Fault, Reply};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

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

/// The fields of each object, by the schema that is published.
fn schema() -> BTreeMap<String, Vec<FieldDefinition>> {
    let document = parse_schema(include_str!("../../schema.graphql")).unwrap();
    let mut objects = BTreeMap::new();
    for definition in document.definitions {
        if let TypeSystemDefinition::Type(definition) = definition
            && let TypeKind::Object(object) = definition.node.kind
        {
            let fields = object.fields.into_iter().map(|field| field.node).collect();
            objects.insert(definition.node.name.node.to_string(), fields);
        }
    }
    objects
}

fn named(field_type: &Type) -> &str {
    match &field_type.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(element) => named(element),
    }
}

/// Everything that a random operation is made of; what there is too little of is nothing.
struct Author<'a> {
    schema: &'a BTreeMap<String, Vec<FieldDefinition>>,
    dice: std::slice::Iter<'a, u16>,
    /// The object and the text of each.
    fragments: Vec<(String, String)>,
    variables: BTreeSet<&'static str>,
    aliases: usize,
    ids: &'a [String],
}

/// The variables that there are, with their types and the values that they may be given.
const VARIABLES: [(&str, &str, [&str; 3]); 10] = [
    ("yes", "Boolean!", ["true", "false", "true"]),
    ("no", "Boolean = false", ["", "true", "false"]),
    ("size", "Int", ["", "2", "null"]),
    ("size3", "Int = 3", ["", "1", "201"]),
    ("after", "String", ["", "null", "\"foreign\""]),
    ("filter", "ConversationFilter", ["", "{\"isGroup\":false}", "{\"isMuted\":null,\"nope\":1}"]),
    ("people", "FriendFilter = {isAvailable: true}", ["", "{\"nameContains\":\"A\"}", "null"]),
    ("order", "FriendOrder", ["", "{\"field\":\"AVAILABILITY\",\"direction\":\"DESC\"}", "{}"]),
    ("up", "OrderDirection! = ASC", ["", "\"DESC\"", "\"UP\""]),
    ("email", "String!", ["\"a@example.com\"", "\"b@example.com\"", "7"]),
];

impl Author<'_> {
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.dice.next().copied().unwrap_or(0)) % end.max(1)
    }

    fn variable(&mut self, name: &'static str) -> String {
        self.variables.insert(name);
        format!("${name}")
    }

    fn directive(&mut self) -> String {
        let condition = match self.below(8) {
            0 | 1 => self.variable("yes"),
            2 => self.variable("no"),
            3 => "true".to_owned(),
            4 => "false".to_owned(),
            _ => return String::new(),
        };
        format!(" @{}(if: {condition})", ["skip", "include"][self.below(2)])
    }

    fn selection(&mut self, object: &str, depth: usize) -> String {
        let count = 1 + self.below(4);
        let mut text = String::from("{ ");
        for _ in 0..count {
            let directive = if self.below(4) == 0 { self.directive() } else { String::new() };
            // At the end only fields are left, and below them none that has fields of its own.
            let kind = if depth == 0 { 11 } else { self.below(13) };
            match kind {
                0 => {
                    let _ = write!(text, "...{directive} {} ", self.selection(object, depth - 1));
                }
                1 => {
                    let inner = self.selection(object, depth - 1);
                    let _ = write!(text, "... on {object}{directive} {inner} ");
                }
                2 if self.fragments.len() < 5 => {
                    let inner = self.selection(object, depth - 1);
                    let name = format!("F{}", self.fragments.len());
                    let fragment = format!(" fragment {name} on {object} {inner}");
                    self.fragments.push((object.to_owned(), fragment));
                    let _ = write!(text, "...{name}{directive} ");
                }
                3 => {
                    let _ = write!(text, "__typename{directive} ");
                }
                // One that stands somewhere already, with other directives.
                12 if let Some(number) = self.fragments.iter().rposition(|it| it.0 == object) => {
                    let _ = write!(text, "...F{number}{directive} ");
                }
                _ => text.push_str(&self.field(object, &directive, depth)),
            }
        }
        text + "}"
    }

    fn field(&mut self, object: &str, directive: &str, depth: usize) -> String {
        let schema = self.schema;
        let fields = &schema[object];
        let field = &fields[self.below(fields.len())];
        let (name, inner) = (field.name.node.as_str(), named(&field.ty.node));
        let is_object = schema.contains_key(inner);
        // Messages are not plain; one in some documents is enough.
        if is_object && depth == 0 || name == "messages" && self.below(8) > 0 {
            return "__typename ".to_owned();
        }
        let alias = match self.below(5) {
            0 => format!("a_{name}: "),
            1 if self.aliases < 25 => {
                self.aliases += 1;
                format!("b{}: ", self.aliases)
            }
            _ => String::new(),
        };
        let arguments = self.arguments(object, name);
        let selection = if is_object { self.selection(inner, depth - 1) } else { String::new() };
        format!("{alias}{name}{arguments}{directive} {selection} ")
    }

    fn arguments(&mut self, object: &str, name: &str) -> String {
        let id = self.ids[self.below(self.ids.len())].clone();
        let choices: &[&str] = match (object, name) {
            ("Query", "userId") => return format!("(email: {})", self.variable("email")),
            ("Query", "conversation" | "friend") => return format!("(id: \"{id}\")"),
            ("Query", "conversations") => &[
                "",
                "(first: 3)",
                "(last: 2)",
                "(first: $size3)",
                "(filter: $filter, first: 4)",
                "(orderBy: {field: LAST_ACCESS, direction: $up})",
                "(first: 2, last: 2)",
                "(orderBy: {field: LAST_ACCESS, direction: ASC}, first: 2)",
                "(filter: {isGroup: $no}, first: 2)",
                "(filter: {participantId: \"x\"})",
                "(after: $after, first: $size)",
            ],
            ("Query", "friends") => &[
                "",
                "(first: 3)",
                "(filter: $people, first: 5)",
                "(orderBy: $order, last: $size3)",
                "(orderBy: {field: NAME, direction: DESC}, filter: {isAvailable: false}, first: 2)",
                "(after: $after)",
            ],
            ("Friend", "conversations") => {
                &["(first: 1)", "(first: $size3)", "(after: \"foreign\")"]
            }
            ("Conversation", "messages") => &["(last: 2)"],
            _ => return String::new(),
        };
        let chosen = choices[self.below(choices.len())];
        let used = VARIABLES.iter().filter(|(name, ..)| {
            chosen.match_indices('$').any(|(at, _)| {
                let rest = &chosen[at + 1..];
                rest.strip_prefix(name).is_some_and(|rest| rest.starts_with([')', ',', '}']))
            })
        });
        self.variables.extend(used.map(|(name, ..)| name));
        chosen.to_owned()
    }

    /// The operation's text, and two sets of values of its variables.
    fn operation(mut self) -> (String, [Value; 2]) {
        let selection = self.selection("Query", 5);
        let declared = VARIABLES.iter().filter(|(name, ..)| self.variables.contains(name));
        let declared: Vec<_> = declared.collect();
        let list: Vec<_> =
            declared.iter().map(|(name, of_type, _)| format!("${name}: {of_type}")).collect();
        let head = match list[..] {
            [] => "query Q ".to_owned(),
            _ => format!("query Q({}) ", list.join(", ")),
        };
        let values = [(); 2].map(|()| {
            let mut values = Map::new();
            for (name, _, choices) in &declared {
                // The third choice often does not fit.
                let choice = choices[[0, 1, 0, 1, 0, 1, 2][self.below(7)]];
                if !choice.is_empty() {
                    values.insert((*name).to_owned(), serde_json::from_str(choice).unwrap());
                }
            }
            Value::Object(values)
        });
        let fragments = self.fragments.into_iter().map(|(_object, text)| text).collect::<String>();
        (format!("{head}{selection}{fragments}"), values)
    }
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
            let author = Author {
                schema: &schema,
                dice: dice.iter(),
                fragments: Vec::new(),
                variables: BTreeSet::new(),
                aliases: 0,
                ids: &ids,
            };
            let (query, [first, second]) = author.operation();
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
