//! Reads a selection: what is written for each field, and what is read for it.

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationType, Selection, SelectionSet,
};
use async_graphql::{InputType, Positioned};
use serde_json::{Map, Value as Json};

use super::{Needed, Object, Write};
use crate::graphql::collecting::{Collected, collect, is_included, value_of};

/// Whether operations of a document that passed validation can be planned at all: what is left to check then depends on
/// the values of variables alone.
pub(in crate::graphql) fn can_be_planned(document: &ExecutableDocument) -> bool {
    let mut operations = document.operations.iter().map(|(_, operation)| &operation.node);
    // Of several operations, validation weighs all by the variables of one.
    let (Some(only), None) = (operations.next(), operations.next()) else { return false };
    let fragments = document.fragments.values();
    only.ty == OperationType::Query
        && only.directives.is_empty()
        && fragments
            .map(|fragment| &fragment.node.selection_set.node)
            .chain([&only.selection_set.node])
            .all(has_whole_variables)
}

/// Whether no variable stands within a list or an object: those that lack a value hide what is beside them from
/// validation.
fn has_whole_variables(set: &SelectionSet) -> bool {
    set.items.iter().all(|item| match &item.node {
        Selection::Field(field) => {
            let are_whole = field.node.arguments.iter().all(|(_, value)| {
                // Of all values only a variable is written with this sign first.
                value.node.clone().into_const().is_some() || value.node.to_string().starts_with('$')
            });
            are_whole && has_whole_variables(&field.node.selection_set.node)
        }
        Selection::InlineFragment(fragment) => {
            has_whole_variables(&fragment.node.selection_set.node)
        }
        Selection::FragmentSpread(_) => true,
    })
}

/// A field as the document asks for it, in all places of one selection together.
pub(super) struct Asked<'a> {
    field: &'a Field,
    sets: Vec<&'a SelectionSet>,
}

impl<'a> Asked<'a> {
    /// Fields of one name in the answer are one field, by validation.
    fn of(places: &[&'a Positioned<Field>]) -> Self {
        let sets = places.iter().map(|field| &field.node.selection_set.node).collect();
        Self { field: &places[0].node, sets }
    }

    pub(super) fn name(&self) -> &'a str {
        self.field.name.node.as_str()
    }
}

pub(super) struct Compiler<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Map<String, Json>,
    needs: Vec<Needed>,
    needs_caller: bool,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(document: &'a ExecutableDocument, variables: &'a Map<String, Json>) -> Self {
        Self { document, variables, needs: Vec::new(), needs_caller: false }
    }

    /// What the operation needs, and whether it needs a caller.
    pub(super) fn finish(self) -> (Vec<Needed>, bool) {
        (self.needs, self.needs_caller)
    }

    /// Notes that a list is read for the operation.
    pub(super) fn need(&mut self, needed: Needed) {
        self.needs_caller = true;
        if !self.needs.contains(&needed) {
            self.needs.push(needed);
        }
    }

    /// Notes that the operation shows who asks.
    pub(super) fn need_caller(&mut self) {
        self.needs_caller = true;
    }

    /// What is needed by all that is noted after this: it is begun before what was noted already.
    pub(super) fn needed_below<R>(&mut self, own: Needed, read: impl FnOnce(&mut Self) -> R) -> R {
        let before = std::mem::take(&mut self.needs);
        let result = read(self);
        let below = std::mem::replace(&mut self.needs, before);
        // As the resolvers do it: conversations, friends, and then the field's own.
        for needed in [Needed::Conversations, Needed::Friends] {
            if below.contains(&needed) {
                self.need(needed);
            }
        }
        self.need(own);
        result
    }

    /// The object that is selected below a field.
    pub(super) fn below<T>(
        &mut self,
        asked: &Asked<'a>,
        type_name: &'static str,
        write: impl Fn(&mut Self, &Asked<'a>) -> Option<Write<T>>,
    ) -> Option<Object<T>> {
        self.object(&asked.sets, type_name, write)
    }

    /// An object by its selections; `write` tells how each of its fields is written.
    pub(super) fn object<T>(
        &mut self,
        sets: &[&'a SelectionSet],
        type_name: &'static str,
        write: impl Fn(&mut Self, &Asked<'a>) -> Option<Write<T>>,
    ) -> Option<Object<T>> {
        let mut is_certain = true;
        let Collected { fields, .. } = collect(self.document, sets, |directives| {
            let is_included = is_included(directives, self.variables);
            is_certain &= is_included.is_some();
            is_included.unwrap_or(true)
        });
        if !is_certain {
            return None;
        }
        let mut written: Vec<(Box<[u8]>, Write<T>)> = Vec::with_capacity(fields.len());
        for (key, places) in fields {
            let asked = Asked::of(&places);
            let write: Write<T> = if asked.name() == "__typename" {
                let value = format!("\"{type_name}\"");
                Box::new(move |out, _, _| out.extend_from_slice(value.as_bytes()))
            } else {
                write(self, &asked)?
            };
            let before = if written.is_empty() { '{' } else { ',' };
            written.push((format!("{before}\"{key}\":").into_bytes().into(), write));
        }
        // One without fields is rare enough to be left to the library.
        (!written.is_empty()).then_some(Object(written))
    }

    /// The value of an argument.
    pub(super) fn argument<T: InputType>(&self, asked: &Asked<'a>, name: &str) -> Option<T> {
        let value = asked.field.get_argument(name).map(|value| {
            value.node.clone().into_const_with(|name| value_of(&name, self.variables))
        });
        T::parse(value.transpose().ok()?).ok()
    }
}
