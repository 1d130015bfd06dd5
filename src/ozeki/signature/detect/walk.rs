//! The depth-first walk over the payloads of one stage.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::running::Running;
use super::stage::{HashesBefore, Stage};
use super::{Capture, RECIPES_MAX};
use crate::ozeki::signature::{Algorithm, Encoding, Hash, Part, Payload, Piece, Recipe};

/// A part as one of the texts that it can have in a payload.
pub(super) struct Ingredient {
    part: Part,
    /// The part's own bit in the set of parts that a payload has.
    part_bit: u8,
    hash: Option<Hash>,
    /// Wiped when dropped: the key is among them.
    text: Zeroizing<Vec<u8>>,
}

impl Ingredient {
    /// Each of `parts`, as it is and hashed in every way.
    pub(super) fn all(capture: &Capture, parts: &[Part]) -> Vec<Self> {
        let request = capture.request.parts();
        let hashes = [None].into_iter().chain(Hash::ALL.map(Some));
        let text_of = |part, hash| {
            let payload =
                Payload::try_new(vec![Piece::Part(part, hash)]).expect("one part is a template");
            Recipe { payload, ..Recipe::default() }.payload_of(&request)
        };
        parts
            .iter()
            .enumerate()
            .flat_map(|(index, &part)| hashes.clone().map(move |hash| (index, part, hash)))
            .map(|(index, part, hash)| Self {
                part,
                part_bit: 1 << index,
                hash,
                text: text_of(part, hash),
            })
            .collect()
    }

    #[cfg(test)]
    pub(super) fn is(&self, part: Part, hash: Option<Hash>) -> bool {
        (self.part, self.hash) == (part, hash)
    }
}

/// What one algorithm is searched for.
pub(super) struct Target<'a> {
    pub(super) captures: &'a [Capture],
    pub(super) algorithm: Algorithm,
    pub(super) encodings: &'a [Encoding],
    pub(super) digest: &'a [u8],
    pub(super) ingredients: &'a [Ingredient],
    pub(super) stage: &'a Stage,
    pub(super) finds: &'a Finds,
}

/// The recipes found so far, shared by the workers.
#[derive(Default)]
pub(super) struct Finds {
    pub(super) recipes: Mutex<Vec<Recipe>>,
    /// Set when more recipes fit than are kept: the workers stop.
    pub(super) is_full: AtomicBool,
    pub(super) payloads_tried: AtomicUsize,
}

impl Finds {
    fn add(&self, recipe: Recipe) {
        let mut recipes = self.recipes.lock().unwrap_or_else(PoisonError::into_inner);
        if recipes.contains(&recipe) {
            return;
        }
        if recipes.len() == RECIPES_MAX {
            self.is_full.store(true, Ordering::Relaxed);
        } else {
            recipes.push(recipe);
        }
    }
}

/// One part of the payload being tried, with the text before it.
#[derive(Clone, Copy)]
struct Step<'a> {
    join: &'static str,
    ingredient: &'a Ingredient,
}

/// What the parts before say about those that may follow; kept beside the path, since it is asked at every branch.
#[derive(Clone, Copy, Default)]
struct Before {
    part_bits: u8,
    hashes: HashesBefore,
}

/// The walk through all payloads with one set of joins and one first ingredient.
pub(super) struct Walk<'a> {
    target: &'a Target<'a>,
    joins: &'static [&'static str],
    /// Without a join an empty text leaves no trace, so the capture can say nothing about it.
    skips_empty: bool,
    path: Vec<Step<'a>>,
    payloads_tried: usize,
}

impl<'a> Walk<'a> {
    /// Tries all payloads that begin with `first`.
    pub(super) fn run<R: Running>(
        target: &'a Target<'a>,
        joins: &'static [&'static str],
        first: &'a Ingredient,
        start: &R,
    ) {
        let mut walk = Self {
            target,
            joins,
            skips_empty: joins.contains(&""),
            path: Vec::with_capacity(target.stage.parts_max + 1),
            payloads_tried: 0,
        };
        if walk.admits(first, Before::default()) {
            walk.step(start, "", first, Before::default());
        }
        target.finds.payloads_tried.fetch_add(walk.payloads_tried, Ordering::Relaxed);
    }

    fn step<R: Running>(
        &mut self,
        state: &R,
        join: &'static str,
        ingredient: &'a Ingredient,
        before: Before,
    ) {
        let mut state = state.clone();
        state.absorb(&ingredient.text);
        self.path.push(Step { join, ingredient });
        let Stage { has_endings, parts_max, .. } = *self.target.stage;
        if has_endings {
            self.endings(&state);
        }
        if self.path.len() < parts_max {
            let before = Before {
                part_bits: before.part_bits | ingredient.part_bit,
                hashes: before.hashes.and(ingredient.hash),
            };
            self.descend(&state, before);
        }
        // A single part is the same payload with any join: it belongs to the walk without one.
        if self.path.len() > 1 || self.joins == [""] {
            self.compare(state, "");
        }
        self.path.pop();
    }

    fn descend<R: Running>(&mut self, state: &R, before: Before) {
        if self.target.finds.is_full.load(Ordering::Relaxed) {
            return;
        }
        for &join in self.joins {
            let mut joined = state.clone();
            joined.absorb(join.as_bytes());
            for ingredient in self.target.ingredients {
                if self.admits(ingredient, before) {
                    self.step(&joined, join, ingredient, before);
                }
            }
        }
    }

    /// Whether the stage has payloads that go on with `ingredient`.
    fn admits(&self, ingredient: &Ingredient, before: Before) -> bool {
        before.part_bits & ingredient.part_bit == 0
            && !(self.skips_empty && ingredient.text.is_empty())
            && ingredient.hash.is_none_or(|hash| {
                let hashed = self.target.stage.hashed;
                hashed.admits(ingredient.part, hash, before.hashes)
            })
    }

    /// A join behind the last part; and the key, when it stands first, once more at the end in the same form.
    fn endings<R: Running>(&mut self, state: &R) {
        let first = self.path[0].ingredient;
        let has_key_around = self.path.len() > 1 && first.part == Part::Key;
        for &join in self.joins {
            let mut joined = state.clone();
            joined.absorb(join.as_bytes());
            if has_key_around {
                let mut closed = joined.clone();
                closed.absorb(&first.text);
                self.path.push(Step { join, ingredient: first });
                self.compare(closed, "");
                self.path.pop();
            }
            if !join.is_empty() {
                self.compare(joined, join);
            }
        }
    }

    fn compare<R: Running>(&mut self, state: R, ending: &str) {
        self.payloads_tried += 1;
        if state.makes(self.target.digest) {
            self.verify(ending);
        }
    }

    /// Signs anew, which ties the search to what the gateway will do, and asks the other captures too.
    fn verify(&self, ending: &str) {
        for &encoding in self.target.encodings {
            let recipe = Recipe {
                algorithm: self.target.algorithm,
                payload: self.payload(ending),
                encoding,
            };
            let fits = |capture: &Capture| capture.is_signed_by(&recipe);
            if self.target.captures.iter().all(fits) {
                self.target.finds.add(recipe);
            }
        }
    }

    fn payload(&self, ending: &str) -> Payload {
        let literal = |text: &str| (!text.is_empty()).then(|| Piece::Literal(text.into()));
        let pieces = self
            .path
            .iter()
            .flat_map(|step| {
                let part = Piece::Part(step.ingredient.part, step.ingredient.hash);
                [literal(step.join), Some(part)]
            })
            .chain([literal(ending)])
            .flatten()
            .collect();
        Payload::try_new(pieces).expect("a path has at least one part and few pieces")
    }
}
