//! The conversations and their changes. Source: "Calls", Conversation.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::{Client, NoMembers};
use crate::ozeki::wire::{ConversationAnswer, ConversationListAnswer};
use crate::ozeki::{Call, Conversation, ConversationId, Identity, UpstreamError, UserId};

/// A change that is answered with the whole conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Ends the current instance with its messages and begins a new one.
    Clear {
        /// The instance to end.
        instance: Box<str>,
    },
    /// Makes it a favourite.
    Favorite,
    /// Makes it no favourite.
    Unfavorite,
    /// Mutes it.
    Mute,
    /// Ends its muting.
    Unmute,
    /// Hides it as long as it stays in this instance.
    Hide {
        /// The current instance.
        instance: Box<str>,
    },
    /// Shows it again.
    Unhide,
    /// Colours its row.
    SetColor(Color),
}

/// A colour as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

/// A text that is no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written #rrggbb, such as #bae1ff")]
pub struct InvalidColor;

impl FromStr for Color {
    type Err = InvalidColor;

    fn from_str(text: &str) -> Result<Self, InvalidColor> {
        let digits = text.strip_prefix('#').ok_or(InvalidColor)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidColor);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| InvalidColor)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Change {
    /// The call that makes the change.
    pub const fn call(&self) -> Call {
        let action = match self {
            Self::Clear { .. } => "clear",
            Self::Favorite => "favorite",
            Self::Unfavorite => "unfavorite",
            Self::Mute => "mute",
            Self::Unmute => "unmute",
            Self::Hide { .. } => "hide",
            Self::Unhide => "unhide",
            Self::SetColor(_) => "setlistitembackgroundcolor",
        };
        Call { action, ..Call::CONVERSATION_LIST }
    }
}

#[derive(Default, Serialize)]
struct ChangeMembers<'a> {
    conversationid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hideid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
}

impl Client {
    /// Lists the user's conversations, in the server's order.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`]; `Malformed` too when the list is evidently another user's.
    pub async fn conversations(
        &self,
        identity: &Identity,
    ) -> Result<Vec<Conversation>, UpstreamError> {
        let call = Call::CONVERSATION_LIST;
        let list = self.read::<ConversationListAnswer>(call, identity, NoMembers {}).await?;
        if is_of_another(&list, identity.user) {
            let detail = "the user takes part in none of `conversations`".into();
            return Err(UpstreamError::Malformed { call, detail });
        }
        Ok(list)
    }

    /// Changes a conversation and returns it as it is after the change.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`]; `Malformed` too when the answer is another conversation.
    pub async fn change_conversation(
        &self,
        identity: &Identity,
        id: ConversationId,
        change: &Change,
    ) -> Result<Conversation, UpstreamError> {
        let mut members = ChangeMembers { conversationid: id.to_string(), ..Default::default() };
        match change {
            Change::Clear { instance } => members.instance = Some(instance),
            // Source: "Calls": the instance followed by `;`.
            Change::Hide { instance } => members.hideid = Some(format!("{instance};")),
            Change::SetColor(color) => members.color = Some(color.to_string()),
            Change::Favorite
            | Change::Unfavorite
            | Change::Mute
            | Change::Unmute
            | Change::Unhide => {}
        }
        let call = change.call();
        let conversation = self.send::<ConversationAnswer>(call, identity, members).await?;
        if conversation.id == id {
            return Ok(conversation);
        }
        let detail = "`conversation` is another one than was changed".into();
        Err(UpstreamError::Malformed { call, detail })
    }
}

/// Whether a list tells who takes part, and never the user. One odd conversation is let pass: that a user is among the
/// participants of each is what every example shows, and nowhere said.
fn is_of_another(list: &[Conversation], user: UserId) -> bool {
    let mut told = list.iter().filter(|it| !it.participants.is_empty()).peekable();
    told.peek().is_some() && told.all(|it| it.participants.iter().all(|person| person.id != user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_hex_digits_behind_a_hash() {
        assert_eq!("#BAE1ff".parse::<Color>().unwrap().to_string(), "#bae1ff");
        assert_eq!("#00000a".parse::<Color>().unwrap().to_string(), "#00000a");
        for text in ["", "#", "bae1ff", "#bae1f", "#bae1fff", "#bae1fg", "#+ae1ff", "#bae1ff "] {
            assert_eq!(text.parse::<Color>(), Err(InvalidColor), "{text:?}");
        }
    }

    #[test]
    fn a_list_is_anothers_if_it_tells_who_takes_part_and_never_the_user() {
        let user = UserId::from_bytes([0xaa; 16]);
        let conversation = |participants: &[UserId]| -> Conversation {
            let ids: Vec<_> = participants.iter().map(|id| format!("\"{id}\"")).collect();
            let id = ConversationId::from_bytes([1; 16]);
            let ids = ids.join(",");
            serde_json::from_str(&format!(r#"{{"id":"{id}","participantids":[{ids}]}}"#)).unwrap()
        };
        let other = conversation(&[UserId::from_bytes([2; 16]), UserId::from_bytes([3; 16])]);
        let (own, untold) = (conversation(&[user]), conversation(&[]));
        assert!(is_of_another(&[untold.clone(), other.clone()], user));
        assert!(!is_of_another(&[other, own], user));
        assert!(!is_of_another(&[untold], user));
        assert!(!is_of_another(&[], user));
    }
}
