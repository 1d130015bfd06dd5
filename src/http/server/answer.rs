//! Answers on their way out, and what an HTTP/2 client that does not take them costs.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use super::activity::UnderWay;
use crate::http::turns::Standing;

/// How much of an answer is handed over at once where clients say how much they take (HTTP/2): one of its frames.
const PIECE_MAX_BYTES: usize = 16 * 1024;

tokio::task_local! {
    /// Since when the answer of this stream waits for its client; none while it waits for us.
    static HANDED_OVER: Cell<Option<Instant>>;

    /// Where the client of this stream stands.
    static STANDING: Standing;
}

/// Where the client stands whose stream this task runs; in HTTP/1 there is no such task.
pub(super) fn standing_of_stream() -> Option<Standing> {
    STANDING.try_with(Standing::clone).ok()
}

/// The body of an answer; its request is under way until the last byte is handed over.
#[derive(Debug)]
pub(super) struct AnswerBody {
    inner: Body,
    /// What does not fit into one piece.
    rest: Bytes,
    piece_max_bytes: usize,
    _under_way: UnderWay,
}

impl AnswerBody {
    /// For HTTP/1, where the socket tells whether the client reads.
    pub(super) fn whole(inner: Body, under_way: UnderWay) -> Self {
        let (rest, piece_max_bytes) = (Bytes::new(), usize::MAX);
        Self { inner, rest, piece_max_bytes, _under_way: under_way }
    }

    /// For HTTP/2, where many answers share the socket.
    pub(super) fn in_pieces(inner: Body, under_way: UnderWay) -> Self {
        Self { piece_max_bytes: PIECE_MAX_BYTES, ..Self::whole(inner, under_way) }
    }

    fn next_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.inner).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                Poll::Ready(end @ (None | Some(Err(_)))) => return Poll::Ready(end),
                Poll::Pending => return Poll::Pending,
            }
        }
        let length = self.rest.len().min(self.piece_max_bytes);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = self.get_mut().next_frame(context);
        let handed_over = frame.is_ready().then(Instant::now);
        // In HTTP/1 there is no such task.
        let _ = HANDED_OVER.try_with(|since| since.set(handed_over));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper().and_then(|upper| upper.checked_add(rest)) {
            hint.set_upper(upper);
        }
        hint
    }
}

/// Runs the streams of an HTTP/2 connection, and resets one whose client takes nothing of its answer.
///
/// The others on the connection, which may be a proxy's with streams of many people, go on.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) tasks: TaskTracker,
    pub(super) write_timeout: Duration,
    /// Where the connection stands.
    pub(super) standing: Standing,
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let standing = self.standing.of_stream();
        let stream = STANDING.scope(standing.clone(), until_stalled(stream, self.write_timeout));
        self.tasks.spawn(standing.by_turns(stream));
    }
}

/// Runs a stream to its end, or until its answer has waited for the client for longer than `limit`.
async fn until_stalled<F: Future>(stream: F, limit: Duration) {
    let mut stream = Box::pin(stream);
    let mut patience = Box::pin(sleep_until(Instant::now()));
    let ended_or_stalled = std::future::poll_fn(move |context| {
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let Some(since) = HANDED_OVER.with(Cell::get) else {
            return Poll::Pending;
        };
        if patience.deadline() != since + limit {
            patience.as_mut().reset(since + limit);
        }
        patience.as_mut().poll(context)
    });
    HANDED_OVER.scope(Cell::new(None), ended_or_stalled).await;
}
