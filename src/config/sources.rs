//! The sources of settings and their order: defaults, file, variables, flags; the last one wins.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::fault::{Fault, quoted};
use super::file;
use super::flags::Flags;
use super::setting::{CONFIG, CommandKind, Setting};
use super::table::{setting, settings};
use super::variables::Variables;

/// Where a text came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    /// A key, as the file has it, and the file.
    Key(String, PathBuf),
    Variable(String),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("the default"),
            Self::Key(key, file) => {
                let (key, file) = (quoted(key), quoted(&file.to_string_lossy()));
                write!(formatter, "key {key} of {file}")
            }
            Self::Variable(variable) => write!(formatter, "variable {variable}"),
            Self::Flag(flag) => write!(formatter, "flag --{flag}"),
        }
    }
}

/// A text and where it came from.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// What all sources together say about each setting of a command; the first to give one is the one that counts.
pub(super) struct Sources {
    command: CommandKind,
    given: BTreeMap<&'static str, Given>,
    faults: Vec<Fault>,
}

impl Sources {
    /// Gathers the sources, with the faults that can be seen before values are read.
    pub(super) fn gather(command: CommandKind, flags: &Flags, variables: &Variables) -> Self {
        let mut sources = Self { command, given: BTreeMap::new(), faults: flags.faults().to_vec() };
        for setting in settings() {
            if let Some(text) = flags.text(setting) {
                sources.add(setting, text.to_owned(), Origin::Flag(setting.flag));
            }
        }
        sources.add_variables(variables);
        if let Some(path) = sources.given.get(CONFIG).map(|given| given.text.clone()) {
            sources.add_file(Path::new(&path));
        }
        sources
    }

    /// The text that counts, if any source or the default gives one.
    pub(super) fn given(&self, setting: &Setting) -> Option<Given> {
        self.given.get(setting.name).cloned().or_else(|| {
            let text = setting.default_for(self.command)?.to_owned();
            let origin = Origin::Default;
            Some(Given { text, origin })
        })
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    fn add(&mut self, setting: &'static Setting, text: String, origin: Origin) {
        if setting.is_for(self.command) {
            self.given.entry(setting.name).or_insert(Given { text, origin });
        } else {
            let fault = Fault::of_other_command(setting, &origin.to_string(), self.command);
            self.faults.push(fault);
        }
    }

    fn add_variables(&mut self, variables: &Variables) {
        for (variable, value) in variables.iter() {
            let Some(setting) = settings().find(|it| it.variable() == variable) else {
                self.faults.push(Fault::unknown_variable(variable, self.command));
                continue;
            };
            let origin = Origin::Variable(variable.to_owned());
            match value.to_str() {
                Some(text) => self.add(setting, text.to_owned(), origin),
                None => self.refuse(setting, "bytes that are no UTF-8", &origin),
            }
        }
    }

    fn add_file(&mut self, path: &Path) {
        let entries = file::read(path).unwrap_or_else(|fault| {
            self.faults.push(fault);
            Vec::new()
        });
        let mut seen: BTreeMap<&'static str, String> = BTreeMap::new();
        for entry in entries {
            let Some(setting) = setting(&entry.name).filter(|it| it.key().is_some()) else {
                let fault = Fault::unknown_key(&entry.key, &entry.name, path, self.command);
                self.faults.push(fault);
                continue;
            };
            let origin = Origin::Key(entry.key.clone(), path.to_owned());
            if let Some(other) = seen.insert(setting.name, entry.key) {
                let found = format!("it a second time, after key {},", quoted(&other));
                self.refuse(setting, &found, &origin);
                continue;
            }
            match entry.value {
                Ok(text) => self.add(setting, text, origin),
                Err(kind) => self.refuse(setting, kind, &origin),
            }
        }
    }

    fn refuse(&mut self, setting: &Setting, found: &str, origin: &Origin) {
        let expected = setting.form.to_string();
        let fault = Fault::invalid(setting, found, &origin.to_string(), &expected);
        self.faults.push(fault);
    }
}
