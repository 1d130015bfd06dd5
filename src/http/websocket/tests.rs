//! How much of what a client sends at once is heard in one piece of its work.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::extract::ws::Message;
use futures_util::{Sink, Stream};

use super::*;
use crate::http::tests::Bench;
use crate::http::turns::Shown;
use crate::session::Authentication;

/// A client that has sent all that it will ever send, and takes whatever comes.
struct Sent {
    messages: std::vec::IntoIter<Message>,
    /// The piece of work that is being done.
    piece: Arc<AtomicUsize>,
    /// In which piece each message was heard.
    heard: Arc<Mutex<Vec<usize>>>,
}

impl Stream for Sent {
    type Item = Result<Message, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = self.messages.next();
        if message.is_some() {
            self.heard.lock().unwrap().push(self.piece.load(Ordering::Relaxed));
        }
        Poll::Ready(message.map(Ok))
    }
}

impl Sink<Message> for Sent {
    type Error = axum::Error;

    fn poll_ready(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, _message: Message) -> Result<(), Self::Error> {
        Ok(())
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
}

/// In which pieces of its work a socket hears these.
async fn pieces(bench: &Bench, standing: Standing, messages: Vec<Message>) -> Vec<usize> {
    let options = bench.options();
    let client = IpAddr::from([192, 0, 2, 7]).into();
    let asker = Asker { authentication: Authentication::Anonymous, client };
    let place = options.streams.take_place(StreamKind::WebSocket).unwrap();
    let socket = Socket::new(&options, asker, standing.clone(), place, true);
    let (piece, heard) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<_>>>::default());
    let sent = Sent {
        messages: messages.into_iter(),
        piece: Arc::clone(&piece),
        heard: Arc::clone(&heard),
    };
    let mut running = Box::pin(socket.run(sent));
    let running = poll_fn(move |context| {
        piece.fetch_add(1, Ordering::Relaxed);
        running.as_mut().poll(context)
    });
    standing.by_turns(running).await;
    let heard = heard.lock().unwrap();
    heard.clone()
}

#[tokio::test]
async fn of_who_is_not_known_one_message_is_heard_at_a_time() {
    let bench = Bench::new().await;
    let subscribe = r#"{"id":"1","type":"subscribe","payload":{"query":"{ __typename }"}}"#;
    let messages = || {
        let texts = [r#"{"type":"connection_init"}"#, r#"{"type":"ping"}"#, subscribe];
        let texts = texts.map(|text| Message::Text(text.into()));
        texts.into_iter().chain([Message::Ping("x".into())]).collect::<Vec<_>>()
    };
    let heard = pieces(&bench, bench.newcomer().standing, messages()).await;
    assert_eq!(heard.len(), 4);
    assert!(heard.is_sorted_by(|one, next| one < next), "{heard:?}");
    // Of who is known, all that is there.
    let known = bench.newcomer().standing;
    known.note(Shown::Itself, true);
    let pings = vec![Message::Ping("x".into()); 4];
    assert_eq!(pieces(&bench, known, pings).await, [1; 4]);
}
