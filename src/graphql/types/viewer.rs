//! The caller as an object of the schema.

use std::sync::Arc;

use async_graphql::{ID, Object};

use crate::graphql::scalars::DateTime;
use crate::session::Caller;

/// The user whom the request's credential belongs to.
pub(in crate::graphql) struct Viewer(pub(in crate::graphql) Arc<Caller>);

/// The user whom the request's credential belongs to.
#[Object]
impl Viewer {
    /// The user's id: 32 lower-case hex digits, the MD5 of the e-mail address.
    async fn id(&self) -> ID {
        self.0.user().to_string().into()
    }

    /// The user's name as the login told it. Null where credentials are forwarded, or where the server tells none.
    async fn name(&self) -> Option<&str> {
        self.0.session()?.name.as_deref()
    }

    /// When the session's token ceases to be accepted. Null where credentials are forwarded.
    async fn session_expires_at(&self) -> Option<DateTime> {
        Some(DateTime(self.0.session()?.expires_at))
    }
}
