//! `signature sign` and `signature detect`: recipes for the `Ozeki-Signature` header.

mod capture_file;
mod detect;
mod flags;
mod report;
mod request;
mod sign;
mod source;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;

use clap::{ArgMatches, Command};

use crate::config::Variables;

/// What a command reads and writes.
pub struct Streams<'a> {
    /// Standard input, for `--body-file -` and `--key-file -`.
    pub input: &'a mut dyn io::Read,
    /// Standard output: the answer.
    pub output: &'a mut dyn io::Write,
    /// Standard error: warnings and progress.
    pub notes: &'a mut dyn io::Write,
    /// The environment, which may set the recipe.
    pub variables: &'a Variables,
}

/// How a command that ran to its end ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has an answer: exit status 0.
    Found,
    /// No recipe fits: exit status 1.
    NotFound,
}

/// Why a command gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The input is wrong: exit status 2. Holds every fault.
    #[error("{0}")]
    Input(Faults),
    /// The output could not be written.
    #[error("could not write the answer")]
    Output(#[from] io::Error),
}

/// All that is wrong with the input, one sentence each; no sentence repeats a secret.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, place: impl fmt::Display, fault: impl fmt::Display) {
        self.0.push(format!("{place}: {fault}"));
    }

    fn into_result<T>(self, value: Option<T>) -> Result<T, SignatureError> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => Err(SignatureError::Input(self)),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

/// The command line of `signature`.
pub fn command() -> Command {
    Command::new("signature")
        .about("Sign a request by a recipe, or find the recipe of a captured request")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(sign::command())
        .subcommand(detect::command())
}

/// Runs `signature sign` or `signature detect`.
///
/// # Errors
///
/// [`SignatureError::Input`] with every fault of the input; [`SignatureError::Output`] when writing fails.
pub fn run(matches: &ArgMatches, streams: &mut Streams<'_>) -> Result<Verdict, SignatureError> {
    match matches.subcommand() {
        Some(("sign", matches)) => sign::run(matches, streams),
        Some(("detect", matches)) => detect::run(matches, streams),
        Some(_) | None => {
            let mut faults = Faults::default();
            faults.add("signature", "give sign or detect");
            Err(SignatureError::Input(faults))
        }
    }
}
