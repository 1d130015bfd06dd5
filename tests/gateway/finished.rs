//! Answers that are sent again without running their query: they are what running it would give, and nobody else's.

use std::num::NonZeroUsize;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Answer, Caller, Socket, TestGateway};

const FRIENDS: &str = "{ friends(first: 3) { nodes { id name } } }";

/// How often an answer was sent again, and how often friends were read from memory.
async fn hits(gateway: &TestGateway) -> [u64; 2] {
    let metrics = Caller::new(gateway.admin_url() + "/metrics").get("").await.text;
    let of_friends = "ozeki_graphql_cache_reads_total{resource=\"friends\",outcome=\"hit\"} ";
    ["ozeki_graphql_answers_repeated_total ", of_friends].map(|name| {
        let count = metrics.lines().find_map(|line| line.strip_prefix(name));
        count.map_or(0, |count| count.parse().unwrap())
    })
}

#[tokio::test]
async fn a_question_that_was_answered_is_not_run_again_and_counts_as_if_it_was() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let first = alice.query(FRIENDS).await;
    // From now on the answer is kept: many a question is asked once.
    alice.query(FRIENDS).await;
    assert_eq!(hits(&gateway).await, [0, 1]);
    let again = alice.query(FRIENDS).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(hits(&gateway).await, [1, 2]);
    // The same question in another media type, and by GET.
    let typed = alice.clone().with_header("accept", "application/graphql-response+json");
    let again = typed.get(&format!("?query={}", FRIENDS.replace(' ', "%20"))).await;
    assert_eq!(again.header("content-type"), "application/graphql-response+json; charset=utf-8");
    assert_eq!(again.text, first.text);
    assert_eq!(hits(&gateway).await, [2, 3]);
    let metrics = Caller::new(gateway.admin_url() + "/metrics").get("").await.text;
    assert!(metrics.contains("ozeki_graphql_operations_total{kind=\"query\",outcome=\"ok\"} 4"));
}

#[tokio::test]
async fn over_sockets_and_event_streams_an_answer_is_not_made_again_either() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let query =
        "{ friends(first: 3) { nodes { id } } conversations(first: 1) { nodes { id isMuted } } }";
    let first = alice.query(query).await;
    alice.query(query).await;
    let credential = json!({ "authorization": alice.header("authorization") });
    let mut socket = Socket::introduced(&gateway, Some(credential)).await;
    for expected in [[1, 2], [2, 3]] {
        socket.ask("1", query).await;
        assert_eq!(socket.answers("1").await, [first.json()]);
        assert_eq!(hits(&gateway).await, expected);
    }
    let events = alice.clone().with_header("accept", "text/event-stream").query(query).await;
    assert!(events.text.contains(&first.text), "{}", events.text);
    assert_eq!(hits(&gateway).await, [3, 4]);
    // What has changed is told.
    let id = &first.json()["data"]["conversations"]["nodes"][0]["id"];
    let mute = format!(
        "mutation {{ muteConversation(input: {{ id: {id} }}) {{ conversation {{ id }} }} }}"
    );
    alice.data(&mute).await;
    socket.ask("1", query).await;
    let changed = socket.answers("1").await.remove(0);
    assert_eq!(changed["data"]["conversations"]["nodes"], json!([{ "id": id, "isMuted": true }]));
    assert_eq!(hits(&gateway).await[0], 3);
    socket.close().await;
}

#[tokio::test]
async fn a_compressed_answer_is_kept_as_it_was_sent() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let ask = async |codings: &str| {
        let caller = alice.clone().with_header("accept-encoding", codings);
        let answer = caller.query("{ friends { nodes { id name publicKey } } }").await;
        let headers =
            ["content-encoding", "content-type"].map(|name| answer.header(name).to_owned());
        (headers, answer.vary(), answer.text)
    };
    for codings in ["gzip", "br", "gzip;q=0.5, br", "identity", "gzip, deflate, br"] {
        let first = ask(codings).await;
        for _ in 0..3 {
            assert_eq!(ask(codings).await, first, "{codings}");
        }
    }
    let plain = alice.query("{ friends { nodes { id name publicKey } } }").await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.json()["data"]["friends"]["nodes"].as_array().unwrap().len(), 40);
    assert_eq!(hits(&gateway).await[0], 19);
}

#[tokio::test]
async fn each_caller_session_and_question_has_an_answer_of_its_own() {
    let gateway = TestGateway::start().await;
    let query = "query Of($first: Int) { viewer { name sessionExpiresAt } friends(first: $first) { nodes { id } } }
        query Other($first: Int) { viewer { id } friends(last: $first) { nodes { id } } }";
    let mut answers = Vec::new();
    let alice = gateway.log_in("alice").await;
    gateway.clock.advance(Duration::from_secs(60));
    let callers = [alice, gateway.log_in("alice").await, gateway.log_in("bob").await];
    for caller in &callers {
        for (name, first) in [("Of", 1), ("Of", 2), ("Other", 1)] {
            let body =
                json!({ "query": query, "operationName": name, "variables": { "first": first } });
            let answer = caller.post(&body).await.text;
            for _ in 0..2 {
                assert_eq!(caller.post(&body).await.text, answer);
            }
            answers.push(answer);
        }
    }
    assert_eq!(hits(&gateway).await[0], 9);
    // Only the one without the session's end says the same in both of alice's sessions.
    assert_eq!(answers[2], answers[5]);
    answers.remove(5);
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 8);
}

#[tokio::test]
async fn what_is_not_made_of_cached_values_alone_is_run_each_time() {
    let gateway = TestGateway::start().await;
    let alice = gateway.log_in("alice").await;
    let unkept = [
        "{ viewer { id name } }",
        "{ friends { totalCount } conversation(id: \"x\") { id } }",
        "mutation { setAvailable { viewer { id } } }",
    ];
    for query in unkept {
        let first = alice.query(query).await;
        for _ in 0..2 {
            assert_eq!(alice.query(query).await.text, first.text);
        }
    }
    let eager = alice.clone().with_header("cache-control", "no-cache");
    for _ in 0..2 {
        eager.data(FRIENDS).await;
    }
    assert_eq!(hits(&gateway).await[0], 0);
    assert_eq!(gateway.list_calls().1, 3);
    // A token that is refused gets no answer, whoever asked before.
    alice.data(FRIENDS).await;
    alice.data(FRIENDS).await;
    alice.data("mutation { logout { viewerId } }").await;
    assert_eq!(alice.query(FRIENDS).await.codes()[0].0, "UNAUTHENTICATED");
    assert_eq!(hits(&gateway).await[0], 0);
}

#[tokio::test]
async fn a_list_that_is_no_longer_fresh_ends_the_answers_that_were_made_of_it() {
    let stale = |options: &mut ozeki_graphql::app::GatewayOptions| {
        options.cache.friends_time_to_live = Duration::ZERO;
    };
    let gateway = TestGateway::start_with(stale).await;
    let alice = gateway.log_in("alice").await;
    let both = "{ friends { totalCount } conversations { totalCount } }";
    for asked in 1..5 {
        alice.data(both).await;
        assert_eq!(gateway.list_calls(), (1, asked));
    }
    assert_eq!(hits(&gateway).await[0], 0);
}

/// From the fourth time on a body is known by its bytes, and is not read.
#[tokio::test]
async fn a_body_that_comes_again_is_answered_as_it_was_to_its_caller_and_to_nobody_else() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (gateway.log_in("alice").await, gateway.log_in("bob").await);
    let query = "query($first: Int) { viewer { id } friends(first: $first) { nodes { id } } }";
    let body = |first: u32| json!({ "query": query, "variables": { "first": first } });
    let mut answers = Vec::new();
    for caller in [&alice, &bob] {
        for first in [1, 2] {
            let answer = caller.post(&body(first)).await;
            for _ in 0..5 {
                let again = caller.post(&body(first)).await;
                assert_eq!((again.status, &again.text), (answer.status, &answer.text));
            }
            answers.push(answer.text);
        }
    }
    assert_eq!(hits(&gateway).await[0], 16);
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 4);

    let bytes = || body(1).to_string().into_bytes();
    let of_other_type = alice.send(Method::POST, "", "text/plain", bytes()).await;
    assert_eq!(of_other_type.status, 415);
    let unwanted = alice.clone().with_header("accept", "text/html");
    assert_eq!(unwanted.post(&body(1)).await.status, 406);
    assert_eq!(gateway.anonymous().post(&body(1)).await.codes()[0].0, "UNAUTHENTICATED");
    let calls = gateway.list_calls().1;
    alice.clone().with_header("cache-control", "no-cache").post(&body(1)).await;
    assert_eq!(gateway.list_calls().1, calls + 1);
    let events = alice.clone().with_header("accept", "text/event-stream").post(&body(1)).await;
    assert!(events.text.starts_with("event: next\n"), "{}", events.text);
    alice.data("mutation { logout { viewerId } }").await;
    assert_eq!(alice.post(&body(1)).await.codes()[0].0, "UNAUTHENTICATED");
    assert_eq!(bob.post(&body(1)).await.codes(), []);
}

/// What someone does, the same before two gateways.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask { question: usize, eager: bool, coding: usize, times: usize, over: Over },
    Change(usize),
    LogOut,
    LogIn,
    Wait(u64),
}

/// By which way a question comes.
#[derive(Clone, Copy, Debug)]
enum Over {
    Post,
    EventStream,
    Socket,
}

/// What is told: a status and headers, where the way has them, and the text.
type Told = (u16, [String; 4], String);

fn told(answer: &Answer) -> Told {
    let headers = ["content-type", "content-encoding", "vary", "cache-control"];
    let headers = headers.map(|name| answer.header(name).to_owned());
    // Whether a comment comes first depends on how soon the answer is ready.
    (answer.status.as_u16(), headers, answer.text.trim_start_matches(":\n\n").to_owned())
}

/// Who does it: alice or bob, by one of two sessions.
type Who = (usize, usize);

fn steps() -> impl Strategy<Value = Vec<(Who, Step)>> {
    let questions = 0..QUESTIONS.len() + OF_CONVERSATIONS.len();
    let over =
        prop_oneof![4 => Just(Over::Post), 1 => Just(Over::EventStream), 2 => Just(Over::Socket)];
    let ask = (questions, 0..10_u8, 0..CODINGS.len(), 1..5_usize, over);
    let ask = ask.prop_map(|(question, eager, coding, times, over)| {
        let eager = eager == 0;
        Step::Ask { question, eager, coding, times, over }
    });
    let step = prop_oneof![
        24 => ask,
        6 => (0..CHANGES.len()).prop_map(Step::Change),
        1 => Just(Step::LogOut),
        1 => Just(Step::LogIn),
        1 => (1_u64..400).prop_map(Step::Wait),
    ];
    proptest::collection::vec(((0_usize..2, 0_usize..2), step), 20..80)
}

const CODINGS: [&str; 3] = ["identity", "gzip", "br, gzip;q=0.5"];

const QUESTIONS: [(&str, &str); 8] = [
    (
        "{ conversations(first: 4) { totalCount nodes { id isMuted participants { name friend { name isAvailable } } } } }",
        "{}",
    ),
    (
        "query($n: Int = 2) { conversations(first: $n) { edges { cursor node { lastMessageId } } pageInfo { endCursor } } }",
        "{}",
    ),
    (
        "query($n: Int = 2) { conversations(first: $n) { edges { cursor node { lastMessageId } } pageInfo { endCursor } } }",
        "{\"n\": 3}",
    ),
    (
        "query($no: Boolean!) { blocklist { userIds } friends(first: 2) { nodes { name conversations(first: 1) @skip(if: $no) { totalCount } } } }",
        "{\"no\": true}",
    ),
    (
        "query($no: Boolean!) { blocklist { userIds } friends(first: 2) { nodes { name conversations(first: 1) @skip(if: $no) { totalCount } } } }",
        "{\"no\": false}",
    ),
    ("{ viewer { name sessionExpiresAt } friends(last: 1) { nodes { availability } } }", "{}"),
    ("{ friends { totalCount } conversations(after: \"foreign\") { totalCount } }", "{}"),
    (
        "{ userId(email: \"a@example.com\") conversation(id: \"00000000000000000000000000000000\") { id } }",
        "{}",
    ),
];

/// Questions that name a conversation which both have.
const OF_CONVERSATIONS: [&str; 3] = [
    "query($id: ID!) { conversation(id: $id) { isFavorite isMuted isHidden backgroundColor instance messages(last: 3) { nodes { id createdAt data } reports { id } pageInfo { startCursor } } } }",
    "query($id: ID!) { conversation(id: $id) { lastMessageId a: messages(last: 1) { nodes { id } } b: messages(last: 2) { nodes { id } } } }",
    "query($id: ID!) { conversation(id: $id) { lastAccess lastReportId } blocklist { conversationIds } }",
];

const CHANGES: [&str; 6] = [
    "mutation($id: ID!) { muteConversation(input: {id: $id}) { conversation { isMuted } } }",
    "mutation($id: ID!) { unmuteConversation(input: {id: $id}) { conversation { isMuted } } }",
    "mutation($id: ID!) { setConversationColor(input: {id: $id, color: \"#bae1ff\"}) { conversation { backgroundColor } } }",
    "mutation($id: ID!) { hideConversation(input: {id: $id}) { conversation { isHidden } } }",
    "mutation($id: ID!, $message: ID!) { sendMessage(input: {conversationId: $id, id: $message, data: \"YQ==\"}) { message { id createdAt } } }",
    "mutation($id: ID!) { clearConversation(input: {id: $id}) { conversation { instance } } }",
];

/// Asks over a socket of its own; where it is closed since the session has ended, that is what is told.
async fn ask_over_a_socket(gateway: &TestGateway, caller: &Caller, payload: &Value) -> Told {
    let mut socket = Socket::opened(gateway).await;
    let credential = json!({ "authorization": caller.header("authorization") });
    socket.say(&json!({ "type": "connection_init", "payload": credential })).await;
    let Some(Message::Text(acknowledged)) = socket.next().await else {
        return (0, Default::default(), "closed".to_owned());
    };
    assert_eq!(acknowledged.as_str(), r#"{"type":"connection_ack"}"#);
    socket.say(&json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    let answers = Value::from(socket.answers("1").await);
    socket.close().await;
    (0, Default::default(), answers.to_string())
}

/// A gateway, and the sessions of alice and bob.
struct World {
    gateway: TestGateway,
    sessions: [[Caller; 2]; 2],
    conversation: Value,
    changes: u32,
}

impl World {
    async fn new(keeps_answers: bool) -> Self {
        let gateway = TestGateway::start_with(|options| {
            options.cache.keeps_answers = keeps_answers;
            // Or the calls of two fields race, and one that comes first may spare another.
            options.operation_concurrency = NonZeroUsize::MIN;
        });
        let gateway = gateway.await;
        let mut sessions = Vec::new();
        for name in ["alice", "bob"] {
            sessions.push([gateway.log_in(name).await, gateway.log_in(name).await]);
        }
        let sessions: [[Caller; 2]; 2] = sessions.try_into().ok().unwrap();
        let bob = sessions[1][0].data("{ viewer { id } }").await["viewer"]["id"].take();
        let shared =
            format!("{{ conversations(filter: {{participantId: {bob}}}) {{ nodes {{ id }} }} }}");
        let mut shared = sessions[0][0].data(&shared).await;
        let conversation = shared["conversations"]["nodes"][0]["id"].take();
        Self { gateway, sessions, conversation, changes: 0 }
    }

    async fn take(&mut self, ((user, session), step): (Who, Step)) -> Option<Told> {
        let caller = self.sessions[user][session].clone();
        match step {
            Step::Ask { question, eager, coding, times, over } => {
                let mut caller = caller.with_header("accept-encoding", CODINGS[coding]);
                if eager {
                    caller = caller.with_header("cache-control", "no-cache");
                }
                let (query, variables) = if let Some((query, variables)) = QUESTIONS.get(question) {
                    (*query, serde_json::from_str(variables).unwrap())
                } else {
                    let query = OF_CONVERSATIONS[question - QUESTIONS.len()];
                    (query, json!({ "id": self.conversation }))
                };
                let body = json!({ "query": query, "variables": variables });
                let bytes = || body.to_string().into_bytes();
                for _before in 1..times {
                    caller.send(Method::POST, "", "application/json", bytes()).await;
                }
                match over {
                    Over::Post => {}
                    Over::EventStream => caller = caller.with_header("accept", "text/event-stream"),
                    Over::Socket => {
                        return Some(ask_over_a_socket(&self.gateway, &caller, &body).await);
                    }
                }
                Some(told(&caller.send(Method::POST, "", "application/json", bytes()).await))
            }
            Step::Change(change) => {
                self.changes += 1;
                let mut variables = json!({ "id": self.conversation });
                if CHANGES[change].contains("$message") {
                    variables["message"] =
                        json!(format!("00000000-0000-4000-8000-{:012}", self.changes));
                }
                let body = json!({ "query": CHANGES[change], "variables": variables });
                Some(told(&caller.post(&body).await))
            }
            Step::LogOut => Some(told(&caller.query("mutation { logout { viewerId } }").await)),
            Step::LogIn => {
                self.sessions[user][session] = self.gateway.log_in(["alice", "bob"][user]).await;
                None
            }
            Step::Wait(seconds) => {
                self.gateway.clock.advance(Duration::from_secs(seconds));
                None
            }
        }
    }
}

#[test]
fn keeping_answers_changes_none() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let config = Config { cases: 8, failure_persistence: None, ..Config::default() };
    let sent_again = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&steps(), |steps| {
            runtime.block_on(async {
                let (mut with, mut without) = (World::new(true).await, World::new(false).await);
                for step in steps {
                    let (one, other) = (with.take(step).await, without.take(step).await);
                    assert_eq!(one, other, "{step:?}");
                }
                assert_eq!(with.gateway.list_calls(), without.gateway.list_calls());
                assert_eq!(hits(&without.gateway).await[0], 0);
                sent_again.set(sent_again.get() + hits(&with.gateway).await[0]);
            });
            Ok(())
        })
        .unwrap();
    assert!(sent_again.get() > 0);
}
