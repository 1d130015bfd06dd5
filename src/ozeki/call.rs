//! The documented calls, by name.

use std::fmt;

/// One documented upstream call; displayed as `chatfriends/list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// `srv` of the query string.
    pub service: &'static str,
    /// `api` of the query string.
    pub api: &'static str,
    /// The `action` member of the body.
    pub action: &'static str,
}

impl Call {
    /// Proves an API key and tells whose it is. Source: "Calls", Login.
    pub const LOGIN: Self = Self::chat("chatlogin", "login");
    /// Lists the user's conversations. Source: "Calls", Conversation / list.
    pub const CONVERSATION_LIST: Self = Self::chat("chatconversation", "list");
    /// Lists the user's friends. Source: "Calls", Friends / list.
    pub const FRIENDS_LIST: Self = Self::chat("chatfriends", "list");

    const fn chat(api: &'static str, action: &'static str) -> Self {
        Self { service: "chatserver", api, action }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.api, self.action)
    }
}
