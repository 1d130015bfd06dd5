//! Who is calling: from a token or forwarded headers to a [`Caller`], and back to a token at login.
//!
//! Nothing is stored: a token carries, sealed, all that is needed to sign for its user, so any replica with the
//! same key can serve it. Only logouts are remembered, until the tokens they ended would have expired.

mod caller;
mod error;
mod sessions;
mod token;
mod watch;

pub use caller::{Caller, CallerKey, Session, SessionId};
pub use error::SessionError;
pub use sessions::{Authentication, LoggedIn, Presented, SessionOptions, Sessions};
pub use token::{SessionKey, SessionToken};
pub use watch::SessionWatch;
