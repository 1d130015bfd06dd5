//! The program as an operator meets it: commands, exit statuses, sentences.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod diagnosis;
mod log;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than any start or end takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ozeki-graphql"));
    command.env_clear();
    command
}

/// The exit status, standard output and standard error of a command that ends by itself.
fn run(arguments: &[&str]) -> (i32, String, String) {
    ended(&program().args(arguments).output().unwrap())
}

fn ended(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// A process that ends with its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running `sandbox`.
struct Running {
    process: Ended,
    ports: Value,
    _folder: tempfile::TempDir,
}

impl Running {
    fn sandbox(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port_file = folder.path().join("ports.json");
        let own = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--port-file"];
        let mut command = program();
        command.arg("sandbox").args(own).arg(&port_file).args(arguments);
        let process = Ended(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let ports = serde_json::from_str(&wait_for(&port_file)).unwrap();
        Self { process, ports, _folder: folder }
    }

    fn url(&self, name: &str) -> &str {
        self.ports[name].as_str().unwrap()
    }

    fn signal(&self, name: &str) {
        send_signal(&self.process, name);
    }

    fn wait(&mut self) -> ExitStatus {
        self.process.0.wait().unwrap()
    }
}

fn send_signal(process: &Ended, name: &str) {
    let id = process.0.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

fn ended_cleanly(process: &mut Ended) {
    assert!(process.0.wait().unwrap().success());
}

/// The text of a file that is written in one step, once it is there.
fn wait_for(path: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) => return text,
            Err(_) if Instant::now() < deadline => std::thread::yield_now(),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "this is no upstream call")]
async fn post(url: &str, headers: &[(&str, &str)], query: &str) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = http.post(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(json!({ "query": query }).to_string()).send().await.unwrap();
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "this is no upstream call")]
async fn statuses_of(url: &str, headers: &[(&str, &str)], count: usize) -> Vec<u16> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let mut statuses = Vec::new();
    for _ in 0..count {
        let mut request = http.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    statuses
}

fn status_of(url: &str) -> u16 {
    statuses_of(url, &[], 1)[0]
}

const BOTH: &str = "{ conversations { totalCount } friends { totalCount } }";

fn config_file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn health_tells_whether_a_gateway_takes_work() {
    let mut sandbox = Running::sandbox(&["--life", "off", "--shutdown-delay", "1m"]);
    let admin = sandbox.url("admin_url").to_owned();
    let graphql = sandbox.url("graphql_url").to_owned();
    assert_eq!(run(&["health", "--url", &admin]), (0, String::new(), String::new()));
    assert_eq!(run(&["health", "--url", &graphql]).0, 0);
    sandbox.signal("-TERM");
    let deadline = Instant::now() + PATIENCE;
    let (status, told) = loop {
        let (status, _, told) = run(&["health", "--url", &admin]);
        if status != 0 {
            break (status, told);
        }
        assert!(Instant::now() < deadline, "still healthy");
    };
    assert_eq!(status, 1);
    assert!(told.contains("answers with status 503"), "{told}");
    sandbox.signal("-TERM");
    sandbox.wait();
    let (status, _, told) = run(&["health", "--url", &admin]);
    assert_eq!(status, 1);
    assert!(told.contains("no answer from"), "{told}");
    assert_eq!(run(&["health", "--url", "nonsense"]).0, 2);
}

#[test]
fn serve_without_an_upstream_says_which_flag_variable_and_key_set_it() {
    let (status, _, told) = run(&["serve"]);
    assert_eq!(status, 2);
    for name in ["--upstream-url", "OZEKI_GRAPHQL_UPSTREAM_URL", "upstream_url"] {
        assert!(told.contains(name), "{told}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let (_folder, path) =
        config_file("upstream_tiemout = \"10s\"\nlisten = 7\n[cache]\nmax_bytes = \"lots\"\n");
    let output = program()
        .args([
            "serve",
            "--upstream-ulr",
            "http://chat.example/",
            "--upstream-url",
            "ftp://chat.example/",
        ])
        .args(["--session-key", "too-short", "--signature-payload", "{bdoy}", "--config"])
        .arg(&path)
        .env("OZEKI_GRAPHQL_FRIENDS_TIME_TO_LIVE", "10")
        .env("OZEKI_GRAPHQL_UPSTRAEM_URL", "x")
        .output()
        .unwrap();
    let (status, _, told) = ended(&output);
    assert_eq!(status, 2, "{told}");
    for part in [
        "--upstream-ulr",
        "--upstream-url",
        "OZEKI_GRAPHQL_UPSTREAM_URL",
        "--session-key",
        "OZEKI_GRAPHQL_SESSION_KEY",
        "session_key",
        "--signature-payload",
        "upstream_tiemout",
        "upstream_timeout",
        "listen",
        "cache_max_bytes",
        "OZEKI_GRAPHQL_FRIENDS_TIME_TO_LIVE",
        "OZEKI_GRAPHQL_UPSTRAEM_URL",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
}

#[test]
fn each_wrong_value_ends_with_status_2_and_names_its_setting() {
    for (arguments, part) in [
        (&["--upstream-url", "chat.example"][..], "--upstream-url"),
        (&["--upstream-url", "http://chat.example/?a=b"], "--upstream-url"),
        (&["--upstream-url", "http://c/", "--listen", "everywhere"], "--listen"),
        (&["--upstream-url", "http://c/", "--session-key", "0102"], "--session-key"),
        (&["--upstream-url", "http://c/", "--session-key", "/no/such/file"], "--session-key"),
        (&["--upstream-url", "http://c/", "--config", "/no/such/file.toml"], "/no/such/file.toml"),
        (&["--upstream-url", "http://c/", "--signature-algorithm", "md4"], "--signature-algorithm"),
        (&["--upstream-url", "http://c/", "--signature-encoding", "octal"], "--signature-encoding"),
        (&["--upstream-url", "http://c/", "--upstream-timeout", "soon"], "--upstream-timeout"),
        (&["--upstream-url", "http://c/", "--playground", "perhaps"], "--playground"),
        (&["--upstream-url", "http://c/", "--port-file", "x"], "--port-file"),
        (&["--upstream-url", "http://c/", "stray"], "stray"),
    ] {
        let (status, _, told) = run(&[&["serve"], arguments].concat());
        assert_eq!(status, 2, "{arguments:?}: {told}");
        // A stray word may be a secret in the wrong place, so it is not repeated.
        assert!(told.contains(part) || part == "stray", "{arguments:?}: {told}");
    }
    for arguments in [&[][..], &["sevre"], &["user-id"], &["user-id", "alice"], &["signature"]] {
        assert_eq!(run(arguments).0, 2, "{arguments:?}");
    }
}

#[test]
fn a_secret_is_never_repeated() {
    let key = "5ec2e7".repeat(11);
    let (status, told, faults) =
        run(&["serve", "--upstream-url", "http://me:pass@c/", "--session-key", &key]);
    assert_eq!(status, 2);
    assert!(
        !told.contains("5ec2e7") && !faults.contains("5ec2e7") && !faults.contains("pass@"),
        "{faults}"
    );
    let key = &key[..64];
    let arguments =
        ["serve", "--upstream-url", "http://me:pass@c/", "--session-key", key, "--print-config"];
    let (status, config, _) = run(&arguments);
    assert_eq!(status, 0);
    assert!(
        config.contains("session_key") && !config.contains("5ec2e7") && !config.contains("pass"),
        "{config}"
    );
}

#[test]
fn small_commands_answer_on_standard_output() {
    assert_eq!(run(&["user-id", "admin@ozeki.hu"]).1, "d574638619cbff603bf857164c47e850\n");
    assert_eq!(run(&["schema"]).1, include_str!("../../schema.graphql"));
    let (status, help, _) = run(&["--help"]);
    assert_eq!(status, 0);
    for command in ["serve", "sandbox", "schema", "user-id", "signature", "health", "check"] {
        assert!(help.contains(command), "{help}");
    }
}

#[test]
fn the_same_data_comes_through_serve_with_forwarded_credentials() {
    let recipe = ["--signature-payload", "{user}:{key}", "--signature-algorithm", "sha256"];
    let sandbox = Running::sandbox(&recipe);
    let login = "mutation { login(input: {apiKey: \"alice-demo\"}) { token } }";
    let token = post(sandbox.url("graphql_url"), &[], login)["data"]["login"]["token"].take();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let expected = post(sandbox.url("graphql_url"), &[("authorization", &bearer)], BOTH);
    assert_eq!(expected["data"]["conversations"]["totalCount"], 60);

    let user = run(&["user-id", "alice@example.com"]).1.trim().to_owned();
    let station = "0123456789abcdef0123456789abcdef";
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, "alice-demo\n").unwrap();
    let request = [
        &[
            "signature",
            "sign",
            "--user",
            &user,
            "--station",
            station,
            "--api",
            "chatfriends",
            "--body",
            "{}",
        ],
        &[
            "--action",
            "list",
            "--timestamp",
            "2024-03-08 13:55:47",
            "--key-file",
            key_file.to_str().unwrap(),
        ][..],
        &recipe[..],
    ]
    .concat();
    let (status, shown, notes) = run(&request);
    assert_eq!(status, 0, "{notes}");
    assert!(!shown.contains("alice-demo"), "{shown}");
    let is_signature =
        |word: &&str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let signature = shown.split_whitespace().find(is_signature).unwrap();

    // The log names the port. It is closed from then on, which must not disturb the gateway.
    let mut command = program();
    command.args(["serve", "--upstream-url", sandbox.url("ozeki_url"), "--forward-credentials"]);
    command
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "off", "--log-format", "json"])
        .args(recipe);
    let mut gateway = Ended(command.stderr(Stdio::piped()).spawn().unwrap());
    let log = std::io::BufReader::new(gateway.0.stderr.take().unwrap());
    let lines = std::io::BufRead::lines(log);
    let url = lines.map_while(Result::ok).find_map(|line| {
        let line: Value = serde_json::from_str(&line).ok()?;
        line["graphql_url"].as_str().map(str::to_owned)
    });
    let url = url.unwrap();
    let headers =
        [("ozeki-user", &*user), ("ozeki-station", station), ("ozeki-signature", signature)];
    assert_eq!(post(&url, &headers, BOTH), expected);
}

#[test]
fn a_signal_ends_the_program_with_status_0() {
    for signal in ["-TERM", "-INT"] {
        let mut sandbox = Running::sandbox(&[]);
        sandbox.signal(signal);
        assert_eq!(sandbox.wait().code(), Some(0));
    }
}

#[test]
fn a_signal_that_comes_as_soon_as_serving_is_told_ends_it_with_status_0() {
    for _ in 0..8 {
        let mut command = program();
        command.args(["serve", "--upstream-url", "http://127.0.0.1:9/", "--admin-listen", "off"]);
        command.args(["--listen", "127.0.0.1:0"]);
        let mut gateway = Ended(command.stderr(Stdio::piped()).spawn().unwrap());
        let log = std::io::BufReader::new(gateway.0.stderr.take().unwrap());
        let mut lines = std::io::BufRead::lines(log).map_while(Result::ok);
        assert!(lines.any(|line| line.contains("serving")));
        send_signal(&gateway, "-TERM");
        assert_eq!(gateway.0.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn readiness_is_withdrawn_while_requests_are_still_taken_and_a_second_signal_ends_at_once() {
    let mut sandbox = Running::sandbox(&["--shutdown-delay", "1m"]);
    let graphql = sandbox.url("graphql_url").to_owned();
    let ready = graphql.replace("/graphql", "/readyz");
    assert_eq!(status_of(&ready), 200);
    sandbox.signal("-TERM");
    let deadline = Instant::now() + PATIENCE;
    while status_of(&ready) != 503 {
        assert!(Instant::now() < deadline, "/readyz is still 200");
    }
    assert_eq!(post(&graphql, &[], "{ __typename }"), json!({ "data": { "__typename": "Query" } }));
    sandbox.signal("-TERM");
    assert_eq!(sandbox.wait().code(), Some(1));
}

#[test]
fn a_port_file_that_cannot_be_written_is_told_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none").join("ports.json"), folder.path().to_owned()] {
        let (status, out, told) = run(&["sandbox", "--port-file", path.to_str().unwrap()]);
        assert_eq!((status, &*out), (2, ""), "{told}");
        assert!(told.contains("--port-file") && told.contains("a folder that exists"), "{told}");
    }
}

#[test]
fn the_port_file_of_an_earlier_run_does_not_outlive_the_start() {
    let sandbox = Running::sandbox(&[]);
    let address = sandbox.url("graphql_url").trim_start_matches("http://");
    let address = address.trim_end_matches("/graphql");
    let folder = tempfile::tempdir().unwrap();
    let port_file = folder.path().join("ports.json");
    std::fs::write(&port_file, "{}").unwrap();
    let path = port_file.to_str().unwrap();
    let (status, _, told) = run(&["sandbox", "--listen", address, "--port-file", path]);
    assert_eq!((status, port_file.exists()), (1, false), "{told}");
}

#[test]
fn an_address_that_is_taken_is_told() {
    let sandbox = Running::sandbox(&[]);
    let address =
        sandbox.url("graphql_url").trim_start_matches("http://").trim_end_matches("/graphql");
    let (status, _, told) =
        run(&["serve", "--upstream-url", "http://127.0.0.1:9/", "--listen", address]);
    assert_eq!(status, 1);
    assert!(told.contains(address) && told.contains("cannot listen"), "{told}");
}

#[test]
fn a_certificate_that_cannot_be_used_ends_the_start_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str| {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(path(&format!("{name}.crt")), pair.cert.pem()).unwrap();
        std::fs::write(path(&format!("{name}.key")), pair.signing_key.serialize_pem()).unwrap();
    };
    write("one");
    write("other");
    let free = ["--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let upstream = ["--upstream-url", "http://127.0.0.1:9/"];
    for (certificate, key, sentence) in [
        ("one.crt", "other.key", "tls_cert and tls_key cannot be used together"),
        ("one.crt", "absent", "of tls_key cannot be read"),
        ("one.key", "one.key", "of tls_cert holds no certificate in PEM"),
    ] {
        let (certificate, key) = (path(certificate), path(key));
        let tls = ["--tls-cert", &certificate, "--tls-key", &key];
        let serve = [&["serve"][..], &upstream, &free, &tls].concat();
        let sandbox = [&["sandbox"][..], &free, &tls].concat();
        let check = [&["check"][..], &upstream, &tls].concat();
        for arguments in [serve, sandbox, check] {
            let (status, _, told) = run(&arguments);
            assert_eq!((status, told.contains(sentence)), (2, true), "{arguments:?}: {told}");
        }
    }
}

#[test]
fn a_process_without_descriptors_serves_again_once_some_are_free() {
    let folder = tempfile::tempdir().unwrap();
    let port_file = folder.path().join("ports.json");
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", "ulimit -n 48; exec \"$0\" \"$@\""]);
    command.arg(env!("CARGO_BIN_EXE_ozeki-graphql"));
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--port-file"]);
    command.arg(&port_file).stdout(Stdio::null()).stderr(Stdio::null());
    let _process = Ended(command.spawn().unwrap());
    let ports: Value = serde_json::from_str(&wait_for(&port_file)).unwrap();
    let url = ports["graphql_url"].as_str().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches("/graphql");
    let flood: Vec<_> = (0..60).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    drop(flood);
    assert_eq!(post(url, &[], "{ __typename }")["data"]["__typename"], "Query");
}
