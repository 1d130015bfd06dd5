//! The tokens of a document, as the parser would see them, without a parser.
//!
//! Where the parser is looser than the specification, so is this: what it takes for two tokens must not count as one.

/// A token; what it says matters for names only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    String,
    Number,
    /// One of `{[(`.
    Open(u8),
    /// One of `}])`.
    Close(u8),
    Colon,
    At,
    /// Any other character, and `...`.
    Other,
}

/// Words that the parser takes from the front of a name, wherever such a word can stand: `truefalse` are two values,
/// and `queryA` is an operation `A`.
const SPLIT_OFF: [&str; 7] =
    ["true", "false", "null", "query", "mutation", "subscription", "fragment"];

/// Reads tokens until the end; what is no token counts as one for each byte.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Skips blanks, commas, marks of the byte order and comments.
    fn skip_ignored(&mut self) {
        loop {
            match self.rest() {
                [b' ' | b'\t' | b',' | b'\n' | b'\r', ..] => self.at += 1,
                [0xef, 0xbb, 0xbf, ..] => self.at += 3,
                [b'#', after @ ..] => {
                    let end = after.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.at += 1 + end.unwrap_or(after.len());
                }
                _ => return,
            }
        }
    }

    fn name(&mut self) -> Token<'a> {
        let rest = &self.text[self.at..];
        if let Some(word) = SPLIT_OFF.into_iter().find(|word| rest.starts_with(word)) {
            self.at += word.len();
            return Token::Name(&rest[..word.len()]);
        }
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = rest.bytes().position(|byte| !is_part(&byte)).unwrap_or(rest.len());
        self.at += length;
        Token::Name(&rest[..length])
    }

    /// A number has no zero in front, so `00` are two.
    fn number(&mut self) -> Token<'a> {
        if self.rest()[0] == b'-' {
            self.at += 1;
        }
        let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += match self.rest() {
            [b'0', ..] => 1,
            rest => digits(rest),
        };
        if let [b'.', after @ ..] = self.rest() {
            let length = digits(after);
            self.at += if length > 0 { 1 + length } else { 0 };
        }
        if let [b'e' | b'E', after @ ..] = self.rest() {
            let sign = usize::from(matches!(after, [b'+' | b'-', ..]));
            let length = digits(&after[sign..]);
            self.at += if length > 0 { 1 + sign + length } else { 0 };
        }
        Token::Number
    }

    /// A string that does not end on its line is none, and the parser goes no further. But a block string that does
    /// not end is an empty string before another one, to the parser.
    fn string(&mut self) -> Token<'a> {
        let rest = self.rest();
        self.at += block_string_length(rest).unwrap_or_else(|| string_length(rest));
        Token::String
    }
}

fn block_string_length(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes.strip_prefix(b"\"\"\"")?;
    loop {
        if let Some(after) = rest.strip_prefix(b"\\\"\"\"") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"\"\"\"") {
            return Some(bytes.len() - after.len());
        } else {
            rest = rest.split_first()?.1;
        }
    }
}

fn string_length(bytes: &[u8]) -> usize {
    let mut rest = &bytes[1..];
    loop {
        rest = match rest {
            [b'"', after @ ..] => return bytes.len() - after.len(),
            [] | [b'\n' | b'\r', ..] => return bytes.len() - rest.len(),
            [b'\\', b'"' | b'\\', after @ ..] | [_, after @ ..] => after,
        };
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_ignored();
        let token = match self.rest() {
            [] => return None,
            [b'"', ..] => return Some(self.string()),
            [b'A'..=b'Z' | b'a'..=b'z' | b'_', ..] => return Some(self.name()),
            [b'-' | b'0'..=b'9', ..] => return Some(self.number()),
            [b'.', b'.', b'.', ..] => {
                self.at += 3;
                return Some(Token::Other);
            }
            [byte @ (b'{' | b'[' | b'('), ..] => Token::Open(*byte),
            [byte @ (b'}' | b']' | b')'), ..] => Token::Close(*byte),
            [b':', ..] => Token::Colon,
            [b'@', ..] => Token::At,
            [_, ..] => Token::Other,
        };
        // Never into the middle of a character.
        self.at += 1;
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        Lexer::new(text).count()
    }

    #[test]
    fn what_the_parser_takes_for_several_tokens_counts_as_several() {
        assert_eq!(
            count("truefalsenull nullable 000 -0-0 0.5e+3 12.x query_A"),
            3 + 2 + 3 + 2 + 1 + 3 + 2
        );
        assert_eq!(count("{ a(b: \"c\") ...D @e }"), 12);
        // Four quotation marks are two empty strings, and five hide the rest of their line only.
        assert_eq!(count("\"\"\"\" [["), 2 + 2);
        assert_eq!(count("\"\"\"\"\" [[\n[["), 3 + 2);
        assert_eq!(count("\"\"\"\"\"\"[["), 1 + 2);
        assert_eq!(count("\"\"\" \\\"\"\" [[ \"\"\" [["), 1 + 2);
    }

    #[test]
    fn what_is_ignored_hides_nothing() {
        assert_eq!(count("\u{feff},# \" {\r{\u{feff}#"), 1);
        assert_eq!(count("é\u{1f600}\\"), 3);
        assert_eq!(count("\"\\\" [\\\\\" ["), 2);
        assert_eq!(count("\"\\"), 1);
    }
}
