//! Since when callers are told of changes: how long a value may be believed.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use foldhash::quality::RandomState;
use tokio::time::Instant;

use crate::session::CallerKey;

/// Who is told of changes, and since when.
///
/// Coverage of a caller begins when a poll of the caller's station has ended well. A value whose load started later is
/// true until a notice says otherwise; one from before lives as long as without notices. Coverage ends with the first poll
/// that fails, and with the poller. Bounded by the callers who are followed.
#[derive(Debug, Default)]
pub(in crate::cache) struct Coverage(RwLock<HashMap<CallerKey, Instant, RandomState>>);

impl Coverage {
    /// Whether changes since `started` were or will be told.
    pub(in crate::cache) fn reaches(&self, caller: CallerKey, started: Instant) -> bool {
        let since = self.0.read().unwrap_or_else(PoisonError::into_inner);
        since.get(&caller).is_some_and(|since| *since <= started)
    }

    pub(super) fn begin(&self, caller: CallerKey) {
        let mut since = self.0.write().unwrap_or_else(PoisonError::into_inner);
        since.insert(caller, Instant::now());
    }

    pub(super) fn end(&self, caller: CallerKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&caller);
    }
}
