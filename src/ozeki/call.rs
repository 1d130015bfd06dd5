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
    /// Tells what changed. Source: "Calls", Notification.
    pub const NOTIFICATIONS: Self = Self::chat("chatnotification", "download");
    /// Lists the user's friends. Source: "Calls", Friends / list.
    pub const FRIENDS_LIST: Self = Self::chat("chatfriends", "list");

    /// Makes the user available. Source: "Calls", Availability.
    pub const SET_AVAILABLE: Self = Self::chat("chatavailability", "useravailable");
    /// Reads a page of older messages. Source: "Calls", Conversation / partial download.
    pub const MESSAGES_BEFORE: Self = Self::chat("chatconversation", "downloadpartial");
    /// Reads the messages from a point on. Source: "Calls", Conversation / download.
    pub const MESSAGES_FROM: Self = Self::chat("chatconversation", "download");
    /// Sends a message. Source: "Calls", Conversation / add.
    pub const ADD_MESSAGE: Self = Self::chat("chatconversation", "add");
    /// Marks messages as viewed. Source: "Calls", Report.
    pub const MARK_VIEWED: Self = Self::chat("chatreports", "viewed");
    /// Lists whom and what the user blocked. Source: "Calls", Blocklist.
    pub const BLOCKLIST: Self = Self::chat("chatblocklist", "blocklist");
    /// Registers a workspace. Source: "Calls", Workspace registration.
    pub const REGISTER_WORKSPACE: Self =
        Self { service: "chatowner", api: "workspace", action: "workspaceregister" };

    const fn chat(api: &'static str, action: &'static str) -> Self {
        Self { service: "chatserver", api, action }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.api, self.action)
    }
}
