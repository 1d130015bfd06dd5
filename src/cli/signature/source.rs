//! Files and standard input, read up to a bound.

use std::fs::File;
use std::io::{self, Read};

use zeroize::Zeroizing;

use super::Faults;

/// Where the name `-` reads from; it can be read once.
pub(super) struct StandardInput<'a> {
    input: &'a mut dyn Read,
    is_taken: bool,
}

impl<'a> StandardInput<'a> {
    pub(super) fn new(input: &'a mut dyn Read) -> Self {
        Self { input, is_taken: false }
    }

    /// Reads the file, or standard input for `-`; wiped when dropped, since a key may be in it.
    ///
    /// A file that cannot be read, or with more than `max_bytes`, is a fault of `flag`.
    pub(super) fn read_file(
        &mut self,
        file: &str,
        flag: &str,
        max_bytes: u64,
        faults: &mut Faults,
    ) -> Option<Zeroizing<Vec<u8>>> {
        if file == "-" && self.is_taken {
            faults.add(flag, "standard input is read by another flag already");
            return None;
        }
        let read = if file == "-" {
            self.is_taken = true;
            read_up_to(self.input, max_bytes)
        } else {
            File::open(file).and_then(|mut file| read_up_to(&mut file, max_bytes))
        };
        match read {
            Ok(Some(bytes)) => Some(bytes),
            Ok(None) => {
                faults.add(flag, format_args!("{file} has more than {max_bytes} bytes"));
                None
            }
            Err(error) => {
                faults.add(flag, format_args!("could not read {file}: {error}"));
                None
            }
        }
    }
}

/// All bytes, or `None` when there are more than `max_bytes`.
fn read_up_to(source: &mut dyn Read, max_bytes: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(max_bytes + 1).read_to_end(&mut bytes)?;
    let is_within = u64::try_from(bytes.len()).is_ok_and(|length| length <= max_bytes);
    Ok(is_within.then_some(bytes))
}
