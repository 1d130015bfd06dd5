//! What a parsed document says, asked before and after it is run.

use async_graphql::parser::types::OperationDefinition;
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
