//! A GraphQL gateway for the Ozeki Chat HTTP API. The modules, in reading order:

pub mod cache;
pub mod clock;
pub mod graphql;
pub mod http;
pub mod ozeki;
pub mod sandbox;
pub mod session;
pub mod telemetry;
