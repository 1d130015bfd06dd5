//! `docs/build-a-chat-screen.md` holds: every operation in it runs, in order, with the variables that stand below it.

use std::collections::BTreeMap;

use ozeki_graphql::graphql::{ErrorCode, sdl};
use serde_json::{Value, json};

use crate::support::{Caller, TestGateway};

const GUIDE: &str = include_str!("../../docs/build-a-chat-screen.md");

const ADD: (&str, &str) = ("chatconversation", "add");
const VIEWED: (&str, &str) = ("chatreports", "viewed");

/// An operation of the guide and the variables for each time that it runs.
struct Operation {
    name: String,
    document: String,
    variables: Vec<Value>,
}

/// The fenced blocks of the guide as language and text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let parts: Vec<_> = GUIDE.split("```").collect();
    assert_eq!(parts.len() % 2, 1, "every block of the guide ends");
    let blocks = parts.into_iter().skip(1).step_by(2);
    blocks.map(|block| block.split_once('\n').unwrap()).collect()
}

/// Each `graphql` block with the `json` blocks that follow it; an operation whose variables are optional runs without.
fn operations() -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    for (language, text) in blocks() {
        match language {
            "graphql" => {
                let named = text.split_whitespace().nth(1).unwrap();
                let name = named.split('(').next().unwrap().to_owned();
                let is_optional = !text.lines().next().unwrap().contains('!');
                let variables = if is_optional { vec![json!({})] } else { Vec::new() };
                operations.push(Operation { name, document: text.to_owned(), variables });
            }
            "json" => {
                let variables = serde_json::from_str(text).unwrap();
                operations.last_mut().unwrap().variables.push(variables);
            }
            _ => {}
        }
    }
    operations
}

/// Puts parts of earlier answers in the place of texts such as `<Login.login.token>`.
fn filled_in(value: &Value, answers: &BTreeMap<String, Value>) -> Value {
    match value {
        Value::String(text) => {
            let Some(path) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) else {
                return value.clone();
            };
            let (name, path) = path.split_once('.').unwrap();
            let found = answers[name].pointer(&format!("/{}", path.replace('.', "/")));
            found.filter(|found| !found.is_null()).unwrap_or_else(|| panic!("{text}")).clone()
        }
        Value::Array(values) => values.iter().map(|value| filled_in(value, answers)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            members.map(|(name, value)| (name.clone(), filled_in(value, answers))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Someone who follows the guide.
struct Follower {
    caller: Caller,
    /// The data of each operation's first run.
    answers: BTreeMap<String, Value>,
}

impl Follower {
    /// Runs an operation and returns its data, all of which must be there.
    async fn run(&mut self, operation: &Operation, variables: &Value) -> Value {
        let variables = filled_in(variables, &self.answers);
        let request = json!({ "query": operation.document, "variables": variables });
        let mut json = self.caller.post(&request).await.json();
        assert!(json.get("errors").is_none(), "{}: {json}", operation.name);
        let data = json["data"].take();
        self.answers.entry(operation.name.clone()).or_insert_with(|| data.clone());
        data
    }

    /// Checks what the guide says of the run of an operation that has just ended.
    async fn check(
        &mut self,
        gateway: &TestGateway,
        operation: &Operation,
        variables: &Value,
        data: &Value,
    ) {
        match &*operation.name {
            "Login" => {
                let token = data["login"]["token"].as_str().unwrap();
                self.caller =
                    self.caller.clone().with_header("authorization", &format!("Bearer {token}"));
            }
            "SendMessage" => {
                assert_eq!(self.run(operation, variables).await, *data);
                assert_eq!(gateway.calls(ADD), 1, "sent again, it is sent once");
                let mut other = filled_in(variables, &self.answers);
                other["input"]["data"] = "b3RoZXI=".into();
                let other = json!({ "query": operation.document, "variables": other });
                let codes = self.caller.post(&other).await.codes();
                assert_eq!(codes, [("BAD_USER_INPUT".to_owned(), "sendMessage".to_owned())]);
            }
            "MarkViewed" => assert_eq!(gateway.calls(VIEWED), 1),
            "Mute" => {
                assert_eq!(
                    data.pointer("/muteConversation/conversation/isMuted"),
                    Some(&json!(true))
                );
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_operation_of_the_guide_runs_as_it_stands() {
    let gateway = TestGateway::start().await;
    let mut follower = Follower { caller: gateway.anonymous(), answers: BTreeMap::new() };
    let operations = operations();
    for operation in &operations {
        assert!(!operation.variables.is_empty(), "{} has no variables", operation.name);
        let mut pages = Vec::new();
        for variables in &operation.variables {
            let data = follower.run(operation, variables).await;
            follower.check(&gateway, operation, variables, &data).await;
            pages.push(ids_of_page(&data));
        }
        if let [newest, further] = &*pages {
            assert!(newest.len() == 25 && !further.is_empty(), "{}", operation.name);
            assert!(further.iter().all(|id| !newest.contains(id)), "{}", operation.name);
        }
        if operation.name == "Inbox" {
            assert_eq!(gateway.list_calls(), (1, 1), "two calls, and none for the next page");
        }
    }
    let names: Vec<_> = operations.iter().map(|operation| &*operation.name).collect();
    let expected =
        ["Login", "Inbox", "InboxWithPreviews", "Thread", "SendMessage", "MarkViewed", "Mute"];
    assert_eq!(names, expected);
}

/// The ids of the page of conversations or messages that an answer has.
fn ids_of_page(data: &Value) -> Vec<String> {
    let places = ["/conversations/edges", "/conversation/messages/edges"];
    let edges = places.iter().find_map(|place| data.pointer(place)?.as_array());
    let id = |edge: &Value| edge["node"]["id"].as_str().unwrap().to_owned();
    edges.into_iter().flatten().map(id).collect()
}

#[test]
fn the_guide_names_only_codes_and_mutations_that_there_are() {
    let prose = GUIDE.split("```").step_by(2).collect::<String>();
    let words: Vec<_> = prose.split('`').skip(1).step_by(2).collect();
    let is_code = |word: &&&str| {
        word.contains('_') && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    };
    let codes: Vec<_> = words.iter().filter(is_code).collect();
    assert!(codes.len() > 10, "{codes:?}");
    for &code in codes {
        assert!(ErrorCode::ALL.iter().any(|known| known.as_str() == code), "{code}");
    }
    let mutations: Vec<_> = words.iter().filter(|word| word.ends_with("Conversation")).collect();
    assert!(mutations.len() > 5, "{mutations:?}");
    for mutation in mutations {
        assert!(sdl().contains(&format!("\t{mutation}(")), "{mutation}");
    }
}
