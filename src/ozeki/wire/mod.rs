//! What Ozeki says, as serde types.
//!
//! Strict and tolerant at once: unknown members are ignored, a missing or null optional member has a documented
//! meaning, a wrong type is an error. Every fact is from the section "Calls" and "Where the examples mislead".

mod blocklist;
mod conversation;
mod done;
mod friend;
mod login;
mod message;
mod notification;
mod texts;

use serde::{Deserialize, Deserializer};

pub use blocklist::Blocklist;
pub use conversation::{Conversation, ConversationProperties, Participant};
pub use friend::Friend;
pub use login::Login;
pub use message::{Message, MessagePage, Report};
pub use notification::{Noticed, Notices};

pub(crate) use blocklist::BlocklistAnswer;
pub(crate) use conversation::{ConversationAnswer, ConversationListAnswer};
pub(crate) use done::DoneAnswer;
pub(crate) use friend::FriendsAnswer;
pub(crate) use login::LoginAnswer;
pub(crate) use message::{AddedAnswer, DownloadAnswer, MessagesAnswer};
pub(crate) use notification::NotificationAnswer;

/// The members that every answer begins with.
///
/// `status` decides, not `errormessage`. Source: "Where the examples mislead", 1.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) status: Option<Box<str>>,
    #[serde(default)]
    pub(crate) errormessage: Option<Box<str>>,
}

/// An answer with its status, and with what the call was made for.
pub(crate) trait Answer: for<'de> Deserialize<'de> {
    /// What the caller of the client gets.
    type Content;

    /// The `status` member.
    fn status(&self) -> Option<&str>;

    /// The content of an answer whose status is `OK`, or the name of the member that is missing.
    fn into_content(self) -> Result<Self::Content, &'static str>;
}

/// Reads a null as a missing member: PHP writes one where it has nothing.
fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a missing, null or empty text as nothing.
fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<str>>, D::Error> {
    let text = Option::<Box<str>>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}
