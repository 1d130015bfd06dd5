//! Reads the project's files, and the paths that its Rust code names.
//!
//! The code is read by lines, as rustfmt lays them out (the whole check asks rustfmt first): an item ends with a line
//! at its own indentation.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what tools made, and Git's own: nothing in them is part of the project.
const NOT_OURS: [&str; 5] = [".git", "target", "node_modules", "dist", "artifacts"];

/// A file that Cargo leaves in its target directory, whatever that is called.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the project.
pub(crate) fn text_of(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file of the project below `folder`, as paths below the project's folder, in order.
pub(crate) fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder can be read to its end").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if NOT_OURS.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            if !path.join(CACHE_MARK).exists() {
                collect(&path, files);
            }
        } else if let Ok(path) = path.strip_prefix(root()) {
            files.push(path.to_owned());
        }
    }
}

/// A Rust file without comments and without what is compiled for tests only.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path below the project's folder.
    pub(crate) path: PathBuf,
    code: Vec<String>,
    /// Lines of the file, comments counted, tests not.
    pub(crate) length: usize,
}

/// Every Rust file of `src/` that is compiled into the program.
pub(crate) fn sources() -> Vec<Source> {
    let mut tests = BTreeSet::new();
    let mut sources = Vec::new();
    for path in files_below("src") {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let (source, test_modules) = Source::read(path);
            tests.extend(test_modules);
            sources.push(source);
        }
    }
    assert!(!tests.is_empty(), "the modules of tests are found");
    sources.retain(|source| !tests.iter().any(|test| source.path.starts_with(test)));
    sources
}

impl Source {
    /// Reads a file; returns beside it where the modules lie that it declares for tests only.
    fn read(path: PathBuf) -> (Self, Vec<PathBuf>) {
        let text = text_of(&path);
        let mut test_modules = Vec::new();
        let mut kept = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim() != "#[cfg(test)]" {
                kept.push(line);
                continue;
            }
            let item = skip_item(&mut lines, indentation(line));
            if let Some(name) = item.trim().strip_prefix("mod ").and_then(|it| it.strip_suffix(';'))
            {
                let folder = module_folder(&path);
                test_modules.extend([folder.join(name), folder.join(format!("{name}.rs"))]);
            }
        }
        let length = kept.len();
        let code = kept.into_iter().map(without_comment).collect();
        (Self { path, code, length }, test_modules)
    }

    /// The module directly below the crate that the file belongs to, such as `graphql`; `lib` and `main` are themselves.
    pub(crate) fn module(&self) -> String {
        self.modules().into_iter().next().unwrap_or_default()
    }

    /// The modules from the crate down to this file.
    fn modules(&self) -> Vec<String> {
        let below = self.path.strip_prefix("src").unwrap_or(&self.path).with_extension("");
        let names = below.iter().map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name != "mod").collect()
    }

    /// The paths that begin with `first`, such as `crate::ozeki::Client`; a `use` of several counts as several.
    pub(crate) fn paths_from(&self, first: &str) -> Vec<String> {
        let text = self.code.join("\n");
        let mut paths = Vec::new();
        for (at, _) in text.match_indices(first) {
            let is_word = |character: char| character.is_alphanumeric() || character == '_';
            let begins = !text[..at].ends_with(|c: char| is_word(c) || c == ':' || c == '$');
            if let Some(rest) = text[at + first.len()..].strip_prefix("::")
                && begins
            {
                expand(first, rest, &mut paths);
            }
        }
        paths
    }

    /// The modules below the crate that are named by `super::` from here.
    pub(crate) fn climbed_to(&self) -> Vec<String> {
        let depth = self.modules().len();
        let paths = self.paths_from("super").into_iter();
        let climbed = paths.filter_map(|path| {
            let names: Vec<_> = path.split("::").collect();
            let steps = names.iter().take_while(|name| **name == "super").count();
            let name = names.get(steps).filter(|_| steps >= depth);
            name.map(|name| (*name).to_owned())
        });
        climbed.collect()
    }
}

/// Skips an item with its attributes, and returns the line that it begins with.
fn skip_item<'a>(lines: &mut impl Iterator<Item = &'a str>, indentation: usize) -> &'a str {
    let is_attribute = |line: &&str| line.trim_start().starts_with("#[");
    let mut first = None;
    for line in lines.by_ref() {
        if first.is_none() && is_attribute(&line) && line.trim_end().ends_with(']') {
            continue;
        }
        let begins = *first.get_or_insert(line);
        let ends_here = line.ends_with(';') || line.ends_with('}');
        if ends_here && self::indentation(line) == indentation {
            return begins;
        }
    }
    first.unwrap_or_default()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Cuts a comment off; `//` within a text is none.
fn without_comment(line: &str) -> String {
    let mut comments = line.match_indices("//");
    let comment = comments.find(|(at, _)| line[..*at].matches('"').count().is_multiple_of(2));
    comment.map_or(line, |(at, _)| &line[..at]).to_owned()
}

/// Where the submodules of a file lie.
fn module_folder(path: &Path) -> PathBuf {
    if path.ends_with("mod.rs") || path == Path::new("src/lib.rs") {
        path.parent().unwrap_or(path).to_owned()
    } else {
        path.with_extension("")
    }
}

/// Adds the paths that `rest`, what follows `prefix::`, begins with.
fn expand(prefix: &str, rest: &str, paths: &mut Vec<String>) {
    let Some(group) = rest.strip_prefix('{') else {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let name = if rest.starts_with('*') { "*" } else { &rest[..end] };
        let path = format!("{prefix}::{name}");
        match rest[end..].strip_prefix("::") {
            Some(below) if below.starts_with(|c: char| is_name(c) || c == '{' || c == '*') => {
                expand(&path, below, paths);
            }
            Some(_) | None => paths.push(path),
        }
        return;
    };
    let mut depth = 0_usize;
    let mut begins = 0;
    for (at, character) in group.char_indices() {
        let ends = depth == 0 && matches!(character, ',' | '}');
        let element = group[begins..at].trim();
        if ends && !element.is_empty() {
            expand(prefix, element, paths);
        }
        match character {
            ',' if ends => begins = at + 1,
            '}' if ends => return,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
}

#[test]
fn paths_are_found_in_groups_and_in_groups_of_groups() {
    let code = "use crate::{a, b::{self, C}, d::*};\nlet x = crate::e::f(xcrate::g, $crate::h);";
    let source = Source {
        path: "src/m/n.rs".into(),
        code: code.lines().map(str::to_owned).collect(),
        length: 2,
    };
    let paths = source.paths_from("crate");
    assert_eq!(paths, ["crate::a", "crate::b::self", "crate::b::C", "crate::d::*", "crate::e::f"]);
    assert_eq!((source.module(), source.climbed_to()), ("m".into(), vec![]));
}

#[test]
fn a_super_that_leaves_its_module_is_found() {
    let source = Source {
        path: "src/m/n.rs".into(),
        code: vec!["use super::super::{o, p};".to_owned(), "use super::q;".to_owned()],
        length: 2,
    };
    assert_eq!(source.climbed_to(), ["o", "p"]);
}
