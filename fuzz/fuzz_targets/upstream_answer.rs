#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ozeki_graphql::ozeki::fuzzing::answer(bytes));
