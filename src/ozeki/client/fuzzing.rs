//! Answers of every call, for the fuzzer.

use http::StatusCode;

use super::answer::{Secrets, decode as decode_as};
use crate::ozeki::wire::{
    AddedAnswer, Answer, BlocklistAnswer, ConversationAnswer, ConversationListAnswer, DoneAnswer,
    FriendsAnswer, LoginAnswer, MessagesAnswer,
};
use crate::ozeki::{Call, UpstreamError};

/// Reads a body as the answer to one of the calls.
pub(in crate::ozeki) fn decode(call: u8, status: u8, body: &[u8]) -> Result<(), UpstreamError> {
    let status = match status % 3 {
        0 => StatusCode::OK,
        1 => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_GATEWAY,
    };
    match call % 8 {
        0 => read::<LoginAnswer>(Call::LOGIN, status, body),
        1 => read::<ConversationListAnswer>(Call::CONVERSATION_LIST, status, body),
        2 => read::<FriendsAnswer>(Call::FRIENDS_LIST, status, body),
        3 => read::<MessagesAnswer>(Call::MESSAGES_BEFORE, status, body),
        4 => read::<AddedAnswer>(Call::ADD_MESSAGE, status, body),
        5 => read::<BlocklistAnswer>(Call::BLOCKLIST, status, body),
        6 => read::<ConversationAnswer>(Call::CONVERSATION_LIST, status, body),
        _ => read::<DoneAnswer>(Call::MARK_VIEWED, status, body),
    }
}

fn read<A: Answer>(call: Call, status: StatusCode, body: &[u8]) -> Result<(), UpstreamError> {
    let secrets = Secrets { key: None, signature: None };
    decode_as::<A>(call, status, body, &secrets).map(|_content| ())
}
