//! The program itself, as an operator runs it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use crate::support::canaries;

/// In what time a process ends that was asked to.
const END_MAX: Duration = Duration::from_secs(30);

/// Longer than any start takes on a busy machine; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `serve`, which ends with its test.
pub(super) struct Replica {
    process: Child,
    pub(super) address: SocketAddr,
}

impl Replica {
    /// Starts it, and waits until it serves.
    pub(super) async fn start(upstream: &str, session_key: &Path, shutdown_delay: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ozeki-graphql"));
        command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"]);
        command.args(["--upstream-url", upstream, "--session-key"]).arg(session_key);
        command.args(["--log-format", "json", "--rate-limits", "off"]);
        command.args(["--notification-interval", "100ms", "--shutdown-delay", shutdown_delay]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let serving = async {
            while let Some(line) = log.next_line().await.unwrap() {
                let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                if let Some(url) = find(&line, "graphql_url") {
                    return url
                        .trim_start_matches("http://")
                        .trim_end_matches("/graphql")
                        .to_owned();
                }
            }
            panic!("it does not serve");
        };
        let address = timeout(PATIENCE, serving).await.unwrap().parse().unwrap();
        // Whoever logs into a pipe that nobody reads waits for ever.
        tokio::spawn(async move {
            while let Ok(Some(line)) = log.next_line().await {
                canaries::look_through("a log line", &line);
            }
        });
        Self { process, address }
    }

    pub(super) async fn terminate(&self) {
        let id = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    }

    /// Waits until it tells balancers to send no more.
    pub(super) async fn withdrawn(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match readiness(self.address).await {
                Some(200) => assert!(Instant::now() < deadline, "it is ready as before"),
                status => return assert_eq!(status, Some(503), "it went without a word"),
            }
        }
    }

    /// Waits until nobody can connect to it.
    pub(super) async fn refuses(&self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).await.is_ok() {
            assert!(Instant::now() < deadline, "it listens as before");
        }
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        timeout(END_MAX, self.process.wait()).await.expect("an end in time").unwrap()
    }
}

/// A member of a log line, wherever the format puts it.
fn find<'a>(line: &'a Value, member: &str) -> Option<&'a str> {
    line[member].as_str().or_else(|| line["fields"][member].as_str())
}

/// What `/readyz` says; nothing if nobody answers.
pub(super) async fn readiness(address: SocketAddr) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let question = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}
