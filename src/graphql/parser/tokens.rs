//! The token that is read next, and where it stands.

use async_graphql::{Name, Pos, Positioned};
use memchr::{memchr_iter, memrchr2};

use super::ParseError;
use super::lexer::{Fault, Lexer, LexicalError, Token};

/// How deep brackets may stand in each other: what the guard's limit can be set to, so none behind it comes here.
/// It is what bounds the parser's recursion, whatever stands in front of it.
pub(super) const NESTING_MAX: u32 = 64;

/// What the functions of the parser read from.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    lexer: Lexer<'a>,
    places: Places<'a>,
    current: Token<'a>,
    at: Pos,
    depth: u32,
}

impl<'a> Tokens<'a> {
    pub(super) fn try_new(text: &'a str) -> Result<Self, ParseError> {
        let places = Places { bytes: text.as_bytes(), at: 0, pos: Pos { line: 1, column: 1 } };
        let (lexer, at) = (Lexer::new(text), places.pos);
        let mut tokens = Self { lexer, places, current: Token::End, at, depth: 0 };
        tokens.advance()?;
        Ok(tokens)
    }

    /// The token that is read next.
    pub(super) fn current(&self) -> Token<'a> {
        self.current
    }

    /// Where it begins.
    pub(super) fn at(&self) -> Pos {
        self.at
    }

    pub(super) fn advance(&mut self) -> Result<(), ParseError> {
        match self.lexer.next_token() {
            Ok((start, token)) => {
                self.at = self.places.advance(start);
                self.current = token;
                Ok(())
            }
            Err(LexicalError { at, fault }) => {
                Err(ParseError::Text { fault, at: self.places.advance(at) })
            }
        }
    }

    pub(super) fn is(&self, punctuator: u8) -> bool {
        self.current == Token::Punctuator(punctuator)
    }

    /// Takes a punctuator if it is what comes next, and tells whether it was.
    pub(super) fn take(&mut self, punctuator: u8) -> Result<bool, ParseError> {
        let is_next = self.is(punctuator);
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    pub(super) fn expect(
        &mut self,
        punctuator: u8,
        expected: &'static str,
    ) -> Result<(), ParseError> {
        if self.take(punctuator)? { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    pub(super) fn name(&mut self, expected: &'static str) -> Result<Positioned<Name>, ParseError> {
        let Token::Name(name) = self.current else { return Err(self.unexpected(expected)) };
        let name = Positioned::new(Name::new(name), self.at);
        self.advance()?;
        Ok(name)
    }

    pub(super) fn unexpected(&self, expected: &'static str) -> ParseError {
        ParseError::Unexpected { expected, found: self.current.to_string(), at: self.at }
    }

    /// An error within the current token, some bytes behind its beginning.
    pub(super) fn fault(&self, fault: Fault, offset: usize) -> ParseError {
        let mut places = self.places.clone();
        ParseError::Text { fault, at: places.advance(places.at + offset) }
    }

    /// Reads what stands in brackets, the opening one being what comes next, with `read` for each part until the
    /// closing one. Where there must be a part, `needed` names it.
    pub(super) fn in_brackets(
        &mut self,
        close: u8,
        needed: Option<&'static str>,
        mut read: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        if self.depth == NESTING_MAX {
            return Err(ParseError::TooDeep { at: self.at });
        }
        self.depth += 1;
        self.advance()?;
        if let Some(needed) = needed
            && self.is(close)
        {
            return Err(self.unexpected(needed));
        }
        while !self.is(close) {
            read(self)?;
        }
        self.depth -= 1;
        self.advance()
    }
}

/// Lines and columns of bytes in their order, from one, columns in characters. A line ends by a line feed, a carriage
/// return, or both: "Line Terminators" in the specification. So no two tokens have one place.
#[derive(Clone, Debug)]
struct Places<'a> {
    bytes: &'a [u8],
    at: usize,
    pos: Pos,
}

impl Places<'_> {
    fn advance(&mut self, to: usize) -> Pos {
        let from = std::mem::replace(&mut self.at, to);
        let mut passed = &self.bytes[from..to];
        if let Some(last) = memrchr2(b'\n', b'\r', passed) {
            let lines = &passed[..=last];
            let ends_line = |at: &usize| self.bytes.get(from + at + 1) != Some(&b'\n');
            let returns = memchr_iter(b'\r', lines).filter(ends_line).count();
            let ended = memchr_iter(b'\n', lines).count() + returns;
            self.pos = Pos { line: self.pos.line + ended, column: 1 };
            passed = &passed[last + 1..];
        }
        let is_within_character = |byte: &&u8| matches!(byte, 0x80..=0xbf);
        self.pos.column += passed.len() - passed.iter().filter(is_within_character).count();
        self.pos
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The place that all characters before a byte lead to, one after the other.
    fn behind(text: &str, end: usize) -> Pos {
        let start = Pos { line: 1, column: 1 };
        text[..end].char_indices().fold(start, |Pos { line, column }, (at, character)| {
            match character {
                // Half of an end, which belongs to the line feed.
                '\r' if text[at..].starts_with("\r\n") => Pos { line, column: 1 },
                '\n' | '\r' => Pos { line: line + 1, column: 1 },
                _ => Pos { line, column: column + 1 },
            }
        })
    }

    proptest! {
        #[test]
        fn a_place_is_that_of_all_characters_before_it(parts in prop::collection::vec("[aé\u{feff}\u{1f600}\n\r]{0,6}", 0..8)) {
            let text = parts.concat();
            let mut places = Places { bytes: text.as_bytes(), at: 0, pos: behind("", 0) };
            let mut end = 0;
            for part in &parts {
                end += part.len();
                prop_assert_eq!(places.advance(end), behind(&text, end), "{:?}", &text);
            }
        }
    }
}
