//! How a socket ends. Specification: graphql-transport-ws, and RFC 6455, "Status Codes".

use axum::extract::ws::CloseFrame;

use super::protocol::{InvalidMessage, OperationId};

/// The longest reason that fits into a close frame, in bytes.
const REASON_MAX_BYTES: usize = 123;

/// Why a socket ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// The gateway shuts down; clients connect anew.
    GoingAway,
    /// What came is none of RFC 6455.
    NotWebSocket,
    /// A message's text is not UTF-8.
    NotUtf8,
    /// A message was longer than is taken.
    MessageTooLong,
    /// The caller has as many sockets as one may have; clients try again later.
    TooManySockets,
    /// A message was none of the protocol's.
    Invalid(InvalidMessage),
    /// An operation came before `connection_init`.
    Unauthorized,
    /// The credential is refused.
    Forbidden,
    /// The session was logged out or has expired.
    SessionEnded,
    /// Nobody presented a credential for longer than an anonymous socket may stand.
    AnonymousTooLong,
    /// The client offers no sub-protocol that is spoken here.
    SubprotocolNotAcceptable,
    /// No `connection_init` came in time.
    InitialisationTimeout,
    /// An operation has the id of one that is under way.
    DuplicateOperation(OperationId),
    /// There was a second `connection_init`.
    TooManyInitialisations,
    /// Nothing was heard of the client for too long.
    Silent,
    /// The client did not take what was sent to it.
    NotReading,
    /// The client has closed it.
    ByClient,
    /// The connection broke.
    Lost,
}

impl Closing {
    /// The close code, for the metric; for ends without a code, how it ended.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::GoingAway => "1001",
            Self::NotWebSocket => "1002",
            Self::NotUtf8 => "1007",
            Self::MessageTooLong => "1009",
            Self::TooManySockets => "1013",
            Self::Invalid(_) => "4400",
            Self::Unauthorized => "4401",
            Self::Forbidden | Self::SessionEnded | Self::AnonymousTooLong => "4403",
            Self::SubprotocolNotAcceptable => "4406",
            Self::InitialisationTimeout => "4408",
            Self::DuplicateOperation(_) => "4409",
            Self::TooManyInitialisations => "4429",
            Self::Silent => "4499",
            Self::NotReading => "not_reading",
            Self::ByClient => "by_client",
            Self::Lost => "lost",
        }
    }

    /// What is sent to the client; nothing where it has closed the socket itself or does not read.
    pub(super) fn frame(&self) -> Option<CloseFrame> {
        let code = self.label().parse().ok()?;
        Some(CloseFrame { code, reason: bounded(self.reason()).into() })
    }

    fn reason(&self) -> String {
        let reason = match self {
            Self::GoingAway => "Going away",
            Self::NotWebSocket => "Protocol error",
            Self::NotUtf8 => "Text is not UTF-8",
            Self::MessageTooLong => "Message too long",
            Self::TooManySockets => "Too many sockets",
            Self::Invalid(error) => return error.to_string(),
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::SessionEnded => "The session has ended",
            Self::AnonymousTooLong => "No session",
            Self::SubprotocolNotAcceptable => "Subprotocol not acceptable",
            Self::InitialisationTimeout => "Connection initialisation timeout",
            Self::DuplicateOperation(id) => return format!("Subscriber for {id} already exists"),
            Self::TooManyInitialisations => "Too many initialisation requests",
            Self::Silent => "Terminated",
            Self::NotReading | Self::ByClient | Self::Lost => "",
        };
        reason.to_owned()
    }
}

fn bounded(reason: String) -> String {
    let mut end = REASON_MAX_BYTES;
    if reason.len() <= end {
        return reason;
    }
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_fits_into_a_close_frame() {
        for id in ["7", &"x".repeat(200), &"ő".repeat(100)] {
            let closing = Closing::DuplicateOperation(OperationId::from(id));
            let frame = closing.frame().unwrap();
            assert_eq!(frame.code, 4409);
            assert!(frame.reason.starts_with("Subscriber for "), "{}", frame.reason);
            assert!(frame.reason.len() <= REASON_MAX_BYTES);
        }
        assert_eq!(Closing::Lost.frame(), None);
    }
}
