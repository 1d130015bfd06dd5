//! Who is calling: from a token or forwarded headers to a [`Caller`], and back to a token at login; and how often they may.
//!
//! Nothing is stored: a token carries, sealed, all that is needed to sign for its user, so any replica with the
//! same key can serve it. Only logouts are remembered, until the tokens they ended would have expired, and when sessions
//! were last used.

mod caller;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod key;
mod limits;
mod network;
mod revocations;
mod sessions;
mod token;
mod uses;
mod watch;

pub use caller::{Caller, CallerKey, Session, SessionId};
pub use error::SessionError;
pub use key::{Audience, SessionKey};
pub use limits::{Quota, RateLimitOptions, RateLimited};
pub use network::ClientNetwork;
pub use sessions::{Authentication, LoggedIn, Presented, SessionOptions, Sessions};
pub use token::SessionToken;
pub use watch::SessionWatch;
