//! Begins sessions, recognises them, ends them.

use std::sync::Arc;
use std::time::Duration;

use super::token::Sealer;
use super::watch::Watches;
use super::{Caller, Session, SessionError, SessionId, SessionKey, SessionToken, SessionWatch};
use crate::clock::Clock;
use crate::ozeki::{
    ApiKey, Client, Credential, Identity, Login, Signature, StationId, Timestamp, UpstreamError,
    UserId,
};

/// How many ended sessions are remembered, at about 100 bytes each; the oldest are forgotten first.
const REVOKED_MAX: u64 = 200_000;

/// How sessions are made.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// What seals the tokens.
    pub key: SessionKey,
    /// How long a token is accepted after its login.
    pub time_to_live: Duration,
    /// Whether the three `Ozeki-*` headers are accepted in place of a token.
    pub forward_credentials: bool,
}

/// What a request brought to show who calls.
#[derive(Clone, Copy, Debug)]
pub enum Presented<'a> {
    /// Nothing.
    Nothing,
    /// Something that can be no credential, such as an `Authorization` header of another scheme.
    Unusable,
    /// A bearer token.
    Token(&'a str),
    /// The `Ozeki-User`, `Ozeki-Station` and `Ozeki-Signature` headers.
    Forwarded {
        /// `Ozeki-User`.
        user: &'a str,
        /// `Ozeki-Station`.
        station: &'a str,
        /// `Ozeki-Signature`.
        signature: &'a str,
    },
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// Nobody that is known: nothing was presented.
    Anonymous,
    /// What was presented is not accepted; nothing says why.
    Refused,
    /// This caller.
    Caller(Arc<Caller>),
}

/// What a login gave.
#[derive(Debug)]
pub struct LoggedIn {
    /// The token to present from now on.
    pub token: SessionToken,
    /// The caller that the token stands for.
    pub caller: Arc<Caller>,
    /// What the upstream told.
    pub login: Login,
}

/// Begins sessions, recognises them, ends them.
#[derive(Debug)]
pub struct Sessions {
    client: Arc<Client>,
    clock: Clock,
    sealer: Sealer,
    time_to_live: Duration,
    forward_credentials: bool,
    revoked: moka::sync::Cache<SessionId, ()>,
    watches: Arc<Watches>,
}

impl Sessions {
    /// Sets the service up.
    pub fn new(options: &SessionOptions, client: Arc<Client>, clock: Clock) -> Self {
        let revoked = moka::sync::Cache::builder()
            .max_capacity(REVOKED_MAX)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .time_to_live(options.time_to_live)
            .build();
        Self {
            client,
            clock,
            sealer: Sealer::new(&options.key),
            time_to_live: options.time_to_live,
            forward_credentials: options.forward_credentials,
            revoked,
            watches: Arc::default(),
        }
    }

    /// Proves the key to the upstream and begins a session at `station`, or at a new one of its own.
    ///
    /// # Errors
    ///
    /// [`SessionError::Refused`] when the upstream refuses the key, [`SessionError::Upstream`] when it gives no usable
    /// answer, [`SessionError::Sealing`] when no token can be made.
    pub async fn login(
        &self,
        key: ApiKey,
        station: Option<StationId>,
    ) -> Result<LoggedIn, SessionError> {
        let station = match station {
            Some(station) => station,
            None => StationId::random().map_err(|_| SessionError::Sealing)?,
        };
        let login = self.client.login(station, &key).await.map_err(|error| {
            if matches!(error, UpstreamError::Rejected { .. }) {
                SessionError::Refused
            } else {
                SessionError::Upstream(Arc::new(error))
            }
        })?;
        let session = self.new_session(login.name.clone()).ok_or(SessionError::Sealing)?;
        let token =
            self.sealer.seal(&session, login.user, station, &key).ok_or(SessionError::Sealing)?;
        let credential = Credential::ApiKey(key);
        let identity = Identity { user: login.user, station, credential };
        Ok(LoggedIn { token, caller: Arc::new(Caller::new(identity, Some(session))), login })
    }

    /// Tells who calls; makes no upstream call.
    pub fn authenticate(&self, presented: Presented<'_>) -> Authentication {
        let caller = match presented {
            Presented::Nothing => return Authentication::Anonymous,
            Presented::Unusable => None,
            Presented::Token(token) => self.open(token),
            Presented::Forwarded { user, station, signature } => {
                self.forward_credentials.then(|| forwarded(user, station, signature)).flatten()
            }
        };
        caller.map_or(Authentication::Refused, |caller| Authentication::Caller(Arc::new(caller)))
    }

    /// Ends a session on this replica: its token is refused until it would have expired.
    pub fn revoke(&self, session: &Session) {
        self.revoked.insert(session.id, ());
        self.watches.end(session.id);
    }

    /// Watches for the end of the caller's session, for those who serve it for longer than one answer.
    pub fn watch(&self, caller: &Caller) -> SessionWatch {
        let Some(session) = caller.session() else {
            return SessionWatch::endless();
        };
        let expires_at = session.expires_at.unix_seconds();
        let watch = SessionWatch::new(&self.watches, session.id, self.clock.clone(), expires_at);
        // Looked up after the watch has begun, so that no end falls between the two.
        if self.revoked.contains_key(&session.id) {
            self.watches.end(session.id);
        }
        watch
    }

    fn open(&self, token: &str) -> Option<Caller> {
        let caller = self.sealer.open(token, self.clock.unix_seconds())?;
        let is_revoked =
            caller.session().is_some_and(|session| self.revoked.contains_key(&session.id));
        (!is_revoked).then_some(caller)
    }

    fn new_session(&self, name: Option<Box<str>>) -> Option<Session> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok()?;
        let life = i64::try_from(self.time_to_live.as_secs()).ok()?;
        let expires_at = self.clock.unix_seconds().checked_add(life)?;
        let expires_at = Timestamp::from_unix_seconds(expires_at).ok()?;
        Some(Session { id: SessionId(id), name, expires_at })
    }
}

fn forwarded(user: &str, station: &str, signature: &str) -> Option<Caller> {
    let user: UserId = user.parse().ok()?;
    let station = station.parse().ok()?;
    let credential = Credential::Forwarded(Signature::parse(signature).ok()?);
    Some(Caller::new(Identity { user, station, credential }, None))
}
