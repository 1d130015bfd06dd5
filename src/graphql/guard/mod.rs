//! What a document must keep to before the parser sees it.
//!
//! The parser recurses at every bracket, also inside argument values, where it has no limit of its own: a small document
//! could overflow the stack of its thread and end the process. And what it makes of a document takes a hundred times
//! the room of the text. One pass over the bytes bounds both; what it counts is never less than the parser finds.

mod lexer;

use super::limits::{Limit, OperationLimits, TooExpensive};
use lexer::{Lexer, Token};

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

/// Checks a document's length and what it consists of, and stops at the first limit that it exceeds.
pub(super) fn check(document: &str, limits: &OperationLimits) -> Result<Contents, TooExpensive> {
    limits.check(Limit::DocumentBytes, document.len() as u64)?;
    let mut contents = Contents::default();
    // Brackets that are open, the parentheses among them: in those, a colon is no alias.
    let (mut depth, mut parentheses) = (0_u32, 0_u32);
    let mut definitions = 0_u32;
    let mut is_aliased = false;
    let mut aliased: Vec<(&str, u32)> = Vec::new();
    for token in Lexer::new(document) {
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
            Token::Open(bracket) => {
                // A selection that stands in none belongs to an operation or a fragment.
                definitions += u32::from(depth == 0 && bracket == b'{');
                limits.check(Limit::Definitions, definitions.into())?;
                depth += 1;
                parentheses += u32::from(bracket == b'(');
                contents.nesting = contents.nesting.max(depth);
                limits.check(Limit::Nesting, depth.into())?;
            }
            // One that closes nothing ends the parser's work, so it does not matter what is counted behind it.
            Token::Close(bracket) => {
                depth = depth.saturating_sub(1);
                parentheses = parentheses.saturating_sub(u32::from(bracket == b')'));
            }
            Token::Colon if parentheses == 0 => {
                is_aliased = true;
                contents.aliases += 1;
                limits.check(Limit::Aliases, contents.aliases.into())?;
            }
            Token::At => {
                contents.directives += 1;
                limits.check(Limit::Directives, contents.directives.into())?;
            }
            Token::String => contents.strings += 1,
            Token::Colon | Token::Number | Token::Other => {}
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
