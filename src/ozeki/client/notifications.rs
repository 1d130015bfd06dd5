//! What changed. Source: "Calls", Notification.

use super::transport::Outgoing;
use super::{Body, CLIENT_VERSION_CODE, Client, NoMembers};
use crate::ozeki::wire::NotificationAnswer;
use crate::ozeki::{Call, Notices, StationId, Timestamp, UpstreamError};

impl Client {
    /// Asks what changed since the station asked last.
    ///
    /// The call names neither a user nor a credential, so its answer proves nothing about who asks. It is never sent
    /// twice: the server may forget what it has told.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`]; after all but `Unreachable` the server may have told what did not arrive.
    pub async fn notices(&self, station: StationId) -> Result<Notices, UpstreamError> {
        let call = Call::NOTIFICATIONS;
        let now = Timestamp::now(&self.clock).to_string();
        let body = Body {
            action: call.action,
            client_version_code: Some(CLIENT_VERSION_CODE),
            timestamp: Some(&now),
            members: NoMembers {},
        };
        let outgoing = Outgoing::of_station(call, body.to_bytes(), station);
        self.transport.send::<NotificationAnswer>(outgoing, self.transport.deadline()).await
    }
}
