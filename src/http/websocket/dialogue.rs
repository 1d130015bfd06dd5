//! What a message means at the point that a socket has come to; without any input or output.

use std::collections::HashMap;

use super::closing::Closing;
use super::protocol::{ClientMessage, OperationId, Payload};
use crate::graphql::Request;

/// Operations that run over one socket at once: many times what a screen subscribes to.
pub(super) const OPERATIONS_MAX: usize = 50;

/// Where a socket stands: whether the client has introduced itself, and which of its operations run. `R` is what runs.
#[derive(Debug)]
pub(super) struct Dialogue<R> {
    is_initialised: bool,
    running: HashMap<OperationId, R>,
}

/// What is to be done about a message.
#[derive(Debug)]
pub(super) enum Step<R> {
    /// Nothing.
    Nothing,
    /// Find out who calls, and acknowledge it or close.
    Introduce(Option<Payload>),
    /// Answer a ping.
    Pong(Option<Payload>),
    /// Run an operation, and tell of it by [`Dialogue::begun`].
    Begin(OperationId, Request),
    /// Refuse an operation: too many run.
    Refuse(OperationId),
    /// End an operation; its client is not told, since it knows.
    End(R),
    /// End the socket.
    Close(Closing),
}

impl<R> Default for Dialogue<R> {
    fn default() -> Self {
        Self { is_initialised: false, running: HashMap::new() }
    }
}

impl<R> Dialogue<R> {
    pub(super) fn is_initialised(&self) -> bool {
        self.is_initialised
    }

    /// Takes a message in.
    pub(super) fn receive(&mut self, message: ClientMessage) -> Step<R> {
        match message {
            ClientMessage::Init(_) if self.is_initialised => {
                Step::Close(Closing::TooManyInitialisations)
            }
            ClientMessage::Init(payload) => {
                self.is_initialised = true;
                Step::Introduce(payload)
            }
            ClientMessage::Ping(payload) => Step::Pong(payload),
            ClientMessage::Pong => Step::Nothing,
            ClientMessage::Subscribe(..) if !self.is_initialised => {
                Step::Close(Closing::Unauthorized)
            }
            ClientMessage::Subscribe(id, _) if self.running.contains_key(&id) => {
                Step::Close(Closing::DuplicateOperation(id))
            }
            ClientMessage::Subscribe(id, _) if self.running.len() >= OPERATIONS_MAX => {
                Step::Refuse(id)
            }
            ClientMessage::Subscribe(id, request) => Step::Begin(id, request),
            // The operation may have ended while the message was on its way.
            ClientMessage::Complete(id) => {
                self.running.remove(&id).map_or(Step::Nothing, Step::End)
            }
        }
    }

    /// Notes that an operation runs, until it has [`ended`](Self::ended) or its client completes it.
    pub(super) fn begun(&mut self, id: OperationId, running: R) {
        self.running.insert(id, running);
    }

    /// Notes that an operation has ended of itself.
    pub(super) fn ended(&mut self, id: &OperationId) -> Option<R> {
        self.running.remove(id)
    }

    /// Ends all operations of which `is_wanted` holds.
    pub(super) fn take(&mut self, is_wanted: impl Fn(&R) -> bool) -> Vec<R> {
        self.running.extract_if(|_, running| is_wanted(running)).map(|(_, it)| it).collect()
    }

    /// Whether no operation runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initialised() -> Dialogue<u32> {
        let mut dialogue = Dialogue::default();
        assert!(matches!(dialogue.receive(ClientMessage::Init(None)), Step::Introduce(None)));
        dialogue
    }

    fn subscribe(dialogue: &mut Dialogue<u32>, id: &str) -> Step<u32> {
        dialogue.receive(ClientMessage::Subscribe(id.into(), Request::default()))
    }

    #[test]
    fn an_operation_needs_an_introduction_and_there_is_one_only() {
        let mut dialogue = Dialogue::default();
        assert!(matches!(subscribe(&mut dialogue, "1"), Step::Close(Closing::Unauthorized)));
        let mut dialogue = initialised();
        assert!(matches!(subscribe(&mut dialogue, "1"), Step::Begin(..)));
        let again = dialogue.receive(ClientMessage::Init(None));
        assert!(matches!(again, Step::Close(Closing::TooManyInitialisations)));
    }

    #[test]
    fn an_id_is_free_again_when_its_operation_has_ended() {
        let mut dialogue = initialised();
        for round in 0..2 {
            dialogue.begun("1".into(), round);
            let Step::Close(Closing::DuplicateOperation(id)) = subscribe(&mut dialogue, "1") else {
                panic!("two of one id")
            };
            if round == 0 {
                assert_eq!(dialogue.ended(&id), Some(0));
            } else {
                let completed = dialogue.receive(ClientMessage::Complete(id));
                assert!(matches!(completed, Step::End(1)));
            }
            assert!(matches!(subscribe(&mut dialogue, "1"), Step::Begin(..)));
        }
        let unknown = dialogue.receive(ClientMessage::Complete("1".into()));
        assert!(matches!(unknown, Step::Nothing));
    }

    #[test]
    fn one_operation_too_many_is_refused_and_the_others_go_on() {
        let mut dialogue = initialised();
        for number in 0..50 {
            let id = number.to_string();
            assert!(matches!(subscribe(&mut dialogue, &id), Step::Begin(..)));
            dialogue.begun(id.as_str().into(), number);
        }
        assert!(matches!(subscribe(&mut dialogue, "50"), Step::Refuse(_)));
        dialogue.ended(&"7".into());
        assert!(matches!(subscribe(&mut dialogue, "50"), Step::Begin(..)));
        assert_eq!(dialogue.take(|number| *number >= 10).len(), 40);
        assert!(!dialogue.is_idle());
        assert_eq!(dialogue.take(|_| true).len(), 9);
        assert!(dialogue.is_idle());
    }
}
