//! A connection's bytes: who does not read is not waited for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Activity;
use super::limits::WRITE_PROGRESS_MIN_BYTES;
use super::open::Open;

/// A socket that fails when its client takes too little of what is written.
///
/// It also ends what is upgraded, such as a WebSocket, and counts as open as long as that lasts.
#[derive(Debug)]
pub(super) struct Socket<S> {
    inner: S,
    activity: Arc<Activity>,
    write_timeout: Duration,
    backlog: Option<Backlog>,
    _open: Open,
}

/// A time in which the client has not taken all that was there to write.
#[derive(Debug)]
struct Backlog {
    until: Pin<Box<Sleep>>,
    taken_bytes: usize,
    /// Whether the last write had to wait.
    is_waiting: bool,
}

impl Backlog {
    fn is_over(&self) -> bool {
        self.until.deadline() <= Instant::now()
    }
}

impl<S> Socket<S> {
    pub(super) fn new(
        inner: S,
        activity: Arc<Activity>,
        write_timeout: Duration,
        open: Open,
    ) -> Self {
        Self { inner, activity, write_timeout, backlog: None, _open: open }
    }

    /// Judges the outcome of a write: whether the client may go on like that.
    fn paced(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) => {
                self.activity.sent();
                let Some(backlog) = &mut self.backlog else { return written };
                backlog.taken_bytes += count;
                if backlog.taken_bytes >= WRITE_PROGRESS_MIN_BYTES {
                    self.backlog = None;
                } else if backlog.is_over() && backlog.is_waiting {
                    return Poll::Ready(Err(too_slow()));
                } else {
                    backlog.is_waiting = false;
                }
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                // One that ended with nothing left to write says nothing of this one.
                self.backlog.take_if(|backlog| backlog.is_over() && !backlog.is_waiting);
                let until = Instant::now() + self.write_timeout;
                let backlog = self.backlog.get_or_insert_with(|| Backlog {
                    until: Box::pin(sleep_until(until)),
                    taken_bytes: 0,
                    is_waiting: true,
                });
                backlog.is_waiting = true;
                ready!(backlog.until.as_mut().poll(context));
                Poll::Ready(Err(too_slow()))
            }
        }
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            this.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.paced(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(context, bytes);
        this.paced(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}
