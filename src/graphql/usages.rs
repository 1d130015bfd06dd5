//! Variables stand where a value of their type may stand. Specification: GraphQL, "All Variable Usages Are Allowed"; the
//! schema library has the rule and does not apply it, and what then has no value is run by guess.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type,
    VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::{ConstValue, Value};

use super::field_types::{FieldTypes, Input, named, root_type};

/// A variable that stands where its values may not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misplaced {
    name: Name,
    found: String,
    expected: String,
    /// Where it is defined, and where it is used.
    pub(super) at: [Pos; 2],
}

impl Misplaced {
    /// What a person reads.
    pub(super) fn message(&self) -> String {
        let Self { name, found, expected, .. } = self;
        format!("Variable \"${name}\" of type \"{found}\" stands where \"{expected}\" is expected")
    }
}

/// Checks the variables of each operation, in a document without circles. It looks at each definition once. What the schema
/// does not know is left to validation.
pub(super) fn check_usages(
    document: &ExecutableDocument,
    types: &FieldTypes,
) -> Result<(), Misplaced> {
    let fragments = document.fragments.iter().map(|(name, fragment)| {
        let object = &fragment.node.type_condition.node.on.node;
        (name, Uses::of(types, &fragment.node.selection_set.node, object))
    });
    let fragments: HashMap<_, _> = fragments.collect();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let defined = definitions(operation);
        let own = Uses::of(types, &operation.selection_set.node, root_type(operation.ty));
        let mut spread = HashSet::new();
        let mut pending = vec![&own];
        while let Some(uses) = pending.pop() {
            for usage in &uses.variables {
                if let Some(definition) = defined.get(usage.name) {
                    usage.check(definition)?;
                }
            }
            let new = uses.spreads.iter().filter(|name| spread.insert(**name));
            pending.extend(new.filter_map(|name| fragments.get(name)));
        }
    }
    Ok(())
}

fn definitions(operation: &OperationDefinition) -> HashMap<&Name, &Positioned<VariableDefinition>> {
    operation.variable_definitions.iter().map(|it| (&it.node.name.node, it)).collect()
}

/// A variable and the place where it stands.
struct Usage<'a> {
    name: &'a Name,
    expected: &'a Type,
    has_default: bool,
    at: Pos,
}

impl Usage<'_> {
    fn check(&self, definition: &Positioned<VariableDefinition>) -> Result<(), Misplaced> {
        let VariableDefinition { var_type, default_value, .. } = &definition.node;
        let is_never_null = default_value.as_ref().is_some_and(|it| it.node != ConstValue::Null);
        let (found, expected) = (&var_type.node, self.expected);
        let fits = if is_never_null || self.has_default {
            base_fits(found, expected)
        } else {
            fits(found, expected)
        };
        if fits {
            return Ok(());
        }
        Err(Misplaced {
            name: self.name.clone(),
            found: found.to_string(),
            expected: expected.to_string(),
            at: [definition.pos, self.at],
        })
    }
}

fn fits(found: &Type, expected: &Type) -> bool {
    (expected.nullable || !found.nullable) && base_fits(found, expected)
}

/// Whether a type fits, if there is a value.
fn base_fits(found: &Type, expected: &Type) -> bool {
    match (&found.base, &expected.base) {
        (BaseType::Named(found), BaseType::Named(expected)) => found == expected,
        (BaseType::List(found), BaseType::List(expected)) => fits(found, expected),
        (BaseType::Named(_), BaseType::List(_)) | (BaseType::List(_), BaseType::Named(_)) => false,
    }
}

/// What one definition uses.
struct Uses<'a> {
    variables: Vec<Usage<'a>>,
    spreads: Vec<&'a Name>,
}

impl<'a> Uses<'a> {
    /// Those of the selections of an object.
    fn of(types: &'a FieldTypes, set: &'a SelectionSet, object: &'a str) -> Self {
        let mut uses = Self { variables: Vec::new(), spreads: Vec::new() };
        let mut pending = vec![(set, object)];
        while let Some((set, object)) = pending.pop() {
            for item in &set.items {
                for directive in item.node.directives() {
                    if let Some(condition) = directive.node.get_argument("if") {
                        uses.note(types, &condition.node, types.condition(), condition.pos);
                    }
                }
                match &item.node {
                    Selection::Field(Positioned { node: field, .. }) => {
                        let name = &field.name.node;
                        for (argument, value) in &field.arguments {
                            if let Some(input) = types.argument(object, name, &argument.node) {
                                uses.note(types, &value.node, input, value.pos);
                            }
                        }
                        // Below a field of which nothing is known nothing is known either.
                        let below = types.field(object, name).map_or("", |it| named(it).as_str());
                        pending.push((&field.selection_set.node, below));
                    }
                    Selection::InlineFragment(Positioned { node: fragment, .. }) => {
                        let condition = fragment.type_condition.as_ref();
                        let below = condition.map_or(object, |it| it.node.on.node.as_str());
                        pending.push((&fragment.selection_set.node, below));
                    }
                    Selection::FragmentSpread(it) => uses.spreads.push(&it.node.fragment_name.node),
                }
            }
        }
        uses
    }

    fn note(&mut self, types: &'a FieldTypes, value: &'a Value, input: &'a Input, at: Pos) {
        let Input { value_type, has_default } = input;
        self.note_value(types, value, (value_type, *has_default), at);
    }

    /// Notes the variables of a value, at most as deep as the guard lets brackets stand in each other.
    fn note_value(
        &mut self,
        types: &'a FieldTypes,
        value: &'a Value,
        (expected, has_default): (&'a Type, bool),
        at: Pos,
    ) {
        match value {
            Value::Variable(name) => {
                self.variables.push(Usage { name, expected, has_default, at });
            }
            Value::List(elements) => {
                if let BaseType::List(element_type) = &expected.base {
                    for element in elements {
                        self.note_value(types, element, (element_type, false), at);
                    }
                }
            }
            // One object may stand for a list of it.
            Value::Object(members) => {
                for (name, member) in members {
                    if let Some(input) = types.input_field(named(expected), name) {
                        self.note(types, member, input, at);
                    }
                }
            }
            Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::parser::parse;

    fn refused(text: &str) -> Option<Misplaced> {
        let types = FieldTypes::of(
            "type Query { a: T page(size: Int, id: ID!, order: O! = A, ids: [ID!], in: In): T }
             type T { b: T page(id: ID!): T c: Int }
             input In { n: Int!, with: Int! = 1, in: [In!] }
             enum O { A }",
        );
        check_usages(&parse(text).unwrap(), &types).err()
    }

    #[test]
    fn a_condition_is_a_boolean_that_is_there() {
        let fragment = "fragment F on T { ... { b { c @skip(if: $x) } } }";
        for (defined, expected) in [
            ("$x: Boolean!", None),
            ("$x: Boolean = false", None),
            ("$x: Boolean! = true", None),
            ("$y: Int", None),
            ("$x: Boolean", Some("Boolean")),
            ("$x: Boolean = null", Some("Boolean")),
            ("$x: String!", Some("String!")),
            ("$x: [Boolean!]!", Some("[Boolean!]!")),
        ] {
            for selection in
                ["a @include(if: $x)", "... @skip(if: $x) { a }", "...F @include(if: $x)", "...F"]
            {
                let text =
                    format!("query Q({defined}) {{ {selection} }} query R {{ a }} {fragment}");
                let refused = refused(&text);
                assert_eq!(refused.as_ref().map(|it| it.found.as_str()), expected, "{text}");
                assert!(refused.is_none_or(|it| it.at[0] == Pos { line: 1, column: 9 }));
            }
        }
    }

    #[test]
    fn a_variable_stands_where_its_values_fit() {
        for (defined, used, expected) in [
            ("$x: Int", "page(size: $x)", None),
            ("$x: Int!", "page(size: $x)", None),
            ("$x: String", "page(size: $x)", Some("Int")),
            ("$x: ID!", "page(id: $x)", None),
            ("$x: ID", "page(id: $x)", Some("ID!")),
            ("$x: ID = null", "page(id: $x)", Some("ID!")),
            ("$x: ID = \"1\"", "page(id: $x)", None),
            ("$x: O", "page(order: $x)", None),
            ("$x: [ID!]", "page(ids: $x)", None),
            ("$x: [ID!]!", "page(ids: $x)", None),
            ("$x: [ID]", "page(ids: $x)", Some("[ID!]")),
            ("$x: ID!", "page(ids: $x)", Some("[ID!]")),
            ("$x: ID!", "page(ids: [\"1\", $x])", None),
            ("$x: ID", "page(ids: [\"1\", $x])", Some("ID!")),
            ("$x: Int!", "page(in: {n: $x})", None),
            ("$x: Int", "page(in: {n: $x})", Some("Int!")),
            ("$x: Int", "page(in: {with: $x})", None),
            ("$x: Int", "page(in: {in: [{n: 1}, {n: $x}]})", Some("Int!")),
            ("$x: Int", "page(in: {in: {n: $x}})", Some("Int!")),
            ("$x: ID", "a { b { page(id: $x) } }", Some("ID!")),
            ("$x: ID", "...F", Some("ID!")),
            ("$x: ID", "... on Query { a { ... { page(id: $x) } } }", Some("ID!")),
            // Left to validation.
            ("$x: ID", "page(none: $x)", None),
            ("$x: ID", "none { page(id: $x) }", None),
            ("$x: ID", "page(in: [$x], size: {a: $x})", None),
        ] {
            let text = format!(
                "query($y: Int, {defined}) {{ {used} }} fragment F on T {{ b {{ page(id: $x) }} }}"
            );
            let refused = refused(&text);
            assert_eq!(refused.map(|it| it.expected), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn what_is_refused_is_told_with_its_places() {
        let refused = refused("query($id: ID) {\n  page(id: $id)\n}").unwrap();
        let message = "Variable \"$id\" of type \"ID\" stands where \"ID!\" is expected";
        assert_eq!(refused.message(), message);
        assert_eq!(refused.at, [Pos { line: 1, column: 7 }, Pos { line: 2, column: 12 }]);
    }
}
