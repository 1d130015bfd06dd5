//! Why the sandbox refuses a call.

use serde::Serialize;

/// What is wrong with a call, in words for the person who debugs a client; no word of the call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another method than POST.
    #[error("the method of a call is POST")]
    Method,
    /// No `srv` and `api` in the query, or a pair that the sandbox does not serve.
    #[error("the query names no known srv and api")]
    UnknownApi,
    /// An action that this api does not have.
    #[error("the api has no such action")]
    UnknownAction,
    /// A `Content-Type` that is not JSON.
    #[error("the Content-Type of a call is application/json")]
    ContentType,
    /// A body above the limit.
    #[error("the body is larger than 1 MiB")]
    BodyTooLarge,
    /// The client went away, or broke HTTP, within the body.
    #[error("the body ended early")]
    BodyInterrupted,
    /// A body that is not a JSON object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// A body without this member.
    #[error("the body has no member {0}")]
    MissingMember(&'static str),
    /// A body with a wrong value of this member.
    #[error("the member {name} is not {expected}")]
    InvalidMember {
        /// The member's name.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A call without this header.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// A call with a wrong value of this header.
    #[error("the header {name} is not {expected}")]
    InvalidHeader {
        /// The header's name.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A timestamp too far from the sandbox's clock, before or after.
    #[error("the timestamp is more than five minutes away from the server's clock")]
    TimestampAway,
    /// An `Ozeki-User` whom the sandbox does not know.
    #[error("the header Ozeki-User names nobody on this server")]
    UnknownUser,
    /// A login with a key that is nobody's.
    #[error("the API key is nobody's")]
    UnknownApiKey,
    /// A signature that the caller's key and the recipe do not make.
    #[error("the signature does not match")]
    WrongSignature,
    /// A notification download by a station from which nobody logged in or signed a call.
    #[error("the header Ozeki-Station names no station that a user called from")]
    UnknownStation,
    /// A conversation that is not there or not the caller's; which of them is not told.
    #[error("the caller has no such conversation")]
    UnknownConversation,
    /// An instance, or a hide id, from before the conversation was cleared.
    #[error("invalid instance: it is not the conversation's current one")]
    StaleInstance,
    /// A member with the id of a message or report that the conversation does not have.
    #[error("the member {0} names nothing that is in the conversation")]
    NotInConversation(&'static str),
    /// Dates of a viewed report that leave out a message that it names.
    #[error("a message is older than firstmessagedate or newer than lastmessagedate")]
    OutsideDates,
    /// A workspace name that somebody else registered.
    #[error("the workspace is another user's")]
    WorkspaceTaken,
    /// A workspace more than the sandbox keeps.
    #[error("the server takes no more workspaces")]
    TooManyWorkspaces,
}

#[derive(Serialize)]
struct RefusalAnswer {
    status: &'static str,
    errormessage: String,
}

impl Refusal {
    /// The JSON answer that tells the refusal.
    ///
    /// The form of a failed call is not documented, beyond that `status` is not `OK`; `ERROR` is our choice, and so
    /// is HTTP status 200. Source: "What is not documented".
    pub(super) fn to_json(self) -> Vec<u8> {
        let answer = RefusalAnswer { status: "ERROR", errormessage: self.to_string() };
        serde_json::to_vec(&answer).expect("two strings always serialise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_words() {
        assert_eq!(
            String::from_utf8(Refusal::MissingHeader("Ozeki-User").to_json()).unwrap(),
            r#"{"status":"ERROR","errormessage":"the header Ozeki-User is missing"}"#
        );
    }
}
