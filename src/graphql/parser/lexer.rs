//! The tokens of a document: "Source Text" in the specification.
//!
//! The guard counts them and the parser reads them, so both see the same ones.

use std::fmt;

use memchr::memchr2;

/// A token. Its text is a part of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::graphql) enum Token<'a> {
    Name(&'a str),
    Number(&'a str),
    /// What stands between the quotation marks, with its escapes.
    String(&'a str),
    /// What stands between the three quotation marks, as it is written.
    BlockString(&'a str),
    /// One of `!$&():=@[]{|}`, and `.` for `...`.
    Punctuator(u8),
    End,
}

impl fmt::Display for Token<'_> {
    /// Writes the kind only: what a name, a number or a string says may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(_) => formatter.write_str("a name"),
            Self::Number(_) => formatter.write_str("a number"),
            Self::String(_) | Self::BlockString(_) => formatter.write_str("a string"),
            Self::Punctuator(b'.') => formatter.write_str("`...`"),
            Self::Punctuator(byte) => write!(formatter, "`{}`", char::from(*byte)),
            Self::End => formatter.write_str("the end of the document"),
        }
    }
}

/// Where a text ceases to consist of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::graphql) struct LexicalError {
    /// The byte at which what is no token begins.
    pub(super) at: usize,
    pub(super) fault: Fault,
}

/// What is wrong with a token, or with what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::graphql) enum Fault {
    #[error("a string must end on the line on which it begins")]
    OpenString,
    #[error("a block string does not end")]
    OpenBlockString,
    #[error("this is no number")]
    Number,
    #[error("the number is too large")]
    LargeNumber,
    #[error("a string has an escape that GraphQL does not know")]
    Escape,
    #[error("an escape in a string stands for no Unicode character")]
    EscapedCharacter,
    #[error("strings stand in double quotation marks")]
    SingleQuotationMark,
    #[error("`{0}` has no place outside strings and comments")]
    Punctuation(char),
    #[error("a character has no place outside strings and comments")]
    Character,
}

/// Reads one token after the other.
#[derive(Clone, Debug)]
pub(in crate::graphql) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(in crate::graphql) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token, and the byte at which it begins. At the end it is [`Token::End`], however often it is asked for.
    ///
    /// # Errors
    ///
    /// Where the text does not go on with a token.
    pub(in crate::graphql) fn next_token(&mut self) -> Result<(usize, Token<'a>), LexicalError> {
        self.skip_ignored();
        let start = self.at;
        let token = match self.rest() {
            [] => Ok((0, Token::End)),
            [b'A'..=b'Z' | b'a'..=b'z' | b'_', ..] => Ok(self.name()),
            [byte, ..] if b"!$&():=@[]{|}".contains(byte) => Ok((1, Token::Punctuator(*byte))),
            [b'.', b'.', b'.', ..] => Ok((3, Token::Punctuator(b'.'))),
            [b'"', b'"', b'"', ..] => self.block_string(),
            [b'"', ..] => self.string(),
            [b'-' | b'0'..=b'9', ..] => self.number(),
            [b'\'', ..] => Err(Fault::SingleQuotationMark),
            [byte, ..] if byte.is_ascii_punctuation() => Err(Fault::Punctuation(char::from(*byte))),
            [_, ..] => Err(Fault::Character),
        };
        let (length, token) = token.map_err(|fault| LexicalError { at: start, fault })?;
        self.at += length;
        Ok((start, token))
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The part of the text from one byte behind the current one to another.
    fn part(&self, from: usize, to: usize) -> &'a str {
        &self.text[self.at + from..self.at + to]
    }

    /// Skips blanks, commas, marks of the byte order and comments.
    fn skip_ignored(&mut self) {
        loop {
            match self.rest() {
                [b' ' | b'\t' | b',' | b'\n' | b'\r', ..] => self.at += 1,
                [0xef, 0xbb, 0xbf, ..] => self.at += 3,
                [b'#', after @ ..] => {
                    self.at += 1 + memchr2(b'\n', b'\r', after).unwrap_or(after.len());
                }
                _ => return,
            }
        }
    }

    fn name(&self) -> (usize, Token<'a>) {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        (length, Token::Name(self.part(0, length)))
    }

    /// A number has no zero in front, and nothing may follow it that could belong to it.
    fn number(&self) -> Result<(usize, Token<'a>), Fault> {
        let rest = self.rest();
        let digits = |from: usize| rest[from..].iter().take_while(|it| it.is_ascii_digit()).count();
        let at_least_one =
            |from| Some(digits(from)).filter(|count| *count > 0).ok_or(Fault::Number);
        let mut length = usize::from(rest[0] == b'-');
        length += match rest.get(length) {
            Some(b'0') => 1,
            _ => at_least_one(length)?,
        };
        if rest.get(length) == Some(&b'.') {
            length += 1;
            length += at_least_one(length)?;
        }
        if let Some(b'e' | b'E') = rest.get(length) {
            length += 1;
            length += usize::from(matches!(rest.get(length), Some(b'+' | b'-')));
            length += at_least_one(length)?;
        }
        match rest.get(length) {
            Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.') => Err(Fault::Number),
            _ => Ok((length, Token::Number(self.part(0, length)))),
        }
    }

    fn string(&self) -> Result<(usize, Token<'a>), Fault> {
        let rest = self.rest();
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r');
        let mut end = 1;
        loop {
            end += rest[end..].iter().position(ends).ok_or(Fault::OpenString)?;
            match &rest[end..] {
                [b'"', ..] => return Ok((end + 1, Token::String(self.part(1, end)))),
                // What is escaped does not end the string, and no end of the line can be escaped.
                [b'\\', b'"' | b'\\', ..] => end += 2,
                [b'\\', ..] => end += 1,
                _ => return Err(Fault::OpenString),
            }
        }
    }

    fn block_string(&self) -> Result<(usize, Token<'a>), Fault> {
        let rest = self.rest();
        let mut end = 3;
        loop {
            end += memchr2(b'"', b'\\', &rest[end..]).ok_or(Fault::OpenBlockString)?;
            match &rest[end..] {
                [b'"', b'"', b'"', ..] => {
                    return Ok((end + 3, Token::BlockString(self.part(3, end))));
                }
                [b'\\', b'"', b'"', b'"', ..] => end += 4,
                _ => end += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str) -> Result<Vec<Token<'_>>, LexicalError> {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        loop {
            let (_, token) = lexer.next_token()?;
            if token == Token::End {
                return Ok(tokens);
            }
            tokens.push(token);
        }
    }

    fn fault(text: &str) -> (usize, Fault) {
        let error = tokens(text).unwrap_err();
        (error.at, error.fault)
    }

    #[test]
    fn every_token_is_as_long_as_it_can_be() {
        use Token::{BlockString, Name, Number, Punctuator, String};
        let expected = [
            Name("truefalse"),
            Name("query_A1"),
            Number("-0"),
            Number("0.5e+3"),
            Punctuator(b'.'),
            Name("on"),
            String(""),
            String("\\\"[\\\\"),
            BlockString(""),
            BlockString("\" \\\"\"\" "),
            Punctuator(b'}'),
        ];
        let text = r#"truefalse query_A1 -0 0.5e+3 ...on"" "\"[\\" """""" """" \""" """}"#;
        assert_eq!(tokens(text).unwrap(), expected);
    }

    #[test]
    fn what_is_ignored_hides_nothing() {
        assert_eq!(tokens("\u{feff},# \" {\r{\u{feff}#").unwrap(), [Token::Punctuator(b'{')]);
        assert_eq!(tokens("#é\n,\t").unwrap(), []);
    }

    proptest! {
        #[test]
        fn block_strings_and_comments_end_where_they_do_byte_by_byte(text in "[\"\\\\#aé\n\r]{0,24}") {
            let block = format!("\"\"\"{text}");
            let mut at = 3;
            let end = loop {
                match &block.as_bytes()[at..] {
                    [] => break None,
                    [b'\\', b'"', b'"', b'"', ..] => at += 4,
                    [b'"', b'"', b'"', ..] => break Some(at),
                    [_, ..] => at += 1,
                }
            };
            let expected = match end {
                Some(end) => Ok((0, Token::BlockString(&block[3..end]))),
                None => Err(LexicalError { at: 0, fault: Fault::OpenBlockString }),
            };
            prop_assert_eq!(Lexer::new(&block).next_token(), expected);

            let comment = format!("#{text}\nb");
            let (line, _) = comment.split_once(['\n', '\r']).unwrap();
            let behind = &comment[line.len()..];
            let of_behind = Lexer::new(behind).next_token().map(|(at, token)| (line.len() + at, token));
            let of_behind = of_behind.map_err(|error| LexicalError { at: line.len() + error.at, ..error });
            prop_assert_eq!(Lexer::new(&comment).next_token(), of_behind);
        }
    }

    #[test]
    fn what_is_no_token_is_told_where_it_begins() {
        for text in ["00", "-01", "1.", "1.e1", "1e", "1e+", "-", "-a", "1a", "0x1", "1_", "1.5.2"]
        {
            assert_eq!(fault(&format!(" {text}")), (1, Fault::Number), "{text}");
        }
        for text in ["\"", "\"a\n\"", "\"a\r\"", "\"\\\"", "\"\\", "\"\\\n\""] {
            assert_eq!(fault(&format!(" {text}")), (1, Fault::OpenString), "{text}");
        }
        for text in ["\"\"\"", "\"\"\"\"", "\"\"\"\"\"", "\"\"\"\\\"\"\"", "\"\"\"\"\"\\\"\"\""] {
            assert_eq!(fault(&format!(" {text}")), (1, Fault::OpenBlockString), "{text}");
        }
        assert_eq!(fault("{'"), (1, Fault::SingleQuotationMark));
        assert_eq!(fault(".."), (0, Fault::Punctuation('.')));
        assert_eq!(fault("....."), (3, Fault::Punctuation('.')));
        assert_eq!(fault("é"), (0, Fault::Character));
        assert_eq!(fault("\0"), (0, Fault::Character));
    }
}
