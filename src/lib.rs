//! A GraphQL gateway for the Ozeki Chat HTTP API. The modules, in reading order:

pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod ozeki;
pub mod session;
pub mod telemetry;
