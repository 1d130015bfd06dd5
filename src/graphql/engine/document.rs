//! What a parsed document says, asked before and after it is run.

use std::collections::HashSet;

use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Pos};
use serde_json::{Map, Value};

/// Gives variables that are absent their defaults: the library forgets them where `@skip` and `@include` are weighed.
pub(super) fn fill_defaults(definition: &OperationDefinition, variables: &mut Map<String, Value>) {
    for variable in definition.variable_definitions.iter().map(|variable| &variable.node) {
        let name = variable.name.node.as_str();
        if let Some(default) =
            variable.default_value.as_ref().filter(|_| !variables.contains_key(name))
            && let Ok(value) = default.node.clone().into_json()
        {
            variables.insert(name.to_owned(), value);
        }
    }
}

/// The name of the argument whose value stands at a position. A position is one place in the document, so that the
/// field need not be known.
pub(super) fn argument_at(document: &ExecutableDocument, position: Pos) -> Option<&Name> {
    let operations =
        document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    let mut pending: Vec<&SelectionSet> = operations.chain(fragments).collect();
    while let Some(set) = pending.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    let mut arguments = field.node.arguments.iter();
                    if let Some((name, _)) = arguments.find(|(_, value)| value.pos == position) {
                        return Some(&name.node);
                    }
                    pending.push(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    pending.push(&fragment.node.selection_set.node);
                }
                // Fragments are among the first that are looked at.
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    None
}

/// Whether an operation asks for the schema itself; on its root, since no other object has these fields.
pub(super) fn selects_schema(
    document: &ExecutableDocument,
    definition: &OperationDefinition,
) -> bool {
    let mut pending = vec![&definition.selection_set.node];
    // Each fragment once, so that a small document cannot cost much, and a circle ends.
    let mut spread_before = HashSet::new();
    while let Some(set) = pending.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    if matches!(field.node.name.node.as_str(), "__schema" | "__type") {
                        return true;
                    }
                }
                Selection::InlineFragment(fragment) => {
                    pending.push(&fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if spread_before.insert(name)
                        && let Some(fragment) = document.fragments.get(name)
                    {
                        pending.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    false
}
