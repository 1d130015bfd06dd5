//! A conversation to change and to send to.

use super::Caller;

pub(crate) const ADD: (&str, &str) = ("chatconversation", "add");
pub(crate) const PAGE: (&str, &str) = ("chatconversation", "downloadpartial");

/// A refusal that no stale instance explains.
pub(crate) const REJECTION: &str = r#"{"status":"ERROR","errormessage":"not today"}"#;

/// The id that [`send`] gives.
pub(crate) const MESSAGE_ID: &str = "0b3f0f4c-6d5e-4f7a-9c1b-2a3d4e5f6a7b";

/// The caller's newest conversation.
pub(crate) async fn chat_of(caller: &Caller) -> String {
    let data = caller.data("{ conversations(first: 1) { nodes { id } } }").await;
    data["conversations"]["nodes"][0]["id"].as_str().unwrap().to_owned()
}

/// Sends a message under an id of the client's own.
pub(crate) fn send(chat: &str, data: &str) -> String {
    format!(
        "mutation {{ sendMessage(input: {{conversationId: \"{chat}\", data: \"{data}\", id: \"{MESSAGE_ID}\"}}) {{ message {{ id data }} }} }}"
    )
}
