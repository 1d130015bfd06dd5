//! Time that a test moves, with real connections.

use std::sync::mpsc;
use std::time::Duration;

/// Stops tokio's time until it is dropped or [advanced](Self::advance).
///
/// Time that is only paused jumps to the next timer whenever all tasks wait, and a task that waits for a connection counts
/// as one that waits. It does not jump while something blocks.
pub(crate) struct StoppedTime {
    _blocks: mpsc::Sender<()>,
}

impl StoppedTime {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        tokio::task::spawn_blocking(move || {
            // Until the sender is dropped.
            let _ = receiver.recv();
        });
        tokio::time::pause();
        Self { _blocks: sender }
    }

    /// Moves time; by a millisecond more, since timers are rounded up to whole ones.
    pub(crate) async fn advance(&self, by: Duration) {
        tokio::time::advance(by + Duration::from_millis(1)).await;
    }
}

/// Passes time; then it runs on as before.
pub(crate) async fn pass(by: Duration) {
    let stopped = StoppedTime::new();
    stopped.advance(by).await;
    drop(stopped);
    tokio::time::resume();
}
