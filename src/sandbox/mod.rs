//! A stateful stand-in of an Ozeki Chat server, for demos and tests.
//!
//! It serves the documented calls over real HTTP from demo data in memory, and it is strict: a call that lacks a
//! header, a member or the right signature is refused, as a real server would. It journals every call, and plays
//! scripted [faults](Faults) for tests that need a bad upstream.
//!
//! It shares ids, timestamps and the signature with [`crate::ozeki`], but writes its answers with structs of its
//! own: a mistake in the client's wire types cannot hide behind the same mistake here. Only `app` and tests use it.
//!
//! The life of a call: `endpoint` reads it, `admission` finds its operation and checks the credentials, the
//! operation in `api` answers it from the `state`, the `journal` records it, and a fault may spoil the answer.

mod admission;
mod api;
mod demo;
mod endpoint;
mod faults;
mod incoming;
mod journal;
mod life;
mod refusal;
mod seed;
mod server;
mod state;
#[cfg(test)]
mod tests;

pub use demo::{DemoUser, demo_users};
pub use faults::{Fault, Faults, Injection, Reply, Times};
pub use journal::{Call, JOURNAL_MAX, Journal, Outcome};
pub use refusal::Refusal;
pub use server::{Sandbox, SandboxOptions};
