//! A conversation and what its participants set for themselves.

use super::timeline::Timeline;
use crate::ozeki::{ConversationId, UserId};
use crate::sandbox::seed::Seed;

/// The colour of a conversation that nobody coloured. Source: "conv".
const WHITE: &str = "#ffffff";

/// As long as a short name, padded and encrypted; the real length is not documented.
const DISPLAY_NAME_BYTES: usize = 48;

/// A conversation between two or more people.
pub(in crate::sandbox) struct Conversation {
    pub(in crate::sandbox) id: ConversationId,
    pub(in crate::sandbox) is_group: bool,
    pub(in crate::sandbox) participants: Vec<UserId>,
    pub(in crate::sandbox) messages: Timeline,
    pub(in crate::sandbox) reports: Timeline,
    /// When something was last said, seen or cleared there; Unix seconds. What a user sets for themselves does not
    /// count: the vendor does not say, and it would move the conversation in everybody's list.
    pub(in crate::sandbox) last_access: i64,
    /// The conversation's key, encrypted by the clients: base64.
    pub(in crate::sandbox) secret: String,
    /// Ten alphanumerics that change when the conversation is cleared.
    pub(in crate::sandbox) instance: String,
    /// What participants set for themselves, in the order in which they first set something.
    pub(in crate::sandbox) properties: Vec<Properties>,
}

/// What one participant set for a conversation.
#[derive(Clone)]
pub(in crate::sandbox) struct Properties {
    pub(in crate::sandbox) user: UserId,
    pub(in crate::sandbox) is_muted: bool,
    pub(in crate::sandbox) is_favorite: bool,
    /// The instance that the user hid, followed by `;`; empty when none is.
    pub(in crate::sandbox) hide_id: String,
    pub(in crate::sandbox) background_color: String,
}

impl Conversation {
    /// The user's properties, which are there from now on if they were not.
    pub(in crate::sandbox) fn properties_of(&mut self, user: UserId) -> &mut Properties {
        let known = self.properties.iter().position(|entry| entry.user == user);
        let position = known.unwrap_or_else(|| {
            self.properties.push(Properties {
                user,
                is_muted: false,
                is_favorite: false,
                hide_id: String::new(),
                background_color: WHITE.to_owned(),
            });
            self.properties.len() - 1
        });
        &mut self.properties[position]
    }

    /// Whether the user takes part.
    pub(in crate::sandbox) fn is_of(&self, user: UserId) -> bool {
        self.participants.contains(&user)
    }

    /// Forgets what was said, for every participant, and begins a new instance.
    ///
    /// Source: "Calls", Conversation / clear.
    pub(in crate::sandbox) fn clear(&mut self) {
        self.messages = Timeline::default();
        self.reports = Timeline::default();
        self.instance = Seed::new("cleared").and(self.id).and(&self.instance).instance();
    }

    /// What the user hides the conversation with as it is now. Source: "Calls", Conversation / hide.
    pub(in crate::sandbox) fn hide_id(&self) -> String {
        format!("{};", self.instance)
    }

    pub(in crate::sandbox) fn muted_by(&self) -> Vec<UserId> {
        self.users_with(|properties| properties.is_muted)
    }

    pub(in crate::sandbox) fn favorite_by(&self) -> Vec<UserId> {
        self.users_with(|properties| properties.is_favorite)
    }

    /// Who hid the conversation as it is now: an instance from before it was cleared hides nothing.
    ///
    /// Source: "conv".
    pub(in crate::sandbox) fn hidden_by(&self) -> Vec<UserId> {
        self.users_with(|properties| {
            properties.hide_id.split(';').any(|instance| instance == self.instance)
        })
    }

    /// The name under this encryption: base64 that differs from every other encryption's.
    pub(in crate::sandbox) fn encrypted_display_name(&self, encryption: u64) -> String {
        Seed::new("displayname").and(self.id).and(encryption).base64(DISPLAY_NAME_BYTES)
    }

    fn users_with(&self, is_set: impl Fn(&Properties) -> bool) -> Vec<UserId> {
        self.properties
            .iter()
            .filter(|properties| is_set(properties))
            .map(|properties| properties.user)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_hidden_only_while_the_hide_id_names_its_instance() {
        let user = UserId::from_email("alice@example.com").unwrap();
        let mut conversation = Conversation {
            id: ConversationId::from_bytes([1; 16]),
            is_group: false,
            participants: vec![user],
            messages: Timeline::default(),
            reports: Timeline::default(),
            last_access: 0,
            secret: String::new(),
            instance: "PqjfKSn7V8".into(),
            properties: Vec::new(),
        };
        assert_eq!(conversation.hidden_by(), []);
        conversation.properties_of(user).hide_id = conversation.hide_id();
        assert_eq!(conversation.properties[0].hide_id, "PqjfKSn7V8;");
        assert_eq!(conversation.hidden_by(), [user]);
        conversation.clear();
        assert_eq!(conversation.hidden_by(), []);
        assert_eq!(conversation.properties.len(), 1);
    }
}
