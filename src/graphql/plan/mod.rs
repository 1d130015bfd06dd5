//! Writes the answer of a query of plain data straight from its selection, without a future and a value for each field.
//!
//! What it writes is, byte for byte, what the schema library and `completion` would give: `objects` says how each field
//! is written, beside the resolvers of `types`, and a property test compares both. Whatever is not plain (messages,
//! errors, values from before an outage, introspection, odd documents) is left to them: a plan that cannot be made, or
//! that comes to something to say, is none.

mod compile;
mod json;
mod objects;

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use serde_json::{Map, Value};

use self::compile::Compiler;
pub(super) use self::compile::can_be_planned;
use self::objects::Scene;
use super::Scope;
use super::field_types::FieldTypes;
use super::scope::Reader;
use crate::cache::{ConversationList, FriendList};
use crate::ozeki::Blocklist;

/// What the first answers take, in bytes: most screens fit.
const ANSWER_START_BYTES: usize = 16 << 10;

/// How a value is written as JSON, as part of one answer.
type Write<T> = Box<dyn Fn(&mut Vec<u8>, &Scene<'_>, &T) + Send + Sync>;

/// The fields of an object, each with what stands before its value.
struct Object<T>(Vec<(Box<[u8]>, Write<T>)>);

impl<T> Object<T> {
    fn write(&self, out: &mut Vec<u8>, scene: &Scene<'_>, value: &T) {
        for (before, write) in &self.0 {
            out.extend_from_slice(before);
            write(out, scene, value);
        }
        out.push(b'}');
    }
}

/// A list of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needed {
    Conversations,
    Friends,
    Blocklist,
}

/// A query whose answer can be written.
pub(super) struct Plan {
    root: Object<()>,
    /// In the order in which the resolvers would begin to read them.
    needs: Vec<Needed>,
    needs_caller: bool,
}

impl Plan {
    /// Plans an operation of a document that [`can_be_planned`]. None where the ordinary path must run it.
    pub(super) fn of(
        document: &ExecutableDocument,
        definition: &OperationDefinition,
        variables: &Map<String, Value>,
        types: &FieldTypes,
    ) -> Option<Self> {
        if definition.ty != OperationType::Query {
            return None;
        }
        let mut definitions = definition.variable_definitions.iter().map(|it| &it.node);
        let fits = definitions.all(|it| {
            let value = variables.get(it.name.node.as_str());
            value.is_none_or(|value| types.takes(&it.var_type.node, value))
        });
        if !fits {
            return None;
        }
        let mut compiler = Compiler::new(document, variables);
        let root = objects::query(&mut compiler, &definition.selection_set.node)?;
        let (needs, needs_caller) = compiler.finish();
        Some(Self { root, needs, needs_caller })
    }

    /// Reads what the query needs; None where there is something to say besides its data. What was read stays begun in the
    /// scope.
    pub(super) async fn read(&self, scope: &Scope) -> Option<Read> {
        match scope.plain_reader() {
            Some(reader) => self.read_by(reader).await,
            None => (!self.needs_caller).then(Read::default),
        }
    }

    /// Writes the whole answer from what was read in the same scope.
    pub(super) fn write(&self, scope: &Scope, read: &Read) -> Vec<u8> {
        let scene = Scene { caller: scope.plain_reader().map(Reader::caller), read };
        let mut out = Vec::with_capacity(ANSWER_START_BYTES);
        out.extend_from_slice(b"{\"data\":");
        self.root.write(&mut out, &scene, &());
        out.push(b'}');
        out
    }

    async fn read_by(&self, reader: &Reader) -> Option<Read> {
        // All begin before the first is waited for.
        for needed in &self.needs {
            match needed {
                Needed::Conversations => drop(reader.start_conversations().ok()?),
                Needed::Friends => drop(reader.start_friends().ok()?),
                Needed::Blocklist => drop(reader.start_blocklist().ok()?),
            }
        }
        let mut read = Read::default();
        for needed in &self.needs {
            match needed {
                Needed::Conversations => {
                    read.conversations = Some(reader.plain_conversations().await?);
                }
                Needed::Friends => read.friends = Some(reader.plain_friends().await?),
                Needed::Blocklist => read.blocklist = Some(reader.plain_blocklist().await?),
            }
        }
        Some(read)
    }
}

/// What was read for one answer: all that its plan needs.
#[derive(Default)]
pub(super) struct Read {
    conversations: Option<Arc<ConversationList>>,
    friends: Option<Arc<FriendList>>,
    blocklist: Option<Arc<Blocklist>>,
}
