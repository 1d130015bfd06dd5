//! The `ozeki-graphql` command.

fn main() {}
