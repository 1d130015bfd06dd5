//! What the fuzzer of upstream answers and the replay of its inputs call: whatever the input, it returns.

/// The longest text of an error, in bytes: the call, a member's path and the upstream's own message.
const ERROR_MAX_BYTES: usize = 2_048;

/// Reads an answer to the call that its first byte chooses, under the HTTP status that its second byte chooses.
///
/// # Panics
///
/// Where an error repeats more than its bound.
pub fn answer(bytes: &[u8]) {
    let Some((&[call, status], body)) = bytes.split_first_chunk() else {
        return;
    };
    if let Err(error) = super::client::fuzzing::decode(call, status, body) {
        assert!(error.to_string().len() <= ERROR_MAX_BYTES, "a long error");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_the_corpus_are_read_or_refused_in_few_words() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/upstream_answer");
        for file in std::fs::read_dir(folder).unwrap() {
            answer(&std::fs::read(file.unwrap().path()).unwrap());
        }
    }
}
