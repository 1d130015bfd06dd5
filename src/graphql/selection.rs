//! What is selected below a field: known before the field makes its first upstream call.

use async_graphql::{Context, SelectionField, Value};

use super::FieldError;
use super::lists::conversations;
use super::types::MessageArguments;
use crate::ozeki::ConversationId;

/// As many selected fields are looked at as an operation of any use has, fragments written out: one that hides its needs
/// behind more makes its calls one after the other, and has its arguments checked where they are used.
const FIELDS_LOOKED_AT_MAX: u32 = 5_000;

/// The resources that a selection needs; skipped fields are not among them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    pub(super) conversations: bool,
    pub(super) friends: bool,
}

/// Looks at all that is selected below a field, and refuses arguments there that cannot be used: nothing may be read, and
/// above all nothing changed, for an answer that cannot be given.
///
/// `conversation` is the one that the field is about, where it is about one.
///
/// # Errors
///
/// The [`FieldError`] of the first argument that is invalid.
pub(super) fn look_below(
    context: &Context<'_>,
    conversation: Option<ConversationId>,
) -> Result<Needs, FieldError> {
    let mut look = Look::default();
    look.visit(context.field(), conversation)?;
    Ok(look.needs)
}

#[derive(Default)]
struct Look {
    needs: Needs,
    looked_at: u32,
}

impl Look {
    fn visit(
        &mut self,
        field: SelectionField<'_>,
        conversation: Option<ConversationId>,
    ) -> Result<(), FieldError> {
        for child in field.selection_set() {
            self.looked_at += 1;
            if self.looked_at > FIELDS_LOOKED_AT_MAX {
                return Ok(());
            }
            match child.name() {
                "messages" => {
                    let arguments = Arguments::of(child);
                    let parsed =
                        MessageArguments::parse(arguments.int("last"), arguments.text("before"))?;
                    if let Some(conversation) = conversation {
                        parsed.before_in(conversation)?;
                    }
                }
                "conversations" => {
                    self.needs.conversations = true;
                    let arguments = Arguments::of(child);
                    conversations::newest_page(arguments.int("first"), arguments.text("after"))?;
                }
                "friend" => self.needs.friends = true,
                _ => {}
            }
            // A payload's `conversation` is the one that the mutation is about; what else is below belongs to any.
            let conversation = conversation.filter(|_| child.name() == "conversation");
            self.visit(child, conversation)?;
        }
        Ok(())
    }
}

/// The arguments of a field, variables put in.
struct Arguments(Vec<(async_graphql::Name, Value)>);

impl Arguments {
    fn of(field: SelectionField<'_>) -> Self {
        Self(field.arguments().unwrap_or_default())
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(argument, _)| argument == name).map(|(_, value)| value)
    }

    /// A number; what is none, or too large for one, stands as the largest, which no argument takes.
    fn int(&self, name: &str) -> Option<i32> {
        match self.value(name)? {
            Value::Null => None,
            Value::Number(number) => {
                let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
                Some(number.unwrap_or(i32::MAX))
            }
            Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_)
            | Value::List(_)
            | Value::Object(_) => Some(i32::MAX),
        }
    }

    /// A text; what is none stands as the empty one, which is no cursor.
    fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            Value::Number(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_)
            | Value::List(_)
            | Value::Object(_) => Some(""),
        }
    }
}
