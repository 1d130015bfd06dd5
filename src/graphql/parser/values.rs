//! Values and what holds them: "Input Values" to "Directives" in the specification.

use async_graphql::indexmap::IndexMap;
use async_graphql::indexmap::map::Entry;
use async_graphql::parser::types::{BaseType, Directive, Type, VariableDefinition};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use super::lexer::{Fault, Token};
use super::tokens::Tokens;
use super::{ParseError, strings};

/// Whether variables may stand in a value. They may not in what describes a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variables {
    Allowed,
    Refused,
}

type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;

/// Reads a description if there is one, and tells whether there was.
pub(super) fn skip_description(tokens: &mut Tokens<'_>) -> Result<bool, ParseError> {
    let is_described = matches!(tokens.current(), Token::String(_) | Token::BlockString(_));
    if is_described {
        value(tokens, Variables::Refused)?;
    }
    Ok(is_described)
}

pub(super) fn variable_definitions(
    tokens: &mut Tokens<'_>,
) -> Result<Vec<Positioned<VariableDefinition>>, ParseError> {
    let mut definitions = Vec::new();
    if tokens.is(b'(') {
        tokens.in_brackets(b')', Some("a variable"), |tokens| {
            definitions.push(variable_definition(tokens)?);
            Ok(())
        })?;
    }
    Ok(definitions)
}

fn variable_definition(
    tokens: &mut Tokens<'_>,
) -> Result<Positioned<VariableDefinition>, ParseError> {
    skip_description(tokens)?;
    let at = tokens.at();
    tokens.expect(b'$', "a variable or `)`")?;
    let name = tokens.name("the name of a variable behind `$`")?;
    tokens.expect(b':', "`:` and the type of the variable")?;
    let type_at = tokens.at();
    let var_type = Positioned::new(variable_type(tokens)?, type_at);
    let default_value = if tokens.take(b'=')? {
        let value = value(tokens, Variables::Refused)?;
        Some(value.map(|it| it.into_const().expect("no variable was read")))
    } else {
        None
    };
    let directives = directives(tokens, Variables::Refused)?;
    let definition = VariableDefinition { name, var_type, directives, default_value };
    Ok(Positioned::new(definition, at))
}

fn variable_type(tokens: &mut Tokens<'_>) -> Result<Type, ParseError> {
    let base = if tokens.is(b'[') {
        let mut element = None;
        tokens.in_brackets(b']', Some("a type"), |tokens| {
            if element.is_some() {
                return Err(tokens.unexpected("`]`"));
            }
            element = Some(Box::new(variable_type(tokens)?));
            Ok(())
        })?;
        BaseType::List(element.expect("one was needed"))
    } else {
        BaseType::Named(tokens.name("a type")?.node)
    };
    Ok(Type { base, nullable: !tokens.take(b'!')? })
}

pub(super) fn directives(
    tokens: &mut Tokens<'_>,
    variables: Variables,
) -> Result<Vec<Positioned<Directive>>, ParseError> {
    let mut directives = Vec::new();
    while tokens.is(b'@') {
        let at = tokens.at();
        tokens.advance()?;
        let name = tokens.name("the name of a directive behind `@`")?;
        let arguments = arguments(tokens, variables)?;
        directives.push(Positioned::new(Directive { name, arguments }, at));
    }
    Ok(directives)
}

pub(super) fn arguments(
    tokens: &mut Tokens<'_>,
    variables: Variables,
) -> Result<Arguments, ParseError> {
    let mut arguments = Vec::new();
    if tokens.is(b'(') {
        tokens.in_brackets(b')', Some("an argument"), |tokens| {
            let name = tokens.name("an argument or `)`")?;
            tokens.expect(b':', "`:` and the value of the argument")?;
            arguments.push((name, value(tokens, variables)?));
            Ok(())
        })?;
    }
    Ok(arguments)
}

fn value(tokens: &mut Tokens<'_>, variables: Variables) -> Result<Positioned<Value>, ParseError> {
    let at = tokens.at();
    let value = match tokens.current() {
        Token::Punctuator(b'$') if variables == Variables::Allowed => {
            tokens.advance()?;
            let name = tokens.name("the name of a variable behind `$`")?;
            return Ok(Positioned::new(Value::Variable(name.node), at));
        }
        Token::Punctuator(b'$') => return Err(tokens.unexpected("a value without variables")),
        Token::Punctuator(b'[') => return Ok(Positioned::new(list(tokens, variables)?, at)),
        Token::Punctuator(b'{') => return Ok(Positioned::new(object(tokens, variables)?, at)),
        Token::Number(text) => {
            let number = text.parse().map_err(|_| tokens.fault(Fault::LargeNumber, 0))?;
            Value::Number(number)
        }
        Token::String(raw) => {
            let value = strings::value(raw);
            // The quotation mark stands in front.
            Value::String(value.map_err(|(offset, fault)| tokens.fault(fault, 1 + offset))?)
        }
        Token::BlockString(raw) => Value::String(strings::block_value(raw)),
        Token::Name("true") => Value::Boolean(true),
        Token::Name("false") => Value::Boolean(false),
        Token::Name("null") => Value::Null,
        Token::Name(name) => Value::Enum(Name::new(name)),
        Token::Punctuator(_) | Token::End => return Err(tokens.unexpected("a value")),
    };
    tokens.advance()?;
    Ok(Positioned::new(value, at))
}

fn list(tokens: &mut Tokens<'_>, variables: Variables) -> Result<Value, ParseError> {
    let mut elements = Vec::new();
    tokens.in_brackets(b']', None, |tokens| {
        elements.push(value(tokens, variables)?.node);
        Ok(())
    })?;
    Ok(Value::List(elements))
}

fn object(tokens: &mut Tokens<'_>, variables: Variables) -> Result<Value, ParseError> {
    let mut members = IndexMap::new();
    tokens.in_brackets(b'}', None, |tokens| {
        let name = tokens.name("a member or `}`")?;
        tokens.expect(b':', "`:` and the value of the member")?;
        let value = value(tokens, variables)?.node;
        match members.entry(name.node) {
            Entry::Occupied(_) => return Err(ParseError::MemberRepeated { at: name.pos }),
            Entry::Vacant(place) => place.insert(value),
        };
        Ok(())
    })?;
    Ok(Value::Object(members))
}
