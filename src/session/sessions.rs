//! Begins sessions, recognises them, ends them.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::limits::RateLimits;
use super::revocations::Revocations;
use super::token::{CLOCK_SKEW_MAX, Sealer, TOKEN_MAX_BYTES, is_in_force};
use super::uses::LastUses;
use super::watch::Watches;
use super::{
    Audience, Caller, ClientNetwork, RateLimitOptions, RateLimited, Session, SessionError,
    SessionId, SessionKey, SessionToken, SessionWatch,
};
use crate::clock::Clock;
use crate::ozeki::{
    ApiKey, Client, Credential, Identity, Login, Signature, StationId, Timestamp, UpstreamError,
    UserId,
};
use crate::recent::{Recent, TextHash};
use crate::telemetry::{LoginOutcome, Metrics, attributed};

/// How sessions are made.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// What seals the tokens.
    pub key: SessionKey,
    /// What sealed them until lately: it opens, and seals no more.
    pub key_previous: Option<SessionKey>,
    /// Whom the tokens are for.
    pub audience: Audience,
    /// How long a token is accepted after its login.
    pub time_to_live: Duration,
    /// How long a session may go unused; not below `time_to_live`, it ends none.
    pub idle_timeout: Duration,
    /// Whether the three `Ozeki-*` headers are accepted in place of a token.
    pub forward_credentials: bool,
    /// How often callers may ask and log in; without limits as often as they like.
    pub rate_limits: Option<RateLimitOptions>,
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
    /// The tokens that were opened lately: to open one costs more than all else that a ready answer needs.
    opened: Recent<Arc<Caller>>,
    time_to_live: Duration,
    forward_credentials: bool,
    revocations: Revocations,
    uses: Option<LastUses>,
    limits: Option<RateLimits>,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    watches: Arc<Watches>,
}

impl Sessions {
    /// Sets the service up.
    pub fn new(
        options: &SessionOptions,
        client: Arc<Client>,
        clock: Clock,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let SessionOptions { key, key_previous, audience, time_to_live, .. } = options;
        // A token from a clock that is ahead expires later by as much.
        let token_life = time_to_live.saturating_add(CLOCK_SKEW_MAX);
        let limits = options.rate_limits.as_ref();
        let limits = limits.map(|it| RateLimits::new(it, key, &clock, Arc::clone(metrics)));
        Self {
            client,
            clock,
            sealer: Sealer::new(key, key_previous.as_ref(), *audience, *time_to_live),
            opened: Recent::default(),
            time_to_live: *time_to_live,
            forward_credentials: options.forward_credentials,
            revocations: Revocations::new(token_life),
            uses: LastUses::new(options.idle_timeout, token_life),
            limits,
            metrics: Arc::clone(metrics),
            tasks: TaskTracker::new(),
            watches: Arc::default(),
        }
    }

    /// Charges one request to the caller or, where nobody has shown who they are, to the address.
    ///
    /// # Errors
    ///
    /// [`RateLimited`] when it is one too many.
    pub fn admit(
        &self,
        authentication: &Authentication,
        client: ClientNetwork,
    ) -> Result<(), RateLimited> {
        self.limits.as_ref().map_or(Ok(()), |limits| limits.request(authentication, client))
    }

    /// Begins a session for somebody at this address, as [`login`](Self::login) does.
    ///
    /// # Errors
    ///
    /// Those of [`login`](Self::login), and [`SessionError::RateLimited`] when this login is one too many.
    pub async fn login_from(
        &self,
        client: ClientNetwork,
        key: ApiKey,
        station: Option<StationId>,
    ) -> Result<LoggedIn, SessionError> {
        if let Some(limits) = &self.limits {
            limits.login(&key, client)?;
        }
        self.login(key, station).await
    }

    /// Proves the key to the upstream and begins a session at `station`, or at a new one of its own. No limit counts it:
    /// this is for logins of the gateway's own.
    ///
    /// # Errors
    ///
    /// [`SessionError::Refused`] when the upstream refuses the key, [`SessionError::Upstream`] when it gives no usable
    /// answer, [`SessionError::Sealing`] when no token can be made, [`SessionError::Interrupted`] when the process ends.
    ///
    /// # Cancel safety
    ///
    /// The call to the upstream is finished all the same; its answer is dropped.
    pub async fn login(
        &self,
        key: ApiKey,
        station: Option<StationId>,
    ) -> Result<LoggedIn, SessionError> {
        let station = match station {
            Some(station) => station,
            None => StationId::random().map_err(|_| SessionError::Sealing)?,
        };
        let proved = self.prove(key.clone(), station).await?;
        self.metrics.login(match &proved {
            Ok(_) => LoginOutcome::Ok,
            Err(UpstreamError::Rejected { .. }) => LoginOutcome::Refused,
            Err(_) => LoginOutcome::Failed,
        });
        let login = proved.map_err(|error| {
            if matches!(error, UpstreamError::Rejected { .. }) {
                SessionError::Refused
            } else {
                SessionError::Upstream(Arc::new(error))
            }
        })?;
        let session = self.new_session(login.name.clone()).ok_or(SessionError::Sealing)?;
        let token =
            self.sealer.seal(&session, login.user, station, &key).ok_or(SessionError::Sealing)?;
        self.touch(&session);
        let credential = Credential::ApiKey(key);
        let identity = Identity { user: login.user, station, credential };
        Ok(LoggedIn { token, caller: Arc::new(Caller::new(identity, Some(session))), login })
    }

    /// Makes the call as a task of its own: who hangs up does not leave the server with half a login.
    async fn prove(
        &self,
        key: ApiKey,
        station: StationId,
    ) -> Result<Result<Login, UpstreamError>, SessionError> {
        let client = Arc::clone(&self.client);
        let call = async move { client.login(station, &key).await };
        let task = self.tasks.spawn(attributed(call));
        task.await.map_err(|_ended_early| SessionError::Interrupted)
    }

    /// Waits until no login is under way; none may be begun after this.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Tells who calls; makes no upstream call.
    pub fn authenticate(&self, presented: Presented<'_>) -> Authentication {
        let caller = match presented {
            Presented::Nothing => return Authentication::Anonymous,
            Presented::Unusable => None,
            Presented::Token(token) => self.open(token),
            Presented::Forwarded { user, station, signature } => {
                let caller = self.forward_credentials.then(|| forwarded(user, station, signature));
                caller.flatten().map(Arc::new)
            }
        };
        caller.map_or(Authentication::Refused, Authentication::Caller)
    }

    /// Ends the caller's session, if there is one, on this replica: its token is refused until it would have expired.
    pub fn revoke(&self, caller: &Caller) {
        if let Some(session) = caller.session() {
            let user = caller.user();
            self.revocations.revoke(user, session, Timestamp::now(&self.clock));
            // It would be refused all the same; what it holds is not kept for longer than it is of use.
            let is_of_session = |it: &Session| it.id == session.id;
            self.opened.forget(|caller| caller.session().is_some_and(is_of_session));
            self.end_watches(user);
            self.metrics.logout();
        }
    }

    /// Watches for the end of the caller's session, for those who serve it for longer than one answer.
    pub fn watch(&self, caller: &Caller) -> SessionWatch {
        let Some(session) = caller.session() else {
            return SessionWatch::endless();
        };
        let watch = SessionWatch::new(&self.watches, caller.user(), session, self.clock.clone());
        // Looked up after the watch has begun, so that no end falls between the two.
        if self.revocations.contains(caller.user(), session) {
            self.end_watches(caller.user());
        }
        watch
    }

    /// Notes that the caller's session is in use, for those who serve it for longer than one answer.
    pub fn note_use(&self, caller: &Caller) {
        if let Some(session) = caller.session() {
            self.touch(session);
        }
    }

    /// One end may be that of all of a user's sessions.
    fn end_watches(&self, user: UserId) {
        self.watches.end(user, |session| self.revocations.contains(user, session));
    }

    fn open(&self, token: &str) -> Option<Arc<Caller>> {
        let caller = self.opened(token, self.clock.unix_seconds())?;
        let session = caller.session()?;
        let is_accepted = !self.revocations.contains(caller.user(), session) && self.touch(session);
        is_accepted.then_some(caller)
    }

    /// Whom a token stands for that is in force at `now`. What is remembered of it is what it says, and no more: whether
    /// that is accepted is asked each time.
    fn opened(&self, token: &str, now: i64) -> Option<Arc<Caller>> {
        if token.len() > TOKEN_MAX_BYTES {
            return None;
        }
        let hash = TextHash::of(token.as_bytes());
        if let Some(caller) = self.opened.find(&hash) {
            let is_in_force = caller.session().is_some_and(|session| is_in_force(session, now));
            return is_in_force.then_some(caller);
        }
        let caller = Arc::new(self.sealer.open(token, now)?);
        self.opened.keep(hash, Arc::clone(&caller), self.clock.monotonic());
        Some(caller)
    }

    /// Notes that the session is in use; false if it has been idle for too long.
    fn touch(&self, session: &Session) -> bool {
        let now = self.clock.unix_seconds();
        self.uses.as_ref().is_none_or(|uses| uses.touch(session, now))
    }

    fn new_session(&self, name: Option<Box<str>>) -> Option<Session> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok()?;
        let life = i64::try_from(self.time_to_live.as_secs()).ok()?;
        let issued_at = Timestamp::now(&self.clock);
        let expires_at = issued_at.unix_seconds().checked_add(life)?;
        let expires_at = Timestamp::from_unix_seconds(expires_at).ok()?;
        Some(Session { id: SessionId(id), name, issued_at, expires_at })
    }
}

fn forwarded(user: &str, station: &str, signature: &str) -> Option<Caller> {
    let user: UserId = user.parse().ok()?;
    let station = station.parse().ok()?;
    let credential = Credential::Forwarded(Signature::parse(signature).ok()?);
    Some(Caller::new(Identity { user, station, credential }, None))
}
