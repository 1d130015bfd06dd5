//! Randomness for ids: of requests, of traces and of spans.

use std::cell::RefCell;

/// The randomness of so many numbers is asked for at once: each time is a call of the system.
const NUMBERS_AT_ONCE: usize = 64;

thread_local! {
    /// Randomness that nothing has used yet.
    static UNUSED: RefCell<Vec<[u8; 8]>> = const { RefCell::new(Vec::new()) };
}

/// A random number; none on a machine without a random source.
pub fn random() -> Option<u64> {
    UNUSED.with_borrow_mut(|unused| {
        if unused.is_empty() {
            let mut drawn = [[0; 8]; NUMBERS_AT_ONCE];
            getrandom::fill(drawn.as_flattened_mut()).ok()?;
            unused.extend(drawn);
        }
        unused.pop().map(u64::from_ne_bytes)
    })
}
