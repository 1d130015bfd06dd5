//! The log's one line for each request.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Instant;

use serde_json::Value;

use super::{Ended, PATIENCE, ended_cleanly, post, program, send_signal, statuses_of, wait_for};

/// A `sandbox` that logs JSON into a file.
struct Logged {
    process: Ended,
    ports: Value,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Logged {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Self {
        Self::start_into(arguments, |log| std::fs::File::create(log).unwrap().into())
    }

    /// The same, with what `errors` makes as standard error.
    fn start_into(arguments: &[&str], errors: impl FnOnce(&Path) -> Stdio) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port_file, log) = (folder.path().join("ports.json"), folder.path().join("log"));
        let mut command = program();
        command.args(["sandbox", "--listen", "127.0.0.1:0", "--admin-listen", "off"]);
        // Who only reads is not followed, so that nothing is read anew between a test's requests.
        command.args(["--life", "off", "--live-time-to-live", "0s"]);
        command.args(["--conversations-time-to-live", "10m", "--friends-time-to-live", "10m"]);
        command.args(["--log-format", "json", "--port-file"]).arg(&port_file);
        command.args(arguments);
        command.stdout(Stdio::null()).stderr(errors(&log));
        let process = Ended(command.spawn().unwrap());
        let ports = serde_json::from_str(&wait_for(&port_file)).unwrap();
        Self { process, ports, log, _folder: folder }
    }

    fn ask(&self, id: &str, token: &str, query: &str) -> Value {
        let url = self.ports["graphql_url"].as_str().unwrap();
        let bearer = format!("Bearer {token}");
        post(url, &[("x-request-id", id), ("authorization", &bearer)], query)
    }

    /// The lines under a request's id that have an outcome.
    fn summaries(&self, id: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| line["request_id"] == id && line.get("duration_ms").is_some())
            .filter(|line| line.get("route").is_some())
            .collect()
    }

    /// The one line of a request, which may be written a little later than its answer is read.
    fn summary(&self, id: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.summaries(id).pop() {
                return line;
            }
            assert!(Instant::now() < deadline, "no line for {id}");
            std::thread::yield_now();
        }
    }
}

const QUERY: &str = "query Inbox { conversations { totalCount } friends { totalCount } }";

#[test]
fn one_line_tells_what_became_of_a_request() {
    let mut sandbox = Logged::start();
    let login = "mutation { login(input: { apiKey: \"alice-demo\" }) { token } }";
    let token = sandbox.ask("login-1", "", login)["data"]["login"]["token"].clone();
    let token = token.as_str().unwrap();
    let answer = sandbox.ask("first-1", token, QUERY);
    sandbox.ask("again-1", token, QUERY);
    sandbox.ask("partial-1", token, "{ conversations { totalCount } friend(id: \"x\") { id } }");
    sandbox.ask("refused-1", token, "{ nonsense }");
    sandbox.ask("nobody-1", "", "{ viewer { id } friends { totalCount } }");

    let line = sandbox.summary("first-1");
    for (name, expected) in [
        ("message", Value::from("request answered")),
        ("method", "POST".into()),
        ("route", "/graphql".into()),
        ("status", 200.into()),
        ("operation_name", "Inbox".into()),
        ("operation_kind", "query".into()),
        ("document", "3d858c764e69a61f".into()),
        ("outcome", "ok".into()),
        ("upstream_calls", 2.into()),
        ("cache_misses", 2.into()),
        ("cache_hits", 0.into()),
        ("cache_stale", 0.into()),
        ("cache_coalesced", 0.into()),
        ("bytes", answer.to_string().len().into()),
    ] {
        assert_eq!(line[name], expected, "{name} in {line}");
    }
    assert!(line.get("trace_id").is_none(), "{line}");
    assert!(line["duration_ms"].is_u64() && line["upstream_ms"].is_u64(), "{line}");
    let again = sandbox.summary("again-1");
    assert_eq!((&again["upstream_calls"], &again["cache_hits"]), (&0.into(), &2.into()));
    let outcomes = ["login-1", "partial-1", "refused-1", "nobody-1"]
        .map(|id| sandbox.summary(id)["outcome"].as_str().unwrap().to_owned());
    assert_eq!(outcomes, ["ok", "partial", "GRAPHQL_VALIDATION_FAILED", "UNAUTHENTICATED"]);

    send_signal(&sandbox.process, "-TERM");
    ended_cleanly(&mut sandbox.process);
    for id in ["login-1", "first-1", "again-1", "partial-1", "refused-1", "nobody-1"] {
        assert_eq!(sandbox.summaries(id).len(), 1, "{id}");
    }
    let log = std::fs::read_to_string(&sandbox.log).unwrap();
    for secret in [token, "alice-demo", "totalCount", "nonsense"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_method_that_a_client_made_up_is_not_repeated_in_the_log() {
    let mut sandbox = Logged::start();
    let url: reqwest::Url = sandbox.ports["graphql_url"].as_str().unwrap().parse().unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    let method = "X".repeat(30_000);
    let head = format!(
        "{method} /graphql HTTP/1.1\r\nhost: a\r\nx-request-id: made-up\r\nconnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(sandbox.summary("made-up")["method"], "_OTHER");
    send_signal(&sandbox.process, "-TERM");
    ended_cleanly(&mut sandbox.process);
    assert!(!std::fs::read_to_string(&sandbox.log).unwrap().contains("XX"));
}

#[test]
fn a_log_that_nobody_reads_stops_neither_requests_nor_the_end() {
    let mut sandbox = Logged::start_into(&[], |_| Stdio::piped());
    let url = sandbox.ports["graphql_url"].as_str().unwrap();
    // All their lines are several times what a pipe holds.
    let id = "x".repeat(64);
    let statuses = statuses_of(url, &[("x-request-id", &id)], 1_000);
    assert_eq!(statuses.len(), 1_000);
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    send_signal(&sandbox.process, "-TERM");
    ended_cleanly(&mut sandbox.process);
    let mut read = Vec::new();
    sandbox.process.0.stderr.take().unwrap().read_to_end(&mut read).unwrap();
    let lines = read.split(|byte| *byte == b'\n').count();
    assert!((1..1_000).contains(&lines), "{lines} lines went into the pipe");
}

#[test]
fn a_log_that_is_read_late_is_whole() {
    let mut sandbox = Logged::start_into(&[], |_| Stdio::piped());
    let url = sandbox.ports["graphql_url"].as_str().unwrap();
    let id = "x".repeat(64);
    statuses_of(url, &[("x-request-id", &id)], 1_000);
    let mut errors = sandbox.process.0.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut read = String::new();
        errors.read_to_string(&mut read).unwrap();
        read
    });
    send_signal(&sandbox.process, "-TERM");
    ended_cleanly(&mut sandbox.process);
    let read = reader.join().unwrap();
    let lines: Vec<Value> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["request_id"] == id.as_str()).count(), 1_000);
}

#[test]
fn a_log_whose_reader_has_gone_stops_neither_requests_nor_the_end() {
    let mut sandbox = Logged::start_into(&[], |_| Stdio::piped());
    drop(sandbox.process.0.stderr.take());
    let url = sandbox.ports["graphql_url"].as_str().unwrap();
    assert_eq!(statuses_of(url, &[], 3).len(), 3);
    send_signal(&sandbox.process, "-TERM");
    ended_cleanly(&mut sandbox.process);
}

/// Takes one request as a collector does.
fn taken(collector: &TcpListener) -> String {
    let (mut connection, _) = collector.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = Vec::new();
    let mut part = [0; 4096];
    let is_whole = |request: &[u8]| String::from_utf8_lossy(request).ends_with("}]}]}");
    while !is_whole(&request) {
        let length = connection.read(&mut part).unwrap();
        assert!(length > 0, "the connection ended within a request");
        request.extend_from_slice(&part[..length]);
    }
    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    String::from_utf8(request).unwrap()
}

#[test]
fn the_line_names_the_trace_that_a_collector_gets() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://opensesame@{}", collector.local_addr().unwrap());
    let (sender, requests) = mpsc::channel();
    // By itself, so that a test whose collector is never asked ends.
    std::thread::spawn(move || sender.send(taken(&collector)));
    let mut sandbox = Logged::start_with(&["--trace-endpoint", &url]);
    sandbox.ask("traced-1", "", "query Traced { __typename }");
    let trace = sandbox.summary("traced-1")["trace_id"].as_str().unwrap().to_owned();
    assert!(trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace}");

    send_signal(&sandbox.process, "-TERM");
    let request = requests.recv_timeout(PATIENCE).expect("a request to the collector");
    assert!(request.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\"traceId\":\"{trace}\"")), "{request}");
    ended_cleanly(&mut sandbox.process);
    let log = std::fs::read_to_string(&sandbox.log).unwrap();
    assert!(!log.contains("opensesame"), "{log}");
}
