//! Secrets that every test plants, and what watches that none of them comes out again.

use std::io;
use std::sync::{Mutex, Once, PoisonError};

/// The demo users' API keys, the beginning of every session token, and the tests' session key in hex and base64.
const ALWAYS: [&str; 7] = [
    "alice-demo",
    "bob-demo",
    "carol-demo",
    "admin-demo",
    "v4.local.",
    "0707070707070707",
    "BwcHBwcHBwcHBwcH",
];

static PLANTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static LEAKED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static WATCH: Once = Once::new();

/// Adds a secret that a test made.
pub(crate) fn plant(secret: &str) {
    let mut planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !planted.iter().any(|known| known == secret) {
        planted.push(secret.to_owned());
    }
}

/// Reads all that is logged from now on, at every level.
pub(super) fn watch_the_log() {
    WATCH.call_once(|| {
        let filter = tracing_subscriber::EnvFilter::new("warn,ozeki_graphql=trace");
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(|| Log)
            .init();
    });
}

/// Looks through a text that came out of the gateway.
pub(crate) fn look_through(what: &str, text: &str) {
    if let Some(secret) = secret_in(text) {
        let found = format!("{secret} in {what}: {text}");
        LEAKED.lock().unwrap_or_else(PoisonError::into_inner).push(found);
    }
}

fn secret_in(text: &str) -> Option<String> {
    let planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut secrets = ALWAYS.into_iter().chain(planted.iter().map(String::as_str));
    secrets.find(|secret| text.contains(secret)).map(str::to_owned)
}

/// Fails the test if any secret came out, in this test or in one beside it.
pub(crate) fn check() {
    let leaked = LEAKED.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(leaked.is_empty(), "secrets came out: {leaked:#?}");
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        look_through("a log line", &String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_secret_that_comes_out_is_noticed() {
    plant("canary-of-one-test");
    assert_eq!(secret_in("…canary-of-one-test…").as_deref(), Some("canary-of-one-test"));
    assert_eq!(secret_in("key=alice-demo").as_deref(), Some("alice-demo"));
    assert_eq!(secret_in("alice"), None);
}
