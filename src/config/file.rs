//! The configuration file: TOML, flattened to keys of one level.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::fault::{Fault, quoted};

/// Thirty short keys with generous comments; a larger file is not a configuration.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// One key of the file.
pub(super) struct Entry {
    /// The key as the file has it: `signature.algorithm`.
    pub(super) key: String,
    /// The name of the setting that it means: `signature_algorithm`.
    pub(super) name: String,
    /// The value as text, or what stands in its place: `an array`.
    pub(super) value: Result<String, &'static str>,
}

/// Reads the file's entries, in the order of their keys.
///
/// Tables are joined to their keys by `_`, and `-` in a key is `_`.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, Fault> {
    let text = read_bounded(path, FILE_MAX_BYTES).map_err(|error| {
        Fault::new(format!(
            "the configuration file {} cannot be read: {error}",
            quoted(&path.to_string_lossy())
        ))
    })?;
    let table: toml::Table =
        toml::from_str(&text).map_err(|error| malformed(path, &text, &error))?;
    let mut entries = Vec::new();
    flatten("", table, &mut entries);
    Ok(entries)
}

/// Reads a file of text, refusing one that is larger than `max_bytes`.
pub(super) fn read_bounded(path: &Path, max_bytes: u64) -> io::Result<String> {
    let text = String::from_utf8(read_bounded_bytes(path, max_bytes)?);
    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8"))
}

/// Reads a file, refusing one that is larger than `max_bytes`.
pub(super) fn read_bounded_bytes(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    let is_within = u64::try_from(bytes.len()).is_ok_and(|length| length <= max_bytes);
    is_within.then_some(bytes).ok_or_else(|| {
        io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {max_bytes} bytes"))
    })
}

/// Tells where the text stops being TOML. The line itself may hold a secret, so it is not repeated.
fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> Fault {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    Fault::new(format!(
        "the configuration file {} is no TOML: line {line}: {}",
        quoted(&path.to_string_lossy()),
        error.message().replace('\n', ", ")
    ))
}

/// The parser bounds how deep tables nest, and so this recursion.
fn flatten(prefix: &str, table: toml::Table, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        let key = match prefix {
            "" => key,
            prefix => format!("{prefix}.{key}"),
        };
        let value = match value {
            toml::Value::Table(table) => {
                flatten(&key, table, entries);
                continue;
            }
            toml::Value::String(text) => Ok(text),
            toml::Value::Integer(number) => Ok(number.to_string()),
            toml::Value::Boolean(switch) => Ok(switch.to_string()),
            toml::Value::Float(_) => Err("a number with a fraction"),
            toml::Value::Datetime(_) => Err("a date or time"),
            toml::Value::Array(_) => Err("an array"),
        };
        let name = key.replace(['.', '-'], "_");
        entries.push(Entry { key, name, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Result<Vec<Entry>, Fault> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.toml");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|fault| {
            Fault::new(fault.to_string().replace(&*path.to_string_lossy(), "FILE"))
        })
    }

    #[test]
    fn tables_are_joined_to_their_keys_and_dashes_are_underscores() {
        let entries = entries(
            "admin-listen = \"off\"\nplayground = true\n[signature]\nalgorithm = \"md5\"\n[upstream]\nconcurrency = 7\n[upstream.body]\nmax = [1]\n",
        )
        .unwrap();
        let mut found: Vec<_> = entries
            .iter()
            .map(|entry| (&*entry.key, &*entry.name, entry.value.as_deref()))
            .collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                ("admin-listen", "admin_listen", Ok("off")),
                ("playground", "playground", Ok("true")),
                ("signature.algorithm", "signature_algorithm", Ok("md5")),
                ("upstream.body.max", "upstream_body_max", Err(&"an array")),
                ("upstream.concurrency", "upstream_concurrency", Ok("7")),
            ]
            .map(|(key, name, value)| (key, name, value.map_err(|kind| *kind)))
            .iter()
            .map(|(key, name, value)| (*key, *name, value.as_ref().copied()))
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_syntax_fault_names_the_line_and_repeats_nothing_of_it() {
        for text in [
            "# first\nsession_key = opensesame\n",
            "# first\nsession_key = \"opensesame\n",
            "# first\nsession_key opensesame\n",
        ] {
            let fault = entries(text).err().unwrap().to_string();
            assert!(fault.contains("line 2"), "{fault}");
            assert!(!fault.contains("opensesame"), "{fault}");
            assert!(!fault.contains('\n'), "{fault}");
        }
    }

    #[test]
    fn a_file_that_is_absent_or_too_large_is_a_fault() {
        let fault = read(Path::new("no-such.toml")).err().unwrap().to_string();
        assert!(fault.contains("`no-such.toml` cannot be read"), "{fault}");
        let size = usize::try_from(FILE_MAX_BYTES).unwrap() + 1;
        let fault = entries(&"#".repeat(size)).err().unwrap().to_string();
        assert!(fault.contains("larger than 1048576 bytes"), "{fault}");
    }
}
