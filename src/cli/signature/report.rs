//! What `signature detect` prints.

use std::io::{self, Write};

use crate::ozeki::signature::detect::{BodyForm, Capture, Detection, Request};
use crate::ozeki::signature::{Algorithm, Part, Piece, Recipe};

/// Writes what the search found, ready to paste.
pub(super) fn write(
    detection: &Detection,
    captures: &[Capture],
    output: &mut dyn Write,
) -> io::Result<()> {
    match detection.recipes.as_slice() {
        [] => none(detection, captures, output),
        [recipe] => {
            writeln!(output, "One recipe fits: {}.", sentence(recipe))?;
            body_form(detection.body, output)?;
            settings(recipe, output)?;
            cautions(recipe, output)
        }
        recipes => several(recipes, detection, captures, output),
    }
}

fn sentence(recipe: &Recipe) -> String {
    let payload = recipe.payload.to_string();
    format!("{} of {}, written in {}", recipe.algorithm, payload.escape_debug(), recipe.encoding)
}

fn flags(recipe: &Recipe) -> String {
    format!(
        "--signature-algorithm {} --signature-payload {} --signature-encoding {}",
        recipe.algorithm,
        shell_quoted(&recipe.payload.to_string()),
        recipe.encoding
    )
}

fn settings(recipe: &Recipe, output: &mut dyn Write) -> io::Result<()> {
    let payload = recipe.payload.to_string();
    let (algorithm, encoding) = (recipe.algorithm, recipe.encoding);
    writeln!(output, "\nFlags:\n{}", flags(recipe))?;
    writeln!(
        output,
        "\nEnvironment variables:\nOZEKI_GRAPHQL_SIGNATURE_ALGORITHM={algorithm}\n\
         OZEKI_GRAPHQL_SIGNATURE_PAYLOAD={}\nOZEKI_GRAPHQL_SIGNATURE_ENCODING={encoding}",
        shell_quoted(&payload)
    )?;
    writeln!(
        output,
        "\nConfiguration file:\nsignature_algorithm = \"{algorithm}\"\nsignature_payload = {}\n\
         signature_encoding = \"{encoding}\"",
        toml_quoted(&payload)
    )
}

/// What the recipe leaves open to others.
fn cautions(recipe: &Recipe, output: &mut dyn Write) -> io::Result<()> {
    let names = |part: Part| {
        let is_it = |piece: &Piece| matches!(piece, Piece::Part(other, _) if *other == part);
        recipe.payload.pieces().iter().any(is_it)
    };
    let is_keyed = matches!(recipe.algorithm, Algorithm::Hmac(_)) || names(Part::Key);
    if !is_keyed {
        writeln!(
            output,
            "\nThe key is no part of it: this is a plain checksum, which anybody can make."
        )?;
    }
    let is_covered = |part: Part| {
        // The body holds both members in every documented call that is signed.
        let is_in_body = matches!(part, Part::Action | Part::Timestamp) && names(Part::Body);
        part == Part::Key || names(part) || is_in_body
    };
    let open: Vec<_> =
        Part::ALL.into_iter().filter(|part| !is_covered(*part)).map(Part::name).collect();
    if !open.is_empty() {
        writeln!(output, "\nNot covered by the signature: {}.", open.join(", "))?;
    }
    if !names(Part::Body) {
        writeln!(
            output,
            "The signature does not cover the body: whoever sees one can send another body with it."
        )?;
    }
    if !is_covered(Part::Timestamp) {
        writeln!(
            output,
            "The signature does not cover the timestamp: whoever sees one can use it again later."
        )?;
    }
    Ok(())
}

fn several(
    recipes: &[Recipe],
    detection: &Detection,
    captures: &[Capture],
    output: &mut dyn Write,
) -> io::Result<()> {
    let bound = if detection.has_more { "More than " } else { "" };
    writeln!(
        output,
        "{bound}{} recipes fit {}, as happens where parts have equal texts. The plainest first:\n",
        recipes.len(),
        requests(captures)
    )?;
    body_form(detection.body, output)?;
    for recipe in recipes {
        writeln!(output, "{}", flags(recipe))?;
    }
    writeln!(
        output,
        "\nTo tell them apart, capture another request (with another timestamp, action and body) and run again with \
         both:\nozeki-graphql signature detect --capture first.json --capture second.json"
    )
}

fn body_form(form: BodyForm, output: &mut dyn Write) -> io::Result<()> {
    let difference = match form {
        BodyForm::AsCaptured => return Ok(()),
        BodyForm::WithoutLineEnd => "without the line end that the captured body has",
        BodyForm::WithLineFeed => "with a line feed at the end that the captured body lacks",
        BodyForm::WithCarriageReturn => {
            "with a carriage return and a line feed at the end that the captured body lacks"
        }
    };
    writeln!(
        output,
        "It fits if the body is taken {difference}: the capture does not hold the exact bytes."
    )
}

fn none(detection: &Detection, captures: &[Capture], output: &mut dyn Write) -> io::Result<()> {
    writeln!(
        output,
        "No recipe fits {}. Tried {} payloads: every order of user, station, api, action, timestamp, body and key, \
         each as it is or hashed, alone and with usual texts between them, hashed plainly and by HMAC under the key.\n",
        requests(captures),
        detection.payloads_tried
    )?;
    let empty = empty_parts(captures);
    if !empty.is_empty() {
        writeln!(
            output,
            "- {} had no text in the capture, so that a recipe with it could not be seen: give it by flag or member.",
            empty.join(", ")
        )?;
    }
    writeln!(
        output,
        "- Is the body the exact bytes that were sent (blanks, order of members, line end)?\n\
         - Is the key the API key of this user, and not another one or a hash of it?\n\
         - Are user, station, signature and body of the same request?\n\
         - Does the payload have a fixed word? It cannot be guessed: try it with\n  \
         ozeki-graphql signature sign --signature-payload TEMPLATE …"
    )
}

/// The parts without a text in every capture.
fn empty_parts(captures: &[Capture]) -> Vec<&'static str> {
    let is_empty = |part: Part, capture: &Capture| {
        let Request { api, action, timestamp, body, .. } = &capture.request;
        match part {
            Part::Api => api.is_empty(),
            Part::Action => action.is_empty(),
            Part::Timestamp => timestamp.is_empty(),
            Part::Body => body.is_empty(),
            Part::User | Part::Station | Part::Key => false,
        }
    };
    let is_empty_in_all = |part: &Part| captures.iter().all(|capture| is_empty(*part, capture));
    let empty = Part::ALL.into_iter().filter(is_empty_in_all);
    empty.map(Part::name).collect()
}

fn requests(captures: &[Capture]) -> &'static str {
    if captures.len() == 1 { "the captured request" } else { "all the captured requests" }
}

/// Quotes for a POSIX shell; a line end stays one inside the quotes.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Quotes by TOML's rules for a basic string, of which JSON's are a subset.
fn toml_quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ozeki::signature::Signature;
    use crate::ozeki::{ApiKey, StationId, UserId};

    fn capture_without_a_timestamp() -> Capture {
        Capture {
            request: Request {
                user: UserId::from_bytes([1; 16]),
                station: StationId::from_bytes([2; 16]),
                api: "chatfriends".into(),
                action: "list".into(),
                timestamp: String::new(),
                body: b"{}".into(),
                key: ApiKey::parse("secret").unwrap(),
            },
            signature: Signature::parse("9e107d9d372bb6826bd81d3542a419d6").unwrap(),
        }
    }

    fn written(detection: &Detection) -> String {
        let mut output = Vec::new();
        write(detection, &[capture_without_a_timestamp()], &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn where_nothing_fits_it_says_what_was_tried_and_what_to_check() {
        let written = written(&Detection {
            recipes: Vec::new(),
            has_more: false,
            body: BodyForm::AsCaptured,
            payloads_tried: 7,
        });
        insta::assert_snapshot!(written, @r"
        No recipe fits the captured request. Tried 7 payloads: every order of user, station, api, action, timestamp, body and key, each as it is or hashed, alone and with usual texts between them, hashed plainly and by HMAC under the key.

        - timestamp had no text in the capture, so that a recipe with it could not be seen: give it by flag or member.
        - Is the body the exact bytes that were sent (blanks, order of members, line end)?
        - Is the key the API key of this user, and not another one or a hash of it?
        - Are user, station, signature and body of the same request?
        - Does the payload have a fixed word? It cannot be guessed: try it with
          ozeki-graphql signature sign --signature-payload TEMPLATE …
        ");
    }

    #[test]
    fn another_line_end_of_the_body_is_told() {
        let written = written(&Detection {
            recipes: vec![Recipe::default()],
            has_more: false,
            body: BodyForm::WithoutLineEnd,
            payloads_tried: 7,
        });
        let told = "It fits if the body is taken without the line end that the captured body has";
        assert!(written.contains(told), "{written}");
    }

    #[test]
    fn a_payload_is_quoted_for_the_shell_and_for_toml() {
        let text = "{user}'\n\"{key|md5}";
        assert_eq!(shell_quoted(text), "'{user}'\\''\n\"{key|md5}'");
        assert_eq!(toml_quoted(text), r#""{user}'\n\"{key|md5}""#);
        let table: toml::Table = format!("it = {}", toml_quoted(text)).parse().unwrap();
        assert_eq!(table["it"].as_str(), Some(text));
    }
}
