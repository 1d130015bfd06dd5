//! A server as a process of its own, on its own processor.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http::{Connection, post};
use crate::machine;

/// Longer than any start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; it ends when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts a program whose arguments are made for a free address, and waits until it answers.
    pub(crate) async fn start(
        program: &Path,
        arguments: impl FnOnce(&str) -> Vec<String>,
        pinned: bool,
    ) -> (Self, Duration) {
        let address = free_address();
        let mut command = if pinned {
            let mut command = Command::new("taskset");
            command.args(["-c", &machine::SERVER_CORE.to_string()]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments(&address.to_string())).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let started = Instant::now();
        let process = command.spawn().unwrap();
        let mut server = Self { process, address };
        let question = post("/graphql", &[], r#"{"query":"{ __typename }"}"#);
        loop {
            if let Ok(mut connection) = Connection::open(address).await
                && connection.exchange(&question).await.is_ok()
            {
                return (server, started.elapsed());
            }
            let ended = server.process.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended: {ended:?}", program.display());
            assert!(started.elapsed() < PATIENCE, "{} does not answer", program.display());
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }

    /// Ends it in good order.
    pub(crate) fn stop(&mut self) {
        machine::terminate(self.process.id());
        self.process.wait().unwrap();
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        machine::resident_bytes(self.process.id())
    }

    pub(crate) fn descriptors(&self) -> usize {
        machine::descriptors(self.process.id())
    }

    pub(crate) fn cpu_nanoseconds(&self) -> u64 {
        machine::cpu_nanoseconds(self.process.id())
    }
}

/// An address that nobody listens at.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
