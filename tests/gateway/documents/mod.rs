//! Documents that mean harm: families of them, generated, each as large as the bound of bodies or of documents lets it be
//! and then as large as the other limits do.

mod attacks;

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use ozeki_graphql::graphql::OperationLimits;
use reqwest::Method;
use serde_json::{Value, json};

use self::attacks::{Attack, DOCUMENT_BYTES, attacks};
use crate::support::{Caller, TestGateway};

/// The longest answer to a request that is refused, in bytes.
const REFUSAL_MAX_BYTES: usize = 64 << 10;

async fn send(caller: &Caller, attack: &Attack) -> Value {
    let body = attack.body.clone();
    let answer = caller.send(Method::POST, "", "application/json", body).await;
    let name = &attack.name;
    assert!(answer.text.len() <= REFUSAL_MAX_BYTES, "{name}: {} bytes", answer.text.len());
    let json = answer.json();
    assert_eq!(json.get("data").is_some(), attack.answer == "data", "{name}: {json}");
    json
}

#[tokio::test]
async fn a_document_that_means_harm_is_refused_in_few_words_and_ends_nothing() {
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous();
    let mut otherwise = Vec::new();
    for attack in attacks() {
        let json = send(&caller, &attack).await;
        let extensions = &json["errors"][0]["extensions"];
        let limit = extensions["limit"].as_str();
        if attack.answer == "data" {
            continue;
        }
        if limit.or(extensions["code"].as_str()) != Some(attack.answer) {
            otherwise.push(format!("{}: not {}, but {json}", attack.name, attack.answer));
        }
        if limit.is_some() {
            assert_eq!(extensions["code"], "OPERATION_TOO_EXPENSIVE");
            assert!(extensions["found"].as_u64() > extensions["maximum"].as_u64(), "{json}");
        }
    }
    assert_eq!(otherwise, [""; 0]);
    caller.data("{ __typename }").await;
}

#[tokio::test]
async fn a_syntax_error_is_told_with_its_place_and_repeats_nothing_of_the_document() {
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous();
    let answer = caller.query("{\n  login(input: { apiKey: \"secret\" ] }) { token }\n}").await;
    assert_eq!(
        answer.json(),
        json!({ "errors": [{
            "message": "syntax error: expected a member or `}`, found `]`",
            "locations": [{ "line": 2, "column": 35 }],
            "extensions": { "code": "GRAPHQL_PARSE_FAILED" },
        }] })
    );
}

#[tokio::test]
async fn a_document_with_descriptions_runs() {
    let gateway = TestGateway::start().await;
    let query = r#""What it is for" query A("How" $a: Boolean! = true) { ...F @include(if: $a) } """All""" fragment F on Query { __typename }"#;
    let data = gateway.anonymous().data(query).await;
    assert_eq!(data, json!({ "__typename": "Query" }));
}

#[tokio::test]
async fn a_refusal_tells_the_limit_its_value_and_what_was_found() {
    let gateway = TestGateway::start_with(|options| {
        options.operation_limits = OperationLimits::parse("aliases=2,depth=3").unwrap();
    })
    .await;
    let typed = gateway.anonymous().with_header("accept", "application/graphql-response+json");
    let answer = typed.query("{ a: __typename b: viewer { c: id } }").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({ "errors": [{
            "message": "the request has 3 aliases; it may have 2",
            "extensions": { "code": "OPERATION_TOO_EXPENSIVE", "limit": "aliases", "maximum": 2, "found": 3 },
        }] })
    );
    let answer =
        gateway.anonymous().query("{ friends { nodes { conversations { totalCount } } } }").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["errors"][0]["extensions"]["limit"], "depth");
}

/// The CPU time of this thread, in milliseconds. The gateway, its client and the sandbox all run on it.
fn cpu_milliseconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}

/// A figure of `/proc/self/status`, in KiB.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `cargo test --release --test gateway -- --ignored --nocapture --exact documents::no_document_costs_much`
#[test]
#[ignore = "measures, so it wants a release build, Linux and a machine of its own"]
fn no_document_costs_much() {
    const CPU_MAX_MILLISECONDS: f64 = 50.0;
    // A token of two bytes is a node of two hundred: what is short may take this much whatever its length.
    const MEMORY_MAX_KIB: u64 = (64 * DOCUMENT_BYTES as u64) >> 10;
    let mut costs: Vec<(f64, u64, String)> = attacks().iter().enumerate().map(cost_of).collect();
    costs.sort_by(|left, right| right.0.total_cmp(&left.0));
    let mut output = std::io::stdout();
    for (milliseconds, kib, attack) in &costs {
        writeln!(output, "{milliseconds:8.2} ms {kib:6} KiB  {attack}").unwrap();
    }
    assert!(costs.iter().all(|(milliseconds, ..)| *milliseconds <= CPU_MAX_MILLISECONDS));
    assert!(costs.iter().all(|(_, kib, _)| *kib <= MEMORY_MAX_KIB));
}

/// Measures an attack in a process of its own: an allocator keeps what it once had.
fn cost_of((number, attack): (usize, &Attack)) -> (f64, u64, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact", "documents::cost_of_one"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    write!(child.stdin.take().unwrap(), "{number}").unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let line = output.lines().find_map(|line| line.strip_prefix("cost: "));
    let (milliseconds, kib) = line.unwrap_or_else(|| panic!("{output}")).split_once(' ').unwrap();
    let text = format!("{} ({} bytes)", attack.name, attack.body.len());
    (milliseconds.parse().unwrap(), kib.parse().unwrap(), text)
}

#[tokio::test]
#[ignore = "a part of `no_document_costs_much`, which tells it by standard input what to measure"]
async fn cost_of_one() {
    const TIMES: u32 = 50;
    let mut number = String::new();
    std::io::stdin().read_to_string(&mut number).unwrap();
    let Some(attack) =
        number.parse().ok().and_then(|number: usize| attacks().into_iter().nth(number))
    else {
        return;
    };
    let gateway = TestGateway::start().await;
    let caller = gateway.anonymous();
    // Connections are there after the first request, and so is what every answer needs: the program's own pages too,
    // which are read from its file when something first runs, and are no document's.
    for _ in 0..5 {
        caller.query("{ nope }").await;
        caller.query("{ viewer { id } }").await;
    }
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let resident = memory("VmRSS");
    send(&caller, &attack).await;
    let kib = memory("VmHWM").saturating_sub(resident);
    let began = cpu_milliseconds();
    for _ in 0..TIMES {
        send(&caller, &attack).await;
    }
    let milliseconds = (cpu_milliseconds() - began) / f64::from(TIMES);
    writeln!(std::io::stdout(), "\ncost: {milliseconds} {kib}").unwrap();
}

#[tokio::test]
async fn without_the_playground_an_error_names_nothing_of_the_schema_that_was_not_sent() {
    let gateway = TestGateway::start().await;
    let members = {
        let sdl = ozeki_graphql::graphql::sdl();
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let mut names: Vec<String> = Vec::new();
        // A member stands before a colon, its arguments or nothing else.
        for line in sdl.lines().map(str::trim).filter(|line| !line.starts_with('"')) {
            let name: String = line.chars().take_while(|character| is_name(*character)).collect();
            let rest = &line[name.len()..];
            if rest.is_empty() || rest.starts_with([':', '(']) {
                names.push(name);
            }
        }
        names.retain(|name| name.len() > 4);
        assert!(names.contains(&"displayName".to_owned()) && names.len() > 80);
        names
    };
    for document in [
        "{ conversation { i } viewers { id } friend(i: 1) { nam } }",
        "{ friends(firs: 1) { totalCoun } conversations(filte: {isGrou: true}) { node { idd } } }",
        "{ friends(filter: {isAvailabl: true}, orderBy: {fiel: NAM, direction: AS}) { totalCount } }",
        "{ friends(orderBy: {}) { totalCount } conversations(orderBy: 1) { totalCount } }",
        "{ friends(orderBy: {field: NAM, direction: ASC}) { totalCount } }",
        "mutation { login { toke } sendMessage(input: {}) { messag } }",
        "mutation($i: SendMessageInput!) { sendMessage(input: $i) { x } }",
        "query($o: FriendOrder) { friends(orderBy: $o) { x } }",
        "{ viewer friends userId { x } }",
        "{ viewer @skip { id } friends @includ(i: true) { totalCount } }",
        "{ ... on Frien { i } ...F } fragment F on Messag { i }",
        "{ __type(name: \"Friend\") { fields { name } } }",
        "subscription { messageAdde { x } }",
    ] {
        for variables in [json!({}), json!({ "i": {}, "o": {} }), json!({ "i": 1, "o": [1] })] {
            let body = json!({ "query": document, "variables": variables });
            let answer = gateway.anonymous().post(&body).await;
            let json = answer.json();
            assert!(json.get("data").is_none(), "{document}: {json}");
            for error in json["errors"].as_array().unwrap() {
                let message = error["message"].as_str().unwrap();
                assert!(!message.contains("Did you mean"), "{message}");
                let told = message.split('"').skip(1).step_by(2).find(|name| {
                    members.iter().any(|member| member == name) && !document.contains(name)
                });
                assert_eq!(told, None, "{document}: {message}");
            }
        }
    }
}
