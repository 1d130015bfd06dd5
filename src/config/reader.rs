//! Reads texts as values, and gathers what is wrong with them.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::effective::Effective;
use super::fault::{Fault, quoted};
use super::quantity::{InvalidQuantity, parse_duration, parse_size};
use super::setting::{CommandKind, Form, Setting};
use super::sources::{Given, Origin, Sources};
use super::table::{setting, settings_for};
use super::upstream::without_user_info;

/// Hands out the settings of one command as values; every fault is kept until [`finish`](Self::finish).
///
/// A method answers `None` where it found a fault, or where an optional setting is not set.
pub(super) struct Reader {
    command: CommandKind,
    sources: Sources,
    faults: Vec<Fault>,
    warnings: Vec<String>,
}

/// What a text was not: the words after "expected".
pub(super) type Expected = String;

/// An optional setting was set wrongly; the reader keeps the fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused;

impl Reader {
    pub(super) fn new(command: CommandKind, sources: Sources) -> Self {
        Self { command, sources, faults: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn command(&self) -> CommandKind {
        self.command
    }

    /// Reads a setting by a parser of its own.
    pub(super) fn parse<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        let setting = declared(name);
        let given = self.sources.given(setting)?;
        match parse(&given.text) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.refuse(setting, &shown(setting, &given.text), &given.origin, &expected);
                None
            }
        }
    }

    /// Reads a setting that need not be set.
    pub(super) fn parse_optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Result<Option<T>, Refused> {
        if self.sources.given(declared(name)).is_none() {
            return Ok(None);
        }
        self.parse(name, parse).map(Some).ok_or(Refused)
    }

    /// Reads a setting that has no default and that the command cannot do without.
    pub(super) fn require<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        let setting = declared(name);
        if self.sources.given(setting).is_none() {
            self.faults.push(Fault::missing(setting));
        }
        self.parse(name, parse)
    }

    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        let form = &declared(name).form;
        self.parse(name, |text| match text.to_ascii_lowercase().as_str() {
            "on" | "true" | "1" => Ok(true),
            "off" | "false" | "0" => Ok(false),
            _ => Err(form.to_string()),
        })
    }

    pub(super) fn duration(&mut self, name: &str) -> Option<Duration> {
        let form = &declared(name).form;
        let Form::Duration(limits) = form else {
            unreachable!("the table declares {name} as {form}");
        };
        self.parse(name, |text| match parse_duration(text) {
            Ok(duration) if limits.contains(&duration) => Ok(duration),
            Err(InvalidQuantity::NoUnit) => {
                Err(format!("{form}: add a unit, as in {}s", text.trim()))
            }
            Ok(_) | Err(InvalidQuantity::Malformed) => Err(form.to_string()),
        })
    }

    pub(super) fn size(&mut self, name: &str) -> Option<u64> {
        let form = &declared(name).form;
        let Form::Size(limits) = form else {
            unreachable!("the table declares {name} as {form}");
        };
        self.parse(name, |text| {
            parse_size(text)
                .ok()
                .filter(|size| limits.contains(size))
                .ok_or_else(|| format!("{form}, such as 8MiB"))
        })
    }

    /// Reads a size of something that is held in memory.
    pub(super) fn memory_size(&mut self, name: &str) -> Option<usize> {
        let size = self.size(name)?;
        Some(usize::try_from(size).unwrap_or(usize::MAX))
    }

    pub(super) fn count(&mut self, name: &str) -> Option<NonZeroUsize> {
        let form = &declared(name).form;
        let Form::Count(limits) = form else {
            unreachable!("the table declares {name} as {form}");
        };
        self.parse(name, |text| {
            text.trim()
                .parse()
                .ok()
                .filter(|count| limits.contains(count))
                .and_then(|count| NonZeroUsize::new(usize::try_from(count).ok()?))
                .ok_or_else(|| form.to_string())
        })
    }

    /// The text of a secret, for a reader that knows how to speak of it.
    pub(super) fn secret(&mut self, name: &str) -> Option<Given> {
        self.sources.given(declared(name))
    }

    /// Takes the fault of a setting whose text is `found`.
    pub(super) fn refuse_as(&mut self, name: &str, found: &str, origin: &Origin) {
        let setting = declared(name);
        self.refuse(setting, found, origin, &setting.form.to_string());
    }

    pub(super) fn add_fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn warn(&mut self, sentence: impl Into<String>) {
        self.warnings.push(sentence.into());
    }

    /// Ends the reading: what counts and what to warn of, or all that is wrong.
    pub(super) fn finish(self) -> Result<(Vec<Effective>, Vec<String>), Vec<Fault>> {
        let effective = settings_for(self.command)
            .map(|setting| {
                let given = self.sources.given(setting);
                Effective::new(setting, given.as_ref())
            })
            .collect();
        let mut faults = self.sources.into_faults();
        faults.extend(self.faults);
        if faults.is_empty() { Ok((effective, self.warnings)) } else { Err(faults) }
    }

    fn refuse(&mut self, setting: &Setting, found: &str, origin: &Origin, expected: &str) {
        let fault = Fault::invalid(setting, found, &origin.to_string(), expected);
        self.faults.push(fault);
    }
}

fn declared(name: &str) -> &'static Setting {
    setting(name).expect("the concerns name only settings of the table")
}

/// What was found, without what must not be seen.
fn shown(setting: &Setting, text: &str) -> String {
    match setting.form {
        Form::Secret(_) => "a text".to_owned(),
        _ if text.is_empty() => "nothing".to_owned(),
        Form::Url(_) => quoted(&without_user_info(text)),
        Form::Switch
        | Form::Duration(_)
        | Form::Size(_)
        | Form::Count(_)
        | Form::Choice(_)
        | Form::Limits
        | Form::Text(_) => quoted(text),
    }
}
