//! How many fields an operation can come to, by the sizes of the pages that it asks for.

use std::collections::HashMap;

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Value};
use serde_json::Map;

use super::shape::INTROSPECTION;
use crate::graphql::field_types::{FieldTypes, named, root_type};
use crate::graphql::paging::{PAGE_DEFAULT, PAGE_MAX};

/// The elements of a list that has no pages, such as participants: most conversations are of two.
const LIST_ESTIMATE: u64 = 2;

/// As many fields as the types of the schema have together.
const INTROSPECTION_COST: u64 = 400;

/// Counts the fields of an operation: one for each, times the sizes of the pages around it. A skipped field counts.
///
/// The document must have passed [`check_shape`](super::check_shape), which bounds how deep this recurses. What the
/// schema does not know counts once: validation refuses it.
pub(in crate::graphql) fn complexity(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Map<String, serde_json::Value>,
    types: &FieldTypes,
) -> u64 {
    let mut weighing = Weighing { document, variables, types, fragments: HashMap::new() };
    weighing.set(&operation.selection_set.node, root_type(operation.ty)).outside_of_pages()
}

/// What a selection costs: once, and for each node of the page around it.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    once: u64,
    for_each: u64,
}

impl Cost {
    fn once(once: u64) -> Self {
        Self { once, for_each: 0 }
    }

    fn add(&mut self, other: Self) {
        self.once = self.once.saturating_add(other.once);
        self.for_each = self.for_each.saturating_add(other.for_each);
    }

    fn in_page_of(self, size: u64) -> u64 {
        self.once.saturating_add(self.for_each.saturating_mul(size))
    }

    /// Where no page is around it the largest is assumed; the schema has no such place.
    fn outside_of_pages(self) -> u64 {
        self.in_page_of(PAGE_MAX as u64)
    }
}

struct Weighing<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Map<String, serde_json::Value>,
    types: &'a FieldTypes,
    fragments: HashMap<&'a str, Cost>,
}

impl<'a> Weighing<'a> {
    fn set(&mut self, set: &'a SelectionSet, object: &'a str) -> Cost {
        let mut sum = Cost::default();
        for item in &set.items {
            sum.add(match &item.node {
                Selection::Field(field) => self.field(&field.node, object),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let object = condition.map_or(object, |it| it.node.on.node.as_str());
                    self.set(&fragment.node.selection_set.node, object)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            });
        }
        sum
    }

    fn fragment(&mut self, name: &'a Name) -> Cost {
        if let Some(cost) = self.fragments.get(name.as_str()) {
            return *cost;
        }
        let cost = self.document.fragments.get(name).map(|fragment| {
            let object = fragment.node.type_condition.node.on.node.as_str();
            self.set(&fragment.node.selection_set.node, object)
        });
        let cost = cost.unwrap_or_default();
        self.fragments.insert(name, cost);
        cost
    }

    fn field(&mut self, field: &'a Field, object: &'a str) -> Cost {
        let name = field.name.node.as_str();
        let field_type = self.types.field(object, name);
        let target = field_type.map_or("", |it| named(it).as_str());
        let below = self.set(&field.selection_set.node, target);
        if INTROSPECTION.contains(&name) {
            return Cost::once(INTROSPECTION_COST.saturating_add(below.outside_of_pages()));
        }
        if self.is_connection(target) {
            let page = self.page_size(field);
            return Cost::once(below.in_page_of(page).saturating_add(1));
        }
        let below = below.outside_of_pages();
        let has_nodes = !field.selection_set.node.items.is_empty();
        let is_list = field_type.is_some_and(|it| matches!(it.base, BaseType::List(_)));
        match is_list && has_nodes {
            true if self.is_connection(object) => {
                Cost { once: 0, for_each: below.saturating_add(1) }
            }
            true => Cost::once(below.saturating_add(1).saturating_mul(LIST_ESTIMATE)),
            false => Cost::once(below.saturating_add(1)),
        }
    }

    fn is_connection(&self, object: &str) -> bool {
        self.types.field(object, "edges").is_some()
    }

    /// The size of the page that a connection's arguments ask for. Of what is no size, the largest: it is refused later.
    fn page_size(&self, field: &Field) -> u64 {
        let sizes = ["first", "last"].into_iter().filter_map(|name| {
            let value = field.get_argument(name)?.node.clone();
            let value = value.into_const_with(|variable| match self.variables.get(&*variable) {
                None => Err(()),
                Some(serde_json::Value::Null) => Ok(Value::Null),
                Some(value) => Ok(value.as_i64().unwrap_or(i64::MAX).into()),
            });
            match value {
                Err(()) | Ok(Value::Null) => None,
                // One below zero is refused by the field itself, before anything below it is run.
                Ok(Value::Number(number)) => {
                    let size = number.as_i64().unwrap_or(i64::MAX).max(0);
                    Some(size.unsigned_abs())
                }
                Ok(_) => Some(u64::MAX),
            }
        });
        sizes.max().unwrap_or(PAGE_DEFAULT as u64).min(PAGE_MAX as u64)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn of(query: &str, variables: serde_json::Value) -> u64 {
        let document = parse_query(query).unwrap();
        let serde_json::Value::Object(variables) = variables else { panic!("an object") };
        let (_, operation) = document.operations.iter().next().unwrap();
        let types = FieldTypes::of(&crate::graphql::sdl());
        complexity(&document, &operation.node, &variables, &types)
    }

    #[test]
    fn a_page_costs_its_size_times_what_is_asked_of_each_node() {
        assert_eq!(of("{ viewer { id name } }", json!({})), 3);
        assert_eq!(
            of("{ friends(first: 10) { totalCount nodes { id name } } }", json!({})),
            2 + 30
        );
        assert_eq!(of("{ friends { nodes { id } } }", json!({})), 1 + 50 * 2);
        assert_eq!(of("{ friends(first: 0) { edges { cursor node { id } } } }", json!({})), 1);
        let nested = "{ friends(first: 30) { nodes { id name conversations(first: 30) { nodes { id isGroup isMuted isFavorite isHidden displayName } } } } }";
        assert_eq!(of(nested, json!({})), 1 + 30 * (3 + 1 + 30 * 7));
        let preview = "{ conversations(first: 30) { nodes { id isGroup displayName participants { id name } messages(last: 1) { nodes { id data } } } } }";
        assert_eq!(of(preview, json!({})), 1 + 30 * (4 + 2 * 3 + 1 + 3));
    }

    #[test]
    fn a_size_in_a_variable_is_the_variables() {
        let query =
            "query($n: Int) { conversation(id: \"x\") { messages(last: $n) { nodes { id } } } }";
        for (value, size) in [
            (json!(3), 3),
            (json!(null), 50),
            (json!(1000), 200),
            (json!(-1), 0),
            (json!(1.5), 200),
            (json!(u64::MAX), 200),
            (json!("many"), 200),
        ] {
            assert_eq!(of(query, json!({ "n": value })), 1 + 1 + 2 * size, "{value}");
        }
        assert_eq!(of(query, json!({})), 1 + 1 + 2 * 50);
        assert_eq!(of("{ friends(first: 1, last: 9) { nodes { id } } }", json!({})), 1 + 18);
        assert_eq!(of("{ friends(first: [1]) { nodes { id } } }", json!({})), 1 + 400);
    }

    #[test]
    fn a_fragment_of_a_connection_costs_by_the_page_that_spreads_it() {
        let query = "{ a: friends(first: 1) { ...F } b: friends(first: 7) { ...F } }
            fragment F on FriendConnection { nodes { ...G } totalCount } fragment G on Friend { id name }";
        assert_eq!(of(query, json!({})), (1 + 1 + 3) + (1 + 1 + 21));
        assert_eq!(
            of(
                "{ friends(first: 3) { ... on FriendConnection { ... { nodes { id } } } } }",
                json!({})
            ),
            1 + 6
        );
    }

    #[test]
    fn what_the_schema_does_not_know_counts_once() {
        assert_eq!(of("{ nope { nodes { x } } ...Missing ... on Nope { y } }", json!({})), 3 + 1);
    }

    #[test]
    fn no_nesting_of_pages_makes_the_figure_wrap() {
        let mut query = "id".to_owned();
        for _ in 0..12 {
            query = format!(
                "conversations(first: 200) {{ nodes {{ participants {{ friend {{ {query} }} }} }} }}"
            );
        }
        assert_eq!(of(&format!("{{ friend(id: \"x\") {{ {query} }} }}"), json!({})), u64::MAX);
    }
}
