//! `/graphql` with server-sent events: the distinct connections mode of graphql-sse, by its specification.
//!
//! One response carries the answers of one operation as `next` events, and `complete` at their end. Where it is the
//! gateway that ends the stream, at a shutdown or with the session, `complete` is not sent: clients connect again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::HttpOptions;
use super::error::RequestError;
use super::streams::{Place, answers};
use crate::graphql::{Answer, Operation, RequestContext};
use crate::session::{Authentication, Caller, SessionWatch, Sessions};
use crate::telemetry::StreamKind;

/// How often something is sent although nothing happens: more often than proxies close what is idle.
const KEEP_ALIVE: Duration = Duration::from_secs(12);

/// A comment, which clients skip.
const COMMENT: Bytes = Bytes::from_static(b":\n\n");

const COMPLETE: Bytes = Bytes::from_static(b"event: complete\ndata:\n\n");

/// Tells proxies of nginx's kind not to hold events back.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Runs an operation and sends its answers as they come.
pub(super) fn respond(
    options: &HttpOptions,
    operation: Operation,
    context: RequestContext,
) -> Result<Response, RequestError> {
    let streams = &options.streams;
    let mut place =
        streams.take_place(StreamKind::EventStream).ok_or(RequestError::TooManyStreams)?;
    let mut caller = None;
    if let Authentication::Caller(it) = &context.authentication {
        if !place.claim(it.key()) {
            return Err(RequestError::TooManyStreamsOfCaller);
        }
        caller = Some(Arc::clone(it));
    }
    let watch = caller.as_deref().map(|caller| options.sessions.watch(caller));
    let sending = Sending {
        answers: answers(&options.engine, operation, context),
        stop: streams.stop().clone(),
        watch: watch.unwrap_or_else(SessionWatch::endless),
        sessions: Arc::clone(&options.sessions),
        caller,
        next_comment: Instant::now(),
        _place: place,
    };
    Ok(response(Body::from_stream(sending.into_stream())))
}

/// The answer to a request that cannot be run. The specification wants it as an event, since clients do not see the body
/// of another status.
pub(super) fn refuse(answer: &Answer) -> Response {
    response(Body::from([next_event(answer), COMPLETE].concat()))
}

fn response(body: Body) -> Response {
    let content_type = (CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    (StatusCode::OK, [content_type, UNBUFFERED], body).into_response()
}

struct Sending {
    answers: BoxStream<'static, Answer>,
    stop: CancellationToken,
    watch: SessionWatch,
    sessions: Arc<Sessions>,
    caller: Option<Arc<Caller>>,
    /// The first one is sent at once, so that the client has its headers.
    next_comment: Instant,
    _place: Place,
}

impl Sending {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send {
        stream::unfold(Some(self), |sending| async move {
            let mut sending = sending?;
            let (bytes, goes_on) = sending.next().await?;
            Some((Ok(bytes), goes_on.then_some(sending)))
        })
    }

    /// What is sent next, and whether more may follow; nothing when the stream is cut off.
    async fn next(&mut self) -> Option<(Bytes, bool)> {
        tokio::select! {
            biased;
            () = self.watch.ended() => None,
            () = self.stop.cancelled() => None,
            answer = self.answers.next() => {
                self.next_comment = Instant::now() + KEEP_ALIVE;
                Some(answer.map_or((COMPLETE, false), |answer| (next_event(&answer), true)))
            }
            () = sleep_until(self.next_comment) => {
                if let Some(caller) = &self.caller {
                    self.sessions.note_use(caller);
                }
                self.next_comment = Instant::now() + KEEP_ALIVE;
                Some((COMMENT, true))
            }
        }
    }
}

/// JSON as the gateway writes it has no line breaks, which would end the event.
fn next_event(answer: &Answer) -> Bytes {
    [b"event: next\ndata: ", &*answer.to_bytes(), b"\n\n"].concat().into()
}
