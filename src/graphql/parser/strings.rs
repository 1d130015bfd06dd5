//! What a string says: "String Value" in the specification.

use super::lexer::Fault;

/// The value of a string, of what stands between its quotation marks.
///
/// # Errors
///
/// What is wrong with an escape, and the byte at which it begins.
pub(super) fn value(raw: &str) -> Result<String, (usize, Fault)> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        value.push_str(plain);
        let (character, after) =
            escaped(escape).map_err(|fault| (raw.len() - escape.len() - 1, fault))?;
        value.push(character);
        rest = after;
    }
    value.push_str(rest);
    Ok(value)
}

/// The character of an escape, and what follows it.
fn escaped(escape: &str) -> Result<(char, &str), Fault> {
    let kind = escape.chars().next().ok_or(Fault::Escape)?;
    let after = &escape[kind.len_utf8()..];
    let character = match kind {
        '"' | '\\' | '/' => kind,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(after),
        _ => return Err(Fault::Escape),
    };
    Ok((character, after))
}

/// The character of `\u`, by what follows: digits in braces, four digits, or four and four for the halves of one.
fn unicode(escape: &str) -> Result<(char, &str), Fault> {
    if let Some(braced) = escape.strip_prefix('{') {
        let (digits, after) = braced.split_once('}').ok_or(Fault::Escape)?;
        return Ok((char::from_u32(number(digits)?).ok_or(Fault::EscapedCharacter)?, after));
    }
    let (first, after) = four(escape)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, after));
    }
    let second = after.strip_prefix("\\u").ok_or(Fault::EscapedCharacter)?;
    let (second, after) = four(second).map_err(|_| Fault::EscapedCharacter)?;
    // Four digits always fit.
    let pair = [first, second].map(|half| u16::try_from(half).unwrap_or_default());
    match char::decode_utf16(pair).next() {
        Some(Ok(character)) => Ok((character, after)),
        _ => Err(Fault::EscapedCharacter),
    }
}

fn four(escape: &str) -> Result<(u32, &str), Fault> {
    let (digits, after) = escape.split_at_checked(4).ok_or(Fault::Escape)?;
    Ok((number(digits)?, after))
}

/// Any number of digits may stand in braces: what is too large stays so.
fn number(digits: &str) -> Result<u32, Fault> {
    if digits.is_empty() {
        return Err(Fault::Escape);
    }
    digits.chars().try_fold(0_u32, |number, digit| {
        let digit = digit.to_digit(16).ok_or(Fault::Escape)?;
        Ok(number.saturating_mul(16).saturating_add(digit))
    })
}

/// The value of a block string, of what stands between its quotation marks: without the indentation that its lines
/// share, and without blank lines at both ends.
pub(super) fn block_value(raw: &str) -> String {
    let (mut indentation, mut first, mut behind_last) = (usize::MAX, None, 0);
    for (number, line) in lines(raw).enumerate() {
        let indented = line.len() - line.trim_start_matches([' ', '\t']).len();
        if indented == line.len() {
            continue;
        }
        first = first.or(Some(number));
        behind_last = number + 1;
        // The first line stands behind the quotation marks, so its indentation tells nothing.
        if number > 0 {
            indentation = indentation.min(indented);
        }
    }
    let first = first.unwrap_or(0);
    let mut value = String::with_capacity(raw.len());
    for (number, line) in lines(raw).enumerate().take(behind_last).skip(first) {
        if number > first {
            value.push('\n');
        }
        let line = if number == 0 { line } else { line.get(indentation..).unwrap_or_default() };
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("\\\"\"\"") {
            value.push_str(before);
            value.push_str("\"\"\"");
            rest = after;
        }
        value.push_str(rest);
    }
    value
}

/// The lines of a text, which may end by a line feed, a carriage return, or both.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.bytes().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            rest = None;
            return Some(text);
        };
        let (line, after) = text.split_at(end);
        rest = Some(after.strip_prefix("\r\n").unwrap_or(&after[1..]));
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_characters() {
        for (raw, expected) in [
            ("", ""),
            ("plain é", "plain é"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\uFFFF", "Aé\u{ffff}"),
            (r"\u{41}\u{1F600}\u{10FFFF}\u{000000041}", "A\u{1f600}\u{10ffff}A"),
            (r"a\uD83D\uDE00b", "a\u{1f600}b"),
            (r"\\u0041", "\\u0041"),
        ] {
            assert_eq!(value(raw).unwrap(), expected, "{raw}");
        }
    }

    #[test]
    fn what_is_no_escape_is_refused_where_it_stands() {
        for raw in [
            r"\a", r"\ ", r"\é", r"\U0041", r"\u", r"\u004", r"\u00g1", r"\u{}", r"\u{41",
            r"\u{g}", r"\u{4 1}", r"\u00é", r"\u+041", r"\u{+41}",
        ] {
            assert_eq!(value(&format!("é{raw}")), Err((2, Fault::Escape)), "{raw}");
        }
        // No half of a pair stands alone, and braces hold whole characters.
        for raw in [
            r"\uD83D",
            r"\uDE00",
            r"\uD83Da",
            r"\uDE00\uD83D",
            r"\uD83D\u0041",
            r"\uD83D\uD83D",
            r"\uD83D\u{DE00}",
            r"\uD83D\n",
            r"\u{D83D}\u{DE00}",
            r"\u{DFFF}",
            r"\u{110000}",
            r"\u{FFFFFFFFFFFF}",
        ] {
            assert_eq!(value(&format!("é{raw}")), Err((2, Fault::EscapedCharacter)), "{raw}");
        }
    }

    #[test]
    fn a_block_string_loses_blank_lines_at_its_ends_and_the_indentation_of_its_lines() {
        for (raw, expected) in [
            ("", ""),
            (" \n\t\r\r\n ", ""),
            ("  a  ", "  a  "),
            ("a\r\n   b\n     c\r    d", "a\nb\n  c\n d"),
            (
                "\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  ",
                "Hello,\n  World!\n\nYours,\n  GraphQL.",
            ),
            ("\n    a\n  \n      \n    b", "a\n\n  \nb"),
            ("\n\t a\n\t  é", "a\n é"),
            ("  a\nb\n  c", "  a\nb\n  c"),
            ("\\n \\u0041 \\\"\"\" \\\\\"\"\"", "\\n \\u0041 \"\"\" \\\"\"\""),
        ] {
            assert_eq!(block_value(raw), expected, "{raw:?}");
        }
    }
}
