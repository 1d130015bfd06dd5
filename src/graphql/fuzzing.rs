//! What fuzzers and the replay of their inputs call: whatever the input, these return.

use std::sync::{Arc, LazyLock};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{
    Positioned, Schema, ServerError, ValidationResult, Value as ConstValue, Variables,
};

use super::cost::{check_shape, complexity};
use super::engine::GatewaySchema;
use super::field_types::FieldTypes;
use super::limits::{Limit, OperationLimits};
use super::lists::fuzzing as lists;
use super::merging::check_merging;
use super::message_cursor::{self, MessageCursor};
use super::mutation::Mutation;
use super::query::Query;
use super::subscription::Subscription;
use super::{Answer, guard, parser};

static TYPES: LazyLock<FieldTypes> = LazyLock::new(|| FieldTypes::of(&super::sdl()));

static SCHEMA: LazyLock<GatewaySchema> = LazyLock::new(|| {
    Schema::build(Query, Mutation::default(), Subscription).extension(StopAfterValidation).finish()
});

/// The longest answer to a document that is refused, in bytes: all errors with everything that they repeat.
const REFUSAL_MAX_BYTES: usize = 64 << 10;

/// The most brackets in a text that is given to the library's parser too: what its stack stands in the worst case.
const LIBRARY_BRACKETS_MAX: usize = 64;

/// Takes a document through guard, parser, cost and validation, and compares what each says with the one behind it,
/// and the parser with the library's.
///
/// # Panics
///
/// Where they disagree: that is what a fuzzer looks for.
pub fn document(text: &str) {
    let limits = OperationLimits::default();
    let Ok(contents) = guard::check(text, &limits) else {
        return;
    };
    // The library's parser recurses where a text is no document to ours, which the guard has not counted then.
    if text.bytes().filter(|byte| b"{[(".contains(byte)).count() <= LIBRARY_BRACKETS_MAX {
        parser::assert_known(text);
    }
    let document = match parser::parse(text) {
        Ok(document) => document,
        Err(error) => return assert_bounded(&Answer::parse_error(&error)),
    };
    let found = Found::of(&document);
    assert!(contents.tokens >= found.parts, "tokens: {} of {}", contents.tokens, found.parts);
    assert!(contents.aliases >= found.aliases, "aliases");
    assert!(contents.directives >= found.directives, "directives");
    if check_shape(&document, &limits, &TYPES).is_err() {
        return;
    }
    let merging = check_merging(&document);
    let kept = merging.ok().and_then(|merging| merging.kept(&document));
    if let Some(kept) = &kept {
        // One field more for each object that is asked for, and no other.
        let (fields, objects) = (Found::of(kept).parts, Found::of(&document).parts);
        assert!((objects + 1..=2 * objects).contains(&fields), "{fields} of {objects}");
    }
    let mut written_out = WrittenOut { document: &document, selections: 0 };
    for (_, operation) in document.operations.iter() {
        let depth = written_out.set(&operation.node.selection_set.node);
        assert!(depth <= 15.max(limits.of(Limit::Depth)), "depth {depth}");
        let variables = serde_json::Map::new();
        let _ = complexity(&document, &operation.node, &variables, &TYPES);
    }
    assert!(written_out.selections <= u64::from(limits.of(Limit::Selections)), "selections");
    validate(document);
}

fn validate(document: ExecutableDocument) {
    let mut request = async_graphql::Request::new("").variables(Variables::default());
    request.set_parsed_query(document);
    let response = futures_util::FutureExt::now_or_never(SCHEMA.execute(request));
    let response = response.expect("validation waits for nothing");
    assert_bounded(&Answer::executed(response, |_| None, |data, _| data));
}

fn assert_bounded(answer: &Answer) {
    assert!(answer.to_bytes().len() <= REFUSAL_MAX_BYTES, "a long refusal");
}

/// Reads a text as every kind of cursor; one that is read is written and read again as the same.
///
/// # Panics
///
/// Where it is not the same.
pub fn cursor(text: &str) {
    // As it is, and as what stands behind the check of a whole cursor.
    for text in [text, &message_cursor::with_check([7; 16], text.as_bytes())] {
        if let Some(cursor) = MessageCursor::decode(text) {
            assert_eq!(MessageCursor::decode(&cursor.encode()), Some(cursor));
        }
    }
    lists::cursor(text);
}

/// Makes every document end where it would begin to run.
struct StopAfterValidation;

impl ExtensionFactory for StopAfterValidation {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for StopAfterValidation {
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(context).await?;
        Err(vec![ServerError::new("valid", None)])
    }
}

/// A document with its fragments written out, at the cost that the figures are to foretell.
struct WrittenOut<'a> {
    document: &'a ExecutableDocument,
    selections: u64,
}

impl WrittenOut<'_> {
    fn set(&mut self, set: &SelectionSet) -> u32 {
        let mut depth = 0;
        for item in &set.items {
            self.selections += 1;
            depth = depth.max(match &item.node {
                Selection::Field(field) => 1 + self.set(&field.node.selection_set.node),
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    fragment.map_or(0, |fragment| self.set(&fragment.node.selection_set.node))
                }
            });
        }
        depth
    }
}

/// What the parser finds in a document, counted from its tree: names of fields and values, at least.
#[derive(Default)]
pub(super) struct Found {
    pub(super) parts: u32,
    pub(super) aliases: u32,
    pub(super) directives: u32,
}

impl Found {
    pub(super) fn of(document: &ExecutableDocument) -> Self {
        let mut found = Self::default();
        for (_, operation) in document.operations.iter() {
            found.parts += count(operation.node.variable_definitions.len());
            found.directives(&operation.node.directives);
            for variable in &operation.node.variable_definitions {
                found.directives(&variable.node.directives);
                if let Some(value) = &variable.node.default_value {
                    found.parts += values(value.node.clone());
                }
            }
            found.set(&operation.node.selection_set.node);
        }
        for fragment in document.fragments.values() {
            found.directives(&fragment.node.directives);
            found.set(&fragment.node.selection_set.node);
        }
        found
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        self.directives += count(directives.len());
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                let value = value.node.clone().into_const_with(|_| Ok::<_, ()>(ConstValue::Null));
                self.parts += values(value.unwrap_or_default());
            }
        }
    }

    fn set(&mut self, set: &SelectionSet) {
        for item in &set.items {
            self.parts += 1;
            self.directives(item.node.directives());
            if let Selection::Field(field) = &item.node {
                self.aliases += u32::from(field.node.alias.is_some());
                for (_, value) in &field.node.arguments {
                    let value =
                        value.node.clone().into_const_with(|_| Ok::<_, ()>(ConstValue::Null));
                    self.parts += values(value.unwrap_or_default());
                }
            }
            match &item.node {
                Selection::Field(field) => self.set(&field.node.selection_set.node),
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The values that a value holds, itself among them.
fn values(value: ConstValue) -> u32 {
    match value {
        ConstValue::List(elements) => 1 + elements.into_iter().map(values).sum::<u32>(),
        ConstValue::Object(members) => 1 + members.into_values().map(values).sum::<u32>(),
        ConstValue::Null
        | ConstValue::Number(_)
        | ConstValue::String(_)
        | ConstValue::Boolean(_)
        | ConstValue::Binary(_)
        | ConstValue::Enum(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inputs of a fuzz target that are kept: what it began with, and what it found.
    fn corpus(target: &str) -> Vec<String> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let files = std::fs::read_dir(folder.join(target)).unwrap();
        let inputs = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        let inputs: Vec<_> = inputs.filter_map(|bytes| String::from_utf8(bytes).ok()).collect();
        assert!(!inputs.is_empty(), "{target} has a corpus");
        inputs
    }

    #[test]
    fn the_documents_of_the_corpus_are_judged_alike_by_guard_parser_cost_and_validation() {
        for text in corpus("document") {
            document(&text);
        }
    }

    #[test]
    fn the_cursors_of_the_corpus_are_read_as_they_are_written() {
        for text in corpus("cursor") {
            cursor(&text);
        }
    }
}
