//! `signature detect`: the recipe that made a captured signature.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::request::{Given, Origin, signature};
use super::source::StandardInput;
use super::{Faults, SignatureError, Streams, Verdict, capture_file, flags, report};
use crate::ozeki::signature::detect::{Capture, Stage, detect};

/// Two captures tell all recipes apart but those of equal parts; more are never needed.
const CAPTURES_MAX: usize = 16;

pub(super) fn command() -> Command {
    Command::new("detect")
        .about("Find the recipe that made the signature of a captured request")
        .after_help(
            "A capture file is a JSON object with the members user, station, api, body, signature, key and, where \
             the body does not have them, action and timestamp; all are strings, body the exact bytes.\n\
             Exit status: 0 when a recipe fits (or several do, which the answer says), 1 when none fits, \
             2 when the input is wrong.",
        )
        .args(flags::request_flags())
        .arg(
            Arg::new("signature")
                .long("signature")
                .value_name("TEXT")
                .help("The Ozeki-Signature header")
                .help_heading("Request"),
        )
        .arg(
            Arg::new("capture")
                .long("capture")
                .value_name("FILE")
                .action(ArgAction::Append)
                .help("A capture file, in place of the flags; given several times, the recipe must make all")
                .help_heading("Request"),
        )
}

pub(super) fn run(
    matches: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Verdict, SignatureError> {
    let captures = captures(matches, streams)?;
    let mut written = Ok(());
    let notes = &mut *streams.notes;
    let mut on_stage = |stage: &Stage| {
        if stage.is_long && written.is_ok() {
            written = writeln!(notes, "Nothing fits so far; now trying {} …", stage.title);
        }
    };
    let detection = detect(&captures, &mut on_stage).map_err(|error| {
        let mut faults = Faults::default();
        faults.add("--signature or --capture", error);
        SignatureError::Input(faults)
    })?;
    written?;
    report::write(&detection, &captures, streams.output)?;
    Ok(if detection.recipes.is_empty() { Verdict::NotFound } else { Verdict::Found })
}

fn captures(
    matches: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Vec<Capture>, SignatureError> {
    let mut faults = Faults::default();
    let mut input = StandardInput::new(streams.input);
    let files: Vec<&String> =
        matches.get_many("capture").map(Iterator::collect).unwrap_or_default();
    if files.is_empty() {
        let raw = flags::request(matches, &mut input, streams.notes, &mut faults)?;
        let request = raw.check(Origin::Flags, &mut faults);
        let text = Given::from(flags::text(matches, "signature"));
        let signature = signature(text, Origin::Flags, &mut faults);
        let capture =
            request.zip(signature).map(|(request, signature)| vec![Capture { request, signature }]);
        return faults.into_result(capture);
    }
    let others = flags::given_besides_key(matches);
    for name in others.chain(matches.contains_id("signature").then_some("signature")) {
        faults.add(format_args!("--{name}"), "with --capture, it belongs into the capture file");
    }
    if files.len() > CAPTURES_MAX {
        faults.add("--capture", format_args!("give at most {CAPTURES_MAX}"));
        return faults.into_result(None);
    }
    let key = flags::key(matches, &mut input, streams.notes, &mut faults)?;
    let key = match &key {
        Given::Text(key) => Some(key),
        Given::Not | Given::Unusable => None,
    };
    let captures: Vec<_> = files
        .iter()
        .filter_map(|file| capture_file::read(file, key, &mut input, &mut faults))
        .collect();
    faults.into_result(Some(captures))
}
