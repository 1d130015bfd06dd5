//! A document that passed every check that depends on nothing but its text.

use std::sync::OnceLock;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use serde_json::{Map, Value};

use super::field_types::FieldTypes;

use super::cost::{Refusal, check_shape};
use super::merging::{check_merging, merge_root};
use super::persisted::DocumentHash;
use super::usages::check_usages;
use super::{Answer, ErrorCode, OperationLimits, guard, parser};

/// The room that a parsed document takes for each of its tokens, and for its own: measured, and rounded up.
const BYTES_FOR_EACH_TOKEN: u64 = 160;
const BYTES_OF_ITS_OWN: u64 = 1_024;

/// A parsed document that keeps to the limits.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) document: ExecutableDocument,
    /// The form that is run, where that is another one.
    kept: Option<ExecutableDocument>,
    pub(super) hash: DocumentHash,
    /// Its weight among the documents that are kept.
    pub(super) bytes: u64,
    /// Whether its operation can be planned; known once it passed validation.
    pub(super) can_be_planned: OnceLock<bool>,
    /// Whether it may be kept: the values of a change can be secrets, or messages, and those are not.
    pub(super) may_be_kept: bool,
}

impl Prepared {
    /// Scans, parses and weighs a document, in this order: each makes the next one safe.
    pub(super) fn new(
        text: &str,
        hash: DocumentHash,
        limits: &OperationLimits,
        types: &FieldTypes,
    ) -> Result<Self, Box<Answer>> {
        let too_expensive = |refusal| Box::new(Answer::too_expensive(refusal));
        let invalid = |message: String| {
            Box::new(Answer::request_error(ErrorCode::GraphqlValidationFailed, message))
        };
        let contents = guard::check(text, limits).map_err(too_expensive)?;
        let document =
            parser::parse(text).map_err(|error| Box::new(Answer::parse_error(&error)))?;
        check_shape(&document, limits, types).map_err(|refusal| match refusal {
            Refusal::TooExpensive(refusal) => too_expensive(refusal),
            Refusal::Circle => invalid("fragments spread each other in a circle".to_owned()),
            Refusal::UnknownType(name) => invalid(format!("Unknown type \"{name}\"")),
        })?;
        check_usages(&document, types)
            .map_err(|found| Box::new(Answer::invalid_at(found.message(), &found.at)))?;
        let merging = check_merging(&document)
            .map_err(|conflict| Box::new(Answer::invalid_at(conflict.message(), &conflict.at)))?;
        let kept = merging.kept(&document);
        let forms = if kept.is_some() { 2 } else { 1 };
        let changes =
            document.operations.iter().any(|(_, it)| it.node.ty == OperationType::Mutation);
        let bytes = BYTES_OF_ITS_OWN
            + u64::from(contents.tokens) * BYTES_FOR_EACH_TOKEN * forms
            + text.len() as u64;
        let may_be_kept = !(changes && contents.strings > 0);
        Ok(Self { document, kept, hash, bytes, can_be_planned: OnceLock::new(), may_be_kept })
    }

    /// The document in the form that the schema library runs well, for the operation of this name and these variables.
    pub(super) fn to_run(
        &self,
        name: Option<&str>,
        variables: &Map<String, Value>,
    ) -> ExecutableDocument {
        let mut document = self.kept.as_ref().unwrap_or(&self.document).clone();
        merge_root(&mut document, name, variables);
        document
    }
}
