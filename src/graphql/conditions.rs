//! Variables in the conditions of `@skip` and `@include` must have a truth value. Specification: GraphQL, "All Variable
//! Usages Are Allowed"; the schema library has the rule and does not apply it, and runs what then has no condition by guess.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, Selection, SelectionSet, VariableDefinition,
};
use async_graphql::{Name, Pos};
use async_graphql_value::{ConstValue, Value};

/// A variable that is used as a condition and can lack a truth value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unconditional {
    name: Name,
    found: String,
    /// Where it is defined, and where it is used.
    pub(super) at: [Pos; 2],
}

impl Unconditional {
    /// What a person reads.
    pub(super) fn message(&self) -> String {
        let Self { name, found, .. } = self;
        format!("Variable \"${name}\" of type \"{found}\" stands where \"Boolean!\" is expected")
    }
}

/// Checks the conditions of each operation, in a document without circles. It looks at each definition once.
pub(super) fn check_conditions(document: &ExecutableDocument) -> Result<(), Unconditional> {
    let fragments = document.fragments.iter();
    let fragments: HashMap<_, _> =
        fragments.map(|(name, it)| (name, Uses::of(&it.node.selection_set.node))).collect();
    for (_, operation) in document.operations.iter() {
        let own = Uses::of(&operation.node.selection_set.node);
        let mut spread = HashSet::new();
        let mut pending = vec![&own];
        while let Some(uses) = pending.pop() {
            for (name, at) in &uses.conditions {
                check(&operation.node, name, *at)?;
            }
            let new = uses.spreads.iter().filter(|name| spread.insert(**name));
            pending.extend(new.filter_map(|name| fragments.get(name)));
        }
    }
    Ok(())
}

/// One that is not defined is left to validation.
fn check(operation: &OperationDefinition, name: &Name, at: Pos) -> Result<(), Unconditional> {
    let mut definitions = operation.variable_definitions.iter();
    match definitions.find(|it| it.node.name.node == *name) {
        Some(definition) if !has_truth_value(&definition.node) => Err(Unconditional {
            name: name.clone(),
            found: definition.node.var_type.node.to_string(),
            at: [definition.pos, at],
        }),
        _ => Ok(()),
    }
}

fn has_truth_value(
    VariableDefinition { var_type, default_value, .. }: &VariableDefinition,
) -> bool {
    let has_default = default_value.as_ref().is_some_and(|it| it.node != ConstValue::Null);
    let is_boolean = matches!(&var_type.node.base, BaseType::Named(name) if name == "Boolean");
    is_boolean && (!var_type.node.nullable || has_default)
}

/// What one definition uses.
#[derive(Default)]
struct Uses<'a> {
    /// Variables in conditions, with the places of the directives.
    conditions: Vec<(&'a Name, Pos)>,
    spreads: Vec<&'a Name>,
}

impl<'a> Uses<'a> {
    fn of(set: &'a SelectionSet) -> Self {
        let mut uses = Self::default();
        let mut pending = vec![set];
        while let Some(set) = pending.pop() {
            for item in &set.items {
                for directive in item.node.directives() {
                    if let Some(Value::Variable(name)) =
                        directive.node.get_argument("if").map(|it| &it.node)
                    {
                        uses.conditions.push((name, directive.pos));
                    }
                }
                match &item.node {
                    Selection::Field(field) => pending.push(&field.node.selection_set.node),
                    Selection::InlineFragment(it) => pending.push(&it.node.selection_set.node),
                    Selection::FragmentSpread(it) => uses.spreads.push(&it.node.fragment_name.node),
                }
            }
        }
        uses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::parser::parse;

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
                let refused = check_conditions(&parse(&text).unwrap()).err();
                assert_eq!(refused.as_ref().map(|it| it.found.as_str()), expected, "{text}");
                assert!(refused.is_none_or(|it| it.at[0] == Pos { line: 1, column: 9 }));
            }
        }
    }
}
