//! Lines on their way out: who logs never waits for who reads.

use std::io::{ErrorKind, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

/// How much waits at most, and once more is being written: some two thousand lines, as many as a busy gateway logs in the
/// second or so that a collector takes to start anew.
const WAITING_MAX_BYTES: usize = 1 << 20;

/// How long lines are gathered before they are written: to wake a thread for each costs a request more than the line itself.
const GATHERED_FOR: Duration = Duration::from_millis(20);

/// With so much gathered they are written at once.
const GATHERED_MAX_BYTES: usize = WAITING_MAX_BYTES / 2;

/// The room that is kept for further lines when all are written: what some ten thousand requests a second log meanwhile.
const KEPT_ROOM_MAX_BYTES: usize = 128 << 10;

/// How long an end waits for its last lines: long for a reader that reads, short for an orchestrator that counts.
const END_WAIT_MAX: Duration = Duration::from_secs(1);

/// The pause before an output is tried again that takes nothing now and says so instead of blocking.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// Lines that wait for one thread, which writes all that there are at once.
#[derive(Debug)]
pub(super) struct Backlog {
    shared: Arc<Shared>,
    dropped: Counter,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// Lines without room that nobody was told of.
    untold: u64,
    /// Whether the thread gathers or writes, and so finds further lines by itself.
    is_awake: bool,
    /// Whether somebody waits until all is written.
    is_awaited: bool,
}

impl Backlog {
    /// Starts the thread that writes to `output`. Lines for which there is no room are counted in `dropped`, and `tell`
    /// is called with their number as soon as there is room again. Those that the output does not take are counted too, and
    /// not told: it would not take that either.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        dropped: Counter,
        tell: impl Fn(u64) + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let (writer, lost) = (Arc::clone(&shared), dropped.clone());
        let write = move || writer.write(output, &lost, tell);
        thread::Builder::new().name("log".to_owned()).spawn(write)?;
        Ok(Self { shared, dropped })
    }

    /// Adds a line, if there is room.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.shared.lock();
        if state.waiting.len() + line.len() > WAITING_MAX_BYTES {
            state.untold += 1;
            self.dropped.inc();
            return;
        }
        let was_much = state.waiting.len() >= GATHERED_MAX_BYTES;
        state.waiting.extend_from_slice(line);
        let is_much = state.waiting.len() >= GATHERED_MAX_BYTES;
        let is_asleep = !mem::replace(&mut state.is_awake, true);
        drop(state);
        if is_asleep || is_much && !was_much {
            self.shared.filled.notify_one();
        }
    }

    /// Waits for a moment until all is written, and tells whether it is.
    pub(super) fn is_written_out(&self) -> bool {
        let mut state = self.shared.lock();
        state.is_awaited = true;
        self.shared.filled.notify_one();
        let is_left = |state: &mut State| state.is_awake || !state.waiting.is_empty();
        let waited = self.shared.emptied.wait_timeout_while(state, END_WAIT_MAX, is_left);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Shared {
    /// Writes for as long as the process lives.
    fn write(&self, mut output: impl Write, dropped: &Counter, tell: impl Fn(u64)) {
        let mut lines = Vec::new();
        loop {
            let untold = self.take(&mut lines);
            if untold > 0 {
                // It stands behind the last line before the gap, for which room has just been made.
                tell(untold);
            }
            let left = write_whole(&mut output, &lines);
            dropped.inc_by(left.split_inclusive(|byte| *byte == b'\n').count() as u64);
            lines.clear();
            if lines.capacity() > KEPT_ROOM_MAX_BYTES {
                lines = Vec::new();
            }
        }
    }

    /// Waits for lines, and takes them for the empty `lines`; returns how many were lost behind them.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            state.is_awake = false;
            if state.is_awaited {
                self.emptied.notify_all();
            }
        }
        let filled = self.filled.wait_while(state, |state| state.waiting.is_empty());
        let state = filled.unwrap_or_else(PoisonError::into_inner);
        let is_little =
            |state: &mut State| !state.is_awaited && state.waiting.len() < GATHERED_MAX_BYTES;
        let gathered = self.filled.wait_timeout_while(state, GATHERED_FOR, is_little);
        let (mut state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.waiting, lines);
        mem::take(&mut state.untold)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all of it, unless the output is closed or broken, such as a full disk; returns what is left then.
fn write_whole<'a>(output: &mut impl Write, mut bytes: &'a [u8]) -> &'a [u8] {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => break,
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Whoever else has the same pipe may have made it one that does not block.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(FULL_PAUSE),
            Err(_) => break,
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    /// An output that hands on what it is given, and takes more when it is allowed to.
    struct Held {
        written: Sender<String>,
        allowed: Receiver<io::Result<usize>>,
    }

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.written.send(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
            let most = self.allowed.recv().unwrap_or(Ok(usize::MAX))?;
            Ok(bytes.len().min(most))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Seen {
        backlog: Backlog,
        written: Receiver<String>,
        allow: Sender<io::Result<usize>>,
        told: Receiver<u64>,
    }

    fn held() -> Seen {
        let (written, seen) = mpsc::channel();
        let (allow, allowed) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let output = Held { written, allowed };
        let backlog =
            Backlog::start(output, Counter::default(), move |count| tell.send(count).unwrap());
        Seen { backlog: backlog.unwrap(), written: seen, allow, told }
    }

    #[test]
    fn lines_that_come_while_others_are_written_are_written_together() {
        let Seen { backlog, written, allow, told: _told } = held();
        backlog.push(b"first\n");
        assert_eq!(written.recv().unwrap(), "first\n");
        backlog.push(b"second\n");
        backlog.push(b"third\n");
        allow.send(Ok(usize::MAX)).unwrap();
        assert_eq!(written.recv().unwrap(), "second\nthird\n");
        allow.send(Ok(usize::MAX)).unwrap();
        assert!(backlog.is_written_out());
    }

    #[test]
    fn lines_without_room_are_counted_and_told_when_there_is_room() {
        let Seen { backlog, written, allow, told } = held();
        backlog.push(b"first\n");
        written.recv().unwrap();
        let line = vec![b'x'; WAITING_MAX_BYTES / 4];
        for _four_of_seven in 0..7 {
            backlog.push(&line);
        }
        assert_eq!(backlog.dropped.get(), 3);
        assert!(told.try_recv().is_err());
        drop(allow);
        assert_eq!(written.recv().unwrap().len(), WAITING_MAX_BYTES);
        assert_eq!(told.recv().unwrap(), 3);
        assert!(backlog.is_written_out());
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn an_end_does_not_wait_for_an_output_that_takes_nothing() {
        let Seen { backlog, written, allow, told: _told } = held();
        backlog.push(b"first\n");
        written.recv().unwrap();
        assert!(!backlog.is_written_out());
        drop(allow);
        assert!(backlog.is_written_out());
    }

    #[test]
    fn what_an_output_leaves_is_written_again_and_what_a_broken_one_leaves_is_lost() {
        let Seen { backlog, written, allow, told } = held();
        for allowed in [Ok(3), Err(ErrorKind::WouldBlock), Err(ErrorKind::Interrupted), Ok(100)] {
            allow.send(allowed.map_err(Into::into)).unwrap();
        }
        backlog.push(b"first\n");
        for expected in ["first\n", "st\n", "st\n", "st\n"] {
            assert_eq!(written.recv().unwrap(), expected);
        }
        allow.send(Err(ErrorKind::BrokenPipe.into())).unwrap();
        backlog.push(b"second\n");
        assert_eq!(written.recv().unwrap(), "second\n");
        backlog.push(b"third\n");
        assert_eq!(written.recv().unwrap(), "third\n");
        drop(allow);
        assert!(backlog.is_written_out());
        assert_eq!(backlog.dropped.get(), 1);
        assert!(told.try_recv().is_err());
    }
}
