//! The commands, one file or folder each.

pub mod signature;
pub mod user_id;
