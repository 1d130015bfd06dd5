use super::*;
use crate::graphql::fuzzing::Found;
use crate::graphql::parser::parse;

fn limits(text: &str) -> OperationLimits {
    OperationLimits::parse(text).unwrap()
}

fn refused(limit: Limit, maximum: u32, found: u64) -> Result<Contents, TooExpensive> {
    Err(TooExpensive { limit, maximum, found })
}

fn nested(open: &str, close: &str, levels: usize) -> String {
    format!("{{ a(x: {}{}) }}", open.repeat(levels), close.repeat(levels))
}

#[test]
fn brackets_of_every_kind_count_together() {
    let limits = limits("");
    // Two levels are the selection's and the arguments' own.
    for (open, close) in [("[", "]"), ("{x:", "}")] {
        assert!(check(&nested(open, close, 46), &limits).is_ok());
        assert_eq!(check(&nested(open, close, 47), &limits), refused(Limit::Nesting, 48, 49));
    }
    assert_eq!(check(&"{a".repeat(49), &limits), refused(Limit::Nesting, 48, 49));
    let [variable, default, directive] = ["query($v: [)", "query($v: I = [)", "{ a @d(x: [) }"]
        .map(|document| document.replace('[', &"[".repeat(60)));
    for document in [variable, default, directive] {
        assert_eq!(check(&document, &limits), refused(Limit::Nesting, 48, 49), "{document}");
    }
    assert!(check(&"{a}".repeat(100), &limits).is_ok());
}

#[test]
fn what_stands_in_strings_and_comments_does_not_count_and_hides_nothing() {
    let limits = limits("");
    let deep = "[".repeat(100);
    for harmless in [
        format!("{{ a(x: \"{deep}\") }}"),
        format!("{{ a(x: \"\\\"{deep}\") }}"),
        format!("{{ a(x: \"\"\"\n\" {deep} \\\"\"\" {deep} \"\"\") }}"),
        format!("# {deep} \"\n{{ a }}"),
        "\"".to_owned(),
        "\"\"\"".to_owned(),
        "\"\\".to_owned(),
        // No token, and the parser goes no further.
        format!("{{ a(x: [\"\"\"\" {deep}"),
        format!("{{ a(x: [00 {deep}"),
    ] {
        assert!(check(&harmless, &limits).is_ok(), "{harmless}");
    }
    for hidden in [
        format!("# \"\n{deep}"),
        format!("\"\" {deep}"),
        format!("\"\"\"\"\"\" {deep}"),
        format!("\"\\\\\" {deep}"),
        format!("# \"\"\"\r{deep}"),
        format!("{{ a(x: [\"\"\" \\\"\"\" \"\"\" {deep}"),
    ] {
        assert_eq!(check(&hidden, &limits), refused(Limit::Nesting, 48, 49), "{hidden}");
    }
}

#[test]
fn each_limit_is_told_with_what_was_found() {
    let check = |document: &str, text| check(document, &limits(text));
    assert_eq!(check("{ a b }", "tokens=3"), refused(Limit::Tokens, 3, 4));
    assert_eq!(check("{ a b }", "document_bytes=6"), refused(Limit::DocumentBytes, 6, 7));
    assert_eq!(check("{ abcd }", "name_bytes=3"), refused(Limit::NameBytes, 3, 4));
    assert_eq!(check("{ x: a y: b }", "aliases=1"), refused(Limit::Aliases, 1, 2));
    assert_eq!(
        check("{ x: a y: a }", "aliases_per_field=1"),
        refused(Limit::AliasesPerField, 1, 2)
    );
    assert_eq!(check("{ a @b @c }", "directives=1"), refused(Limit::Directives, 1, 2));
    assert_eq!(check("{a} {b}", "definitions=1"), refused(Limit::Definitions, 1, 2));
    assert!(
        check("query($a: B = {c: 1}) { x: a(b: {c: 1}) y: b }", "aliases=2,definitions=1").is_ok()
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]
    #[test]
    fn what_is_counted_is_never_less_than_the_parser_finds(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "{", "}", "[", "]", "(", ")", ":", "a", "b", "true", "null", "0", "01", "-0.5e1", "\"", "\"\"",
                "\"\"\"", "\\\"", "#", "\n", "\r", " ", ",", "\u{feff}", "@d", "$v", "...", " on ", "F",
                "query", "fragment F on T{a}", "mutation", "x:a", "(x:[", "])", "(x:{y:", "})", "\\", "é",
            ]),
            0..24,
        ),
    ) {
        let text = format!("{{a(x:[{}", parts.concat());
        for text in [&text, &parts.concat(), &format!("{{a{}}}", parts.concat()), &format!("{text}])}}")] {
            let Ok(found) = parse(text).map(|it| Found::of(&it)) else { continue };
            let contents = check(text, &limits("aliases_per_field=1000,aliases=1000")).unwrap();
            proptest::prop_assert!(contents.tokens >= found.parts, "{}", text);
            proptest::prop_assert!(contents.aliases >= found.aliases, "{}", text);
            proptest::prop_assert!(contents.directives >= found.directives, "{}", text);
        }
    }
}
