//! Whether what was read anew is another state.

use crate::ozeki::Conversation;

/// Whether two readings show one state. The ciphertexts are left out: the server may encrypt anew for each answer.
///
/// Source: "conv", and the vendor's own samples.
pub(super) fn is_same(one: &Conversation, other: &Conversation) -> bool {
    let Conversation {
        id,
        is_group,
        participants,
        display_name: _,
        secret: _,
        last_message_id,
        last_report_id,
        last_access,
        instance,
        muted_by,
        favorite_by,
        hidden_by,
        properties,
    } = one;
    *id == other.id
        && *is_group == other.is_group
        && *participants == other.participants
        && *last_message_id == other.last_message_id
        && *last_report_id == other.last_report_id
        && *last_access == other.last_access
        && *instance == other.instance
        && *muted_by == other.muted_by
        && *favorite_by == other.favorite_by
        && *hidden_by == other.hidden_by
        && *properties == other.properties
}
