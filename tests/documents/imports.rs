//! The layers of ARCHITECTURE.md hold in the code.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Source, sources};
use crate::{rows, section};

/// What each module may name, by the table of ARCHITECTURE.md.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let table = section("ARCHITECTURE.md", "imports");
    let name = |cell: &str| cell.trim().trim_matches('`').to_owned();
    rows(&table)
        .into_iter()
        .map(|row| {
            let named = row[1].split(',').map(name).filter(|name| name != "–");
            (name(row[0]), named.collect())
        })
        .collect()
}

/// The modules directly below the crate that a file names.
fn named(source: &Source) -> BTreeSet<String> {
    let by_crate = source.paths_from("crate");
    let second = |path: String| path.split("::").nth(1).unwrap_or_default().to_owned();
    by_crate.into_iter().map(second).chain(source.climbed_to()).collect()
}

#[test]
fn a_module_names_only_what_the_table_of_imports_allows() {
    let allowed = allowed();
    let mut broken = Vec::new();
    let mut modules = BTreeSet::new();
    for source in sources() {
        let module = source.module();
        // They stand above the modules: `lib` declares them, `main` calls `cli`.
        if ["lib", "main"].contains(&&*module) {
            continue;
        }
        let may_name = allowed.get(&module).unwrap_or_else(|| {
            panic!("`{module}` has no row in the table of imports of ARCHITECTURE.md")
        });
        for name in named(&source) {
            if name != module && !may_name.contains(&name) {
                broken.push(format!("{}: `crate::{name}`", source.path.display()));
            }
        }
        modules.insert(module);
    }
    assert_eq!(broken, [""; 0], "not allowed by the table of imports of ARCHITECTURE.md");
    assert_eq!(
        allowed.into_keys().collect::<BTreeSet<_>>(),
        modules,
        "the rows of the table of imports, and the modules of src/"
    );
}

#[test]
fn the_table_of_imports_has_no_circle_and_no_row_that_is_not_needed() {
    let allowed = allowed();
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        let module = source.module();
        let mut named = named(&source);
        named.remove(&module);
        needed.entry(module).or_default().extend(named);
    }
    for (module, may_name) in &allowed {
        let unused: Vec<_> = may_name.difference(&needed[module]).collect();
        assert!(unused.is_empty(), "`{module}` names no {unused:?}: take it off the table");
    }
    let mut left = allowed;
    while !left.is_empty() {
        let before = left.len();
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.retain(|_, may_name| !may_name.is_disjoint(&names));
        assert!(left.len() < before, "a circle among {names:?}");
    }
}

/// The library makes an error of anything that can be shown: only `FieldError` may become one. `clippy.toml` cannot
/// forbid the two names, since the library's macros expand to them.
#[test]
fn the_schema_names_the_librarys_error_in_one_file_only() {
    let forbidden = ["Result", "Error", "*"].map(|name| format!("async_graphql::{name}"));
    let mut found = Vec::new();
    for source in sources() {
        if source.module() == "graphql" && !source.path.ends_with("graphql/error.rs") {
            let paths = source.paths_from("async_graphql");
            let named = paths.iter().filter(|path| forbidden.contains(path));
            found.extend(named.map(|path| format!("{}: {path}", source.path.display())));
        }
    }
    assert_eq!(found, [""; 0], "resolvers return `FieldError`");
}
