//! What the caller sets for themselves: favourite, muted, hidden, coloured.
//!
//! Everybody who takes part can read it. Source: "conv".

use super::{changed, conversation_of_call};
use crate::sandbox::Refusal;
use crate::sandbox::admission::Admitted;
use crate::sandbox::incoming::Incoming;
use crate::sandbox::state::{Properties, World};

type Answer = Result<Vec<u8>, Refusal>;

pub(super) fn favorite(world: &mut World, admitted: &Admitted, call: &Incoming) -> Answer {
    set(world, admitted, call, |own| own.is_favorite = true)
}

pub(super) fn unfavorite(world: &mut World, admitted: &Admitted, call: &Incoming) -> Answer {
    set(world, admitted, call, |own| own.is_favorite = false)
}

pub(super) fn mute(world: &mut World, admitted: &Admitted, call: &Incoming) -> Answer {
    set(world, admitted, call, |own| own.is_muted = true)
}

pub(super) fn unmute(world: &mut World, admitted: &Admitted, call: &Incoming) -> Answer {
    set(world, admitted, call, |own| own.is_muted = false)
}

pub(super) fn unhide(world: &mut World, admitted: &Admitted, call: &Incoming) -> Answer {
    set(world, admitted, call, |own| own.hide_id.clear())
}

/// Hides the instance that the caller names, which has to be the current one.
///
/// Source: "Calls", Conversation / hide.
pub(super) fn hide(world: &mut World, admitted: &Admitted, call: &Incoming) -> Answer {
    let hide_id = call.text("hideid")?;
    let is_one_instance =
        hide_id.strip_suffix(';').is_some_and(|one| !one.is_empty() && !one.contains(';'));
    if !is_one_instance {
        let expected = "the conversation's instance followed by a semicolon";
        return Err(Refusal::InvalidMember { name: "hideid", expected });
    }
    if conversation_of_call(world, admitted, call)?.hide_id() != hide_id {
        return Err(Refusal::StaleInstance);
    }
    set(world, admitted, call, |own| hide_id.clone_into(&mut own.hide_id))
}

/// Source: "Calls", Conversation / change color.
pub(super) fn set_color(world: &mut World, admitted: &Admitted, call: &Incoming) -> Answer {
    let color = call.text("color")?;
    if !is_color(color) {
        return Err(Refusal::InvalidMember { name: "color", expected: "a colour such as #bae1ff" });
    }
    set(world, admitted, call, |own| color.clone_into(&mut own.background_color))
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

fn set(
    world: &mut World,
    admitted: &Admitted,
    call: &Incoming,
    change: impl FnOnce(&mut Properties),
) -> Answer {
    let conversation = conversation_of_call(world, admitted, call)?;
    change(conversation.properties_of(admitted.caller));
    let id = conversation.id;
    world.announce_list(admitted.caller);
    changed(world, admitted, id)
}
