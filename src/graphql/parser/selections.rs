//! Fields and fragments: "Selection Sets" to "Fragments" in the specification.

use async_graphql::parser::types::{
    Field, FragmentSpread, InlineFragment, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Positioned};

use super::ParseError;
use super::lexer::Token;
use super::tokens::Tokens;
use super::values::{Variables, arguments, directives};

pub(super) fn selection_set(
    tokens: &mut Tokens<'_>,
) -> Result<Positioned<SelectionSet>, ParseError> {
    let at = tokens.at();
    if !tokens.is(b'{') {
        return Err(tokens.unexpected("`{` and fields"));
    }
    let mut items = Vec::new();
    tokens.in_brackets(b'}', Some("a field or `...`"), |tokens| {
        let at = tokens.at();
        items.push(Positioned::new(selection(tokens)?, at));
        Ok(())
    })?;
    Ok(Positioned::new(SelectionSet { items }, at))
}

fn selection(tokens: &mut Tokens<'_>) -> Result<Selection, ParseError> {
    let at = tokens.at();
    if !tokens.take(b'.')? {
        return Ok(Selection::Field(Positioned::new(field(tokens)?, at)));
    }
    let is_name = matches!(tokens.current(), Token::Name(_));
    let is_typed = tokens.current() == Token::Name("on");
    if is_name && !is_typed {
        let fragment_name = fragment_name(tokens)?;
        let directives = directives(tokens, Variables::Allowed)?;
        let spread = FragmentSpread { fragment_name, directives };
        return Ok(Selection::FragmentSpread(Positioned::new(spread, at)));
    }
    if !(is_typed || tokens.is(b'{') || tokens.is(b'@')) {
        return Err(tokens.unexpected("the name of a fragment, `on`, `@` or `{` behind `...`"));
    }
    let type_condition = if is_typed { Some(type_condition(tokens)?) } else { None };
    let directives = directives(tokens, Variables::Allowed)?;
    let selection_set = selection_set(tokens)?;
    let fragment = InlineFragment { type_condition, directives, selection_set };
    Ok(Selection::InlineFragment(Positioned::new(fragment, at)))
}

fn field(tokens: &mut Tokens<'_>) -> Result<Field, ParseError> {
    let first = tokens.name("a field, `...` or `}`")?;
    let (alias, name) = if tokens.take(b':')? {
        (Some(first), tokens.name("the name of a field behind its alias")?)
    } else {
        (None, first)
    };
    let arguments = arguments(tokens, Variables::Allowed)?;
    let directives = directives(tokens, Variables::Allowed)?;
    let selection_set =
        if tokens.is(b'{') { selection_set(tokens)? } else { Positioned::default() };
    Ok(Field { alias, name, arguments, directives, selection_set })
}

/// A fragment may have any name but `on`.
pub(super) fn fragment_name(tokens: &mut Tokens<'_>) -> Result<Positioned<Name>, ParseError> {
    if tokens.current() == Token::Name("on") {
        return Err(tokens.unexpected("the name of a fragment, which cannot be `on`"));
    }
    tokens.name("the name of a fragment")
}

pub(super) fn type_condition(
    tokens: &mut Tokens<'_>,
) -> Result<Positioned<TypeCondition>, ParseError> {
    let at = tokens.at();
    if tokens.current() != Token::Name("on") {
        return Err(tokens.unexpected("`on` and the name of a type"));
    }
    tokens.advance()?;
    let on = tokens.name("the name of a type behind `on`")?;
    Ok(Positioned::new(TypeCondition { on }, at))
}
