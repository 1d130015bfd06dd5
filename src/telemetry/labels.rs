//! The values of the metrics' labels: few, and none that clients can make up.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// How a read of a cached resource was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheOutcome {
    /// From memory.
    Hit,
    /// From memory, although it was no longer fresh.
    Stale,
    /// By a call of its own.
    Miss,
    /// By a call that was already under way.
    Coalesced,
}

/// The kind of a GraphQL operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum OperationKind {
    Query,
    Mutation,
    Subscription,
    /// The document or the choice of operation was refused.
    Refused,
}

impl OperationKind {
    /// The kind's name, as in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
            Self::Refused => "refused",
        }
    }
}

/// How a GraphQL operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationOutcome {
    /// Without an error.
    Ok,
    /// With data and errors.
    Partial,
    /// Before any field ran.
    RequestError,
    /// At its deadline.
    TimedOut,
}

/// How answers that go on are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// A WebSocket, with any number of operations.
    WebSocket,
    /// Server-sent events, of one operation.
    EventStream,
}

/// How a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginOutcome {
    /// With a session.
    Ok,
    /// The upstream refused the key.
    Refused,
    /// Without an answer that tells.
    Failed,
}

/// What a notice tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NoticeKind {
    FriendAvailability,
    Conversation,
    ConversationList,
}

/// Whether calls to the upstream are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// All are made.
    Closed,
    /// None is made for a while.
    Open,
    /// One is made, to see whether the upstream is back.
    HalfOpen,
}

impl BreakerState {
    pub(super) const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];
}

/// What refused a request or a login for being one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimit {
    /// Requests of one user with a session.
    Caller,
    /// Requests with one forwarded credential.
    Credential,
    /// Requests with forwarded credentials from one address.
    Forwarded,
    /// Requests without a credential from one address.
    Anonymous,
    /// Requests with a credential that is not accepted from one address.
    Refused,
    /// Logins with one API key.
    Login,
    /// Logins from one address.
    LoginAddress,
}

/// What became of a span of a trace that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceOutcome {
    /// The collector took it.
    Sent,
    /// There was no room for it in the queue.
    Dropped,
    /// The collector did not take it.
    Failed,
}

/// Labels are written in lower case, as their names in Rust are not.
macro_rules! label_values {
    ($type:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl EncodeLabelValue for $type {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                let text = match self {
                    $(Self::$variant => $text,)+
                };
                EncodeLabelValue::encode(&text, encoder)
            }
        }
    };
}

label_values!(CacheOutcome { Hit => "hit", Stale => "stale", Miss => "miss", Coalesced => "coalesced" });

impl EncodeLabelValue for OperationKind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

label_values!(NoticeKind {
    FriendAvailability => "friend_availability",
    Conversation => "conversation",
    ConversationList => "conversation_list",
});
label_values!(BreakerState { Closed => "closed", Open => "open", HalfOpen => "half_open" });
label_values!(OperationOutcome {
    Ok => "ok",
    Partial => "partial",
    RequestError => "request_error",
    TimedOut => "timed_out",
});
label_values!(LoginOutcome { Ok => "ok", Refused => "refused", Failed => "failed" });
label_values!(TraceOutcome { Sent => "sent", Dropped => "dropped", Failed => "failed" });
label_values!(StreamKind { WebSocket => "websocket", EventStream => "event_stream" });

label_values!(RateLimit {
    Caller => "caller",
    Credential => "credential",
    Forwarded => "forwarded",
    Anonymous => "anonymous",
    Refused => "refused",
    Login => "login",
    LoginAddress => "login_address",
});
