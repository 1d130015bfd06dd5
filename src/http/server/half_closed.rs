//! Clients that send no more: they may still wait for their answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::{Activity, WaitsFor};
use super::limits::HALF_CLOSED_MAX;

/// What HTTP is spoken over, encrypted or not: it tells that its client has ended only when nobody need wait for it.
///
/// It stands above TLS, where a client says that it sends no more before it closes anything.
#[derive(Debug)]
pub(super) struct HalfClosed<S> {
    inner: S,
    activity: Arc<Activity>,
    /// Until when a client that has closed its side may wait for its answer.
    until: Option<Pin<Box<Sleep>>>,
    /// Whether the client has not taken all that was written.
    is_waiting: bool,
}

impl<S> HalfClosed<S> {
    pub(super) fn new(inner: S, activity: Arc<Activity>) -> Self {
        Self { inner, activity, until: None, is_waiting: false }
    }

    /// Waits for the end of a client that sends no more: it may have gone, or closed its side only, as `nc -N` does, which
    /// nobody can tell. In HTTP/1 it may have its answer if that comes soon, and all of it if it takes it.
    ///
    /// Whoever reads comes back when an answer is there.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(waits_for) = self.activity.waits_for_in_http1() else { return Poll::Ready(()) };
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(HALF_CLOSED_MAX)));
        if self.is_waiting {
            // The next write that goes on wakes whoever reads.
            return Poll::Pending;
        }
        if waits_for == WaitsFor::Answer {
            return until.as_mut().poll(context);
        }
        Poll::Ready(())
    }

    /// Notes whether a write goes on.
    fn note<T>(&mut self, context: &mut Context<'_>, written: &Poll<T>) {
        self.is_waiting = written.is_pending();
        if written.is_ready() && self.until.is_some() {
            context.waker().wake_by_ref();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HalfClosed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match ready!(Pin::new(&mut this.inner).poll_read(context, buffer)) {
            Ok(()) if buffer.filled().len() > before => return Poll::Ready(Ok(())),
            Ok(()) => {}
            // TLS says so when its client ends without a word. How long a request is does not depend on that.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        this.poll_end(context).map(Ok)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HalfClosed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.note(context, &written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(context, bytes);
        this.note(context, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.inner).poll_flush(context);
        // TLS takes what it cannot send yet. One that had nothing to do wakes nobody, or they would wake each other.
        if this.is_waiting || flushed.is_pending() {
            this.note(context, &flushed);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}
