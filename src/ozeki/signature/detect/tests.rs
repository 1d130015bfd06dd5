use proptest::prelude::*;

use super::*;
use crate::ozeki::signature::{Encoding, Payload, Piece, Signature};
use crate::ozeki::{ApiKey, StationId, UserId};

const BODY: &[u8] = br#"{"action":"list","clientversioncode":3,"timestamp":"2024-03-08 13:55:47"}"#;

fn unsigned() -> Request {
    Request {
        user: UserId::from_bytes([1; 16]),
        station: StationId::from_bytes([2; 16]),
        api: "chatconversation".into(),
        action: "list".into(),
        timestamp: "2024-03-08 13:55:47".into(),
        body: BODY.into(),
        key: ApiKey::parse("5ca1ab1e").unwrap(),
    }
}

fn recipe(algorithm: &str, payload: &str, encoding: &str) -> Recipe {
    Recipe {
        algorithm: algorithm.parse().unwrap(),
        payload: payload.parse().unwrap(),
        encoding: encoding.parse().unwrap(),
    }
}

fn signed(request: Request, recipe: &Recipe) -> Capture {
    let signature = recipe.sign(&request.parts());
    Capture { request, signature }
}

fn search(parts: &[Part], captures: &[Capture]) -> Detection {
    detect_among(parts, captures, &mut |_| {}).unwrap()
}

#[test]
fn a_recipe_is_found_from_one_capture() {
    for (algorithm, payload, encoding) in [
        ("md5", "{body}{key}", "hex"),
        ("md5", "{key}", "hex"),
        ("md5", "{key}{body}{key}", "hex"),
        ("sha1", "{body|sha1}:{key|md5}:", "HEX"),
        ("sha256", "{key|sha256}\n{timestamp}\n{body|md5}", "base64"),
        ("hmac-md5", "{timestamp}.{body}", "base64"),
        ("hmac-sha1", "{body|sha256}", "hex"),
        ("hmac-sha256", "{timestamp}\n{body}\n", "hex"),
        ("hmac-sha256", "{key|md5}, {timestamp}", "HEX"),
    ] {
        let recipe = recipe(algorithm, payload, encoding);
        let capture = signed(unsigned(), &recipe);
        let found = search(&[Part::Timestamp, Part::Body, Part::Key], &[capture]);
        assert_eq!(found.recipes, [recipe]);
        assert_eq!(found.body, BodyForm::AsCaptured);
        assert!(!found.has_more);
    }
}

#[test]
fn different_texts_between_the_parts_are_found() {
    let recipe = recipe("sha1", "{user}:{timestamp}\n{body|md5}{key}", "hex");
    let capture = signed(unsigned(), &recipe);
    let parts = [Part::User, Part::Timestamp, Part::Body, Part::Key];
    assert_eq!(search(&parts, &[capture]).recipes, [recipe]);
}

#[test]
fn all_seven_parts_at_once_are_found() {
    let recipe =
        recipe("sha256", "{timestamp}|{key}|{body}|{user}|{api}|{station}|{action}", "hex");
    // Only the payloads that begin with the right part, since an unoptimised build takes minutes for all.
    let capture = signed(unsigned(), &recipe);
    let form = Form::of(&capture.signature).unwrap();
    let ingredients = Ingredient::all(&capture, &Part::ALL);
    let finds = Finds::default();
    let captures = [capture];
    let target = Target {
        captures: &captures,
        algorithm: recipe.algorithm,
        encodings: &form.encodings,
        digest: &form.digest,
        ingredients: &ingredients,
        stage: &STAGES[1],
        finds: &finds,
    };
    let first = ingredients.iter().find(|it| it.is(Part::Timestamp, None)).unwrap();
    Walk::run(&target, &["|"], first, &Plain(Sha256::new()));
    assert_eq!(*finds.recipes.lock().unwrap(), [recipe]);
}

#[test]
fn several_recipes_that_fit_are_all_told_plainest_first() {
    let mut request = unsigned();
    request.action = request.timestamp.clone();
    let made_by = recipe("md5", "{timestamp}{key}", "hex");
    let capture = signed(request, &made_by);
    let found = search(&[Part::Action, Part::Timestamp, Part::Key], &[capture]);
    assert_eq!(found.recipes, [recipe("md5", "{action}{key}", "hex"), made_by]);
}

#[test]
fn a_second_capture_tells_apart_what_fits_the_first() {
    let made_by = recipe("md5", "{timestamp}{key}", "hex");
    let mut first = unsigned();
    first.action = first.timestamp.clone();
    let captures = [signed(first, &made_by), signed(unsigned(), &made_by)];
    let found = search(&[Part::Action, Part::Timestamp, Part::Key], &captures);
    assert_eq!(found.recipes, [made_by]);
}

#[test]
fn a_capture_without_a_timestamp_leaves_the_search_to_the_one_with_it() {
    let made_by = recipe("md5", "{timestamp}{key}", "hex");
    let mut without = unsigned();
    without.timestamp.clear();
    let captures = [signed(without, &made_by), signed(unsigned(), &made_by)];
    let found = search(&[Part::Timestamp, Part::Key], &captures);
    assert_eq!(found.recipes, [made_by]);
}

#[test]
fn no_more_recipes_are_kept_than_the_bound() {
    let mut request = unsigned();
    let text = "same";
    request.api = text.into();
    request.action = text.into();
    request.timestamp = text.into();
    request.body = text.into();
    request.key = ApiKey::parse(text).unwrap();
    let capture = signed(request, &recipe("md5", "{api}{action}{timestamp}", "hex"));
    let parts = [Part::Api, Part::Action, Part::Timestamp, Part::Body, Part::Key];
    let found = search(&parts, &[capture]);
    assert_eq!(found.recipes.len(), RECIPES_MAX);
    assert!(found.has_more);
}

#[test]
fn nothing_is_found_where_nothing_fits_and_every_stage_was_tried() {
    let capture = signed(unsigned(), &recipe("md5", "v7{body}{key}", "hex"));
    let mut stages = 0;
    let parts = [Part::Body, Part::Key];
    let found = detect_among(&parts, &[capture], &mut |_| stages += 1).unwrap();
    assert!(found.recipes.is_empty());
    assert!(found.payloads_tried > 0);
    assert_eq!(stages, STAGES.len());
}

#[test]
fn a_recipe_that_fits_but_for_the_bodys_line_end_says_so() {
    // Hashed, since a line end behind a bare body is the same payload as one between it and the key.
    let made_by = recipe("md5", "{body|sha1}{key}", "hex");
    for (captured, form) in [
        ([BODY, b"\n".as_slice()].concat(), BodyForm::WithoutLineEnd),
        ([BODY, b"\r\n".as_slice()].concat(), BodyForm::WithoutLineEnd),
    ] {
        let mut capture = signed(unsigned(), &made_by);
        capture.request.body = captured;
        let found = search(&[Part::Body, Part::Key], &[capture]);
        assert_eq!(found.recipes.as_slice(), std::slice::from_ref(&made_by));
        assert_eq!(found.body, form);
    }
    for (end, form) in [("\n", BodyForm::WithLineFeed), ("\r\n", BodyForm::WithCarriageReturn)] {
        let mut request = unsigned();
        request.body.extend_from_slice(end.as_bytes());
        let mut capture = signed(request, &made_by);
        capture.request.body = BODY.into();
        let found = search(&[Part::Body, Part::Key], &[capture]);
        assert_eq!(found.recipes.as_slice(), std::slice::from_ref(&made_by));
        assert_eq!(found.body, form);
    }
}

#[test]
fn captures_that_no_one_recipe_can_have_made_are_refused() {
    let hex = signed(unsigned(), &recipe("md5", "{body}{key}", "hex"));
    let upper = signed(unsigned(), &recipe("md5", "{body}{key}", "HEX"));
    let longer = signed(unsigned(), &recipe("sha1", "{body}{key}", "hex"));
    let refusal = |captures: &[Capture]| detect(captures, &mut |_| {}).unwrap_err();
    assert_eq!(refusal(&[]), DetectError::NoCapture);
    let mut shapeless = hex.clone();
    shapeless.signature = Signature::parse("abc").unwrap();
    assert_eq!(refusal(&[shapeless]), DetectError::UnknownForm);
    assert_eq!(refusal(&[hex.clone(), upper]), DetectError::DifferentForms);
    assert_eq!(refusal(&[hex, longer]), DetectError::DifferentForms);
}

/// Recipes that the stages promise: any two parts hashed or all alike with a usual text between them, or each
/// part hashed in any way with none.
fn any_promised_recipe() -> impl Strategy<Value = Recipe> {
    let hash = prop::option::of(prop::sample::select(Hash::ALL.to_vec()));
    let parts = prop::sample::subsequence(Part::ALL.to_vec(), 1..=4).prop_shuffle();
    let joins: Vec<_> = STAGES[3].joins.iter().map(|set| set[0]).collect();
    (
        prop::sample::select(Algorithm::ALL.to_vec()),
        prop::sample::select(Encoding::ALL.to_vec()),
        parts,
        prop::collection::vec(hash, 4),
        prop::sample::select(joins),
    )
        .prop_map(|(algorithm, encoding, parts, hashes, join)| {
            let kept = if join.is_empty() { 4 } else { 2 };
            let pieces: Vec<_> = parts
                .iter()
                .zip(hashes)
                .enumerate()
                .flat_map(|(index, (&part, hash))| {
                    let text = (index > 0 && !join.is_empty()).then(|| Piece::Literal(join.into()));
                    let hash = hash.filter(|_| index < kept);
                    [text, Some(Piece::Part(part, hash))]
                })
                .flatten()
                .collect();
            Recipe { algorithm, payload: Payload::try_new(pieces).unwrap(), encoding }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_sign_makes_detect_finds(recipe in any_promised_recipe()) {
        let capture = signed(unsigned(), &recipe);
        // The parts of the recipe only, since an unoptimised build takes minutes for all seven.
        let parts: Vec<_> = recipe
            .payload
            .pieces()
            .iter()
            .filter_map(|piece| match piece {
                Piece::Part(part, _) => Some(*part),
                Piece::Literal(_) => None,
            })
            .collect();
        let found = search(&parts, &[capture]);
        prop_assert!(found.recipes.contains(&recipe), "{:?}", found.recipes);
    }
}
