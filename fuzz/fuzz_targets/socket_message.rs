#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ozeki_graphql::http::fuzzing::socket_message(text));
