//! The flags that describe a request.

use std::io;

use clap::{Arg, ArgMatches};
use zeroize::Zeroizing;

use super::Faults;
use super::request::{BODY_MAX_BYTES, Given, RawRequest};
use super::source::StandardInput;

/// The longest API key, with line ends around it.
const KEY_FILE_MAX_BYTES: u64 = 4096;

/// The flags that describe a request, but for its key.
const REQUEST: [(&str, &str, &str); 7] = [
    ("user", "ID|EMAIL", "The caller: the Ozeki-User header, or the e-mail address it is made of"),
    ("station", "ID", "The Ozeki-Station header"),
    ("api", "NAME", "The api of the query string, such as chatconversation"),
    ("action", "NAME", "The action [default: the body's member]"),
    ("timestamp", "TEXT", "The timestamp [default: the body's member]"),
    ("body", "TEXT", "The exact body"),
    ("body-file", "FILE", "A file with the exact bytes of the body; - reads standard input"),
];

const KEY: [(&str, &str, &str); 2] = [
    ("key", "KEY", "The API key; process lists show it, so prefer --key-file"),
    ("key-file", "FILE", "A file with the API key; - reads standard input"),
];

/// The flags of a request.
pub(super) fn request_flags() -> impl Iterator<Item = Arg> {
    REQUEST.into_iter().chain(KEY).map(|(name, value, help)| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .allow_hyphen_values(matches!(name, "body" | "key" | "body-file" | "key-file"))
            .help(help)
            .help_heading("Request")
    })
}

/// The names of the request's flags that are given, but for the key's.
pub(super) fn given_besides_key(matches: &ArgMatches) -> impl Iterator<Item = &'static str> {
    REQUEST.iter().map(|(name, _, _)| *name).filter(|name| matches.contains_id(name))
}

/// The text of a flag.
pub(super) fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}

/// Takes a request from flags.
pub(super) fn request(
    matches: &ArgMatches,
    input: &mut StandardInput<'_>,
    notes: &mut dyn io::Write,
    faults: &mut Faults,
) -> Result<RawRequest, io::Error> {
    Ok(RawRequest {
        user: text(matches, "user").into(),
        station: text(matches, "station").into(),
        api: text(matches, "api").into(),
        action: text(matches, "action").into(),
        timestamp: text(matches, "timestamp").into(),
        body: body(matches, input, faults),
        key: key(matches, input, notes, faults)?,
    })
}

fn body(
    matches: &ArgMatches,
    input: &mut StandardInput<'_>,
    faults: &mut Faults,
) -> Given<Vec<u8>> {
    match (text(matches, "body"), text(matches, "body-file")) {
        (body, None) => body.map(String::into_bytes).into(),
        (None, Some(file)) => {
            let body = input.read_file(&file, "--body-file", BODY_MAX_BYTES, faults);
            Given::from_readable(body.map(|bytes| bytes.to_vec()))
        }
        (Some(_), Some(_)) => {
            faults.add("--body and --body-file", "give only one of them");
            Given::Unusable
        }
    }
}

/// Takes the key from its flags; a literal one is warned of.
pub(super) fn key(
    matches: &ArgMatches,
    input: &mut StandardInput<'_>,
    notes: &mut dyn io::Write,
    faults: &mut Faults,
) -> Result<Given<Zeroizing<String>>, io::Error> {
    let literal = text(matches, "key").map(Zeroizing::new);
    if literal.is_some() {
        writeln!(
            notes,
            "warning: --key shows the API key in process lists and in the shell's history; prefer --key-file FILE \
             or --key-file -"
        )?;
    }
    Ok(match (literal, text(matches, "key-file")) {
        (literal, None) => literal.into(),
        (None, Some(file)) => {
            let bytes = input.read_file(&file, "--key-file", KEY_FILE_MAX_BYTES, faults);
            let key = bytes.and_then(|bytes| {
                let text = std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned()));
                text.map_err(|_| faults.add("--key-file", "the file is no text")).ok()
            });
            Given::from_readable(key)
        }
        (Some(_), Some(_)) => {
            faults.add("--key and --key-file", "give only one of them");
            Given::Unusable
        }
    })
}
