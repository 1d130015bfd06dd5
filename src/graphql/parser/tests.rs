use async_graphql::Pos;
use async_graphql::parser::types::{DocumentOperations, Selection};

use super::tokens::NESTING_MAX;
use super::*;
use crate::graphql::OperationLimits;

fn refusal(text: &str) -> (String, Vec<(usize, usize)>) {
    let error = parse(text).expect_err(text);
    let positions = error.positions().into_iter().map(|Pos { line, column }| (line, column));
    (error.to_string(), positions.collect())
}

#[test]
fn documents_of_every_part_of_the_grammar_are_read() {
    for text in [
        "{a}",
        "query{a}",
        "query query{query}",
        "mutation on @d {on: on}",
        "subscription S($on: on!, $b: [[B!]]! = [{c: 1}, null] @d(x: [])) @e @f(y: $b) { a }",
        "query A{a} query B{b} fragment F on T @d {a} fragment true on false {null}",
        "{ a: b(c: $d, e: E) @f(g: {h: {}}) { i } ... { j } ... @k { l } ... on M @n { o } ...p @q }",
        "{ a(x: [true false null TRUE nullable 1 -1.5e3 \"\" \"\"\"\"\"\" $v [] {} {a: {b: [$c]}}]) }",
        "\"A\" query A { a } \"\"\"F\"\"\" fragment F on T { a }",
        "query A(\"b\" $b: Int \"\"\"c\"\"\" $c: Int) { a }",
        "\u{feff}#\r\n{a,,,#}\n}",
    ] {
        assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
    }
}

#[test]
fn what_is_no_document_is_told_where_and_what_was_expected() {
    for (text, expected, found, at) in [
        ("", DEFINITION, "the end of the document", (1, 1)),
        (" # a\n", DEFINITION, "the end of the document", (2, 1)),
        ("secret", DEFINITION, "a name", (1, 1)),
        ("{a}}", DEFINITION, "`}`", (1, 4)),
        ("\"secret\" {a}", DESCRIBED, "`{`", (1, 10)),
        ("\"secret\" \"secret\" query {a}", DESCRIBED, "a string", (1, 10)),
        ("\"secret\"", DESCRIBED, "the end of the document", (1, 9)),
        ("query", "`{` and fields", "the end of the document", (1, 6)),
        ("query A B {a}", "`{` and fields", "a name", (1, 9)),
        ("query A() {a}", "a variable", "`)`", (1, 9)),
        ("query A($a) {a}", "`:` and the type of the variable", "`)`", (1, 11)),
        ("query A($: Int) {a}", "the name of a variable behind `$`", "`:`", (1, 10)),
        ("query A(a: Int) {a}", "a variable or `)`", "a name", (1, 9)),
        ("query A($a: []) {a}", "a type", "`]`", (1, 14)),
        ("query A($a: [B C]) {a}", "`]`", "a name", (1, 16)),
        ("query A($a: B!!) {a}", "a variable or `)`", "`!`", (1, 15)),
        ("query A($a: B = $b) {a}", "a value without variables", "`$`", (1, 17)),
        ("query A($a: B = [{c: $b}]) {a}", "a value without variables", "`$`", (1, 22)),
        ("query A($a: B @c(d: $b)) {a}", "a value without variables", "`$`", (1, 21)),
        ("query A($a: B @c = 1) {a}", "a variable or `)`", "`=`", (1, 18)),
        ("{}", "a field or `...`", "`}`", (1, 2)),
        ("{a{}}", "a field or `...`", "`}`", (1, 4)),
        ("{a", "a field, `...` or `}`", "the end of the document", (1, 3)),
        ("{a \"secret\"}", "a field, `...` or `}`", "a string", (1, 4)),
        ("{a: 7}", "the name of a field behind its alias", "a number", (1, 5)),
        ("{a: b: c}", "a field, `...` or `}`", "`:`", (1, 6)),
        ("{a()}", "an argument", "`)`", (1, 4)),
        ("{a(b)}", "`:` and the value of the argument", "`)`", (1, 5)),
        ("{a(b:)}", "a value", "`)`", (1, 6)),
        ("{a(b: |)}", "a value", "`|`", (1, 7)),
        ("{a(\n\t\"é\", b: [1, 2)}", "an argument or `)`", "a string", (2, 2)),
        ("{a(b: \"é\", c: [1, 2)}", "a value", "`)`", (1, 20)),
        ("{a(b: {1: 2})}", "a member or `}`", "a number", (1, 8)),
        ("{a(b: {c 2})}", "`:` and the value of the member", "a number", (1, 10)),
        ("{a @}", "the name of a directive behind `@`", "`}`", (1, 5)),
        ("{...}", "the name of a fragment, `on`, `@` or `{` behind `...`", "`}`", (1, 5)),
        ("{...on}", "the name of a type behind `on`", "`}`", (1, 7)),
        ("{...on T}", "`{` and fields", "`}`", (1, 9)),
        ("{...F {a}}", "a field, `...` or `}`", "`{`", (1, 7)),
        ("fragment on on T {a}", "the name of a fragment, which cannot be `on`", "a name", (1, 10)),
        ("fragment F(a: 1) on T {a}", "`on` and the name of a type", "`(`", (1, 11)),
        ("fragment F T {a}", "`on` and the name of a type", "a name", (1, 12)),
        ("fragment F on {a}", "the name of a type behind `on`", "`{`", (1, 15)),
    ] {
        let expected = format!("syntax error: expected {expected}, found {found}");
        assert_eq!(refusal(text), (expected, vec![at]), "{text}");
    }
}

#[test]
fn what_is_no_token_is_told_in_a_sentence_that_repeats_none_of_it() {
    for (text, expected, at) in [
        ("{a(b: 'secret')}", "strings stand in double quotation marks", (1, 7)),
        ("{a; b}", "`;` has no place outside strings and comments", (1, 3)),
        ("{é}", "a character has no place outside strings and comments", (1, 2)),
        ("{a(b: \"secret)}", "a string must end on the line on which it begins", (1, 7)),
        ("{a(b: \"\"\"secret)\n}", "a block string does not end", (1, 7)),
        ("{a(b: 007)}", "this is no number", (1, 7)),
        ("{a(b: 7secret)}", "this is no number", (1, 7)),
        ("{a(b: 1e999)}", "the number is too large", (1, 7)),
        ("{a(b: \"é\\secret\")}", "a string has an escape that GraphQL does not know", (1, 9)),
        ("\"\\secret\" query {a}", "a string has an escape that GraphQL does not know", (1, 2)),
        ("{a(b: \"\\uD83D\")}", "an escape in a string stands for no Unicode character", (1, 8)),
    ] {
        assert_eq!(refusal(text), (format!("syntax error: {expected}"), vec![at]), "{text}");
    }
}

#[test]
fn definitions_are_told_apart_by_their_names() {
    let multiple = "document contains multiple operations";
    for (text, expected, positions) in [
        ("{a} {b}", multiple, vec![(1, 5), (1, 1)]),
        ("{a} query B {b}", multiple, vec![(1, 1), (1, 5)]),
        ("query B {b}\n{a}", multiple, vec![(2, 1), (1, 1)]),
        ("query A {a} mutation A {b}", "operation A is defined twice", vec![(1, 13), (1, 1)]),
        (
            "{...F} fragment F on T {a} fragment F on T {b}",
            "fragment F is defined twice",
            vec![(1, 28), (1, 8)],
        ),
        ("fragment F on T {a}", "document does not contain an operation", vec![]),
        ("{a(b: {c: 1, d: {c: 1}, c: 1})}", "an input object has a member twice", vec![(1, 25)]),
    ] {
        assert_eq!(refusal(text), (expected.to_owned(), positions), "{text}");
    }
}

#[test]
fn a_schema_is_refused_in_plain_words() {
    let expected =
        "the document defines a part of a schema; only operations and fragments can be run";
    for definition in [
        "type A { a: Int }",
        "schema { query: Q }",
        "extend type A @b",
        "scalar A",
        "interface A { a: Int }",
        "union A = B | C",
        "enum A { B }",
        "input A { a: Int }",
        "directive @a on FIELD",
        "\"described\" type A { a: Int }",
    ] {
        let (message, positions) = refusal(&format!("{{a}}\n{definition}"));
        assert_eq!(message, expected, "{definition}");
        assert_eq!(positions[0].0, 2, "{definition}");
    }
}

#[test]
fn descriptions_are_dropped_and_positions_are_those_behind_them() {
    let document = parse("\"\"\"A\n\"\"\" query A(\"b\" $b: Int) { a }").unwrap();
    let DocumentOperations::Multiple(operations) = &document.operations else { panic!("named") };
    let operation = &operations["A"];
    assert_eq!(operation.pos, Pos { line: 2, column: 5 });
    let variable = &operation.node.variable_definitions[0];
    assert_eq!(variable.pos, Pos { line: 2, column: 17 });
    assert_eq!(variable.node.name.pos, Pos { line: 2, column: 18 });
}

#[test]
fn nesting_is_bounded_as_deep_as_the_guard_can_be_set() {
    assert!(OperationLimits::parse(&format!("nesting={NESTING_MAX}")).is_ok());
    assert!(OperationLimits::parse(&format!("nesting={}", NESTING_MAX + 1)).is_err());
    let levels = |levels: u32| -> [String; 4] {
        let repeat = |text: &str, less: u32| text.repeat((levels - less) as usize);
        [
            repeat("{a", 0) + &repeat("}", 0),
            format!("{{a(x:{}{})}}", repeat("[", 2), repeat("]", 2)),
            format!("{{a(x:{}0{})}}", repeat("{b:", 2), repeat("}", 2)),
            format!("query($a:{}A{}){{a}}", repeat("[", 1), repeat("]", 1)),
        ]
    };
    for text in levels(NESTING_MAX) {
        assert!(parse(&text).is_ok(), "{text}");
    }
    for text in levels(NESTING_MAX + 1) {
        assert_eq!(refusal(&text).0, "syntax error: brackets stand too deep in each other");
    }
    assert!(parse(&"{a".repeat(100_000)).is_err());
}

#[test]
fn numbers_are_what_the_library_makes_of_them() {
    let text = "{ a(x: [0, -0, 9007199254740993, 18446744073709551615, 18446744073709551616, -9223372036854775809, 1.0, 1e2]) }";
    let document = parse(text).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else {
        panic!("a field");
    };
    assert_eq!(
        field.node.arguments[0].1.node.to_string(),
        "[0, -0.0, 9007199254740993, 18446744073709551615, 1.8446744073709552e+19, -9.223372036854776e+18, 1.0, 100.0]"
    );
}
