//! The program itself, as an operator runs it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::support::canaries;

/// In what time a process ends that was asked to.
const END_MAX: Duration = Duration::from_secs(30);

/// Longer than any start takes on a busy machine; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `serve`, which ends with its test.
pub(super) struct Replica {
    process: Child,
    /// Reads its log to the end.
    log: JoinHandle<()>,
    /// An origin that no other program of this machine allows, by which it is told from one that got its port.
    origin: String,
    pub(super) address: SocketAddr,
}

impl Replica {
    /// Starts it, and waits until it serves.
    pub(super) async fn start(upstream: &str, session_key: &Path, shutdown_delay: &str) -> Self {
        let origin = format!("http://{}.example", uuid::Uuid::new_v4());
        let mut command = Command::new(env!("CARGO_BIN_EXE_ozeki-graphql"));
        command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"]);
        command.args(["--upstream-url", upstream, "--session-key"]).arg(session_key);
        command.args(["--cors-origins", &origin, "--log-format", "json", "--rate-limits", "off"]);
        command.args(["--notification-interval", "100ms", "--shutdown-delay", shutdown_delay]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let serving = async {
            while let Some(line) = log.next_line().await.unwrap() {
                let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                if let Some(url) = line["graphql_url"].as_str() {
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
        let log = tokio::spawn(async move {
            while let Ok(Some(line)) = log.next_line().await {
                canaries::look_through("a log line", &line);
            }
        });
        Self { process, log, origin, address }
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

    /// Waits until it answers nobody who connects; somebody else may, who got its port.
    pub(super) async fn refuses(&self) {
        let deadline = Instant::now() + PATIENCE;
        let question = format!("origin: {}\r\n", self.origin);
        let is_its = |answer: &String| answer.contains(&self.origin);
        while asked(self.address, &question).await.as_ref().is_some_and(is_its) {
            assert!(Instant::now() < deadline, "it answers as before");
        }
    }

    /// Waits for its end, and that its log held no secret.
    pub(super) async fn ended(mut self) -> ExitStatus {
        let status = timeout(END_MAX, self.process.wait()).await.expect("an end in time").unwrap();
        timeout(PATIENCE, self.log).await.expect("an end of the log").unwrap();
        canaries::check();
        status
    }
}

/// What `/readyz` says; nothing if nobody answers.
pub(super) async fn readiness(address: SocketAddr) -> Option<u16> {
    asked(address, "").await?.split(' ').nth(1)?.parse().ok()
}

/// The whole answer of `/readyz` to a question with these headers; nothing if nobody answers.
async fn asked(address: SocketAddr, headers: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let question =
        format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(question.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    (!answer.is_empty()).then_some(answer)
}
