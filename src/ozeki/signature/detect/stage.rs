//! What is tried, cheap and plausible first.

use crate::ozeki::signature::{Hash, Part};

/// The texts between two parts that are tried alone; every place of a payload has the same one.
const JOINS: &[&[&str]] = &[
    &[""],
    &[":"],
    &["|"],
    &["\n"],
    &["."],
    &["-"],
    &["_"],
    &[","],
    &[";"],
    &["&"],
    &["/"],
    &["+"],
    &[" "],
    &["#"],
    &["="],
    &["~"],
    &["$"],
    &["@"],
    &["*"],
    &["::"],
    &["||"],
    &[", "],
    &["\r\n"],
    &["\t"],
];

/// How many of [`JOINS`], from the first on, the costly stage of hashed parts tries.
const JOINS_COMMON: usize = 12;

/// The texts of which each place of a payload may have another.
const JOINS_MIXED: &[&[&str]] = &[&["", ":", "|", "\n", ".", "-", "_", ",", "&", "/"]];

/// Which parts may be hashed before they are put into the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hashed {
    /// The key and the body, each by any function.
    KeyAndBody,
    /// So many parts by any function; or any number of them, all by the same function.
    FewOrAlike(usize),
    /// Every part, each by any function.
    Any,
}

/// The hash functions that the parts so far went through.
#[derive(Clone, Copy, Default)]
pub(super) struct HashesBefore {
    count: usize,
    first: Option<Hash>,
    differ: bool,
}

impl HashesBefore {
    /// With one more part that went through `hash` or through none.
    pub(super) fn and(self, hash: Option<Hash>) -> Self {
        if hash.is_none() {
            return self;
        }
        Self {
            count: self.count + 1,
            first: self.first.or(hash),
            differ: self.differ || self.first.is_some_and(|first| Some(first) != hash),
        }
    }
}

impl Hashed {
    /// Whether `part` may be hashed by `hash` behind what went `before`.
    pub(super) fn admits(self, part: Part, hash: Hash, before: HashesBefore) -> bool {
        match self {
            Self::KeyAndBody => matches!(part, Part::Key | Part::Body),
            Self::FewOrAlike(few) => {
                before.count < few || (!before.differ && before.first == Some(hash))
            }
            Self::Any => true,
        }
    }
}

/// One step of the search: a set of payloads.
#[derive(Debug)]
pub struct Stage {
    /// What it tries, as a part of a sentence.
    pub title: &'static str,
    /// Whether it takes seconds rather than moments.
    pub is_long: bool,
    /// Each set is tried for itself: the texts that may stand between two parts.
    pub(super) joins: &'static [&'static [&'static str]],
    pub(super) hashed: Hashed,
    pub(super) parts_max: usize,
    /// Whether to try a join behind the last part, and the key once more at the end.
    pub(super) has_endings: bool,
}

/// What is tried with the body in another form, when the first stage finds nothing for the one captured.
pub(super) const OTHER_BODY: Stage = Stage {
    title: "up to four parts, with another line end of the body",
    hashed: Hashed::KeyAndBody,
    parts_max: 4,
    has_endings: false,
    ..STAGES[0]
};

/// The stages, in order; the later ones run only when the earlier ones found nothing.
pub(super) const STAGES: [Stage; 5] = [
    Stage {
        title: "up to three parts with usual texts between them, one part hashed or all alike",
        is_long: false,
        joins: JOINS,
        hashed: Hashed::FewOrAlike(1),
        parts_max: 3,
        has_endings: true,
    },
    Stage {
        title: "every order of the parts with usual texts between them, the key and the body hashed or not",
        is_long: true,
        joins: JOINS,
        hashed: Hashed::KeyAndBody,
        parts_max: Part::ALL.len(),
        has_endings: true,
    },
    Stage {
        title: "up to four parts with different texts between them, the key and the body hashed or not",
        is_long: true,
        joins: JOINS_MIXED,
        hashed: Hashed::KeyAndBody,
        parts_max: 4,
        has_endings: false,
    },
    Stage {
        title: "every order with usual texts between the parts, any two hashed or any number alike",
        is_long: true,
        joins: JOINS.split_at(JOINS_COMMON).0,
        hashed: Hashed::FewOrAlike(2),
        parts_max: Part::ALL.len(),
        has_endings: false,
    },
    Stage {
        title: "every order with nothing between the parts, each hashed in every way",
        is_long: true,
        joins: JOINS.split_at(1).0,
        hashed: Hashed::Any,
        parts_max: Part::ALL.len(),
        has_endings: false,
    },
];
