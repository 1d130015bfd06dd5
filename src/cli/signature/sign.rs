//! `signature sign`: the payload and the signature that a recipe makes.

use std::fmt::{Display, Write as _};
use std::io;
use std::str::FromStr;

use clap::{Arg, ArgAction, ArgMatches, Command};
use zeroize::Zeroizing;

use super::request::Origin;
use super::source::StandardInput;
use super::{Faults, SignatureError, Streams, Verdict, flags};
use crate::config::{VARIABLE_PREFIX, Variables};
use crate::ozeki::signature::detect::Request;
use crate::ozeki::signature::{Hash, Part, Payload, Piece, Recipe};

const ALGORITHM: &str = "signature-algorithm";
const PAYLOAD: &str = "signature-payload";
const ENCODING: &str = "signature-encoding";

pub(super) fn command() -> Command {
    Command::new("sign")
        .about("Show the payload and the signature that a recipe makes for a request")
        .args(flags::request_flags())
        .args(recipe_flags())
        .arg(
            Arg::new("show-secrets")
                .long("show-secrets")
                .action(ArgAction::SetTrue)
                .help("Show the API key where it stands in the payload"),
        )
}

fn recipe_flags() -> [Arg; 3] {
    let flag = |name: &'static str, value: &'static str, help: String| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .allow_hyphen_values(true)
            .help(format!("{help}; variable: {}]", variable_of(name)))
            .help_heading("Recipe")
    };
    let default = Recipe::default();
    [
        flag(
            ALGORITHM,
            "NAME",
            format!(
                "md5, sha1, sha256, hmac-md5, hmac-sha1 or hmac-sha256 [default: {}",
                default.algorithm
            ),
        ),
        flag(
            PAYLOAD,
            "TEMPLATE",
            format!(
                "Text with {{user}} {{station}} {{api}} {{action}} {{timestamp}} {{body}} {{key}}, each optionally \
                 hashed as in {{key|md5}} [default: {}",
                default.payload
            ),
        ),
        flag(ENCODING, "NAME", format!("hex, HEX or base64 [default: {}", default.encoding)),
    ]
}

pub(super) fn run(
    matches: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Verdict, SignatureError> {
    let mut faults = Faults::default();
    let recipe = recipe(matches, streams.variables, &mut faults);
    let mut input = StandardInput::new(streams.input);
    let raw = flags::request(matches, &mut input, streams.notes, &mut faults)?;
    let request = raw.check(Origin::Flags, &mut faults);
    let (recipe, request) = faults.into_result(recipe.zip(request))?;
    let secrets = if matches.get_flag("show-secrets") { Secrets::Shown } else { Secrets::Masked };
    write_answer(&recipe, &request, secrets, streams.output)?;
    Ok(Verdict::Found)
}

/// Takes the recipe from flags, then from the variables that set it for the gateway, then from the default.
fn recipe(matches: &ArgMatches, variables: &Variables, faults: &mut Faults) -> Option<Recipe> {
    let default = Recipe::default();
    let algorithm = part(matches, variables, ALGORITHM, default.algorithm, faults);
    let payload = part(matches, variables, PAYLOAD, default.payload, faults);
    let encoding = part(matches, variables, ENCODING, default.encoding, faults);
    Some(Recipe { algorithm: algorithm?, payload: payload?, encoding: encoding? })
}

/// Reads one part of the recipe; `None` when there is a fault.
fn part<T: FromStr<Err: Display>>(
    matches: &ArgMatches,
    variables: &Variables,
    flag: &str,
    default: T,
    faults: &mut Faults,
) -> Option<T> {
    let variable = variable_of(flag);
    let given = match (flags::text(matches, flag), variables.value(&variable)) {
        (Some(text), _) => Some((format!("--{flag}"), Some(text))),
        (None, Some(value)) => Some((variable, value.to_str().map(str::to_owned))),
        (None, None) => None,
    };
    let Some((place, text)) = given else {
        return Some(default);
    };
    let Some(text) = text else {
        faults.add(place, "bytes that are no UTF-8");
        return None;
    };
    text.parse().map_err(|error| faults.add(place, error)).ok()
}

/// The variable of the setting that has the same flag.
fn variable_of(flag: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", flag.replace('-', "_").to_ascii_uppercase())
}

#[derive(Clone, Copy)]
enum Secrets {
    Masked,
    Shown,
}

fn write_answer(
    recipe: &Recipe,
    request: &Request,
    secrets: Secrets,
    output: &mut dyn io::Write,
) -> io::Result<()> {
    let payload = match secrets {
        Secrets::Shown => {
            Zeroizing::new(String::from_utf8_lossy(&recipe.payload_of(&request.parts())).into())
        }
        Secrets::Masked => masked(&recipe.payload, request),
    };
    writeln!(output, "payload:   {}", one_line(&payload).as_str())?;
    let signature = recipe.sign(&request.parts());
    writeln!(output, "signature: {}", signature.expose())
}

/// The payload with a marker where the key stands, also where it stands inside another part.
fn masked(payload: &Payload, request: &Request) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for piece in payload.pieces() {
        match piece {
            Piece::Part(Part::Key, hash) => text.push_str(&marker(*hash)),
            Piece::Part(..) | Piece::Literal(_) => {
                text.push_str(&shown_without_key(piece, request));
            }
        }
    }
    text
}

fn marker(hash: Option<Hash>) -> String {
    hash.map_or_else(|| "…key…".into(), |hash| format!("…key|{}…", hash.name()))
}

/// A body can hold the key too, as that of a login does.
fn shown_without_key(piece: &Piece, request: &Request) -> String {
    let bytes = match piece {
        Piece::Literal(text) => Zeroizing::new(text.as_bytes().to_vec()),
        Piece::Part(..) => {
            let payload = Payload::try_new(vec![piece.clone()]).expect("one part is a template");
            let recipe = Recipe { payload, ..Recipe::default() };
            recipe.payload_of(&request.parts())
        }
    };
    String::from_utf8_lossy(&bytes).replace(request.key.expose(), &marker(None))
}

/// Escapes control characters, so that the payload stays on its line and cannot steer a terminal.
fn one_line(text: &str) -> Zeroizing<String> {
    // Each character becomes at most `\u{10ffff}`, so that no copy with the key is left behind by growing.
    let mut line = Zeroizing::new(String::with_capacity(10 * text.len()));
    for character in text.chars() {
        if character.is_control() {
            write!(line, "{}", character.escape_default())
                .expect("a String takes all that is written to it");
        } else {
            line.push(character);
        }
    }
    line
}
