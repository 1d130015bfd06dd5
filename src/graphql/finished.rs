//! Answers that are ready to be sent again, for as long as running the query would give the same.
//!
//! A query without errors gives the same answer to the same question as long as every value that it read is still the
//! one that would be read: nothing else of a query depends on the moment. What depends on the session, such as its end,
//! follows from the session's id, which belongs to the question. So an answer has no time to live of its own.
//!
//! An answer takes as much room as half of what it was made of, and many a question is asked once. So an answer is kept from
//! the second time on that its question is asked.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use foldhash::quality::RandomState;
use http::HeaderValue;

use super::persisted::DocumentHash;
use super::{Freshness, Request, RequestContext};
use crate::cache::{Basis, FairTable, Owned, Weigh};
use crate::ozeki::UserId;
use crate::session::{Authentication, CallerKey, SessionId};

/// The longest name and variables of a question, in bytes. Those of a screen are some hundred.
const QUESTION_MAX_BYTES: usize = 4 << 10;

/// The part of the room that one answer may take: a quarter of the share of one user.
const ANSWER_DIVISOR: u64 = 64;

/// How many compressed forms of one answer are kept: callers of one user send one or two lists of encodings.
const ENCODED_MAX: usize = 4;

/// The longest list of encodings that a compressed form is kept for; those of browsers are below 30 bytes.
const ACCEPTED_MAX_BYTES: usize = 64;

/// After this an answer is dropped: it frees the memory of those that nobody asks for, and says nothing of their truth.
const TIME_TO_LIVE: Duration = Duration::from_secs(10 * 60);

/// How many questions are marked as asked before: twice as many, in 512 KiB. Of those that come again after ten thousand others,
/// one in a hundred has lost its mark.
const MARK_PAIRS: usize = 1 << 16;

/// What is asked, without who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    document: DocumentHash,
    operation_name: Option<Box<str>>,
    /// As JSON, with members in the order of their names.
    variables: Box<str>,
}

impl Asked {
    /// Reads what a request asks, before defaults are filled in. None where that is too much to be kept.
    pub(super) fn of(request: &Request, document: DocumentHash) -> Option<Self> {
        let variables = if request.variables.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&request.variables).ok()?
        };
        let name = request.operation_name.as_deref();
        if variables.len() + name.map_or(0, str::len) > QUESTION_MAX_BYTES {
            return None;
        }
        let operation_name = name.map(Into::into);
        Some(Self { document, operation_name, variables: variables.into() })
    }
}

/// Who asks what: all that an answer depends on besides the data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    caller: CallerKey,
    session: Option<SessionId>,
    asked: Arc<Asked>,
}

impl Question {
    /// The question of a caller who takes answers from memory; others have none.
    pub(super) fn of(asked: &Arc<Asked>, context: &RequestContext) -> Option<Self> {
        match (&context.authentication, context.freshness) {
            (Authentication::Caller(caller), Freshness::Cached) => {
                let session = caller.session().map(|session| session.id);
                Some(Self { caller: caller.key(), session, asked: Arc::clone(asked) })
            }
            (_, Freshness::Upstream)
            | (Authentication::Anonymous | Authentication::Refused, Freshness::Cached) => None,
        }
    }
}

impl Owned for Question {
    fn owner(&self) -> UserId {
        self.caller.user()
    }
}

/// An answer that is ready to be sent.
#[derive(Clone)]
pub struct Finished {
    question: Question,
    body: Bytes,
    encoded: Vec<Encoded>,
    basis: Arc<Basis>,
}

impl fmt::Debug for Finished {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Finished(..)")
    }
}

/// A compressed form of an answer.
#[derive(Clone)]
pub struct Encoded {
    accepted: HeaderValue,
    /// The name of the encoding.
    pub encoding: HeaderValue,
    /// The compressed answer.
    pub body: Bytes,
}

impl fmt::Debug for Encoded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Encoded").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

impl Finished {
    /// The answer as JSON.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The question that it answers, without who asks.
    pub(super) fn asked(&self) -> &Arc<Asked> {
        &self.question.asked
    }

    /// What it was made of.
    pub(super) fn basis(&self) -> &Basis {
        &self.basis
    }

    /// The form that was chosen for a client with this list of accepted encodings.
    pub fn encoded_for(&self, accepted: &HeaderValue) -> Option<&Encoded> {
        self.encoded.iter().find(|form| form.accepted == accepted)
    }

    fn weight(&self) -> usize {
        let Question { caller: _, session: _, asked } = &self.question;
        let text = asked.variables.len() + asked.operation_name.as_deref().map_or(0, str::len);
        let encoded = self.encoded.iter();
        let encoded =
            encoded.map(|form| size_of::<Encoded>() + form.accepted.len() + form.body.len());
        // The question stands in the table's key, in the queue of its user and in the value; what is asked is shared.
        3 * size_of::<Question>()
            + size_of::<Asked>()
            + text
            + size_of::<Self>()
            + self.body.len()
            + encoded.sum::<usize>()
            + self.basis.weight()
    }
}

/// Keeps finished answers in a bounded room, of which each user has a share.
pub(super) struct FinishedAnswers {
    /// None where none are kept.
    kept: Option<Kept>,
}

struct Kept {
    table: FairTable<Question, Arc<Finished>>,
    answer_max_bytes: u64,
    marks: Marks,
}

/// Which questions were asked before: two of those that share a place, the one that was asked last first. A third takes the
/// place of the other, which counts as new then: that costs one more time of running it, and nothing else.
struct Marks {
    pairs: Box<[[AtomicU32; 2]]>,
    hasher: RandomState,
}

impl Marks {
    fn new(pairs: usize) -> Self {
        let pairs = (0..pairs).map(|_| <[AtomicU32; 2]>::default()).collect();
        Self { pairs, hasher: RandomState::default() }
    }

    /// Marks a question, and tells whether it was marked.
    fn mark(&self, question: &impl Hash) -> bool {
        let [place @ .., a, b, c, d] = self.hasher.hash_one(question).to_le_bytes();
        let [newer, older] = &self.pairs[u32::from_le_bytes(place) as usize % self.pairs.len()];
        // Zero is the mark of no question.
        let mark = u32::from_le_bytes([a, b, c, d]) | 1;
        let last = newer.swap(mark, Ordering::Relaxed);
        last == mark || older.swap(last, Ordering::Relaxed) == mark
    }
}

impl FinishedAnswers {
    /// Room for answers of so many bytes together; none keeps none.
    pub(super) fn new(max_bytes: Option<u64>) -> Self {
        let weigh = |_question: &Question, answer: &Arc<Finished>| {
            u32::try_from(answer.weight()).unwrap_or(u32::MAX)
        };
        let kept = max_bytes.map(|max| Kept {
            table: FairTable::new(max, Some(TIME_TO_LIVE), weigh),
            answer_max_bytes: max / ANSWER_DIVISOR,
            marks: Marks::new(MARK_PAIRS),
        });
        Self { kept }
    }

    /// Whether any are kept.
    pub(super) fn are_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Finds the answer that was given to a question; its basis tells whether that is still true. One that is not stays
    /// until the query's new answer takes its place.
    pub(super) fn find(&self, question: &Question) -> Option<Arc<Finished>> {
        self.kept.as_ref()?.table.get(question)
    }

    /// Keeps the answer to a question that was asked before, if it is known what that was made of.
    pub(super) fn keep(
        &self,
        question: Question,
        basis: Basis,
        body: &[u8],
    ) -> Option<Arc<Finished>> {
        let kept = self.kept.as_ref()?;
        if !basis.is_complete() || !kept.marks.mark(&question) {
            return None;
        }
        // The table goes on with the key that it has, and the queue of its user has it too: what is asked stays one.
        let question = kept.table.get(&question).map_or(question, |it| it.question.clone());
        // Copied, since an allocator may leave what was only cut in the room that it had grown to.
        let body = Bytes::copy_from_slice(body);
        let (encoded, basis) = (Vec::new(), Arc::new(basis));
        self.put(Finished { question, body, encoded, basis })
    }

    /// Keeps a compressed form with its answer.
    pub(super) fn keep_encoded(
        &self,
        answer: &Finished,
        accepted: HeaderValue,
        encoding: HeaderValue,
        body: Bytes,
    ) {
        let is_known = answer.encoded_for(&accepted).is_some();
        if is_known || answer.encoded.len() >= ENCODED_MAX || accepted.len() > ACCEPTED_MAX_BYTES {
            return;
        }
        let mut answer = answer.clone();
        answer.encoded.push(Encoded { accepted, encoding, body });
        // It may take the place of a newer one; then its basis tells, and the query is run once more.
        self.put(answer);
    }

    fn put(&self, answer: Finished) -> Option<Arc<Finished>> {
        let kept = self.kept.as_ref()?;
        if answer.weight() as u64 > kept.answer_max_bytes {
            return None;
        }
        let answer = Arc::new(answer);
        kept.table.insert(answer.question.clone(), Arc::clone(&answer));
        Some(answer)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ozeki::{ApiKey, Blocklist, Credential, Identity, StationId};
    use crate::session::Caller;

    /// A question of a caller's own, as one more request reads it.
    fn question(first: u32) -> Question {
        let credential = Credential::ApiKey(ApiKey::parse("key").unwrap());
        let (user, station) = (UserId::from_bytes([1; 16]), StationId::from_bytes([1; 16]));
        let caller = Caller::new(Identity { user, station, credential }, None).key();
        let variables = serde_json::json!({ "first": first }).as_object().cloned().unwrap();
        let request = Request { variables, ..Request::default() };
        let asked = Asked::of(&request, DocumentHash::of("{ blocklist { userIds } }")).unwrap();
        Question { caller, session: None, asked: Arc::new(asked) }
    }

    /// Keeps an answer to that question, which was asked before.
    pub(in crate::graphql) fn keep(answers: &FinishedAnswers, first: u32) -> Arc<Finished> {
        let keep = || {
            let mut basis = Basis::default();
            basis.note_blocklist(&Arc::new(Blocklist::default()));
            answers.keep(question(first), basis, b"{}")
        };
        keep().or_else(keep).unwrap()
    }

    #[test]
    fn what_is_asked_is_kept_once_however_often_it_is_answered() {
        let answers = FinishedAnswers::new(Some(1 << 20));
        let (first, again, other) = (keep(&answers, 1), keep(&answers, 1), keep(&answers, 2));
        assert!(Arc::ptr_eq(first.asked(), again.asked()));
        assert_ne!(first.asked(), other.asked());
        let found = answers.find(&question(1)).unwrap();
        assert!(Arc::ptr_eq(&found, &again));
    }

    #[test]
    fn two_questions_that_share_a_place_are_both_marked_and_a_third_takes_the_older_one() {
        let marks = Marks::new(1);
        let asked = |questions: &str| -> Vec<bool> {
            questions.chars().map(|question| marks.mark(&question)).collect()
        };
        assert_eq!(asked("aabab"), [false, true, false, true, true]);
        assert_eq!(asked("bcb"), [true, false, true]);
        assert_eq!(asked("a"), [false]);
    }

    #[test]
    fn few_questions_lose_their_mark_while_ten_thousand_others_are_asked() {
        let marks = Marks::new(MARK_PAIRS);
        let asked = |questions: std::ops::Range<u32>| questions.filter(|it| marks.mark(it)).count();
        assert_eq!(size_of_val(&*marks.pairs), 512 << 10);
        asked(0..10_000);
        let still = asked(0..10_000);
        // About 100 are lost; the seed is another in each process.
        assert!((9_800..10_000).contains(&still), "{still}");
    }
}
