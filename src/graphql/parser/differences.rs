//! How the schema library's parser differs, for fuzzers and tests: everything else is read alike.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;

use super::lexer::{Fault, Lexer, LexicalError, Token};
use super::{ParseError, parse};

/// Documents that the two parsers judge or read in different ways.
#[cfg_attr(not(test), expect(dead_code, reason = "fuzzers need no examples"))]
struct Difference {
    /// The specification's section, and what it says.
    by: &'static str,
    example: &'static str,
    is_in: fn(&Sketch<'_>) -> bool,
}

const NAMES: Difference = Difference {
    by: "Names: a name is as long as it can be; the library takes words off its front",
    example: "queryA { a }",
    is_in: |it| it.tokens.iter().any(|(_, token)| is_split(*token)),
};

const BEHIND_ON: Difference = Difference {
    by: "Ignored Tokens: a comment may stand behind `on`; to the library it is then a fragment's name",
    example: "{ ... on#\n F }",
    is_in: |it| {
        it.pairs().any(|[(at, token), (next, _)]| {
            token == Token::Name("on") && it.text[at..next].contains('#')
        })
    },
};

/// What the library accepts.
const REFUSED_HERE: [Difference; 10] = [
    NAMES,
    BEHIND_ON,
    Difference {
        by: "Int Value: no digit follows a zero; to the library it is the next number",
        example: "{ a(x: [00]) }",
        is_in: |it| it.fault == Some(Fault::Number),
    },
    Difference {
        by: "String Value: no quotation mark follows an empty string; to the library it is the next one",
        example: "{ a(x: [\"\"\"\"]) }",
        is_in: |it| it.fault == Some(Fault::OpenBlockString),
    },
    Difference {
        by: "Variables: there is one at least",
        example: "query() { a }",
        is_in: |it| it.is_refused_for("a variable"),
    },
    Difference {
        by: "Variables: the default value stands in front of directives",
        example: "query($a: Int @d = 1) { a }",
        is_in: |it| it.defines_in_order(b'@', b'='),
    },
    Difference {
        by: "Variables: their directives are constant",
        example: "query($a: Int @d(x: $a)) { a }",
        is_in: |it| it.is_refused_for("a value without variables"),
    },
    Difference {
        by: "Fragments: none is named `on`",
        example: "{ ...F } fragment on on T { a }",
        is_in: |it| it.is_refused_for("the name of a fragment, which cannot be `on`"),
    },
    Difference {
        by: "Fragments: none named `on` is spread",
        example: "{ ...on @d }",
        is_in: |it| it.is_refused_for("the name of a type behind `on`"),
    },
    Difference {
        by: "Input Object Field Uniqueness: to the library the last one counts",
        example: "{ a(x: { y: 1, y: 2 }) }",
        is_in: |it| matches!(it.refusal, Some(ParseError::MemberRepeated { .. })),
    },
];

/// What the library refuses.
const ACCEPTED_HERE: [Difference; 7] = [
    Difference { example: "{ a(x: nullable) }", ..NAMES },
    Difference { example: "{ ...F } fragment F on#\n T { a }", ..BEHIND_ON },
    Difference {
        by: "Ignored Tokens: they may stand between those of a type",
        example: "query($a: [ Int ! ] !) { a }",
        is_in: |it| it.has_ignored_in_type(),
    },
    Difference {
        by: "String Value: escapes in braces",
        example: "{ a(x: \"\\u{1F600}\") }",
        is_in: |it| it.text.contains("\\u{"),
    },
    Difference {
        by: "String Value: escapes of two halves",
        example: "{ a(x: \"\\uD83D\\uDE00\") }",
        is_in: |it| it.text.to_ascii_lowercase().contains("\\ud"),
    },
    Difference {
        by: "Descriptions: operations, fragments and variables may have them",
        example: "\"A\" query(\"b\" $b: Int) { ...F } \"\"\"F\"\"\" fragment F on T { a }",
        is_in: |it| {
            it.pairs().any(|[(_, token), (_, next)]| {
                let is_described = matches!(
                    next,
                    Token::Name("query" | "mutation" | "subscription" | "fragment")
                        | Token::Punctuator(b'$')
                );
                is_described && matches!(token, Token::String(_) | Token::BlockString(_))
            })
        },
    },
    Difference {
        by: "Variables: directives stand behind the default value",
        example: "query($a: Int = 1 @d) { a }",
        is_in: |it| it.defines_in_order(b'=', b'@'),
    },
];

/// What both accept and do not read alike.
const READ_OTHERWISE: [Difference; 4] = [
    Difference { example: "{ a(x: [nullable]) }", ..NAMES },
    Difference { example: "{ ... on#\n T { a } ...T }", ..BEHIND_ON },
    Difference {
        by: "String Value: three escaped quotation marks lose their backslash in a block string",
        example: "{ a(x: \"\"\"\\\"\"\"\"\"\") }",
        is_in: |it| it.text.contains("\\\"\"\""),
    },
    Difference {
        by: "String Value: a blank line within a block string is left empty if it is indented less than others",
        example: "{ a(x: \"\"\"\n  a\n \n  b\"\"\") }",
        is_in: |it| it.text.contains("\"\"\"") && it.has_short_blank_line(),
    },
];

/// Words that the library takes from the front of a name wherever such a word can stand.
fn is_split(token: Token<'_>) -> bool {
    let Token::Name(name) = token else { return false };
    ["true", "false", "null", "query", "mutation", "subscription", "fragment"]
        .into_iter()
        .any(|word| name != word && name.starts_with(word))
}

/// What differences are told by.
struct Sketch<'a> {
    text: &'a str,
    /// With the bytes at which they begin, until the end or the fault.
    tokens: Vec<(usize, Token<'a>)>,
    fault: Option<Fault>,
    refusal: Option<ParseError>,
}

impl<'a> Sketch<'a> {
    fn of(text: &'a str, refusal: Option<ParseError>) -> Self {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        let fault = loop {
            match lexer.next_token() {
                Ok(token) => tokens.push(token),
                Err(LexicalError { fault, .. }) => break Some(fault),
            }
            if let Some((_, Token::End)) = tokens.last() {
                break None;
            }
        };
        Self { text, tokens, fault, refusal }
    }

    fn pairs(&self) -> impl Iterator<Item = [(usize, Token<'a>); 2]> {
        self.tokens.windows(2).map(|pair| [pair[0], pair[1]])
    }

    fn is_refused_for(&self, reason: &str) -> bool {
        matches!(&self.refusal, Some(ParseError::Unexpected { expected, .. }) if *expected == reason)
    }

    /// Whether one punctuator stands before another among the definitions of an operation's variables.
    fn defines_in_order(&self, first: u8, second: u8) -> bool {
        let (mut depth, mut found) = (0, false);
        self.pairs().any(|[(_, token), (_, next)]| {
            let opens = token == Token::Punctuator(b'(');
            if opens && (depth > 0 || next == Token::Punctuator(b'$')) {
                (depth, found) = (depth + 1, found && depth > 0);
            } else if token == Token::Punctuator(b')') && depth > 0 {
                depth -= 1;
            }
            let is_found = found && depth > 0 && token == Token::Punctuator(second);
            found |= depth > 0 && token == Token::Punctuator(first);
            is_found
        })
    }

    fn has_ignored_in_type(&self) -> bool {
        self.pairs().any(|[(at, token), (next_at, next)]| {
            let is_name = |token| matches!(token, Token::Name(_));
            let is_mark = |token| matches!(token, Token::Punctuator(b'[' | b']' | b'!'));
            let length = if let Token::Name(name) = token { name.len() } else { 1 };
            let goes_on = (is_mark(token) || is_name(token)) && is_mark(next)
                || token == Token::Punctuator(b'[') && is_name(next);
            goes_on && at + length < next_at
        })
    }

    fn has_short_blank_line(&self) -> bool {
        let mut lines = self.text.split(['\n', '\r']).skip(1);
        lines.any(|line| !line.is_empty() && line.bytes().all(|byte| matches!(byte, b' ' | b'\t')))
    }
}

/// Reads a text with both parsers. To the library a carriage return goes back to the beginning of its line, and does not
/// end it, so it is given line feeds.
///
/// # Panics
///
/// Where they differ in a way that is not listed.
pub(in crate::graphql) fn assert_known(text: &str) {
    let (here, there) = (parse(text), parse_query(text.replace("\r\n", "\n").replace('\r', "\n")));
    let listed: &[Difference] = match (&here, &there) {
        (Ok(here), Ok(there)) if written(here) == written(there) => return,
        (Err(_), Err(_)) => return,
        (Ok(_), Ok(_)) => &READ_OTHERWISE,
        (Err(_), Ok(_)) => &REFUSED_HERE,
        (Ok(_), Err(_)) => &ACCEPTED_HERE,
    };
    let sketch = Sketch::of(text, here.as_ref().err().cloned());
    let is_known = listed.iter().any(|difference| (difference.is_in)(&sketch));
    assert!(is_known, "{text:?} is read as {here:?}, and by the library as {there:?}");
}

/// A document with all its positions, and its definitions in the order of their names.
fn written(document: &ExecutableDocument) -> [Vec<String>; 2] {
    let operations = document.operations.iter().map(|it| format!("{it:?}"));
    let fragments = document.fragments.iter().map(|it| format!("{it:?}"));
    let mut written = [operations.collect::<Vec<_>>(), fragments.collect()];
    for definitions in &mut written {
        definitions.sort();
    }
    written
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graphql::parser::author::Author;

    #[test]
    fn each_difference_is_as_it_is_listed() {
        for (list, here, there) in [
            (&REFUSED_HERE[..], false, true),
            (&ACCEPTED_HERE[..], true, false),
            (&READ_OTHERWISE[..], true, true),
        ] {
            for Difference { by, example, is_in } in list {
                let (ours, theirs) = (parse(example), parse_query(example));
                assert_eq!((ours.is_ok(), theirs.is_ok()), (here, there), "{by}: {example}");
                if let (Ok(ours), Ok(theirs)) = (&ours, &theirs) {
                    assert_ne!(written(ours), written(theirs), "{by}: {example}");
                }
                assert!(is_in(&Sketch::of(example, ours.err())), "{by}: {example}");
                assert!(!is_in(&Sketch::of("query A($a: [Int!] = 0) { a @d(x: \"\") }", None)));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn what_both_parsers_accept_they_read_alike_and_they_differ_in_known_ways_only(
            dice in proptest::collection::vec(any::<u16>(), 0..160),
        ) {
            assert_known(&Author::write(dice));
        }

        #[test]
        fn they_differ_in_known_ways_only_about_what_is_hardly_a_document(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{", "}", "[", "]", "(", ")", ":", "a", "b", "true", "null", "0", "01", "-0.5e1", "\"", "\"\"",
                    "\"\"\"", "\\\"", "#", "\n", "\r", " ", ",", "\u{feff}", "@d", "$v", "...", " on ", "F",
                    "query", "fragment F on T{a}", "mutation", "x:a", "(x:[", "])", "(x:{y:", "})", "\\", "é",
                    "{a}", "($v:", "[I]", "!", "=", "\"c\"", "\\u{e9}", "\\uD83D", "\\uDE00", ".", "|", "&", "'",
                ]),
                0..16,
            ),
        ) {
            let parts = parts.concat();
            for text in [format!("{{a{parts}}}"), format!("{{a(x:[{parts}])}}"), format!("query($v:I={parts}){{a}}")] {
                assert_known(&text);
            }
        }
    }
}
