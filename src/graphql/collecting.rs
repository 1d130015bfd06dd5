//! The fields of one object, out of all that selects from it. Specification: GraphQL, "Field Collection".

use std::collections::HashSet;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Value};
use serde_json::{Map, Value as Json};

/// What is selected from one object.
#[derive(Default)]
pub(super) struct Collected<'a> {
    /// Every place of each field, by its name in the answer, in the order in which they first come.
    pub(super) fields: IndexMap<&'a Name, Vec<&'a Positioned<Field>>>,
    /// The fragments that are spread.
    pub(super) fragments: HashSet<&'a Name>,
}

/// Collects the fields of one object. `includes` weighs the directives of a selection; what it leaves out counts as if
/// it were not there.
///
/// Every type of the schema is an object, so a fragment that passed validation applies where it stands.
pub(super) fn collect<'a>(
    document: &'a ExecutableDocument,
    sets: &[&'a SelectionSet],
    mut includes: impl FnMut(&[Positioned<Directive>]) -> bool,
) -> Collected<'a> {
    let mut collected = Collected::default();
    for set in sets {
        collected.add(document, set, &mut includes);
    }
    collected
}

impl<'a> Collected<'a> {
    fn add(
        &mut self,
        document: &'a ExecutableDocument,
        set: &'a SelectionSet,
        includes: &mut impl FnMut(&[Positioned<Directive>]) -> bool,
    ) {
        for item in &set.items {
            if !includes(item.node.directives()) {
                continue;
            }
            match &item.node {
                Selection::Field(field) => {
                    self.fields.entry(&field.node.response_key().node).or_default().push(field);
                }
                Selection::InlineFragment(fragment) => {
                    self.add(document, &fragment.node.selection_set.node, includes);
                }
                // A fragment that is spread again adds nothing.
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if self.fragments.insert(name)
                        && let Some(fragment) = document.fragments.get(name)
                    {
                        self.add(document, &fragment.node.selection_set.node, includes);
                    }
                }
            }
        }
    }
}

/// Whether directives let a selection in, by the values of variables, defaults among them. None where that cannot be
/// told, which is so only of what validation refuses or does not look at.
pub(super) fn is_included(
    directives: &[Positioned<Directive>],
    variables: &Map<String, Json>,
) -> Option<bool> {
    let mut is_included = true;
    for directive in directives {
        let condition = directive.node.get_argument("if")?.node.clone();
        let condition = condition.into_const_with(|name| value_of(&name, variables)).ok()?;
        let Value::Boolean(condition) = condition else { return None };
        match directive.node.name.node.as_str() {
            "skip" => is_included &= !condition,
            "include" => is_included &= condition,
            _ => return None,
        }
    }
    Some(is_included)
}

/// The value of a variable: one that may be absent is null.
pub(super) fn value_of(
    name: &Name,
    variables: &Map<String, Json>,
) -> Result<Value, serde_json::Error> {
    let value = variables.get(name.as_str());
    value.map_or(Ok(Value::Null), |value| Value::from_json(value.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graphql::parser::parse;

    /// The names in the answer of what an operation selects, where `$yes` is true and `$no` is false.
    fn names(text: &str) -> String {
        let document = parse(text).unwrap();
        let Json::Object(variables) = json!({ "yes": true, "no": false }) else { unreachable!() };
        let (_, operation) = document.operations.iter().next().unwrap();
        let collected = collect(&document, &[&operation.node.selection_set.node], |directives| {
            is_included(directives, &variables).unwrap()
        });
        let names: Vec<_> = collected.fields.keys().map(|name| name.as_str()).collect();
        names.join(" ")
    }

    #[test]
    fn fields_stand_where_they_are_first_included() {
        for (text, expected) in [
            ("{ a b x: a b }", "a b x"),
            ("{ a @skip(if: true) b a }", "b a"),
            ("{ ... @include(if: $no) { a b } c b a }", "c b a"),
            ("{ ...F @skip(if: $yes) b ...F } fragment F on T { a b }", "b a"),
            ("{ ...F c ...F } fragment F on T { a ... @skip(if: $no) { b } }", "a b c"),
            ("{ a @include(if: true) @skip(if: true) }", ""),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn a_condition_that_cannot_be_told_is_none() {
        let document =
            parse("{ a @skip(if: 1) b @skip c @other(if: true) d @skip(if: $q) }").unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        for item in &operation.node.selection_set.node.items {
            assert_eq!(is_included(item.node.directives(), &Map::new()), None);
        }
    }
}
