//! The one table of settings: flags, variables, keys, help and the README's table all come from it.

mod identity;
mod running;
mod serving;
mod upstream;

use std::time::Duration;

use super::setting::{CommandKind, Setting};

const ALL: &[CommandKind] = &[CommandKind::Serve, CommandKind::Sandbox, CommandKind::Check];
const WITH_REAL_UPSTREAM: &[CommandKind] = &[CommandKind::Serve, CommandKind::Check];
const SANDBOX: &[CommandKind] = &[CommandKind::Sandbox];
const CHECK: &[CommandKind] = &[CommandKind::Check];

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

const ADDRESS: &str = "an IP address and a port";

/// What `session_key` must be; the command makes one.
const SESSION_KEY: &str = "64 hex digits, 32 bytes in base64, or the path of a file that holds either or the 32 bytes themselves (`openssl rand -hex 32` makes one)";

/// Every setting, each declared once, in the order in which they are told.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    let tables: [&[Setting]; 4] =
        [&upstream::SETTINGS, &serving::SETTINGS, &identity::SETTINGS, &running::SETTINGS];
    tables.into_iter().flatten()
}

/// The setting of this name.
pub(super) fn setting(name: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.name == name)
}

/// The settings that `command` takes, in the order of the table.
pub fn settings_for(command: CommandKind) -> impl Iterator<Item = &'static Setting> {
    settings().filter(move |setting| setting.is_for(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_keys_are_the_same_words() {
        for setting in settings() {
            let name = setting.name.replace('_', "-");
            // `check` has one API key to speak of; its variable says whose it is.
            let expected = name.strip_prefix("check-").unwrap_or(&name);
            assert_eq!(setting.flag, expected);
        }
    }

    #[test]
    fn no_name_means_two_settings() {
        for (index, setting) in settings().enumerate() {
            for other in settings().skip(index + 1) {
                assert_ne!(setting.name, other.name);
                assert_ne!(setting.flag, other.flag);
            }
        }
    }
}
