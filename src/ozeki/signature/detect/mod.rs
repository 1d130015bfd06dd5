//! Finds the recipe that made the signature of a captured request.
//!
//! The signature's own look fixes the hash function and the encoding, so that two algorithms remain (the hash and
//! its HMAC). The payloads are tried in [stages](Stage), depth first, with hash states that are cloned at each
//! branch: a payload costs about one compression of the hash function, and memory stays flat.
//!
//! Deliberately not tried: literals that no list here names (such as a fixed word), a part twice (but for the key
//! first and last), and any use of the key in an HMAC but as its key or as a part.

mod capture;
mod form;
mod running;
mod stage;
mod walk;

#[cfg(test)]
mod tests;

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hmac::{Hmac, KeyInit};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub use capture::{BodyForm, Capture, Request};
pub use stage::Stage;

use super::{Algorithm, Hash, Part, Recipe};
use form::Form;
use running::{Keyed, Plain, Running};
use stage::{OTHER_BODY, STAGES};
use walk::{Finds, Ingredient, Target, Walk};

/// How many fitting recipes are told: more of them say only that the capture has parts with equal texts.
pub const RECIPES_MAX: usize = 32;

/// Why there was nothing to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// No capture was given.
    #[error("there is no captured request")]
    NoCapture,
    /// The signature is no digest of a known length in a known encoding.
    #[error(
        "the signature is not the digest of md5, sha1 or sha256 in hex (32, 40 or 64 digits) or in base64 with padding (24, 28 or 44 characters)"
    )]
    UnknownForm,
    /// The signature's hex digits are of both cases.
    #[error(
        "the signature's hex digits are partly upper and partly lower case, which no encoding makes"
    )]
    MixedCase,
    /// The captures' signatures differ in length or encoding, so that one recipe cannot have made them.
    #[error("the captures' signatures differ in length or encoding: no one recipe makes them all")]
    DifferentForms,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The recipes that make the signature of every capture, simplest first; empty when none fits.
    pub recipes: Vec<Recipe>,
    /// Whether `recipes` stopped at [`RECIPES_MAX`] while more fit.
    pub has_more: bool,
    /// The form of the bodies for which they do.
    pub body: BodyForm,
    /// How many payloads were hashed.
    pub payloads_tried: usize,
}

/// Finds the recipes that made the signatures of all `captures`; tells `on_stage` what it is about to try.
///
/// Blocks for up to a minute or so when no simple recipe fits, on all processors.
///
/// # Errors
///
/// [`DetectError`] when no recipe can have made such signatures.
pub fn detect(
    captures: &[Capture],
    on_stage: &mut dyn FnMut(&Stage),
) -> Result<Detection, DetectError> {
    detect_among(&Part::ALL, captures, on_stage)
}

/// Searches for recipes of only these parts, so that tests need not wait for all.
fn detect_among(
    parts: &[Part],
    captures: &[Capture],
    on_stage: &mut dyn FnMut(&Stage),
) -> Result<Detection, DetectError> {
    let subject = subject(captures)?;
    let form = Form::of(&captures[subject].signature)?;
    let mut payloads_tried = 0;
    let mut search = |stage: &Stage, body: BodyForm, captures: &[Capture]| {
        let ingredients = Ingredient::all(&captures[subject], parts);
        let finds = run(stage, captures, &captures[subject], &form, &ingredients);
        payloads_tried += finds.payloads_tried.into_inner();
        let mut recipes = finds.recipes.into_inner().unwrap_or_else(PoisonError::into_inner);
        recipes.sort_by_cached_key(plainness);
        Detection { recipes, has_more: finds.is_full.into_inner(), body, payloads_tried }
    };
    for (number, stage) in STAGES.iter().enumerate() {
        on_stage(stage);
        let detection = search(stage, BodyForm::AsCaptured, captures);
        if !detection.recipes.is_empty() {
            return Ok(detection);
        }
        if number > 0 {
            continue;
        }
        for body in BodyForm::OTHERS {
            let changed: Option<Vec<_>> = captures.iter().map(|it| body.of(it)).collect();
            let Some(changed) = changed else { continue };
            let detection = search(&OTHER_BODY, body, &changed);
            if !detection.recipes.is_empty() {
                return Ok(detection);
            }
        }
    }
    Ok(Detection {
        recipes: Vec::new(),
        has_more: false,
        body: BodyForm::AsCaptured,
        payloads_tried,
    })
}

/// The capture to search by: what fits it is then asked of the others.
///
/// An empty part hides where it stands, so the capture with the fewest of them says most; the shortest is cheapest.
fn subject(captures: &[Capture]) -> Result<usize, DetectError> {
    let (subject, first) = captures
        .iter()
        .enumerate()
        .min_by_key(|(_, Capture { request, .. })| {
            let texts = [&request.api, &request.action, &request.timestamp];
            let empty_count = texts.into_iter().filter(|text| text.is_empty()).count();
            (empty_count, request.body.len())
        })
        .ok_or(DetectError::NoCapture)?;
    let form = Form::of(&first.signature)?;
    for capture in captures {
        let other = Form::of(&capture.signature)?;
        let has_common = |it: &Form| it.encodings.iter().any(|e| form.encodings.contains(e));
        if other.hash != form.hash || !has_common(&other) {
            return Err(DetectError::DifferentForms);
        }
    }
    Ok(subject)
}

/// Orders recipes by what an operator would guess first: few pieces, then short text.
fn plainness(recipe: &Recipe) -> (usize, usize, String) {
    let text = recipe.payload.to_string();
    (recipe.payload.pieces().len(), text.len(), text)
}

fn run(
    stage: &Stage,
    captures: &[Capture],
    subject: &Capture,
    form: &Form,
    ingredients: &[Ingredient],
) -> Finds {
    let finds = Finds::default();
    let target = |algorithm| Target {
        captures,
        algorithm,
        encodings: &form.encodings,
        digest: &form.digest,
        ingredients,
        stage,
        finds: &finds,
    };
    let key = subject.request.key.expose().as_bytes();
    let (plain, keyed) = (target(Algorithm::Plain(form.hash)), target(Algorithm::Hmac(form.hash)));
    match form.hash {
        Hash::Md5 => {
            spread(&plain, &Plain(Md5::new()));
            spread(&keyed, &Keyed(under::<Hmac<Md5>>(key)));
        }
        Hash::Sha1 => {
            spread(&plain, &Plain(Sha1::new()));
            spread(&keyed, &Keyed(under::<Hmac<Sha1>>(key)));
        }
        Hash::Sha256 => {
            spread(&plain, &Plain(Sha256::new()));
            spread(&keyed, &Keyed(under::<Hmac<Sha256>>(key)));
        }
    }
    finds
}

fn under<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Runs a stage's walks on all processors: one walk for each set of joins and first ingredient.
fn spread<R: Running>(target: &Target<'_>, start: &R) {
    let walks: Vec<_> = target
        .stage
        .joins
        .iter()
        .flat_map(|joins| target.ingredients.iter().map(|first| (*joins, first)))
        .collect();
    let next = AtomicUsize::new(0);
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..processors.min(walks.len()) {
            scope.spawn(|| {
                while let Some((joins, first)) = walks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    Walk::run(target, joins, first, start);
                }
            });
        }
    });
}
