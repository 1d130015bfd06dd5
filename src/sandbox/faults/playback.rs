//! How a fault spoils an answer.

use std::io;
use std::pin::Pin;
use std::task::Poll;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, StatusCode, header};
use tokio_util::sync::CancellationToken;

use super::{Fault, Injection, Reply, Wait};

/// What an oversized body is sent in: large enough to be quick, small enough to be no burden.
const CHUNK: &[u8] = &[b'x'; 64 * 1024];

/// What an oversized body begins with, so that a reader takes it for an answer.
const OVERSIZED_START: &[u8] = br#"{"status":"OK","errormessage":""#;

type Chunks = Pin<Box<dyn futures_util::Stream<Item = io::Result<Bytes>> + Send>>;

impl Fault {
    /// Plays the fault on the genuine answer; a closing sandbox ends every wait.
    pub(in crate::sandbox) async fn play(
        self,
        injection: Injection,
        genuine: Vec<u8>,
        closing: CancellationToken,
    ) -> Response {
        injection.arrive();
        let is_ended = match self.wait {
            Wait::None => false,
            Wait::Held => closing.run_until_cancelled(injection.until_released()).await.is_none(),
            Wait::Delayed(by) => {
                closing.run_until_cancelled(tokio::time::sleep(by)).await.is_none()
            }
        };
        if is_ended {
            return streamed(broken(), None);
        }
        self.reply.into_response(genuine, closing)
    }
}

impl Reply {
    fn into_response(self, genuine: Vec<u8>, closing: CancellationToken) -> Response {
        let length = genuine.len();
        match self {
            Self::Genuine => answered(StatusCode::OK, "application/json", genuine.into()),
            Self::Scripted { status, content_type, body } => answered(status, content_type, body),
            Self::Oversized { bytes } => streamed(oversized(bytes), None),
            Self::Closed => streamed(broken(), None),
            Self::Truncated => {
                streamed(Box::pin(first_half(genuine).chain(pause()).chain(broken())), Some(length))
            }
            Self::Stalled => {
                let end = stream::once(async move {
                    closing.cancelled().await;
                    Err(connection_lost())
                });
                streamed(Box::pin(first_half(genuine).chain(end)), Some(length))
            }
        }
    }
}

/// An answer with a whole body.
pub(in crate::sandbox) fn answered(
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer that claims to be JSON of this length, whatever its body does.
fn streamed(chunks: Chunks, length: Option<usize>) -> Response {
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// A body whose failure makes the HTTP server drop the connection; what was not flushed before is never sent.
fn broken() -> Chunks {
    Box::pin(stream::once(async { Err(connection_lost()) }))
}

fn connection_lost() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "a scripted fault")
}

fn first_half(mut genuine: Vec<u8>) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send {
    genuine.truncate(genuine.len() / 2);
    stream::iter([Ok(Bytes::from(genuine))])
}

/// Yields nothing, but is pending once: the HTTP server flushes what it has before it asks again.
fn pause() -> Chunks {
    let mut has_paused = false;
    Box::pin(stream::poll_fn(move |context| {
        if has_paused {
            return Poll::Ready(None);
        }
        has_paused = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }))
}

fn oversized(bytes: u64) -> Chunks {
    let start = stream::iter([Ok(Bytes::from_static(OVERSIZED_START))]);
    let filler = stream::unfold(bytes, |left| async move {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK.len());
        let rest = left.saturating_sub(size as u64);
        (size > 0).then(|| (Ok(Bytes::from_static(&CHUNK[..size])), rest))
    });
    Box::pin(start.chain(filler).chain(pause()).chain(broken()))
}
