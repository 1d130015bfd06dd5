//! Reads documents: section 2 of the GraphQL specification (September 2025), as far as it is about what can be run.
//!
//! It makes the schema library's own tree, so that nothing behind it knows who read the document. The library's parser
//! takes 6 to 60 times as long, and is looser: `differences` lists how. Descriptions are read, and dropped: the tree has
//! no place for them.
//!
//! Each function reads what it is named after, from its first token to the one behind it.

#[cfg(test)]
mod author;
#[cfg(any(test, fuzzing))]
mod differences;
mod error;
mod lexer;
mod selections;
mod strings;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType,
};
use async_graphql::{Name, Positioned};

#[cfg(any(test, fuzzing))]
pub(super) use differences::assert_known;
pub(super) use error::ParseError;
pub(super) use lexer::{Lexer, Token};
use selections::{fragment_name, selection_set, type_condition};
use tokens::Tokens;
use values::{Variables, directives, skip_description, variable_definitions};

const DEFINITION: &str = "`{`, `query`, `mutation`, `subscription` or `fragment`";
const DESCRIBED: &str = "`query`, `mutation`, `subscription` or `fragment` behind a description";

/// The words that begin a definition of a schema.
const TYPE_SYSTEM: [&str; 9] =
    ["schema", "scalar", "type", "interface", "union", "enum", "input", "directive", "extend"];

/// Reads a document of operations and fragments. What it allocates and how deep it recurses is bounded by the count of
/// tokens and by the nesting, which the guard checks before.
///
/// # Errors
///
/// The first place at which it is none.
pub(super) fn parse(text: &str) -> Result<ExecutableDocument, ParseError> {
    let tokens = &mut Tokens::try_new(text)?;
    let (mut operations, mut fragments) = (None, HashMap::new());
    loop {
        let is_described = skip_description(tokens)?;
        let at = tokens.at();
        if tokens.is(b'{') && !is_described {
            let definition = shorthand(tokens)?;
            add_operation(&mut operations, None, Positioned::new(definition, at))?;
        } else if tokens.current() == Token::Name("fragment") {
            let (name, definition) = fragment(tokens)?;
            add_fragment(&mut fragments, name, Positioned::new(definition, at))?;
        } else if let Some(ty) = operation_type(tokens) {
            let (name, definition) = operation(tokens, ty)?;
            add_operation(&mut operations, name, Positioned::new(definition, at))?;
        } else {
            return Err(no_definition(tokens, is_described));
        }
        if tokens.current() == Token::End {
            let operations = operations.ok_or(ParseError::MissingOperation)?;
            return Ok(ExecutableDocument { operations, fragments });
        }
    }
}

fn no_definition(tokens: &Tokens<'_>, is_described: bool) -> ParseError {
    if let Token::Name(word) = tokens.current()
        && TYPE_SYSTEM.contains(&word)
    {
        return ParseError::TypeSystem { at: tokens.at() };
    }
    tokens.unexpected(if is_described { DESCRIBED } else { DEFINITION })
}

fn operation_type(tokens: &Tokens<'_>) -> Option<OperationType> {
    let Token::Name(word) = tokens.current() else { return None };
    match word {
        "query" => Some(OperationType::Query),
        "mutation" => Some(OperationType::Mutation),
        "subscription" => Some(OperationType::Subscription),
        _ => None,
    }
}

fn shorthand(tokens: &mut Tokens<'_>) -> Result<OperationDefinition, ParseError> {
    Ok(OperationDefinition {
        ty: OperationType::Query,
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: selection_set(tokens)?,
    })
}

fn operation(
    tokens: &mut Tokens<'_>,
    ty: OperationType,
) -> Result<(Option<Name>, OperationDefinition), ParseError> {
    tokens.advance()?;
    let is_named = matches!(tokens.current(), Token::Name(_));
    let name = if is_named { Some(tokens.name("the name of the operation")?.node) } else { None };
    let variable_definitions = variable_definitions(tokens)?;
    let directives = directives(tokens, Variables::Allowed)?;
    let selection_set = selection_set(tokens)?;
    Ok((name, OperationDefinition { ty, variable_definitions, directives, selection_set }))
}

fn fragment(tokens: &mut Tokens<'_>) -> Result<(Name, FragmentDefinition), ParseError> {
    tokens.advance()?;
    let name = fragment_name(tokens)?.node;
    let type_condition = type_condition(tokens)?;
    let directives = directives(tokens, Variables::Allowed)?;
    let selection_set = selection_set(tokens)?;
    Ok((name, FragmentDefinition { type_condition, directives, selection_set }))
}

/// There is one operation without a name, or there are some with names.
fn add_operation(
    operations: &mut Option<DocumentOperations>,
    name: Option<Name>,
    added: Positioned<OperationDefinition>,
) -> Result<(), ParseError> {
    let Some(name) = name else {
        if let Some((_, other)) = operations.iter().flat_map(DocumentOperations::iter).next() {
            let (anonymous, operation) = (added.pos, other.pos);
            return Err(ParseError::MultipleOperations { anonymous, operation });
        }
        *operations = Some(DocumentOperations::Single(added));
        return Ok(());
    };
    match operations.get_or_insert_with(|| DocumentOperations::Multiple(HashMap::new())) {
        DocumentOperations::Single(other) => {
            let (anonymous, operation) = (other.pos, added.pos);
            Err(ParseError::MultipleOperations { anonymous, operation })
        }
        DocumentOperations::Multiple(named) => match named.entry(name) {
            Entry::Occupied(other) => {
                let (first, second) = (other.get().pos, added.pos);
                Err(ParseError::OperationRepeated { name: other.key().clone(), first, second })
            }
            Entry::Vacant(place) => {
                place.insert(added);
                Ok(())
            }
        },
    }
}

fn add_fragment(
    fragments: &mut HashMap<Name, Positioned<FragmentDefinition>>,
    name: Name,
    added: Positioned<FragmentDefinition>,
) -> Result<(), ParseError> {
    match fragments.entry(name) {
        Entry::Occupied(other) => {
            let (first, second) = (other.get().pos, added.pos);
            Err(ParseError::FragmentRepeated { name: other.key().clone(), first, second })
        }
        Entry::Vacant(place) => {
            place.insert(added);
            Ok(())
        }
    }
}
