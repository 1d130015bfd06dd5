//! The viewer's presence and workspace.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use crate::graphql::types::Viewer;
use crate::graphql::{FieldError, Scope};

/// The longest name of a host, by RFC 1035, in bytes.
const WORKSPACE_NAME_MAX_BYTES: usize = 253;

#[derive(Default)]
pub(super) struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Shows the viewer's friends that the viewer is available.
    async fn set_available(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<SetAvailablePayload>, FieldError> {
        let reader = Scope::reader(context)?;
        reader.data().set_available(reader.caller(), reader.budget()).await?;
        Ok(Some(SetAvailablePayload { viewer: Viewer(reader.caller().clone()) }))
    }

    /// Registers a workspace on the chat server.
    async fn register_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The workspace to register.")] input: RegisterWorkspaceInput,
    ) -> Result<Option<RegisterWorkspacePayload>, FieldError> {
        let reader = Scope::reader(context)?;
        let name = input.name.trim().to_owned();
        let is_valid = (1..=WORKSPACE_NAME_MAX_BYTES).contains(&name.len())
            && !name.chars().any(|c| c.is_whitespace() || c.is_control());
        if !is_valid {
            let message = "a workspace is named like alice.ozeki.chat, without blanks";
            return Err(FieldError::bad_input("name", message));
        }
        let (data, budget) = (reader.data(), reader.budget());
        data.register_workspace(reader.caller(), name.clone(), budget).await?;
        Ok(Some(RegisterWorkspacePayload { name }))
    }
}

/// What `setAvailable` gives.
#[derive(SimpleObject)]
struct SetAvailablePayload {
    /// The user who is available now.
    viewer: Viewer,
}

/// What `registerWorkspace` takes.
#[derive(InputObject)]
struct RegisterWorkspaceInput {
    /// The workspace's name, such as `alice.ozeki.chat`.
    name: String,
}

/// What `registerWorkspace` gives.
#[derive(SimpleObject)]
struct RegisterWorkspacePayload {
    /// The name of the workspace that was registered.
    name: String,
}
