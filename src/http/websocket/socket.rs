//! One socket, from its upgrade to its end, in one task: what it began ends with it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Message;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};
use tungstenite::error::ProtocolError;

use super::closing::Closing;
use super::dialogue::{Dialogue, Step};
use super::operations::{Event, Operations, Running};
use super::outbox::Outbox;
use super::protocol::{ClientMessage, InvalidMessage, OperationId, Payload, ServerMessage};
use crate::graphql::{Answer, ErrorCode, OperationType, Request};
use crate::http::endpoint::Asker;
use crate::http::streams::{Place, Streams};
use crate::http::summary::Summary;
use crate::http::turns::{Shown, Standing};
use crate::http::{HttpOptions, credentials};
use crate::session::{Authentication, ClientNetwork, Presented, SessionWatch, Sessions};
use crate::telemetry::{Account, Tracer};

/// How long a client may wait with `connection_init`; its first message needs no more than a round trip.
pub(super) const INITIALISATION_MAX: Duration = Duration::from_secs(3);

/// How often the client is pinged: more often than proxies close what is idle.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(15);

/// A client of which nothing was heard for so long, with a ping in between, is gone.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long one message may take to leave. A client that does not read holds what waits for it no longer.
pub(super) const STUCK_MAX: Duration = Duration::from_secs(10);

/// How long a socket may stand without a credential that is known to be the caller's: enough to log in over it, or to read.
pub(super) const ANONYMOUS_MAX: Duration = Duration::from_secs(60);

/// How long a client may take to answer a close frame.
pub(super) const CLOSING_MAX: Duration = Duration::from_secs(2);

/// One socket.
pub(super) struct Socket {
    streams: Streams,
    sessions: Arc<Sessions>,
    place: Place,
    is_spoken: bool,
    /// Who calls, by the upgrade's headers; the payload of `connection_init` may say otherwise.
    authentication: Authentication,
    client: ClientNetwork,
    standing: Standing,
    watch: SessionWatch,
    dialogue: Dialogue<Running>,
    operations: Operations,
    tracer: Option<Tracer>,
    outbox: Outbox,
    opened: Instant,
    /// When anything came from the client.
    heard: Instant,
    next_ping: Instant,
    /// The gateway shuts down: no operation begins, and subscriptions have ended.
    is_leaving: bool,
}

impl Socket {
    /// `is_spoken`: the client offered our sub-protocol.
    pub(super) fn new(
        options: &HttpOptions,
        asker: Asker,
        standing: Standing,
        place: Place,
        is_spoken: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            streams: options.streams.clone(),
            sessions: Arc::clone(&options.sessions),
            place,
            is_spoken,
            authentication: asker.authentication,
            client: asker.client,
            standing,
            watch: SessionWatch::endless(),
            dialogue: Dialogue::default(),
            operations: Operations::new(options.engine.clone(), options.request_timeout),
            tracer: options.tracer.clone(),
            outbox: Outbox::new(),
            opened: now,
            heard: now,
            next_ping: now + PING_INTERVAL,
            is_leaving: false,
        }
    }

    /// Serves the client until the socket ends.
    pub(super) async fn run<C>(mut self, connection: C)
    where
        C: Stream<Item = Result<Message, axum::Error>>
            + Sink<Message, Error = axum::Error>
            + Send
            + Unpin,
    {
        let (mut sink, mut stream) = connection.split();
        let closing = if self.is_spoken {
            self.serve(&mut sink, &mut stream).await
        } else {
            Closing::SubprotocolNotAcceptable
        };
        tracing::debug!(code = closing.label(), "a socket ends");
        self.streams.metrics().socket_closing(closing.label());
        // Its operations end before the client has taken note.
        let Self { outbox, place, operations, .. } = self;
        drop(operations);
        let _ = timeout(CLOSING_MAX, close(closing, outbox, sink, stream)).await;
        drop(place);
    }

    async fn serve(
        &mut self,
        sink: &mut (impl Sink<Message, Error = axum::Error> + Unpin),
        stream: &mut (impl Stream<Item = Result<Message, axum::Error>> + Unpin),
    ) -> Closing {
        let stop = self.streams.stop().clone();
        loop {
            if self.is_leaving && self.dialogue.is_idle() {
                return Closing::GoingAway;
            }
            let has_room = self.outbox.has_room();
            let wake_at = self.wake_at();
            let done = tokio::select! {
                biased;
                () = self.watch.ended() => return Closing::SessionEnded,
                () = stop.cancelled(), if !self.is_leaving => {
                    self.leave();
                    Ok(())
                }
                sent = self.outbox.send(sink), if !self.outbox.is_empty() => {
                    sent.map_err(|_| Closing::Lost)
                }
                () = sleep_until(wake_at) => self.wake(),
                Some((id, event)) = self.operations.next(), if has_room && !self.operations.is_empty() => {
                    self.tell(&id, event);
                    self.claim()
                }
                message = stream.next(), if has_room => {
                    let heard = self.hear(message).await;
                    // Many may have come at once.
                    self.standing.end_piece().await;
                    heard
                }
            };
            if let Err(closing) = done {
                return closing;
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), Closing> {
        self.heard = Instant::now();
        let text = match message {
            None => return Err(Closing::Lost),
            Some(Err(error)) => return Err(broken_by(&error)),
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Binary(_))) => return Err(Closing::Invalid(InvalidMessage::Binary)),
            Some(Ok(Message::Close(_))) => return Err(Closing::ByClient),
            // The library below answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
        };
        if self.is_leaving {
            // It comes again over the next socket.
            return Ok(());
        }
        if !self.operations.accepts_text(&text) {
            return Err(Closing::Invalid(InvalidMessage::TooManyValues));
        }
        let message = ClientMessage::parse(&text).map_err(Closing::Invalid)?;
        match self.dialogue.receive(message) {
            Step::Nothing => {}
            Step::Introduce(payload) => self.introduce(payload)?,
            Step::Pong(payload) => self.say(ServerMessage::Pong(payload.as_ref())),
            Step::Begin(id, request) => self.begin(id, request).await,
            Step::Refuse(id) => {
                let answer = Answer::request_error(
                    ErrorCode::OperationTooExpensive,
                    "too many operations run over this socket; complete one first",
                );
                self.say(ServerMessage::Error(&id, &answer));
            }
            Step::End(running) => running.abort(),
            Step::Close(closing) => return Err(closing),
        }
        Ok(())
    }

    /// Settles who calls, once for the socket's life.
    fn introduce(&mut self, payload: Option<Payload>) -> Result<(), Closing> {
        let payload = payload.unwrap_or_default();
        let presented = credentials::presented_in(&payload);
        if !matches!(presented, Presented::Nothing) {
            self.authentication = self.sessions.authenticate(presented);
        }
        match &self.authentication {
            Authentication::Refused => {
                // It ends here in any case; what is charged stops the next upgrade.
                let _ = self.sessions.admit(&Authentication::Refused, self.client);
                return Err(Closing::Forbidden);
            }
            Authentication::Anonymous => {}
            Authentication::Caller(caller) => {
                self.watch = self.sessions.watch(caller);
                self.claim()?;
                self.note_standing(true);
            }
        }
        self.say(ServerMessage::Acknowledge);
        Ok(())
    }

    /// Makes the socket the caller's, if that is known to be who it says by now. With an invented credential a socket stands no
    /// longer than without one.
    fn claim(&mut self) -> Result<(), Closing> {
        if !self.place.is_claimed()
            && let Authentication::Caller(caller) = &self.authentication
            && self.operations.engine().is_proved(caller)
            && !self.place.claim(caller.key())
        {
            return Err(Closing::TooManySockets);
        }
        Ok(())
    }

    fn note_standing(&self, is_admitted: bool) {
        let shown = Shown::by(&self.authentication, self.operations.engine());
        self.standing.note(shown, is_admitted);
    }

    /// Begins an operation; it is charged as a request over HTTP is.
    async fn begin(&mut self, id: OperationId, request: Request) {
        // A socket may stand for days: each operation is a trace of its own.
        let trace = self.tracer.as_ref().and_then(Tracer::begin);
        let summary = Summary::of_socket_operation(trace);
        let admitted = summary.account().sync_scope(|| {
            let admitted = self.sessions.admit(&self.authentication, self.client);
            self.note_standing(admitted.is_ok());
            let limited = admitted.map_err(|limited| Box::new(Answer::rate_limited(&limited)));
            limited.inspect_err(|answer| Account::note_outcome(answer.outcome_name()))
        });
        let caller = (self.authentication.clone(), self.client);
        let prepared = match admitted {
            Ok(()) => summary.account().scope(self.operations.prepare(request, caller)).await,
            Err(answer) => Err(answer),
        };
        match prepared {
            Ok(prepared) => {
                let counted = self.streams.metrics().begin_socket_operation();
                let told = (counted, summary);
                let running = self.operations.begin(id.clone(), prepared, told);
                self.dialogue.begun(id, running);
            }
            Err(answer) => self.say(ServerMessage::Error(&id, &answer)),
        }
    }

    /// Tells the client what an operation says.
    fn tell(&mut self, id: &OperationId, event: Event) {
        let is_last = match event {
            Event::Next(answer) | Event::Only(answer) if answer.is_request_error() => {
                self.say(ServerMessage::Error(id, &answer));
                true
            }
            Event::Next(answer) => {
                self.say(ServerMessage::Next(id, &answer));
                false
            }
            Event::Only(answer) => {
                self.say(ServerMessage::Next(id, &answer));
                self.say(ServerMessage::Complete(id));
                true
            }
            Event::End => {
                self.say(ServerMessage::Complete(id));
                true
            }
        };
        if is_last && let Some(running) = self.dialogue.ended(id) {
            running.abort();
        }
    }

    /// Ends subscriptions without a word, so that clients subscribe again elsewhere; what is asked for once is finished,
    /// since clients would ask again, also for a change.
    fn leave(&mut self) {
        self.is_leaving = true;
        for running in self.dialogue.take(|running| running.kind == OperationType::Subscription) {
            running.abort();
        }
    }

    fn say(&mut self, message: ServerMessage<'_>) {
        self.outbox.push(Message::Text(message.to_text().into()));
    }

    /// When there is something to do although nothing happens.
    fn wake_at(&self) -> Instant {
        let mut at = (self.heard + SILENCE_MAX).min(self.next_ping);
        if !self.dialogue.is_initialised() {
            at = at.min(self.opened + INITIALISATION_MAX);
        }
        if let Some(since) = self.outbox.stuck_since() {
            at = at.min(since + STUCK_MAX);
        }
        if !self.place.is_claimed() {
            at = at.min(self.opened + ANONYMOUS_MAX);
        }
        at
    }

    fn wake(&mut self) -> Result<(), Closing> {
        let now = Instant::now();
        if !self.dialogue.is_initialised() && now >= self.opened + INITIALISATION_MAX {
            return Err(Closing::InitialisationTimeout);
        }
        if self.outbox.stuck_since().is_some_and(|since| now >= since + STUCK_MAX) {
            return Err(Closing::NotReading);
        }
        if now >= self.heard + SILENCE_MAX {
            return Err(Closing::Silent);
        }
        if now >= self.opened + ANONYMOUS_MAX {
            self.claim()?;
            if !self.place.is_claimed() {
                return Err(Closing::AnonymousTooLong);
            }
        }
        if now >= self.next_ping {
            self.next_ping = now + PING_INTERVAL;
            if let Authentication::Caller(caller) = &self.authentication {
                self.sessions.note_use(caller);
            }
            self.say(ServerMessage::Ping);
            // Browsers answer this one themselves, however busy the page is.
            self.outbox.push(Message::Ping(axum::body::Bytes::new()));
        }
        Ok(())
    }
}

/// Sends the close frame, if there is one, and waits for the client's: a connection that is dropped while something of
/// it is unread is reset, and the client might not learn the code.
async fn close(
    closing: Closing,
    mut outbox: Outbox,
    mut sink: impl Sink<Message, Error = axum::Error> + Unpin,
    mut stream: impl Stream<Item = Result<Message, axum::Error>> + Unpin,
) {
    match closing.frame() {
        Some(frame) => {
            let sent = async {
                outbox.send(&mut sink).await?;
                sink.send(Message::Close(Some(frame))).await
            };
            if sent.await.is_err() {
                return;
            }
        }
        // The library below has the answer to the client's frame ready.
        None if closing == Closing::ByClient => {
            if sink.flush().await.is_err() {
                return;
            }
        }
        None => return,
    }
    while let Some(Ok(_)) = stream.next().await {}
    if matches!(closing, Closing::MessageTooLong | Closing::NotUtf8 | Closing::NotWebSocket) {
        // What comes cannot be read any more, so it is not known when the client has got the frame.
        pending::<()>().await;
    }
}

/// How a socket ends that could not be read.
fn broken_by(error: &axum::Error) -> Closing {
    let error = std::error::Error::source(error).and_then(|error| error.downcast_ref());
    match error {
        Some(tungstenite::Error::Capacity(_)) => Closing::MessageTooLong,
        Some(tungstenite::Error::Utf8(_)) => Closing::NotUtf8,
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) | None => {
            Closing::Lost
        }
        Some(tungstenite::Error::Protocol(_)) => Closing::NotWebSocket,
        Some(_) => Closing::Lost,
    }
}
