//! Finds every fault of a command line, where the parser would stop at the first.

use std::ffi::OsString;
use std::iter::Peekable;

use clap::{Arg, Command};

use crate::config::Fault;

/// A command line without what is wrong with it.
pub(super) struct Scanned {
    /// The arguments that the parser will take.
    pub(super) kept: Vec<OsString>,
    /// What was wrong with the others. Values are not repeated: they may be secrets.
    pub(super) faults: Vec<Fault>,
}

/// Scans the arguments, the program's name first, for what `root` (already built) does not know.
pub(super) fn scan(root: &Command, arguments: impl IntoIterator<Item = OsString>) -> Scanned {
    let mut scan = Scan {
        command: root,
        positionals: 0,
        arguments: arguments.into_iter().peekable(),
        scanned: Scanned { kept: Vec::new(), faults: Vec::new() },
    };
    scan.scanned.kept.extend(scan.arguments.next());
    while let Some(argument) = scan.arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        if text == "--" || scan.command.get_name() == "help" {
            // What follows is for the parser: no flags, or the names of commands to explain.
            scan.scanned.kept.push(argument);
            let rest = scan.arguments;
            scan.scanned.kept.extend(rest);
            return scan.scanned;
        }
        if text.len() > 1 && text.starts_with('-') {
            scan.flag(argument, &text);
        } else {
            scan.word(argument, &text);
        }
    }
    scan.scanned
}

struct Scan<'a, I: Iterator<Item = OsString>> {
    /// The command that the arguments so far have led to.
    command: &'a Command,
    /// How many words that are no values of flags have followed it.
    positionals: usize,
    arguments: Peekable<I>,
    scanned: Scanned,
}

impl<'a, I: Iterator<Item = OsString>> Scan<'a, I> {
    fn flag(&mut self, argument: OsString, text: &str) {
        let (flag, inline) = match text.split_once('=') {
            Some((flag, _)) => (flag, true),
            None => (text, false),
        };
        let Some(known) = self.known(flag) else {
            let flag = if flag.starts_with("--") {
                flag.to_owned()
            } else {
                flag.chars().take(2).collect()
            };
            let flags = self.command.get_arguments().filter_map(Arg::get_long);
            self.scanned.faults.push(Fault::unknown_flag(&flag, flags));
            if !inline && self.is_value_next(false) && !self.is_command_next() {
                self.arguments.next();
            }
            return;
        };
        let values = known.get_num_args().unwrap_or_default();
        let takes_hyphens = known.is_allow_hyphen_values_set();
        let is_cluster = !flag.starts_with("--") && flag.chars().count() > 2;
        if inline && !is_cluster && !values.takes_values() {
            self.fault(format!("{flag} takes no value"));
        } else if inline || is_cluster || !values.takes_values() {
            self.scanned.kept.push(argument);
        } else if self.is_value_next(takes_hyphens) {
            self.scanned.kept.push(argument);
            self.scanned.kept.extend(self.arguments.next());
        } else if values.min_values() == 0 {
            self.scanned.kept.push(argument);
        } else {
            let name = known.get_value_names().and_then(<[_]>::first);
            let name = name.map_or("VALUE", |name| name.as_str());
            self.fault(format!("{flag} has no value: expected {flag} {name}"));
        }
    }

    fn word(&mut self, argument: OsString, text: &str) {
        if let Some(command) = self.command.find_subcommand(text) {
            self.command = command;
            self.positionals = 0;
            self.scanned.kept.push(argument);
            return;
        }
        self.positionals += 1;
        let has_place = self.command.has_subcommands()
            || self.positionals <= self.command.get_positionals().count();
        if has_place {
            self.scanned.kept.push(argument);
        } else {
            let (name, length) = (self.command.get_name(), text.chars().count());
            self.fault(format!(
                "unexpected argument of {length} characters after {name}: it belongs to no flag"
            ));
        }
    }

    fn fault(&mut self, sentence: String) {
        self.scanned.faults.push(Fault::new(sentence));
    }

    /// The argument of the command that `flag`, with its dashes, names.
    fn known(&self, flag: &str) -> Option<&'a Arg> {
        let mut arguments = self.command.get_arguments();
        if let Some(long) = flag.strip_prefix("--") {
            return arguments.find(|argument| {
                let aliases = argument.get_all_aliases().unwrap_or_default();
                argument.get_long() == Some(long) || aliases.contains(&long)
            });
        }
        let short = flag.chars().nth(1)?;
        arguments.find(|argument| argument.get_short() == Some(short))
    }

    /// Whether a value, rather than a flag, comes next; `-` alone is one.
    fn is_value_next(&mut self, takes_hyphens: bool) -> bool {
        self.arguments.peek().is_some_and(|next| {
            let next = next.to_string_lossy();
            takes_hyphens || next == "-" || !next.starts_with('-')
        })
    }

    fn is_command_next(&mut self) -> bool {
        let next = self.arguments.peek();
        next.is_some_and(|next| {
            let name = next.to_string_lossy();
            self.command.find_subcommand(&*name).is_some()
        })
    }
}
