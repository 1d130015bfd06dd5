//! What the fuzzer of sockets' messages and the replay of its inputs call: whatever the input, it returns.

use super::websocket::read_by_fuzzer;

/// Reads a text as a message of a client, and the credential in it.
///
/// # Panics
///
/// Where the reason of a refusal does not fit into a close frame.
pub fn socket_message(text: &str) {
    read_by_fuzzer(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_corpus_are_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/socket_message");
        for file in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            socket_message(&String::from_utf8_lossy(&bytes));
        }
    }
}
