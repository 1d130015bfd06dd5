//! What a document must keep to before the parser sees it.
//!
//! The parser recurses at every bracket, also inside argument values, where it has no limit of its own: a small document
//! could overflow the stack of its thread and end the process. One pass over the bytes rules that out.

/// The deepest nesting of brackets of any kind. The standard introspection query has 14 levels; real screens have fewer.
const NESTING_MAX: usize = 48;

/// A document nests brackets deeper than is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document nests brackets deeper than {NESTING_MAX} levels")]
pub(super) struct NestedTooDeep;

/// Checks the nesting of `{}`, `[]` and `()`, outside strings and comments.
pub(super) fn check_nesting(document: &str) -> Result<(), NestedTooDeep> {
    let mut rest = document.as_bytes();
    let mut depth = 0_usize;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'#' => skip_comment(after),
            b'"' => skip_string(rest),
            _ => after,
        };
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_MAX {
            return Err(NestedTooDeep);
        }
    }
    Ok(())
}

fn skip_comment(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    &bytes[end.unwrap_or(bytes.len())..]
}

/// Skips a string or block string that begins here. One that does not end where it must is no string: the parser stops
/// at it, so it does not matter what stands behind.
fn skip_string(bytes: &[u8]) -> &[u8] {
    if let Some(mut rest) = bytes.strip_prefix(b"\"\"\"") {
        loop {
            if let Some(after) = rest.strip_prefix(b"\\\"\"\"") {
                rest = after;
            } else if let Some(after) = rest.strip_prefix(b"\"\"\"") {
                return after;
            } else if let Some((_, after)) = rest.split_first() {
                rest = after;
            } else {
                return rest;
            }
        }
    }
    let mut rest = &bytes[1..];
    loop {
        match rest {
            [b'"', after @ ..] => return after,
            [] | [b'\n' | b'\r', ..] => return rest,
            [b'\\', _, after @ ..] | [_, after @ ..] => rest = after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(open: &str, close: &str, levels: usize) -> String {
        format!("{{ a(x: {}{}) }}", open.repeat(levels), close.repeat(levels))
    }

    #[test]
    fn brackets_of_every_kind_count_together() {
        // Two levels are the selection's and the arguments' own.
        for (open, close) in [("[", "]"), ("{x:", "}")] {
            assert_eq!(check_nesting(&nested(open, close, NESTING_MAX - 2)), Ok(()));
            assert_eq!(check_nesting(&nested(open, close, NESTING_MAX - 1)), Err(NestedTooDeep));
        }
        assert_eq!(check_nesting(&"{a".repeat(NESTING_MAX + 1)), Err(NestedTooDeep));
        assert_eq!(check_nesting(&"{a}".repeat(1000)), Ok(()));
    }

    #[test]
    fn what_stands_in_strings_and_comments_does_not_count_and_hides_nothing() {
        let deep = "[".repeat(100);
        for harmless in [
            format!("{{ a(x: \"{deep}\") }}"),
            format!("{{ a(x: \"\\\"{deep}\") }}"),
            format!("{{ a(x: \"\"\"\n\" {deep} \\\"\"\" {deep} \"\"\") }}"),
            format!("# {deep} \"\n{{ a }}"),
            "\"".to_owned(),
            "\"\"\"".to_owned(),
            "\"\\".to_owned(),
        ] {
            assert_eq!(check_nesting(&harmless), Ok(()), "{harmless}");
        }
        for hidden in [
            format!("# \"\n{deep}"),
            format!("\"\" {deep}"),
            format!("\"\"\"\"\"\" {deep}"),
            format!("\"\\\\\" {deep}"),
            format!("# \"\"\"\r{deep}"),
        ] {
            assert_eq!(check_nesting(&hidden), Err(NestedTooDeep), "{hidden}");
        }
    }
}
