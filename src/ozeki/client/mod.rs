//! The client: one method per documented call, over one send path.

mod answer;
mod breaker;
mod conversations;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
mod messages;
mod notifications;
mod places;
mod ramp;
mod retries;
mod transport;

pub use conversations::{Change, Color, InvalidColor};
pub use messages::{CLOCK_DIFFERENCE_MAX_SECONDS, NewMessage, Position, Viewed};

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use serde::Serialize;
use tokio::time::{Instant, sleep};
use url::Url;

use super::wire::{BlocklistAnswer, DoneAnswer, FriendsAnswer, LoginAnswer};
use super::{
    ApiKey, Blocklist, Call, Friend, Identity, Login, Recipe, StationId, Timestamp, UpstreamError,
};
use crate::clock::Clock;
use crate::telemetry::Metrics;
use retries::{RETRIES_MAX, RetryBudget, is_worth_a_retry};
use transport::{Outgoing, Transport};

/// The client's version that each call names; 3 in every example. Source: "Calling convention".
const CLIENT_VERSION_CODE: u32 = 3;

/// How to reach the upstream, and the bounds of each call.
#[derive(Clone)]
pub struct ClientOptions {
    /// The base URL, such as `http://chat.example/ozeki/index.php`.
    pub url: Url,
    /// How signatures are made.
    pub recipe: Recipe,
    /// The longest that a call may take, from sending to its last byte.
    pub timeout: Duration,
    /// The longest that making a connection may take.
    pub connect_timeout: Duration,
    /// The largest answer that is accepted, in bytes.
    pub body_max_bytes: usize,
    /// The most calls that are under way at once; more wait, within their time.
    pub concurrency: NonZeroUsize,
    /// Certificates to trust beside the system's.
    pub roots: Vec<CertificateDer<'static>>,
    /// The proxy that calls go through; the environment's are never used.
    pub proxy: Option<Url>,
}

// The URLs are left out: they may hold user info.
impl fmt::Debug for ClientOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientOptions")
            .field("recipe", &self.recipe)
            .finish_non_exhaustive()
    }
}

/// The client cannot be built, for example because the machine has no usable TLS roots.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for the chat server could not be set up")]
pub struct ClientSetupError(#[from] reqwest::Error);

/// Makes the documented calls.
pub struct Client {
    transport: Transport,
    recipe: Recipe,
    retries: RetryBudget,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

impl Client {
    /// Sets the client up; no connection is made yet.
    ///
    /// # Errors
    ///
    /// [`ClientSetupError`] when the TLS library finds no roots to trust.
    pub fn try_new(
        options: ClientOptions,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ClientSetupError> {
        let recipe = options.recipe.clone();
        let transport = Transport::try_new(options, Arc::clone(&metrics))?;
        Ok(Self { transport, recipe, retries: RetryBudget::new(), clock, metrics })
    }

    /// Proves an API key and tells whose it is.
    ///
    /// The call is not signed and carries no timestamp. Source: "Calls", Login.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`]; `Rejected` when the key is refused.
    pub async fn login(&self, station: StationId, key: &ApiKey) -> Result<Login, UpstreamError> {
        let call = Call::LOGIN;
        let body = Body::undated(call, LoginMembers { apikey: key.expose() }).to_bytes();
        let outgoing = Outgoing::unsigned(call, body, station, key);
        self.transport.send::<LoginAnswer>(outgoing, self.transport.deadline()).await
    }

    /// Lists the user's friends, sorted by id, each once.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`].
    pub async fn friends(&self, identity: &Identity) -> Result<Vec<Friend>, UpstreamError> {
        self.read::<FriendsAnswer>(Call::FRIENDS_LIST, identity, NoMembers {}).await
    }

    /// Makes the user available to friends.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`].
    pub async fn set_available(&self, identity: &Identity) -> Result<(), UpstreamError> {
        self.send::<DoneAnswer>(Call::SET_AVAILABLE, identity, NoMembers {}).await
    }

    /// Lists whom and what the user blocked.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`].
    pub async fn blocklist(&self, identity: &Identity) -> Result<Blocklist, UpstreamError> {
        self.read::<BlocklistAnswer>(Call::BLOCKLIST, identity, NoMembers {}).await
    }

    /// Registers a workspace; neither dated nor bound to a station.
    ///
    /// # Errors
    ///
    /// Any [`UpstreamError`].
    pub async fn register_workspace(
        &self,
        identity: &Identity,
        name: &str,
    ) -> Result<(), UpstreamError> {
        let call = Call::REGISTER_WORKSPACE;
        let body = Body::undated(call, WorkspaceMembers { workspacename: name }).to_bytes();
        let outgoing = Outgoing::signed(call, body, "", identity, &self.recipe);
        self.transport.send::<DoneAnswer>(outgoing, self.transport.deadline()).await
    }

    /// Sends a call that only reads, and repeats it, signed anew, where that may help: at most [`RETRIES_MAX`] times, within
    /// what all calls together may spend on it, and within the time of one call.
    async fn read<A: super::wire::Answer>(
        &self,
        call: Call,
        identity: &Identity,
        members: impl Serialize + Send + Sync,
    ) -> Result<A::Content, UpstreamError> {
        let deadline = self.transport.deadline();
        self.retries.earn();
        let mut result = self.send_until::<A>(call, identity, &members, deadline).await;
        for _retry in 0..RETRIES_MAX {
            let wait = retries::wait();
            let is_repeated = matches!(&result, Err(error) if is_worth_a_retry(error))
                && Instant::now() + wait < deadline
                && self.retries.spend();
            if !is_repeated {
                break;
            }
            sleep(wait).await;
            self.metrics.upstream_retry(call.api, call.action);
            result = self.send_until::<A>(call, identity, &members, deadline).await;
        }
        result
    }

    /// Sends a signed, dated call, once.
    async fn send<A: super::wire::Answer>(
        &self,
        call: Call,
        identity: &Identity,
        members: impl Serialize + Send,
    ) -> Result<A::Content, UpstreamError> {
        let deadline = self.transport.deadline();
        self.retries.earn();
        self.send_until::<A>(call, identity, members, deadline).await
    }

    async fn send_until<A: super::wire::Answer>(
        &self,
        call: Call,
        identity: &Identity,
        members: impl Serialize + Send,
        deadline: Instant,
    ) -> Result<A::Content, UpstreamError> {
        let now = Timestamp::now(&self.clock).to_string();
        let body = Body {
            action: call.action,
            client_version_code: Some(CLIENT_VERSION_CODE),
            timestamp: Some(&now),
            members,
        };
        let outgoing = Outgoing::signed(call, body.to_bytes(), &now, identity, &self.recipe);
        self.transport.send::<A>(outgoing, deadline).await
    }
}

/// The body of a call: what all calls have, then what this one adds.
#[derive(Serialize)]
struct Body<'a, M> {
    action: &'a str,
    #[serde(rename = "clientversioncode", skip_serializing_if = "Option::is_none")]
    client_version_code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    #[serde(flatten)]
    members: M,
}

impl<M: Serialize> Body<'_, M> {
    /// Of the calls that carry neither version code nor timestamp. Source: "Calling convention".
    fn undated(call: Call, members: M) -> Self {
        Self { action: call.action, client_version_code: None, timestamp: None, members }
    }

    /// Builds the bytes once: what is signed is what is sent.
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers can be written as JSON")
    }
}

#[derive(Serialize)]
struct NoMembers {}

#[derive(Serialize)]
struct LoginMembers<'a> {
    apikey: &'a str,
}

#[derive(Serialize)]
struct WorkspaceMembers<'a> {
    workspacename: &'a str,
}
