//! What the command line says, before it is weighed against the other sources.

use std::collections::BTreeMap;
use std::fmt;

use super::fault::Fault;
use super::setting::Setting;

/// The texts that flags gave to settings, and what was wrong with the command line; the texts do not print.
#[derive(Clone, Default)]
pub struct Flags {
    texts: BTreeMap<&'static str, String>,
    faults: Vec<Fault>,
}

impl Flags {
    /// Takes the text that `setting` was given.
    pub fn set(&mut self, setting: &'static Setting, text: impl Into<String>) {
        self.texts.insert(setting.name, text.into());
    }

    /// Takes a fault of the command line, to be told together with those of the other sources.
    pub fn add_fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn text(&self, setting: &Setting) -> Option<&str> {
        self.texts.get(setting.name).map(String::as_str)
    }

    pub(super) fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Flags")
            .field("set", &self.texts.keys())
            .field("faults", &self.faults)
            .finish()
    }
}
