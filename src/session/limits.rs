//! How often callers may ask and log in: rate limits by the generic cell rate algorithm.
//!
//! Who has shown who they are is charged for it, and nobody else is: five hundred people behind one address do not get
//! into each other's way. Who has not is charged by address. A credential that is handed on cannot be proved here, so
//! both the credential and the address are charged, or an invented one for each request would go without any limit.

mod table;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::caller::AccountKey;
use super::{Authentication, ClientNetwork, SessionKey};
use crate::clock::Clock;
use crate::ozeki::ApiKey;
use crate::telemetry::{Metrics, RateLimit};
use table::Limiter;

/// How much may be asked for: so many at once, and after that as many as grow back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota(governor::Quota);

impl Quota {
    /// `count` in each `period`, and `burst` at once. None if one would grow back in no time at all.
    pub fn new(count: NonZeroU32, period: Duration, burst: NonZeroU32) -> Option<Self> {
        let quota = governor::Quota::with_period(period / count.get())?;
        Some(Self(quota.allow_burst(burst)))
    }
}

/// The quota of each limit.
#[derive(Clone, Debug)]
pub struct RateLimitOptions {
    /// Requests of one user, by session or with one forwarded credential.
    pub caller: Quota,
    /// Requests with forwarded credentials from one address.
    pub forwarded: Quota,
    /// Requests without a credential from one address; and as many with a credential that is not accepted.
    pub anonymous: Quota,
    /// Logins with one API key.
    pub login: Quota,
    /// Logins from one address.
    pub login_address: Quota,
}

/// A request or a login was one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimited {
    limit: RateLimit,
    retry_after: Duration,
}

impl RateLimited {
    /// The time after which it is worth trying again, in whole seconds, rounded up; at least one.
    pub fn retry_after_seconds(&self) -> u64 {
        let started = u64::from(self.retry_after.subsec_nanos() > 0);
        self.retry_after.as_secs().saturating_add(started).max(1)
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.limit {
            RateLimit::Caller
            | RateLimit::Credential
            | RateLimit::Forwarded
            | RateLimit::Anonymous
            | RateLimit::Refused => "requests",
            RateLimit::Login | RateLimit::LoginAddress => "logins",
        };
        let seconds = self.retry_after_seconds();
        let plural = if seconds == 1 { "" } else { "s" };
        write!(formatter, "too many {what}; try again in {seconds} second{plural}")
    }
}

impl std::error::Error for RateLimited {}

/// Counts requests and logins, and refuses those that are too many.
pub(super) struct RateLimits {
    callers: Limiter<AccountKey>,
    /// Apart from `callers`: these keys can be invented, and must not take the room of those that cannot.
    credentials: Limiter<AccountKey>,
    forwarded: Limiter<ClientNetwork>,
    anonymous: Limiter<ClientNetwork>,
    /// Apart from `anonymous`: a client that goes on with an expired token must not stop its neighbours' logins.
    refused: Limiter<ClientNetwork>,
    logins: Limiter<KeyDigest>,
    login_addresses: Limiter<ClientNetwork>,
    digest: Hmac<Sha256>,
    metrics: Arc<Metrics>,
}

/// Tells these digests from anything else that is made with the same key.
const DIGEST_PURPOSE: &[u8] = b"ozeki-graphql login limit 1";

/// Stands for an API key, by a digest that nobody else can compute.
type KeyDigest = [u8; 32];

impl RateLimits {
    /// No limit has been touched yet. `key` makes the digests of API keys worthless to anybody else.
    pub(super) fn new(
        options: &RateLimitOptions,
        key: &SessionKey,
        clock: &Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let digest = Hmac::new_from_slice(key.expose()).expect("a key of any length is taken");
        Self {
            callers: Limiter::new(options.caller, clock),
            credentials: Limiter::new(options.caller, clock),
            forwarded: Limiter::new(options.forwarded, clock),
            anonymous: Limiter::new(options.anonymous, clock),
            refused: Limiter::new(options.anonymous, clock),
            logins: Limiter::new(options.login, clock),
            login_addresses: Limiter::new(options.login_address, clock),
            digest: digest.chain_update(DIGEST_PURPOSE),
            metrics,
        }
    }

    /// Charges one request to who makes it.
    pub(super) fn request(
        &self,
        authentication: &Authentication,
        client: ClientNetwork,
    ) -> Result<(), RateLimited> {
        let caller = match authentication {
            Authentication::Anonymous => {
                return self.told(RateLimit::Anonymous, self.anonymous.charge(&client));
            }
            Authentication::Refused => {
                return self.told(RateLimit::Refused, self.refused.charge(&client));
            }
            Authentication::Caller(caller) => caller,
        };
        let account = caller.key().account();
        if caller.session().is_some() {
            return self.told(RateLimit::Caller, self.callers.charge(&account));
        }
        // The credential first: one client that asks without end is stopped before it uses up the address of all.
        self.told(RateLimit::Credential, self.credentials.charge(&account))?;
        self.told(RateLimit::Forwarded, self.forwarded.charge(&client))
    }

    /// Charges one login to its address and to its key.
    pub(super) fn login(&self, key: &ApiKey, client: ClientNetwork) -> Result<(), RateLimited> {
        // The address first: what it has no quota for may not use up that of somebody's key.
        self.told(RateLimit::LoginAddress, self.login_addresses.charge(&client))?;
        let digest = self.digest.clone().chain_update(key.expose()).finalize().into_bytes();
        self.told(RateLimit::Login, self.logins.charge(&digest.into()))
    }

    fn told(&self, limit: RateLimit, charged: Result<(), Duration>) -> Result<(), RateLimited> {
        charged.map_err(|retry_after| {
            self.metrics.rate_limited(limit);
            RateLimited { limit, retry_after }
        })
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RateLimits(..)")
    }
}
