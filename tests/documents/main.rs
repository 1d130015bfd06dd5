//! The documents and the code say the same: each test names the file to change when they do not.

mod imports;
mod metrics;
mod schema;
mod sources;

use ozeki_graphql::config::reference_table;
use ozeki_graphql::graphql::ErrorCode;
use sources::{files_below, sources, text_of};

/// The longest source file, in lines, its tests not counted: more than that is two subjects.
const SOURCE_MAX_LINES: usize = 500;

/// What stands in a document between `<!-- name: begin … -->` and `<!-- name: end -->`.
fn section(document: &str, name: &str) -> String {
    let text = text_of(document);
    let begin = format!("<!-- {name}: begin");
    let end = format!("<!-- {name}: end -->");
    let inside = text
        .split_once(&begin)
        .and_then(|(_, rest)| rest.split_once("-->"))
        .and_then(|(_, rest)| rest.split_once(&end));
    let (inside, _) = inside.unwrap_or_else(|| panic!("{document} has no section `{name}`"));
    inside.trim().to_owned()
}

/// The cells of a Markdown table, its head left out.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_readme_tells_every_setting_as_it_is() {
    let expected = reference_table();
    let is_equal = section("README.md", "configuration") == expected.trim();
    assert!(
        is_equal,
        "the table of settings in README.md is another than the program's; put this in its place:\n\n{expected}"
    );
}

#[test]
fn the_readme_tells_every_error_code() {
    let table = section("README.md", "error codes");
    let told: Vec<_> =
        rows(&table).into_iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let codes: Vec<_> = ErrorCode::ALL.map(ErrorCode::as_str).into();
    assert_eq!(told, codes, "the table of codes in README.md, and `ErrorCode::ALL`");
}

#[test]
fn the_readme_asks_for_the_rust_that_the_package_needs() {
    let sentence = concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"), " or later");
    assert!(text_of("README.md").contains(sentence), "README.md should say: {sentence}");
}

#[test]
fn no_source_file_is_too_long() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.length > SOURCE_MAX_LINES)
        .map(|source| format!("{}: {} lines", source.path.display(), source.length))
        .collect();
    assert_eq!(long, [""; 0], "at most {SOURCE_MAX_LINES} lines; split by subject");
}

/// A fresh clone must build on any machine, also one with a registry of its own.
#[test]
fn no_file_names_a_registry_or_a_folder_of_one_machine() {
    // Written in two parts, so that this file holds none of them.
    let forbidden = [
        ("registry.npm", "js.org"),
        ("registry.yarn", "pkg.com"),
        ("index.crates", ".io"),
        ("static.crates", ".io"),
        ("docker", ".io/"),
        ("ghcr", ".io/"),
        ("quay", ".io/"),
        ("/ho", "me/"),
        ("/ro", "ot/"),
        ("/wo", "rk/"),
        ("/Us", "ers/"),
        ("\"reso", "lved\":"),
    ]
    .map(|(left, right)| format!("{left}{right}"));
    let mut found = Vec::new();
    for path in files_below("") {
        // Pictures and the like are no text.
        let Ok(text) = std::fs::read_to_string(sources::root().join(&path)) else {
            continue;
        };
        for (number, line) in (1..).zip(text.lines()) {
            let names = forbidden.iter().filter(|name| line.contains(&***name));
            found.extend(names.map(|name| format!("{}:{number}: {name}", path.display())));
        }
    }
    assert_eq!(found, [""; 0]);
}
