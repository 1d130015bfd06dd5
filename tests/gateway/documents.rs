//! Documents that mean harm: families of them, generated, each as large as the bound of bodies or of documents lets it be
//! and then as large as the other limits do.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use ozeki_graphql::graphql::OperationLimits;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, TestGateway};

/// The longest answer to a request that is refused, in bytes.
const REFUSAL_MAX_BYTES: usize = 64 << 10;

/// The longest document that is scanned beyond its length.
const DOCUMENT_BYTES: usize = 32 << 10;

/// What is sent, and what must come back: a limit, or the code of an error.
struct Attack {
    name: String,
    body: Vec<u8>,
    answer: &'static str,
}

fn attack(name: impl Into<String>, document: &str, answer: &'static str) -> Attack {
    with_variables(name, document, &json!({}), answer)
}

fn with_variables(
    name: impl Into<String>,
    document: &str,
    variables: &Value,
    answer: &'static str,
) -> Attack {
    let body = json!({ "query": document, "variables": variables }).to_string().into_bytes();
    Attack { name: name.into(), body, answer }
}

/// A text as long as a document may be.
fn filled(before: &str, part: &str, after: &str) -> String {
    let times = (DOCUMENT_BYTES - before.len() - after.len()) / part.len();
    format!("{before}{}{after}", part.repeat(times))
}

fn numbered(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

/// Nesting in every place where a document has brackets.
fn nesting() -> Vec<Attack> {
    let deep = |open: &str, close: &str| [open.repeat(1_500), close.repeat(1_500)].concat();
    let places = [
        ("selections", deep("{a", "}")),
        ("inline fragments", format!("{{{}", deep("...{", "}"))),
        ("typed inline fragments", format!("{{{}", deep("... on Query{", "}"))),
        ("lists in an argument", format!("{{userId(email:{})}}", deep("[", "]"))),
        ("objects in an argument", format!("{{userId(email:{})}}", deep("{a:", "}"))),
        ("lists and objects", format!("{{userId(email:{})}}", deep("[{a:", "}]"))),
        ("a variable's type", format!("query($a:{}){{a}}", deep("[", "]"))),
        ("a variable's default", format!("query($a:I={}){{a}}", deep("[", "]"))),
        ("a variable's directive", format!("query($a:I@d(x:{})){{a}}", deep("[", "]"))),
        ("an operation's directive", format!("query@d(x:{}){{a}}", deep("{x:", "}"))),
        ("a field's directive", format!("{{a@d(x:{})}}", deep("[", "]"))),
        (
            "a fragment's directive",
            format!("{{...F}}fragment F on Query@d(x:{}){{a}}", deep("[", "]")),
        ),
        (
            "a spread's directive",
            format!("{{...F@d(x:{})}}fragment F on Query{{a}}", deep("[", "]")),
        ),
        ("brackets that stay open", "[{(".repeat(2_500)),
        ("behind a block string", format!("{{a(x:[\"\"\"\\\"\"\"\"\"\"{}", deep("[", "]"))),
        ("behind a comment", format!("{{a(x:#\"\r{}", deep("[", "]"))),
        ("behind a byte order mark", format!("\u{feff}{{a(x:{}", deep("[\u{feff}", "]"))),
        ("behind a string", format!("{{a(x:[\"\\\\\"{}", deep("[", "]"))),
    ];
    places.map(|(name, document)| attack(format!("nesting: {name}"), &document, "nesting")).into()
}

/// More of something than there may be.
fn floods() -> Vec<Attack> {
    let long = "a".repeat(DOCUMENT_BYTES - 2);
    vec![
        attack("aliases", &filled("{", "a:__typename ", "}"), "aliases_per_field"),
        attack(
            "aliases of many fields",
            &format!("{{{}}}", numbered(2_000, |n| format!("a{n}:b{n} "))),
            "aliases",
        ),
        attack("directives", &filled("{a", "@d", "}"), "directives"),
        attack("directives with arguments", &filled("{a", "@include(if:true)", "}"), "directives"),
        attack("fields", &filled("{", "a ", "}"), "tokens"),
        attack("punctuation", &filled("", "!", ""), "tokens"),
        attack("values without blanks", &filled("{a(x:[", "true", "])}"), "name_bytes"),
        attack("numbers", &filled("{a(x:[", "-0", "])}"), "tokens"),
        attack("empty strings", &filled("{a(x:[", "\"\" ", "])}"), "tokens"),
        attack("arguments", &filled("{a(", "x:1 ", ")}"), "tokens"),
        attack("empty operations", &filled("", "{a}", ""), "definitions"),
        attack("named operations", &numbered(1_000, |n| format!("query A{n}{{a}}")), "definitions"),
        attack(
            "fragments",
            &format!("{{a}}{}", numbered(800, |n| format!("fragment F{n} on Query{{a}}"))),
            "definitions",
        ),
        attack(
            "variables",
            &format!("query({}){{a}}", numbered(2_500, |n| format!("$v{n}:Int "))),
            "tokens",
        ),
        attack("a long name", &format!("{{{long}}}"), "name_bytes"),
        attack("a long alias", &format!("{{{}:a}}", &long[4..]), "name_bytes"),
        attack("a document of comments", &"#\n".repeat(60_000), "document_bytes"),
        attack("a document of blanks", &" ".repeat(200_000), "document_bytes"),
        attack(
            "root fields",
            &format!("{{{}}}", numbered(21, |n| format!("f{n} "))),
            "query_fields",
        ),
        attack("root fields of a mutation", "mutation{a b c d e f}", "mutation_fields"),
        attack(
            "pages in pages",
            "{friends(first:200){nodes{conversations(first:200){nodes{id}}}}}",
            "complexity",
        ),
        with_variables(
            "pages in pages by variables",
            "query($n:Int!){friends(first:$n){nodes{conversations(first:$n){nodes{id}}}}}",
            &json!({ "n": 200 }),
            "complexity",
        ),
    ]
}

/// Fragments that stand for more than they are long.
fn webs() -> Vec<Attack> {
    let doubling = |levels: usize| {
        let level = |n| format!("fragment F{n} on Query{{...F{0} ...F{0}}}", n + 1);
        format!("{{...F0}}{}fragment F{levels} on Query{{viewer{{id}}}}", numbered(levels, level))
    };
    let chain = |length: usize| {
        let link = |n| format!("fragment F{n} on Query{{...F{}}}", n + 1);
        format!("{{...F0}}{}fragment F{length} on Query{{viewer{{id}}}}", numbered(length, link))
    };
    let fields = "id ".repeat(300);
    vec![
        attack("a web that doubles", &doubling(22), "selections"),
        attack("a web that doubles, unused", &doubling(22).replace("{...F0}", "{a}"), "selections"),
        attack("a web as deep as may be", &doubling(40), "selections"),
        attack("a chain", &chain(60), "nesting"),
        attack("a circle", "{...A}fragment A on Query{...A}", "GRAPHQL_VALIDATION_FAILED"),
        attack(
            "a circle of many",
            &chain(40).replace("viewer{id}", "...F0"),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        attack(
            "a wide fragment in many fields",
            &format!("{{{}}}fragment F on Viewer{{{fields}}}", "viewer{...F}".repeat(200)),
            "selections",
        ),
    ]
}

/// What keeps to the limits and is wrong as often as it can be.
fn errors() -> Vec<Attack> {
    let invalid = "GRAPHQL_VALIDATION_FAILED";
    let name = "n".repeat(100);
    let inline = |inside: &str| format!("{{{}{inside}{}}}", "...{".repeat(45), "}".repeat(45));
    vec![
        attack(
            "unknown fields",
            &format!("{{viewer{{{}}}}}", numbered(200, |n| format!("{name}{n} "))),
            invalid,
        ),
        attack(
            "unknown arguments",
            &format!("{{friends({}){{totalCount}}}}", numbered(240, |n| format!("{name}{n}:1 "))),
            invalid,
        ),
        attack("a list without a type", "query($a:[Nope]=[1]){__typename}", invalid),
        attack("a list of objects", "query($a:[Friend]=[{id:1}]){__typename}", invalid),
        attack(
            "unused variables",
            &format!("query({}){{__typename}}", numbered(240, |n| format!("${name}{n}:Int "))),
            invalid,
        ),
        attack(
            "undefined variables",
            &format!(
                "{{friends({}){{totalCount}}}}",
                numbered(240, |n| format!("x{n}:${name}{n} "))
            ),
            invalid,
        ),
        attack(
            "undefined variables in many operations",
            &format!(
                "{}fragment F on Query{{friends({}){{totalCount}}}}",
                numbered(95, |n| format!("query A{n}{{...F}}")),
                numbered(200, |n| format!("x{n}:$v{n} ")),
            ),
            invalid,
        ),
        attack(
            "missing fragments",
            &format!("{{{}}}", numbered(240, |n| format!("...{name}{n} "))),
            invalid,
        ),
        attack(
            "unused fragments",
            &format!(
                "{{__typename}}{}",
                numbered(95, |n| format!("fragment {name}{n} on Query{{__typename}}"))
            ),
            invalid,
        ),
        attack(
            "conflicts of arguments",
            &inline(&numbered(200, |n| format!("friends(first:{n}){{id}}"))),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        attack(
            "conflicts of aliases",
            &inline(&numbered(30, |n| format!("a{}:{name}{n} ", n / 2))),
            invalid,
        ),
        attack(
            "a list of wrong values",
            &format!("{{friends(first:[{}]){{totalCount}}}}", "A ".repeat(1_900)),
            invalid,
        ),
        attack(
            "an object of unknown members",
            &format!(
                "{{friends(filter:{{{}}}){{totalCount}}}}",
                numbered(600, |n| format!("m{n}:1 "))
            ),
            invalid,
        ),
        attack(
            "an object of one member",
            &format!("{{friends(filter:{{{}}}){{totalCount}}}}", "isAvailable:1 ".repeat(600)),
            invalid,
        ),
        attack(
            "repeated directives",
            &format!("{{viewer{}{{id}}}}", "@include(if:true)".repeat(50)),
            invalid,
        ),
    ]
}

/// Texts that end early, and literals that fill the document.
fn texts() -> Vec<Attack> {
    let invalid = "GRAPHQL_VALIDATION_FAILED";
    vec![
        attack(
            "a syntax error on a long line",
            &filled("{a(x:\"", "<&\\\\>", "\") ^"),
            "GRAPHQL_PARSE_FAILED",
        ),
        attack(
            "a syntax error at the end",
            &format!("{{{}", "a ".repeat(1_900)),
            "GRAPHQL_PARSE_FAILED",
        ),
        attack("a string that does not end", &filled("{a(x:\"", "a", ""), "GRAPHQL_PARSE_FAILED"),
        attack(
            "a block string that does not end",
            &filled("{a(x:\"\"\"", "\\\"\"\"", ""),
            "GRAPHQL_PARSE_FAILED",
        ),
        attack("escapes", &filled("{userId(email:1,e:\"", "\\u00e9", "\")}"), invalid),
        attack(
            "a block string of lines",
            &filled("{userId(email:1,e:\"\"\"", " \r\n\r", "\"\"\")}"),
            invalid,
        ),
        attack("a long number", &filled("{userId(email:", "9", ")}"), "GRAPHQL_PARSE_FAILED"),
        attack(
            "a number with a large exponent",
            "{userId(email:1e999999999)}",
            "GRAPHQL_PARSE_FAILED",
        ),
        attack("blanks of every kind", &filled("{", "\r\n,\t\r\u{feff}#\n", "nope}"), invalid),
        attack("numbers without blanks", &filled("{a(x:[", "0", "])}"), "GRAPHQL_PARSE_FAILED"),
        attack("four quotation marks", "{a(x:[\"\"\"\"])}", "GRAPHQL_PARSE_FAILED"),
        attack("an empty document", "", "GRAPHQL_PARSE_FAILED"),
        attack(
            "a document of comments, as long as may be",
            &filled("", "#\r", ""),
            "GRAPHQL_PARSE_FAILED",
        ),
    ]
}

/// Bodies whose JSON is the attack.
fn bodies() -> Vec<Attack> {
    let raw = |name: &str, body: String, answer| Attack {
        name: name.to_owned(),
        body: body.into_bytes(),
        answer,
    };
    let with =
        |variables: &str| format!("{{\"query\":\"{{__typename}}\",\"variables\":{variables}}}");
    let mut invalid = with("{}").into_bytes();
    invalid[12] = 0xff;
    vec![
        raw(
            "deep variables",
            with(&format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))),
            "variables_nesting",
        ),
        raw(
            "deep extensions",
            format!("{{\"query\":\"{{a}}\",\"extensions\":{}", "{\"a\":".repeat(40_000)),
            "variables_nesting",
        ),
        raw(
            "many values",
            with(&format!("{{\"a\":[{}0]}}", "0,".repeat(120_000))),
            "variable_values",
        ),
        raw(
            "many objects",
            with(&format!("{{\"a\":[{}0]}}", "{\"\":0},".repeat(30_000))),
            "variable_values",
        ),
        raw(
            "many members",
            with(&format!("{{{}\"z\":0}}", numbered(20_000, |n| format!("\"{n}\":0,")))),
            "variable_values",
        ),
        Attack { name: "bytes that are no UTF-8".to_owned(), body: invalid, answer: "BAD_REQUEST" },
        raw(
            "a long name of an operation",
            format!("{{\"query\":\"{{a}}\",\"operationName\":\"{}\"}}", "a".repeat(200_000)),
            "name_bytes",
        ),
    ]
}

/// What is as large as the limits let it be, and runs.
fn allowed() -> Vec<Attack> {
    let level = |n| format!("fragment F{n} on Query{{...F{0} ...F{0}}}", n + 1);
    let web = format!("{{...F0}}{}fragment F10 on Query{{viewer{{id}}}}", numbered(10, level));
    let fields = "id name isAvailable ".repeat(200);
    let list = "query($n:Int){friends(first:$n){nodes{id}}conversations(first:$n){nodes{id}}}";
    vec![
        attack("allowed: a web that doubles", &web, "data"),
        attack(
            "allowed: many fields",
            &format!("{{friends(first:5){{nodes{{{fields}}}}}}}"),
            "data",
        ),
        attack("allowed: a short list", "{friends(first:1){totalCount}}", "data"),
        with_variables("allowed: long lists", list, &json!({ "n": 200 }), "data"),
    ]
}

fn attacks() -> Vec<Attack> {
    [nesting(), floods(), webs(), errors(), texts(), bodies(), allowed()]
        .into_iter()
        .flatten()
        .collect()
}

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
