//! What waits to be sent over a socket.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, ready};

use axum::extract::ws::Message;
use futures_util::{Sink, SinkExt};
use tokio::time::Instant;

/// Messages that wait: a burst of events. While there are as many, nothing is read and no operation goes on.
const MESSAGES_MAX: usize = 64;

/// The bytes that wait, above which no more are made: some long pages. One message may stand above it.
const BYTES_MAX: usize = 1 << 20;

/// A bounded queue in front of a sink.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Message>,
    bytes: usize,
    is_flushed: bool,
    /// When it was last empty, or a message left it.
    moved_at: Instant,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, is_flushed: true, moved_at: Instant::now() }
    }

    /// Whether there is room for what one step may say.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MESSAGES_MAX && self.bytes < BYTES_MAX
    }

    /// Whether everything has left.
    pub(super) fn is_empty(&self) -> bool {
        self.is_flushed
    }

    /// Since when nothing has left although something waits.
    pub(super) fn stuck_since(&self) -> Option<Instant> {
        (!self.is_flushed).then_some(self.moved_at)
    }

    pub(super) fn push(&mut self, message: Message) {
        if self.is_flushed {
            self.moved_at = Instant::now();
        }
        self.bytes += length(&message);
        self.is_flushed = false;
        self.waiting.push_back(message);
    }

    /// Sends everything.
    ///
    /// # Errors
    ///
    /// The sink's.
    ///
    /// # Cancel safety
    ///
    /// What was not sent waits on.
    pub(super) async fn send<S>(&mut self, sink: &mut S) -> Result<(), axum::Error>
    where
        S: Sink<Message, Error = axum::Error> + Unpin,
    {
        poll_fn(|context| {
            while !self.waiting.is_empty() {
                ready!(sink.poll_ready_unpin(context))?;
                if let Some(message) = self.waiting.pop_front() {
                    self.bytes -= length(&message);
                    self.moved_at = Instant::now();
                    sink.start_send_unpin(message)?;
                }
            }
            ready!(sink.poll_flush_unpin(context))?;
            self.is_flushed = true;
            Poll::Ready(Ok(()))
        })
        .await
    }
}

fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}
