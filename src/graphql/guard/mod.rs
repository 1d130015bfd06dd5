//! What a document must keep to before the parser sees it.
//!
//! The parser, and all that walks through its tree, recurses at every bracket, and the tree takes a hundred times the
//! room of the text. One pass over the parser's own tokens bounds both before anything is made of them; what it counts
//! is never less than the parser finds.

use super::limits::{Limit, OperationLimits, TooExpensive};
use super::parser::{Lexer, Token};

/// What a document that may be parsed consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) tokens: u32,
    pub(super) aliases: u32,
    pub(super) directives: u32,
    /// The deepest nesting of brackets of any kind.
    pub(super) nesting: u32,
    pub(super) strings: u32,
}

/// Checks a document's length and what it consists of, and stops at the first limit that it exceeds. Behind what is no
/// token nothing is counted, since the parser goes no further either.
pub(super) fn check(document: &str, limits: &OperationLimits) -> Result<Contents, TooExpensive> {
    limits.check(Limit::DocumentBytes, document.len() as u64)?;
    let mut contents = Contents::default();
    // Brackets that are open, the parentheses among them: in those, a colon is no alias.
    let (mut depth, mut parentheses) = (0_u32, 0_u32);
    let mut definitions = 0_u32;
    let mut is_aliased = false;
    let mut aliased: Vec<(&str, u32)> = Vec::new();
    let mut lexer = Lexer::new(document);
    while let Ok((_, token)) = lexer.next_token() {
        if token == Token::End {
            break;
        }
        contents.tokens += 1;
        limits.check(Limit::Tokens, contents.tokens.into())?;
        let follows_alias = std::mem::take(&mut is_aliased);
        match token {
            Token::Name(name) => {
                limits.check(Limit::NameBytes, name.len() as u64)?;
                if follows_alias {
                    let times = count(&mut aliased, name);
                    limits.check(Limit::AliasesPerField, times.into())?;
                }
            }
            Token::Punctuator(bracket @ (b'{' | b'[' | b'(')) => {
                // A selection that stands in none belongs to an operation or a fragment.
                definitions += u32::from(depth == 0 && bracket == b'{');
                limits.check(Limit::Definitions, definitions.into())?;
                depth += 1;
                parentheses += u32::from(bracket == b'(');
                contents.nesting = contents.nesting.max(depth);
                limits.check(Limit::Nesting, depth.into())?;
            }
            // One that closes nothing ends the parser's work, so it does not matter what is counted behind it.
            Token::Punctuator(bracket @ (b'}' | b']' | b')')) => {
                depth = depth.saturating_sub(1);
                parentheses = parentheses.saturating_sub(u32::from(bracket == b')'));
            }
            Token::Punctuator(b':') if parentheses == 0 => {
                is_aliased = true;
                contents.aliases += 1;
                limits.check(Limit::Aliases, contents.aliases.into())?;
            }
            Token::Punctuator(b'@') => {
                contents.directives += 1;
                limits.check(Limit::Directives, contents.directives.into())?;
            }
            Token::String(_) | Token::BlockString(_) => contents.strings += 1,
            Token::Punctuator(_) | Token::Number(_) | Token::End => {}
        }
    }
    Ok(contents)
}

/// Counts a field that has an alias. There are no more of them than the limit of aliases, so a list will do.
fn count<'a>(aliased: &mut Vec<(&'a str, u32)>, field: &'a str) -> u32 {
    if let Some((_, times)) = aliased.iter_mut().find(|(name, _)| *name == field) {
        *times += 1;
        return *times;
    }
    aliased.push((field, 1));
    1
}

#[cfg(test)]
mod tests;
