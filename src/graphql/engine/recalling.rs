//! Answers that need not be made again.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::HeaderValue;

use super::{Engine, Operation, Request, RequestContext, own_name};
use crate::graphql::finished::{Asked, Finished, Question};
use crate::graphql::limits::Limit;
use crate::graphql::persisted::{DocumentHash, Owner};
use crate::graphql::{Answer, Freshness};
use crate::recent::TextHash;
use crate::session::{Authentication, Caller};
use crate::telemetry::{Account, OK, OperationKind, OperationOutcome};

/// What a request asks, and what its line in the log tells of that.
pub(super) struct Known {
    /// The answer's own, and no longer than it is kept: as many bodies as one likes can ask the same.
    asked: Weak<Asked>,
    document: DocumentHash,
    document_beginning: String,
    operation_name: Option<Box<str>>,
}

impl Known {
    fn of(answer: &Finished, document: DocumentHash, operation_name: Option<&str>) -> Self {
        Self {
            asked: Arc::downgrade(answer.asked()),
            document,
            document_beginning: document.beginning(),
            operation_name: operation_name.map(Into::into),
        }
    }

    fn note(&self) {
        let (name, document) = (self.operation_name.as_deref(), &*self.document_beginning);
        Account::note_operation(OperationKind::Query, name, document);
    }
}

impl Engine {
    /// Whether the answer to a request in this context can be ready.
    pub fn may_be_ready(&self, context: &RequestContext) -> bool {
        self.answers.are_kept()
            && context.freshness == Freshness::Cached
            && context.shows_who_asks()
    }

    /// Finds the answer to the request that this body holds, as [`recall`](Self::recall) does, if that has found one for
    /// the same body lately. The same bytes hold the same request, and pass or fail the same checks.
    pub fn recall_body(&self, body: &TextHash, context: &RequestContext) -> Option<Arc<Finished>> {
        let known = self.bodies.find(body)?;
        let answer = self.current(&known.asked.upgrade()?, known.document, context)?;
        known.note();
        Some(answer)
    }

    /// Finds the answer to this question, if it was given before and running the query now would give the same. `body` is
    /// what the request was read from; it is known from then on.
    ///
    /// A question that has an answer passed all that [`prepare`](Self::prepare) checks; that depends on nothing else.
    pub fn recall(
        &self,
        request: &Request,
        body: Option<TextHash>,
        context: &RequestContext,
    ) -> Option<Arc<Finished>> {
        if !self.may_be_ready(context) {
            return None;
        }
        let document = self.hash_of(request)?;
        let asked = Arc::new(Asked::of(request, document)?);
        let prepared = self.documents.find(document)?;
        let name = own_name(&prepared.document.operations, request.operation_name.as_deref());
        let answer = self.current(&asked, document, context)?;
        let known = Known::of(&answer, document, name);
        known.note();
        if let Some(body) = body {
            self.bodies.keep(body, Arc::new(known), self.clock.monotonic());
        }
        Some(answer)
    }

    /// Finds the answer to an operation that was prepared, as [`recall`](Self::recall) does: for sockets and event streams,
    /// where all that is asked is prepared first.
    pub fn recall_prepared(
        &self,
        operation: &Operation,
        context: &RequestContext,
    ) -> Option<Answer> {
        if !self.may_be_ready(context) {
            return None;
        }
        let asked = operation.asked.as_ref()?;
        self.current(asked, operation.prepared.hash, context).map(Answer::repeated)
    }

    fn current(
        &self,
        asked: &Arc<Asked>,
        document: DocumentHash,
        context: &RequestContext,
    ) -> Option<Arc<Finished>> {
        let Authentication::Caller(caller) = &context.authentication else { return None };
        let answer = self.answers.find(&Question::of(asked, context)?)?;
        // The document is used all the same, so that it stays. One that has gone is not known by its hash any more.
        let is_here = self.documents.note_use(document, Owner::of(&context.authentication));
        if !is_here || !self.data.is_current(caller, answer.basis()) {
            return None;
        }
        self.data.count_reads(caller, answer.basis());
        Account::note_outcome(OK);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::finished::{FinishedAnswers, tests::keep};

    /// Each body kept a copy of its variables: thousands of bodies that ask one question, in other blanks, took megabytes.
    #[test]
    fn bodies_that_ask_the_same_hold_nothing_of_it_beside_its_answer() {
        let answers = FinishedAnswers::new(Some(1 << 20));
        let answer = keep(&answers, 1);
        let known = || Known::of(&answer, DocumentHash::of("{ blocklist { userIds } }"), None);
        let bodies = [known(), known()];
        let asked = |body: &Known| body.asked.upgrade();
        assert!(
            bodies.iter().all(|it| asked(it).is_some_and(|it| Arc::ptr_eq(&it, answer.asked())))
        );
        drop((answer, answers));
        assert!(bodies.iter().all(|it| asked(it).is_none()));
    }
}
