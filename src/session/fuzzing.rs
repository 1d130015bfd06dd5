//! What the fuzzer of session tokens and the replay of its inputs call: whatever the input, it returns.

use std::time::Duration;

use super::token::Sealer;
use super::{Audience, SessionKey};

/// As long as sessions are made to last at most.
const TIME_TO_LIVE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// When no session that could have been sealed has expired yet.
const NOW: i64 = 0;

/// Opens a text as a token, under a key that sealed none.
///
/// # Panics
///
/// Where it opens: nobody can make one without the key.
pub fn token(text: &str) {
    let audience = Audience::named("fuzzing");
    let sealer = Sealer::new(&SessionKey::from_bytes([3; 32]), None, audience, TIME_TO_LIVE);
    assert!(sealer.open(text, NOW).is_none(), "a token that nobody sealed");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_corpus_opens_as_a_token() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/session_token");
        for file in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            token(&String::from_utf8_lossy(&bytes));
        }
    }
}
