#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ozeki_graphql::graphql::fuzzing::cursor(text));
