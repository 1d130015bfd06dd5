//! The `ozeki-graphql` command.

use std::process::ExitCode;

/// Faster than the system's on the many small allocations of a query's execution.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ozeki_graphql::cli::main()
}
