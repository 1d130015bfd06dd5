//! Beginning and ending sessions.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use zeroize::Zeroizing;

use crate::graphql::input::parse_id;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::Viewer;
use crate::graphql::{FieldError, Scope};
use crate::ozeki::ApiKey;

#[derive(Default)]
pub(super) struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Begins a session: proves an API key to the chat server and returns a token. Send the token with every further
    /// request, as `Authorization: Bearer <token>`. Needs no session.
    async fn login(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key to log in with.")] input: LoginInput,
    ) -> Result<Option<LoginPayload>, FieldError> {
        let LoginInput { api_key, station_id } = input;
        // Wiped when dropped, as the key that is made of it.
        let api_key = Zeroizing::new(api_key);
        let key = ApiKey::parse(&api_key)
            .map_err(|error| FieldError::bad_input("apiKey", error.to_string()))?;
        let station = station_id.as_ref().map(|id| parse_id("stationId", id)).transpose()?;
        let scope = Scope::of(context);
        let logged_in = scope.sessions.login_from(scope.client, key, station).await?;
        let session = logged_in.caller.session().ok_or_else(FieldError::unauthenticated)?;
        Ok(Some(LoginPayload {
            token: logged_in.token.expose().to_owned(),
            expires_at: DateTime(session.expires_at),
            encrypted_private_key: logged_in.login.encrypted_private_key.map(String::from),
            server_version: logged_in.login.server_version.map(String::from),
            viewer: Viewer(logged_in.caller),
        }))
    }

    /// Ends the session: its token is refused from now on, and what was kept for it is dropped. Where credentials are
    /// forwarded there is no session to end; what was kept for them is dropped.
    async fn logout(&self, context: &Context<'_>) -> Result<Option<LogoutPayload>, FieldError> {
        let scope = Scope::of(context);
        let caller = Scope::reader(context)?.caller();
        scope.sessions.revoke(caller);
        scope.data.forget(caller);
        Ok(Some(LogoutPayload { viewer_id: caller.user().to_string().into() }))
    }
}

/// What `login` takes.
#[derive(InputObject)]
struct LoginInput {
    /// The user's API key for the chat server.
    #[graphql(secret)]
    api_key: String,
    /// The station to log in from: 32 hex digits. Without one the session gets a station of its own.
    station_id: Option<ID>,
}

/// What `login` gives.
#[derive(SimpleObject)]
struct LoginPayload {
    /// The session's token: a secret. Whoever has it can act as the user until it expires or the session is ended.
    token: String,
    /// When the token ceases to be accepted.
    expires_at: DateTime,
    /// The user who logged in.
    viewer: Viewer,
    /// The user's private key, encrypted with a key that only the user's clients hold. Null where the server tells none.
    encrypted_private_key: Option<String>,
    /// What the chat server says of its version. Null where it says nothing.
    server_version: Option<String>,
}

/// What `logout` gives.
#[derive(SimpleObject)]
struct LogoutPayload {
    /// The user whose session ended.
    viewer_id: ID,
}
