//! Fields that stand in several places of one object. Specification: GraphQL, "Field Selection Merging".
//!
//! They must be one field with one set of arguments, which the schema library does not find in every case. And of an
//! object that is asked for in several places it loses what stands behind a place that comes out empty, since it writes
//! null there; the same null stands for an object whose every field was skipped. A field that is always there keeps both.
//! And what an operation itself asks for in several places it runs in each, which only a query bears.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition,
    OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned};
use async_graphql_value::Value;
use serde_json::{Map, Value as Json};

use super::collecting::{Collected, collect, is_included};
use super::cost::INTROSPECTION;

/// The name in the answer of the field that keeps an object. No name of a document begins with a digit.
const KEEPER: &str = "0";

/// Two fields that cannot be one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    key: Name,
    reason: Reason,
    pub(super) at: [Pos; 2],
}

#[derive(Debug, PartialEq, Eq)]
enum Reason {
    Fields(Name, Name),
    Arguments,
}

impl Conflict {
    /// What a person reads.
    pub(super) fn message(&self) -> String {
        let key = &self.key;
        let reason = match &self.reason {
            Reason::Fields(one, other) => {
                format!("`{one}` and `{other}` are different fields")
            }
            Reason::Arguments => "they have different arguments".to_owned(),
        };
        format!("Fields \"{key}\" conflict, since {reason}: give one of them an alias")
    }
}

/// Checks that fields of one name in the answer are one field, in all operations and fragments of a document without
/// circles. It visits what fragments come to when they are written out.
pub(super) fn check_merging(document: &ExecutableDocument) -> Result<Merging, Conflict> {
    let mut walk = Walk::over(document);
    for (_, operation) in document.operations.iter() {
        walk.object(&[&operation.node.selection_set.node])?;
    }
    for (name, fragment) in &document.fragments {
        if !walk.spread.contains(name) {
            walk.object(&[&fragment.node.selection_set.node])?;
        }
    }
    Ok(Merging { merges_objects: walk.merges_objects })
}

/// What was found by the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merging {
    /// Whether an object is asked for in several places.
    merges_objects: bool,
}

impl Merging {
    /// The document with fields that keep objects, if it needs any.
    pub(super) fn kept(self, document: &ExecutableDocument) -> Option<ExecutableDocument> {
        let mut certainty = Certainty { document, fragments: HashMap::new() };
        if !self.merges_objects && certainty.is_everywhere() {
            return None;
        }
        let mut kept = document.clone();
        // Of what the schema tells of itself nothing is completed, so that a field that keeps would be seen there.
        let fragments = kept.fragments.values_mut().map(|it| &mut it.node);
        let fragments = fragments.filter(|it| !it.type_condition.node.on.node.starts_with("__"));
        let fragments = fragments.map(|it| &mut it.selection_set.node);
        let operations = match &mut kept.operations {
            DocumentOperations::Single(only) => vec![&mut only.node.selection_set.node],
            DocumentOperations::Multiple(all) => {
                all.values_mut().map(|it| &mut it.node.selection_set.node).collect()
            }
        };
        operations.into_iter().chain(fragments).for_each(keep_below);
        Some(kept)
    }
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    /// Fragments that are part of something else.
    spread: HashSet<&'a Name>,
    /// Where fields stand that were found to be one: a fragment may be spread often, and have many arguments.
    compared: HashSet<[Pos; 2]>,
    merges_objects: bool,
}

impl<'a> Walk<'a> {
    fn over(document: &'a ExecutableDocument) -> Self {
        let (spread, compared) = (HashSet::new(), HashSet::new());
        Self { document, spread, compared, merges_objects: false }
    }

    /// Whatever directives say: they can let both in.
    fn object(&mut self, sets: &[&'a SelectionSet]) -> Result<(), Conflict> {
        let Collected { fields, fragments } = collect(self.document, sets, |_directives| true);
        self.spread.extend(fragments);
        for (key, same) in fields {
            let [first, others @ ..] = &same[..] else { continue };
            for other in others {
                if self.compared.insert([first.pos, other.pos]) {
                    compare(key, first, other)?;
                }
            }
            let sets = same.iter().map(|field| &field.node.selection_set.node);
            let sets: Vec<_> = sets.filter(|set| !set.items.is_empty()).collect();
            self.merges_objects |= sets.len() > 1;
            if !sets.is_empty() {
                self.object(&sets)?;
            }
        }
        Ok(())
    }
}

fn compare(key: &Name, one: &Positioned<Field>, other: &Positioned<Field>) -> Result<(), Conflict> {
    let at = [one.pos, other.pos];
    let (one, other) = (&one.node, &other.node);
    let reason = if one.name.node != other.name.node {
        Reason::Fields(one.name.node.clone(), other.name.node.clone())
    } else if !have_same_arguments(one, other) {
        Reason::Arguments
    } else {
        return Ok(());
    };
    Err(Conflict { key: key.clone(), reason, at })
}

/// Whether two fields have the same arguments, in whatever order.
fn have_same_arguments(one: &Field, other: &Field) -> bool {
    one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| {
            other.get_argument(&name.node).is_some_and(|other| other.node == value.node)
        })
}

/// Whether the objects of a document have a field whatever the values of variables are.
struct Certainty<'a> {
    document: &'a ExecutableDocument,
    fragments: HashMap<&'a Name, bool>,
}

impl<'a> Certainty<'a> {
    fn is_everywhere(&mut self) -> bool {
        let document = self.document;
        let operations = document.operations.iter().map(|(_, it)| &it.node.selection_set.node);
        let fragments = document.fragments.values().map(|it| &it.node.selection_set.node);
        operations.chain(fragments).all(|set| self.is_below(set))
    }

    /// Whether all objects below a selection have one. The operation's own object is never null.
    fn is_below(&mut self, set: &'a SelectionSet) -> bool {
        set.items.iter().all(|item| match &item.node {
            Selection::Field(field) => {
                let set = &field.node.selection_set.node;
                set.items.is_empty() || self.has_field(set) && self.is_below(set)
            }
            Selection::InlineFragment(fragment) => self.is_below(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => true,
        })
    }

    fn has_field(&mut self, set: &'a SelectionSet) -> bool {
        set.items.iter().any(|item| {
            item.node.directives().is_empty()
                && match &item.node {
                    Selection::Field(_) => true,
                    Selection::InlineFragment(fragment) => {
                        self.has_field(&fragment.node.selection_set.node)
                    }
                    Selection::FragmentSpread(spread) => {
                        self.fragment_has_field(&spread.node.fragment_name.node)
                    }
                }
        })
    }

    fn fragment_has_field(&mut self, name: &'a Name) -> bool {
        if let Some(known) = self.fragments.get(name) {
            return *known;
        }
        let fragment = self.document.fragments.get(name);
        let has_field = fragment.is_some_and(|it| self.has_field(&it.node.selection_set.node));
        self.fragments.insert(name, has_field);
        has_field
    }
}

/// Adds a field that keeps it to each object below a selection.
fn keep_below(set: &mut SelectionSet) {
    for item in &mut set.items {
        match &mut item.node {
            Selection::Field(field) if INTROSPECTION.contains(&&*field.node.name.node) => {}
            Selection::Field(field) => {
                let Positioned { pos, node: set } = &mut field.node.selection_set;
                if !set.items.is_empty() {
                    keep_below(set);
                    let keeper = Selection::Field(Positioned::new(keeper(*pos), *pos));
                    set.items.push(Positioned::new(keeper, *pos));
                }
            }
            Selection::InlineFragment(fragment) => {
                keep_below(&mut fragment.node.selection_set.node);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// Has each field of a change or a subscription itself stand in one place, whatever its parts are spread over: the schema
/// library makes a change once for each place, and begins a stream for no place in a fragment. `name` is the operation's,
/// where it has one.
pub(super) fn merge_root(
    document: &mut ExecutableDocument,
    name: Option<&str>,
    variables: &Map<String, Json>,
) {
    let mut operations = document.operations.iter();
    let chosen =
        operations.find(|(own, _)| name.is_none_or(|name| own.is_some_and(|it| it == name)));
    let Some(merged) = chosen.and_then(|(_, it)| merged_root(document, &it.node, variables)) else {
        return;
    };
    let operation = match (&mut document.operations, name) {
        (DocumentOperations::Single(only), _) => Some(only),
        (DocumentOperations::Multiple(all), Some(name)) => all.get_mut(name),
        (DocumentOperations::Multiple(all), None) => all.values_mut().next(),
    };
    if let Some(operation) = operation {
        operation.node.selection_set.node = merged;
    }
}

/// The fields of an operation itself, each in one place; none where they stand so, and for a query, which may read twice.
fn merged_root(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Map<String, Json>,
) -> Option<SelectionSet> {
    if operation.ty == OperationType::Query {
        return None;
    }
    let root = &operation.selection_set;
    let Collected { fields, .. } = collect(document, &[&root.node], |directives| {
        is_included(directives, variables).unwrap_or(true)
    });
    if root.node.items.iter().all(|item| matches!(item.node, Selection::Field(_)))
        && fields.values().all(|places| places.len() == 1)
    {
        return None;
    }
    let merged = fields.into_values().map(|places| {
        let mut field = places[0].clone();
        field.node.directives.clear();
        let others = places[1..].iter().flat_map(|it| &it.node.selection_set.node.items);
        field.node.selection_set.node.items.extend(others.cloned());
        let pos = field.pos;
        Positioned::new(Selection::Field(field), pos)
    });
    let mut items: Vec<_> = merged.collect();
    // Validation looks at all that was written, and nothing of it is run.
    let written = Positioned::new(skipped(root.clone()), root.pos);
    items.push(Positioned::new(Selection::InlineFragment(written), root.pos));
    Some(SelectionSet { items })
}

fn skipped(selection_set: Positioned<SelectionSet>) -> InlineFragment {
    let at = |name| Positioned::new(Name::new(name), selection_set.pos);
    let always = Positioned::new(Value::Boolean(true), selection_set.pos);
    let skip = Directive { name: at("skip"), arguments: vec![(at("if"), always)] };
    let directives = vec![Positioned::new(skip, selection_set.pos)];
    InlineFragment { type_condition: None, directives, selection_set }
}

fn keeper(at: Pos) -> Field {
    Field {
        alias: Some(Positioned::new(Name::new(KEEPER), at)),
        name: Positioned::new(Name::new("__typename"), at),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::parser::parse;

    fn conflict(text: &str) -> Option<String> {
        check_merging(&parse(text).unwrap()).err().map(|conflict| conflict.message())
    }

    fn is_kept(text: &str) -> bool {
        let document = parse(text).unwrap();
        check_merging(&document).unwrap().kept(&document).is_some()
    }

    #[test]
    fn fields_of_one_name_must_be_one_wherever_they_stand() {
        let fields = "Fields \"x\" conflict, since `a` and `b` are different fields: give one of them an alias";
        let arguments =
            "Fields \"a\" conflict, since they have different arguments: give one of them an alias";
        for (text, expected) in [
            ("{ a a x: b x: b }", None),
            ("{ x: a x: b }", Some(fields)),
            ("{ o { x: a } ... on Query { o { x: b } } }", Some(fields)),
            (
                "{ o { ...F } ...G } fragment F on O { x: a } fragment G on Query { o { x: b } }",
                Some(fields),
            ),
            ("{ o { p { x: a } } ...G } fragment G on Query { o { p { x: b } } }", Some(fields)),
            ("{ o { x: a } o2: o { x: b } }", None),
            ("{ y } fragment Unused on Query { x: a x: b }", Some(fields)),
            ("query A { x: a } query B { x: b }", None),
            ("{ a(n: 1, m: $m) a(m: $m, n: 1) }", None),
            ("{ a(n: 1) a }", Some(arguments)),
            ("{ a(n: 1) ... { a(n: 2) } }", Some(arguments)),
            ("{ a(n: $n) a(n: $m) }", Some(arguments)),
            ("{ a(f: {x: 1, y: 2}) a(f: {y: 2, x: 1}) }", None),
        ] {
            assert_eq!(conflict(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn fields_of_a_fragment_are_compared_once_however_often_it_is_spread() {
        let arguments = (0..300).map(|number| format!("a{number}:1 ")).collect::<Vec<_>>().concat();
        let objects =
            (0..1_000).map(|number| format!("o{number} {{ ...F }} ")).collect::<Vec<_>>().concat();
        let text = format!(
            "{{ {objects} }} fragment F on O {{ f({arguments}) f({arguments}) ... {{ f({arguments}) }} }}"
        );
        let document = parse(&text).unwrap();
        let mut walk = Walk::over(&document);
        let DocumentOperations::Single(operation) = &document.operations else { panic!("one") };
        walk.object(&[&operation.node.selection_set.node]).unwrap();
        assert_eq!(walk.compared.len(), 2);
    }

    #[test]
    fn objects_are_kept_where_they_can_come_out_empty_or_stand_twice() {
        for (text, expected) in [
            ("{ o { a b @skip(if: $s) } }", false),
            ("{ o { ...F } } fragment F on O { a }", false),
            ("{ o @skip(if: $s) { a } p { ... { a } } }", false),
            ("{ a @skip(if: $s) }", false),
            ("{ o { a @skip(if: $s) } }", true),
            ("{ o { p { ... @include(if: $s) { a } } b } }", true),
            ("{ o { ...F @skip(if: $s) } } fragment F on O { a }", true),
            ("{ o { ...F } } fragment F on O { a @skip(if: $s) }", true),
            ("{ o { ...F } } fragment F on O { p { a @skip(if: $s) } }", true),
            ("{ o { a } o { b } }", true),
            ("{ o { a } ...F } fragment F on Query { o { b } }", true),
        ] {
            assert_eq!(is_kept(text), expected, "{text}");
        }
    }
}
