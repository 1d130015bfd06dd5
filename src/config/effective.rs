//! The configuration that counts, for people: `serve --print-config`.

use std::fmt::{self, Write};

use super::setting::{Form, Setting};
use super::sources::{Given, Origin};
use super::upstream::{UpstreamUrl, without_user_info};
use crate::graphql::OperationLimits;

/// One setting as it counts, with secrets already masked.
#[derive(Clone, Debug)]
pub(super) struct Effective {
    setting: &'static Setting,
    /// The text, fit to print, and where it came from.
    shown: Option<(String, Origin)>,
}

impl Effective {
    pub(super) fn new(setting: &'static Setting, given: Option<&Given>) -> Self {
        let shown = given.map(|given| {
            let text = match setting.form {
                Form::Secret(_) => "(set)".to_owned(),
                Form::Url(_) => UpstreamUrl::parse(&given.text)
                    .map_or_else(|_| without_user_info(&given.text), |url| url.to_string()),
                // All of them, also those that are not named.
                Form::Limits => OperationLimits::parse(&given.text)
                    .map_or_else(|_| given.text.clone(), |limits| limits.to_string()),
                Form::Switch
                | Form::Duration(_)
                | Form::Size(_)
                | Form::Count(_)
                | Form::Choice(_)
                | Form::Text(_) => given.text.clone(),
            };
            (text, given.origin.clone())
        });
        Self { setting, shown }
    }
}

impl fmt::Display for Effective {
    /// Writes the line of a TOML file that sets it, or a comment where nothing does.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.setting.name;
        match &self.shown {
            None => write!(formatter, "# {name} is not set"),
            Some((text, origin)) => {
                // The file cannot name itself.
                let comment = if self.setting.key().is_none() { "# " } else { "" };
                write!(formatter, "{comment}{name} = {} # {origin}", toml_string(text))
            }
        }
    }
}

/// Writes a basic string of TOML.
fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => write!(quoted, "\\u{:04X}", u32::from(c))
                .expect("a String takes all that is written to it"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_as_a_string_of_toml() {
        proptest::proptest!(|(text in "\\PC*|[\\x00-\\x7f]*")| {
            let table: toml::Table = toml::from_str(&format!("it = {}", toml_string(&text))).unwrap();
            proptest::prop_assert_eq!(table["it"].as_str(), Some(&*text));
        });
    }
}
