//! Answers that need not be made again.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::{Engine, Request, RequestContext, own_name};
use crate::graphql::finished::{Asked, Finished, Question};
use crate::graphql::limits::Limit;
use crate::graphql::persisted::{DocumentHash, Owner};
use crate::session::{Authentication, Caller};
use crate::telemetry::{Account, OK, OperationKind, OperationOutcome};

impl Engine {
    /// Finds the answer to this question, if it was given before and running the query now would give the same.
    ///
    /// A question that has an answer passed all that [`prepare`](Self::prepare) checks; that depends on nothing else.
    pub fn recall(&self, request: &Request, context: &RequestContext) -> Option<Arc<Finished>> {
        let Authentication::Caller(caller) = &context.authentication else { return None };
        if !self.answers.are_kept() {
            return None;
        }
        let hash = self.hash_of(request)?;
        let question = Question::of(Asked::of(request, hash)?, context)?;
        let answer = self.answers.find(&question)?;
        let prepared = self.documents.find(hash)?;
        if !self.data.is_current(caller, answer.basis()) {
            return None;
        }
        self.data.count_reads(caller, answer.basis());
        let name = own_name(&prepared.document.operations, request.operation_name.as_deref());
        Account::note_operation(OperationKind::Query, name, &hash.beginning());
        Account::note_outcome(OK);
        // It is used all the same, so that it stays.
        self.documents.keep(&prepared, Owner::of(&context.authentication));
        self.metrics.operation(OperationKind::Query, OperationOutcome::Ok);
        self.metrics.answer_repeated();
        Some(answer)
    }

    /// Finds the answer that somebody else who asked the same has just made, of the lists that both waited for.
    pub(super) fn made_meanwhile(
        &self,
        question: &Question,
        caller: &Caller,
    ) -> Option<Arc<Finished>> {
        let answer = self.answers.find(question)?;
        if !self.data.is_current(caller, answer.basis()) {
            return None;
        }
        self.metrics.answer_repeated();
        Some(answer)
    }

    /// Keeps a compressed form of a finished answer, for clients with this list of accepted encodings.
    pub fn keep_encoded(
        &self,
        answer: &Finished,
        accepted: HeaderValue,
        encoding: HeaderValue,
        body: Bytes,
    ) {
        self.answers.keep_encoded(answer, accepted, encoding, body);
    }

    /// The hash of the request's document, unless that is too long to be hashed.
    fn hash_of(&self, request: &Request) -> Option<DocumentHash> {
        let Request { query, persisted, .. } = request;
        if query.is_empty() {
            return *persisted;
        }
        let is_short = self.options.limits.check(Limit::DocumentBytes, query.len() as u64).is_ok();
        is_short.then(|| DocumentHash::of(query))
    }
}
