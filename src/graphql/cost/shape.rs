//! The figures of a document that depend on nothing else: depth, selections, fields of the operations themselves.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};

use crate::graphql::field_types::{FieldTypes, named};
use crate::graphql::limits::{Limit, OperationLimits, TooExpensive};

/// The fields that ask for the schema itself.
pub(in crate::graphql) const INTROSPECTION: [&str; 2] = ["__schema", "__type"];

/// The standard introspection query has 15 levels, whatever screens have.
const INTROSPECTION_DEPTH_MAX: u32 = 15;

/// Lists of introspection that lead to themselves again.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];

/// Why a document is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::graphql) enum Refusal {
    /// It asks for more than one may.
    TooExpensive(TooExpensive),
    /// Fragments spread each other in a circle.
    Circle,
    /// A variable has a type that the schema does not have.
    UnknownType(Name),
}

impl From<TooExpensive> for Refusal {
    fn from(refusal: TooExpensive) -> Self {
        Self::TooExpensive(refusal)
    }
}

/// Checks every operation and fragment of a document; what is not used is validated like the rest.
pub(in crate::graphql) fn check_shape(
    document: &ExecutableDocument,
    limits: &OperationLimits,
    types: &FieldTypes,
) -> Result<(), Refusal> {
    let mut measure = Measure { document, limits, fragments: HashMap::new() };
    let mut selections = 0_u64;
    for (_, operation) in document.operations.iter() {
        let figures = measure.set(&operation.node.selection_set.node, 1)?;
        selections = selections.saturating_add(figures.selections);
        limits.check(Limit::Nesting, figures.nesting.into())?;
        limits.check(Limit::Depth, figures.depth.into())?;
        limits.check(Limit::Selections, selections)?;
        check_root_fields(document, &operation.node, limits)?;
        check_variable_types(&operation.node, types)?;
    }
    for name in document.fragments.keys() {
        if !measure.fragments.contains_key(name.as_str()) {
            let figures = measure.fragment(name, 1)?;
            selections = selections.saturating_add(figures.selections);
            limits.check(Limit::Selections, selections)?;
        }
    }
    Ok(())
}

/// The library's validation panics at the default value of a list whose elements have no type.
fn check_variable_types(
    operation: &OperationDefinition,
    types: &FieldTypes,
) -> Result<(), Refusal> {
    let mut names = operation.variable_definitions.iter().map(|it| named(&it.node.var_type.node));
    match names.find(|name| !types.has(name)) {
        Some(name) => Err(Refusal::UnknownType(name.clone())),
        None => Ok(()),
    }
}

/// Counts the fields of the operation itself by the names that they have in the answer.
fn check_root_fields(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    limits: &OperationLimits,
) -> Result<(), TooExpensive> {
    let limit = match operation.ty {
        OperationType::Query => Limit::QueryFields,
        OperationType::Mutation => Limit::MutationFields,
        OperationType::Subscription => Limit::SubscriptionFields,
    };
    let (mut keys, mut spread_before) = (HashSet::new(), HashSet::new());
    let mut pending = vec![&operation.selection_set.node];
    while let Some(set) = pending.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) if field.node.name.node == "__typename" => {}
                Selection::Field(field) => {
                    keys.insert(&field.node.response_key().node);
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
    limits.check(limit, keys.len() as u64)
}

/// What a selection comes to with its fragments written out.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    selections: u64,
    /// Levels of fields.
    depth: u32,
    /// Levels of fields and fragments.
    nesting: u32,
    /// Lists of introspection in each other.
    lists: u32,
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.depth = self.depth.max(other.depth);
        self.nesting = self.nesting.max(other.nesting);
        self.lists = self.lists.max(other.lists);
    }
}

struct Measure<'a> {
    document: &'a ExecutableDocument,
    limits: &'a OperationLimits,
    /// The figures of fragments; none for one that is being looked at.
    fragments: HashMap<&'a str, Option<Figures>>,
}

impl<'a> Measure<'a> {
    /// `level` is the selection's own nesting; its limit bounds how deep this recurses.
    fn set(&mut self, set: &'a SelectionSet, level: u32) -> Result<Figures, Refusal> {
        self.limits.check(Limit::Nesting, level.into())?;
        let mut sum = Figures::default();
        for item in &set.items {
            let figures = match &item.node {
                Selection::Field(field) => {
                    let below = self.set(&field.node.selection_set.node, level + 1)?;
                    self.field(&field.node.name.node, below)?
                }
                Selection::InlineFragment(fragment) => {
                    self.set(&fragment.node.selection_set.node, level + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, level + 1)?
                }
            };
            let nesting = figures.nesting.saturating_add(1);
            let selections = figures.selections.saturating_add(1);
            sum.add(Figures { selections, nesting, ..figures });
        }
        Ok(sum)
    }

    fn field(&self, name: &str, below: Figures) -> Result<Figures, Refusal> {
        let depth = below.depth.saturating_add(1);
        if INTROSPECTION.contains(&name) {
            self.limits.check(Limit::IntrospectionLists, below.lists.into())?;
            let maximum = INTROSPECTION_DEPTH_MAX.max(self.limits.of(Limit::Depth));
            if depth > maximum {
                let (limit, found) = (Limit::Depth, depth.into());
                return Err(TooExpensive { limit, maximum, found }.into());
            }
            return Ok(Figures { depth: 1, lists: 0, ..below });
        }
        let lists = below.lists + u32::from(INTROSPECTION_LISTS.contains(&name));
        Ok(Figures { depth, lists, ..below })
    }

    fn fragment(&mut self, name: &'a Name, level: u32) -> Result<Figures, Refusal> {
        // One that is not defined is left to validation.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Figures::default());
        };
        match self.fragments.get(name.as_str()) {
            Some(Some(figures)) => return Ok(*figures),
            Some(None) => return Err(Refusal::Circle),
            None => self.fragments.insert(name, None),
        };
        let figures = self.set(&fragment.node.selection_set.node, level)?;
        self.fragments.insert(name, Some(figures));
        Ok(figures)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn check(document: &str, limits: &str) -> Result<(), Refusal> {
        let limits = OperationLimits::parse(limits).unwrap();
        let types = FieldTypes::of("type Query { a: Int } input In { a: Int }");
        check_shape(&parse_query(document).unwrap(), &limits, &types)
    }

    fn refused(limit: Limit, maximum: u32, found: u64) -> Result<(), Refusal> {
        Err(Refusal::TooExpensive(TooExpensive { limit, maximum, found }))
    }

    /// Fragments that each hold what `spreads` makes of the next one's number.
    fn web(levels: usize, spreads: impl Fn(usize) -> String) -> String {
        let level = |level| format!(" fragment F{level} on Query {{ {} }}", spreads(level + 1));
        let levels_below: String = (0..levels).map(level).collect();
        format!("{{ ...F0 }} fragment F{levels} on Query {{ a }}{levels_below}")
    }

    #[test]
    fn a_fragment_costs_as_often_as_it_is_spread() {
        let doubling = web(22, |next| format!("...F{next} ...F{next}"));
        // Each level doubles: two to the power of 22 fields, and the spreads above them.
        assert_eq!(check(&doubling, ""), refused(Limit::Selections, 5_000, (3 << 22) - 1));
    }

    #[test]
    fn no_number_of_spreads_makes_the_figures_wrap() {
        let web = web(40, |next| format!("...F{next} ").repeat(8));
        assert_eq!(check(&web, ""), refused(Limit::Selections, 5_000, u64::MAX));
    }

    #[test]
    fn fragments_nest_as_the_selections_do_that_they_stand_for() {
        let document =
            "{ ...A } fragment A on Query { b { ...B } } fragment B on Query { c { d } }";
        assert_eq!(check(document, "depth=3"), Ok(()));
        assert_eq!(check(document, "depth=2"), refused(Limit::Depth, 2, 3));
        let chain = web(900, |next| format!("...F{next}"));
        assert_eq!(check(&chain, ""), refused(Limit::Nesting, 48, 49));
    }

    #[test]
    fn a_circle_ends() {
        for document in [
            "{ ...A } fragment A on Query { a { ...A } }",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
            "{ a } fragment A on Query { ...A }",
        ] {
            assert_eq!(check(document, ""), Err(Refusal::Circle), "{document}");
        }
    }

    #[test]
    fn what_is_not_used_counts_as_well() {
        let unused = "{ a } fragment A on Query { b c d }";
        assert_eq!(check(unused, "selections=4"), Ok(()));
        assert_eq!(check(unused, "selections=3"), refused(Limit::Selections, 3, 4));
        assert_eq!(
            check("query A { a } query B { b }", "selections=1"),
            refused(Limit::Selections, 1, 2)
        );
    }

    #[test]
    fn an_operation_has_as_many_fields_as_names_in_its_answer() {
        let document = "{ a a x: a ...F __typename } fragment F on Query { a b }";
        assert_eq!(check(document, "query_fields=3"), Ok(()));
        assert_eq!(check(document, "query_fields=2"), refused(Limit::QueryFields, 2, 3));
        let mutation = "mutation { a b }";
        assert_eq!(check(mutation, "mutation_fields=1"), refused(Limit::MutationFields, 1, 2));
        assert_eq!(check("subscription { a b }", ""), refused(Limit::SubscriptionFields, 1, 2));
    }

    #[test]
    fn introspection_may_be_deeper_than_screens_but_not_wide() {
        let of_type = |levels: usize| {
            format!(
                "{{ __schema {{ types {{ {} name {} }} }} }}",
                "ofType { ".repeat(levels),
                "}".repeat(levels)
            )
        };
        assert_eq!(check(&of_type(12), ""), Ok(()));
        assert_eq!(check(&of_type(13), ""), refused(Limit::Depth, 15, 16));
        let lists = "{ __type(name: \"Query\") { fields { type { fields { type { fields { name } } } } } } }";
        assert_eq!(check(lists, ""), refused(Limit::IntrospectionLists, 2, 3));
    }

    #[test]
    fn a_variable_has_a_type_of_the_schema() {
        assert_eq!(check("query($a: [[In!]!] = [{}], $b: ID) { a }", ""), Ok(()));
        for unknown in ["Nope", "[Nope]", "[[Nope!]!]! = [[1]]"] {
            let document = format!("query($a: {unknown}) {{ a }}");
            assert_eq!(check(&document, ""), Err(Refusal::UnknownType(Name::new("Nope"))));
        }
    }
}
