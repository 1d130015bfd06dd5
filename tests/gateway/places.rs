//! An operation whose fields stand in several places, fragments and conditions gives what it gives when each field is
//! written once.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Positioned, Value as Const};
use async_graphql_value::Value as Written;
use ozeki_graphql::graphql::OperationLimits;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::author::{Author, schema};
use crate::support::chat::chat_of;
use crate::support::{Answer, Caller, TestGateway};

/// The calls that changes make, of those that are made again and come to the same.
const CHANGES: [(&str, &str); 4] = [
    ("chatconversation", "mute"),
    ("chatconversation", "unmute"),
    ("chatconversation", "favorite"),
    ("chatavailability", "useravailable"),
];

/// As many errors as an answer tells.
const ERRORS_MAX: usize = 20;

/// What is selected from an object of which everything is skipped.
const NOTHING: &str = "{ __typename @skip(if: true) }";

/// Writes an operation with each of its fields in one place, and without fragments, conditions and variables.
struct Writer<'a> {
    document: &'a ExecutableDocument,
    variables: Map<String, Value>,
}

impl<'a> Writer<'a> {
    fn of(
        document: &'a ExecutableDocument,
        operation: &OperationDefinition,
        given: &Value,
    ) -> Self {
        let mut variables = given.as_object().unwrap().clone();
        for definition in &operation.variable_definitions {
            let name = definition.node.name.node.as_str();
            if let Some(default) = &definition.node.default_value {
                let default = default.node.clone().into_json().unwrap();
                variables.entry(name).or_insert(default);
            }
        }
        Self { document, variables }
    }

    /// The value, unless it is a variable that has none.
    fn value(&self, value: &Written) -> Option<Const> {
        let of_variable = |name: async_graphql::Name| {
            self.variables
                .get(name.as_str())
                .cloned()
                .map(|it| Const::from_json(it).unwrap())
                .ok_or(())
        };
        value.clone().into_const_with(of_variable).ok()
    }

    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let condition = self.value(&directive.node.get_argument("if").unwrap().node);
            condition == Some(Const::Boolean(directive.node.name.node == "include"))
        })
    }

    fn collect(&self, set: &'a SelectionSet, fields: &mut IndexMap<&'a str, Vec<&'a Field>>) {
        for item in &set.items {
            if !self.is_included(item.node.directives()) {
                continue;
            }
            match &item.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    fields.entry(key).or_default().push(&field.node);
                }
                Selection::InlineFragment(it) => self.collect(&it.node.selection_set.node, fields),
                Selection::FragmentSpread(it) => {
                    let fragment = &self.document.fragments[&it.node.fragment_name.node];
                    self.collect(&fragment.node.selection_set.node, fields);
                }
            }
        }
    }

    fn object(&self, sets: &[&'a SelectionSet]) -> String {
        let mut fields = IndexMap::new();
        for set in sets {
            self.collect(set, &mut fields);
        }
        if fields.is_empty() {
            return NOTHING.to_owned();
        }
        let fields = fields.into_iter().map(|(key, places)| {
            let arguments = places[0].arguments.iter();
            let arguments = arguments.filter_map(|(name, value)| {
                Some(format!("{}: {}", name.node, self.value(&value.node)?))
            });
            let arguments = arguments.collect::<Vec<_>>().join(", ");
            let arguments = if arguments.is_empty() { arguments } else { format!("({arguments})") };
            let sets: Vec<_> = places.iter().map(|it| &it.selection_set.node).collect();
            let below = if sets[0].items.is_empty() { String::new() } else { self.object(&sets) };
            let name = places[0].name.node.as_str();
            let alias = if name == key { String::new() } else { format!("{key}: ") };
            format!("{alias}{name}{arguments} {below} ")
        });
        format!("{{ {} }}", fields.collect::<String>())
    }
}

/// The operation with each of its fields in one place.
fn once(query: &str, variables: &Value) -> String {
    let document = parse_query(query).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let operation = &operation.node;
    let writer = Writer::of(&document, operation, variables);
    format!("{} {}", operation.ty, writer.object(&[&operation.selection_set.node]))
}

async fn ask(caller: &Caller, query: &str, variables: &Value) -> Answer {
    caller.post(&json!({ "query": query, "variables": variables })).await
}

/// The data as it was written, in its order; none where nothing was run.
fn data(answer: &Answer) -> Option<&str> {
    answer.text.split_once("\"data\":").map(|(_, data)| data)
}

fn paths(answer: &Answer) -> Vec<Vec<Value>> {
    let answer = answer.json();
    let errors = answer["errors"].as_array().into_iter().flatten();
    errors.map(|error| error["path"].as_array().unwrap().clone()).collect()
}

/// Compares the answers to operations of a kind with those to the same with each field in one place; tells how many
/// were given, and of how many something failed.
fn compare(root: &str, cases: u32) -> (u32, u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut schema = schema();
    // These are another text each time that the conversation is read.
    schema
        .get_mut("Conversation")
        .unwrap()
        .retain(|field| !["displayName", "secret"].contains(&field.name.node.as_str()));
    schema.get_mut("Mutation").unwrap().retain(|field| {
        let name = field.name.node.as_str();
        ["muteConversation", "unmuteConversation", "favoriteConversation", "setAvailable"]
            .contains(&name)
    });
    let gateway = runtime.block_on(TestGateway::start_with(|options| {
        // Written out, an operation has more of them.
        options.operation_limits =
            OperationLimits::parse("aliases=500,aliases_per_field=500").unwrap();
    }));
    let alice = runtime.block_on(gateway.log_in("alice"));
    let ids =
        ["short".to_owned(), runtime.block_on(chat_of(&alice)), runtime.block_on(chat_of(&alice))];
    let changes = || CHANGES.iter().map(|call| gateway.calls(*call)).sum::<usize>();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let counts = std::cell::Cell::new((0, 0));
    TestRunner::new(config)
        .run(&proptest::collection::vec(any::<u16>(), 10..300), |dice| {
            let (query, [variables, _]) =
                Author::new(&schema, &dice, &ids).settled().operation(root);
            runtime.block_on(async {
                let spread = ask(&alice, &query, &variables).await;
                if data(&spread).is_none() {
                    return;
                }
                // A change that is made again begins where it ended, as the one behind it does.
                let before = changes();
                let spread = ask(&alice, &query, &variables).await;
                let between = changes();
                let once = once(&query, &variables);
                let told = ask(&alice, &once, &json!({})).await;
                assert_eq!(data(&spread), data(&told), "{query} {variables} {once}");
                assert_eq!(between - before, changes() - between, "{query} {variables}");
                if paths(&spread).len() == ERRORS_MAX {
                    return;
                }
                // One that failed in one place may have failed below in another.
                let (of_spread, of_told) = (paths(&spread), paths(&told));
                assert!(
                    of_told.iter().all(|path| of_spread.contains(path)),
                    "{query} {spread:?} {told:?}"
                );
                let is_below = |path: &Vec<Value>| of_told.iter().any(|it| path.starts_with(it));
                assert!(of_spread.iter().all(is_below), "{query} {spread:?} {told:?}");
                let (given, failed) = counts.get();
                counts.set((given + 1, failed + u32::from(!of_spread.is_empty())));
            });
            Ok(())
        })
        .unwrap();
    counts.get()
}

#[test]
fn a_query_gives_what_it_gives_with_each_field_in_one_place() {
    let (given, failed) = compare("Query", 150);
    assert!(given > 50 && failed > 10, "{given} {failed}");
}

#[test]
fn a_change_gives_what_it_gives_with_each_field_in_one_place() {
    let (given, failed) = compare("Mutation", 60);
    assert!(given > 20 && failed > 5, "{given} {failed}");
}
