//! The command line: one file per command, and the arguments they share.

pub mod arguments;
pub mod signature;
pub mod user_id;
