//! A GraphQL gateway for the Ozeki Chat HTTP API. The modules, in reading order:

pub mod clock;
pub mod http;
pub mod ozeki;
