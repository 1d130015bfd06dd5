//! Why a document cannot be read.

use async_graphql::{Name, Pos};

use super::lexer::Fault;

/// A document that is none, told without anything that stands in it but punctuation and the names of its definitions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::graphql) enum ParseError {
    #[error("syntax error: expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: String, at: Pos },
    #[error("syntax error: {fault}")]
    Text { fault: Fault, at: Pos },
    #[error("syntax error: brackets stand too deep in each other")]
    TooDeep { at: Pos },
    #[error("the document defines a part of a schema; only operations and fragments can be run")]
    TypeSystem { at: Pos },
    /// An operation without a name beside another one.
    #[error("document contains multiple operations")]
    MultipleOperations { anonymous: Pos, operation: Pos },
    #[error("operation {name} is defined twice")]
    OperationRepeated { name: Name, first: Pos, second: Pos },
    #[error("fragment {name} is defined twice")]
    FragmentRepeated { name: Name, first: Pos, second: Pos },
    #[error("document does not contain an operation")]
    MissingOperation,
    /// A matter of validation ("Input Object Field Uniqueness"), but in the tree an object has each member once.
    #[error("an input object has a member twice")]
    MemberRepeated { at: Pos },
}

impl ParseError {
    /// The places that the error is about, the most important one first.
    pub(in crate::graphql) fn positions(&self) -> Vec<Pos> {
        match self {
            Self::Unexpected { at, .. }
            | Self::Text { at, .. }
            | Self::TooDeep { at }
            | Self::TypeSystem { at }
            | Self::MemberRepeated { at } => vec![*at],
            Self::MultipleOperations { anonymous, operation } => vec![*anonymous, *operation],
            Self::OperationRepeated { first, second, .. }
            | Self::FragmentRepeated { first, second, .. } => vec![*second, *first],
            Self::MissingOperation => Vec::new(),
        }
    }
}
