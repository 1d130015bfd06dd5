//! A GraphQL gateway for the Ozeki Chat HTTP API. The modules, in reading order:

pub mod cli;
pub mod config;

pub mod app;
pub mod http;

pub mod graphql;

pub mod cache;

pub mod session;

pub mod ozeki;

pub mod sandbox;

pub mod clock;
pub mod recent;
pub mod telemetry;
