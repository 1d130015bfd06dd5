//! Builds the playground (`ui/`) with Node and npm, and writes the table of its files for
//! `src/http/playground/assets.rs` to include. Without Node the table is empty and the program builds all the same.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// What the playground is made of. `ui/node_modules` and `ui/dist` belong to whoever works on it by hand.
const SOURCES: [&str; 7] = [
    ".npmrc",
    "package.json",
    "package-lock.json",
    "vite.config.js",
    "compress.js",
    "index.html",
    "src",
];

fn main() -> io::Result<()> {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    for source in SOURCES {
        tell_cargo(&format!("rerun-if-changed=ui/{source}"));
    }
    tell_cargo("rerun-if-changed=build.rs");

    let mut table = String::from("&[]");
    if std::env::var_os("DOCS_RS").is_none() && has_node() {
        match build_playground(&out_dir.join("ui")) {
            Ok(dist) => table = asset_table(&dist)?,
            Err(Failure { step, log }) => {
                // What failed may have been the network: a path that never exists has the next build try again.
                tell_cargo("rerun-if-changed=ui/never");
                tell_cargo(&format!(
                    "warning=the playground is left out of this build, because `{step}` failed; {}",
                    log.map_or_else(
                        || "it could not be started".to_owned(),
                        |log| format!("what it printed is in {}", log.display()),
                    )
                ));
            }
        }
    } else {
        // A Node that is installed later usually comes with another PATH.
        tell_cargo("rerun-if-env-changed=PATH");
    }
    fs::write(out_dir.join("playground_assets.rs"), table)
}

fn tell_cargo(instruction: &str) {
    println!("cargo::{instruction}");
}

fn has_node() -> bool {
    ["node", NPM].iter().all(|program| {
        Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
    })
}

/// On Windows npm is a script, which is found only by its full name.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

struct Failure {
    step: String,
    log: Option<PathBuf>,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { step: format!("copying ui/ ({error})"), log: None }
    }
}

/// Builds in `work`, never in the source tree, and returns the folder of the finished files.
fn build_playground(work: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(work)?;
    let _ = fs::remove_dir_all(work.join("src"));
    for source in SOURCES {
        copy(&Path::new("ui").join(source), &work.join(source))?;
    }

    // npm takes much longer than the rest: it runs again only for another lock file.
    let installed = work.join("installed-package-lock.json");
    let lock = fs::read(work.join("package-lock.json"))?;
    if fs::read(&installed).ok().as_ref() != Some(&lock) {
        let _ = fs::remove_file(&installed);
        run(
            work,
            &[
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--prefer-offline",
                "--fetch-retry-mintimeout=1000",
                "--fetch-retry-maxtimeout=5000",
            ],
        )?;
        fs::write(&installed, lock)?;
    }
    run(work, &["run", "build"])?;
    Ok(work.join("dist"))
}

/// Runs npm; what it prints goes to a file, since cargo shows a build script's output only as warnings.
fn run(work: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let step = || format!("npm {}", arguments[0..arguments.len().min(2)].join(" "));
    let output = Command::new(NPM)
        .args(arguments)
        .current_dir(work)
        .env("NO_COLOR", "1")
        .output()
        .map_err(|_| Failure { step: step(), log: None })?;
    if output.status.success() {
        return Ok(());
    }
    let log = work.join("npm.log");
    fs::write(&log, [output.stdout, output.stderr].concat())?;
    Err(Failure { step: step(), log: Some(log) })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// A Rust expression of type `&[Asset]`, in the order of the paths, so that equal files make an equal program.
fn asset_table(dist: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    collect_files(dist, &mut paths)?;
    // As the program finds them: by the text of their URL.
    paths.sort_by_key(|file| url_path(file.strip_prefix(dist).unwrap_or(file)));

    let mut table = String::from("&[\n");
    for file in &paths {
        let path = url_path(file.strip_prefix(dist).unwrap_or(file));
        let bytes = |suffix| {
            format!(r#"include_bytes!(concat!(env!("OUT_DIR"), "/ui/dist/{path}{suffix}"))"#)
        };
        let copies = if with_suffix(file, ".br").exists() {
            format!("(Encoding::Gzip, {}), (Encoding::Brotli, {})", bytes(".gz"), bytes(".br"))
        } else {
            format!("(Encoding::Identity, {})", bytes(""))
        };
        let content_type = content_type(file);
        let is_hashed = path.starts_with("assets/");
        let _ = writeln!(
            table,
            "Asset {{ path: {path:?}, content_type: {content_type:?}, is_hashed: {is_hashed}, copies: &[{copies}] }},"
        );
    }
    table.push(']');
    Ok(table)
}

/// Every file below `folder` that is not the compressed copy of another.
fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.extension().and_then(OsStr::to_str);
        if path.is_dir() {
            collect_files(&path, files)?;
        } else if !matches!(extension, Some("gz" | "br")) {
            files.push(path);
        }
    }
    Ok(())
}

fn url_path(relative: &Path) -> String {
    let names: Vec<_> = relative.iter().map(OsStr::to_string_lossy).collect();
    names.join("/")
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(OsStr::to_str) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("md") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("ttf") => "font/ttf",
        Some("woff") => "font/woff",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
