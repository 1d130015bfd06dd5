//! The documents that passed every check, kept by the hash of their text.
//!
//! A document that is here is not scanned, parsed or weighed again, and a client may send its hash in its place. It
//! comes here only after it was run, so that nothing is kept that could not be.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use sha2::{Digest, Sha256};

use super::prepared::Prepared;
use crate::ozeki::UserId;
use crate::session::Authentication;

/// The room of all documents: some thousand screens.
const DOCUMENTS_MAX_BYTES: u64 = 8 << 20;

/// The SHA-256 of a document's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DocumentHash([u8; 32]);

impl DocumentHash {
    /// Hashes a document.
    pub fn of(document: &str) -> Self {
        Self(Sha256::digest(document).into())
    }

    /// The first 16 of its hex digits: enough to tell documents apart in a log.
    pub(super) fn beginning(&self) -> String {
        self.0.iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    /// Reads 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for DocumentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DocumentHash(..)")
    }
}

/// Who is charged for a document's room: whoever ran it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A user whom the chat server knows.
    User(UserId),
    /// Everybody else together. A forwarded credential proves nothing before a call, and anyone can name any user.
    Unproven,
}

impl Owner {
    pub(super) fn of(authentication: &Authentication) -> Self {
        match authentication {
            Authentication::Caller(caller) if caller.session().is_some() => {
                Self::User(caller.user())
            }
            Authentication::Caller(_) | Authentication::Anonymous | Authentication::Refused => {
                Self::Unproven
            }
        }
    }
}

/// Keeps documents in a bounded room. When it is full, whoever takes most of it loses what they ran longest ago: so
/// nobody can drive out what the others use.
pub(super) struct Documents {
    max_bytes: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<DocumentHash, Entry, RandomState>,
    bytes_of: BytesOf,
    bytes: u64,
    /// Counts uses; the larger, the later.
    uses: u64,
}

type BytesOf = HashMap<Owner, u64, RandomState>;

struct Entry {
    prepared: Arc<Prepared>,
    owner: Owner,
    last_use: u64,
}

impl Default for Documents {
    fn default() -> Self {
        Self::new(DOCUMENTS_MAX_BYTES)
    }
}

impl Documents {
    fn new(max_bytes: u64) -> Self {
        Self { max_bytes, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds the document with this hash.
    pub(super) fn find(&self, hash: DocumentHash) -> Option<Arc<Prepared>> {
        let mut kept = self.kept();
        kept.uses += 1;
        let last_use = kept.uses;
        let entry = kept.entries.get_mut(&hash)?;
        entry.last_use = last_use;
        Some(Arc::clone(&entry.prepared))
    }

    /// Notes that this owner ran a document again; false if it is not here.
    pub(super) fn note_use(&self, hash: DocumentHash, owner: Owner) -> bool {
        let mut kept = self.kept();
        let Kept { entries, bytes_of, uses, .. } = &mut *kept;
        let Some(entry) = entries.get_mut(&hash) else { return false };
        *uses += 1;
        entry.last_use = *uses;
        if entry.owner != owner {
            let bytes = entry.prepared.bytes;
            uncharge(bytes_of, entry.owner, bytes);
            *bytes_of.entry(owner).or_default() += bytes;
            entry.owner = owner;
        }
        true
    }

    /// Keeps a document that was run, or notes that this owner ran it.
    pub(super) fn keep(&self, prepared: &Arc<Prepared>, owner: Owner) {
        if !prepared.may_be_kept || prepared.bytes > self.max_bytes {
            return;
        }
        let mut kept = self.kept();
        if kept.entries.get(&prepared.hash).is_some_and(|entry| entry.owner == owner) {
            return;
        }
        kept.remove(prepared.hash);
        while kept.bytes.saturating_add(prepared.bytes) > self.max_bytes {
            kept.evict_one(owner, prepared.bytes);
        }
        kept.insert(prepared, owner);
    }
}

impl Kept {
    fn insert(&mut self, prepared: &Arc<Prepared>, owner: Owner) {
        self.uses += 1;
        let entry = Entry { prepared: Arc::clone(prepared), owner, last_use: self.uses };
        self.entries.insert(prepared.hash, entry);
        self.bytes += prepared.bytes;
        *self.bytes_of.entry(owner).or_default() += prepared.bytes;
    }

    fn remove(&mut self, hash: DocumentHash) {
        let Some(Entry { prepared, owner, .. }) = self.entries.remove(&hash) else {
            return;
        };
        self.bytes -= prepared.bytes;
        uncharge(&mut self.bytes_of, owner, prepared.bytes);
    }

    /// Makes room for a document of this owner, which counts as taken. It looks through everything, which is some
    /// thousand entries: a full room takes in few new documents.
    fn evict_one(&mut self, newcomer: Owner, incoming: u64) {
        let taken = |(owner, bytes): &(&Owner, &u64)| {
            **bytes + if **owner == newcomer { incoming } else { 0 }
        };
        let Some((&largest, _)) = self.bytes_of.iter().max_by_key(taken) else {
            return;
        };
        let of_largest = self.entries.iter().filter(|(_, entry)| entry.owner == largest);
        let oldest = of_largest.min_by_key(|(_, entry)| entry.last_use).map(|(hash, _)| *hash);
        if let Some(hash) = oldest {
            self.remove(hash);
        }
    }
}

fn uncharge(bytes_of: &mut BytesOf, owner: Owner, freed: u64) {
    if let Some(bytes) = bytes_of.get_mut(&owner) {
        *bytes -= freed;
        if *bytes == 0 {
            bytes_of.remove(&owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::OperationLimits;
    use crate::graphql::field_types::FieldTypes;

    fn prepared(document: &str) -> Arc<Prepared> {
        let hash = DocumentHash::of(document);
        let types = FieldTypes::of("input LoginInput { apiKey: String }");
        Arc::new(Prepared::new(document, hash, &OperationLimits::default(), &types).unwrap())
    }

    fn user(number: u8) -> Owner {
        Owner::User(UserId::from_bytes([number; 16]))
    }

    #[test]
    fn a_hash_is_read_from_hex_digits_of_either_case() {
        let hash = DocumentHash::of("{ __typename }");
        let text = "7f56e67dd21ab3f30d1ff8b7bed08893f0a0db86449836189b361dd1e56ddb4b";
        assert_eq!(DocumentHash::parse(text), Some(hash));
        assert_eq!(DocumentHash::parse(&text.to_uppercase()), Some(hash));
        for wrong in
            ["", &text[1..], &format!("{text}0"), &text.replace('e', "g"), &text.replace("7f", "é")]
        {
            assert_eq!(DocumentHash::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{hash:?}").contains("7f56"));
    }

    #[test]
    fn one_caller_cannot_drive_out_what_others_use() {
        let theirs = prepared("{ viewer { id } }");
        let documents = Documents::new(20 * theirs.bytes);
        documents.keep(&theirs, user(1));
        let login = prepared("mutation($i: LoginInput!) { login(input: $i) { token } }");
        documents.keep(&login, Owner::Unproven);
        for number in 0..500 {
            documents.keep(&prepared(&format!("{{ viewer {{ a{number}: id }} }}")), user(2));
            assert!(documents.find(theirs.hash).is_some() && documents.find(login.hash).is_some());
            let kept = documents.kept();
            assert!(kept.bytes <= documents.max_bytes);
            assert_eq!(kept.bytes, kept.bytes_of.values().sum::<u64>());
            let weights = kept.entries.values().map(|entry| entry.prepared.bytes);
            assert_eq!(kept.bytes, weights.sum::<u64>());
        }
        assert!(documents.find(DocumentHash::of("{ viewer { a499: id } }")).is_some());
        assert!(documents.find(DocumentHash::of("{ viewer { a0: id } }")).is_none());
    }

    #[test]
    fn what_was_run_longest_ago_goes_first_and_a_document_is_charged_to_whoever_ran_it_last() {
        let [a, b, c] =
            ["{ viewer { a: id } }", "{ viewer { b: id } }", "{ viewer { c: id } }"].map(prepared);
        let documents = Documents::new(2 * a.bytes);
        documents.keep(&a, user(1));
        documents.keep(&b, user(1));
        documents.find(a.hash);
        documents.keep(&c, user(1));
        assert!(documents.find(a.hash).is_some() && documents.find(b.hash).is_none());
        documents.keep(&a, user(2));
        documents.keep(&b, user(1));
        assert!(documents.find(a.hash).is_some() && documents.find(c.hash).is_none());
        assert_eq!(documents.kept().bytes_of.len(), 2);
    }

    #[test]
    fn a_change_with_a_value_in_its_text_is_not_kept() {
        let documents = Documents::default();
        let kept = |text: &str| {
            let prepared = prepared(text);
            documents.keep(&prepared, user(1));
            documents.find(prepared.hash).is_some()
        };
        assert!(!kept("mutation { login(input: {apiKey: \"k\"}) { token } }"));
        assert!(!kept(
            "query A { viewer { id } } mutation B { login(input: {apiKey: \"\"\"k\"\"\"}) { token } }"
        ));
        assert!(!kept("mutation($i: LoginInput = {apiKey: \"k\"}) { login(input: $i) { token } }"));
        assert!(kept("mutation($i: LoginInput!) { login(input: $i) { token } }"));
        assert!(kept("{ userId(email: \"a@example.com\") }"));
    }
}
