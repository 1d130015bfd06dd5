//! Families of documents that mean harm, and some that only look like it.

use serde_json::{Value, json};

/// The longest document that is scanned beyond its length.
pub(super) const DOCUMENT_BYTES: usize = 32 << 10;

/// What is sent, and what must come back: a limit, or the code of an error.
pub(super) struct Attack {
    pub(super) name: String,
    pub(super) body: Vec<u8>,
    pub(super) answer: &'static str,
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

/// All of them.
pub(super) fn attacks() -> Vec<Attack> {
    [nesting(), floods(), webs(), errors(), texts(), bodies(), allowed()]
        .into_iter()
        .flatten()
        .collect()
}
