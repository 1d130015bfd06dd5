use clap::{Arg, Command};

use std::ffi::OsString;

use super::*;
use crate::config::{CommandConfig, Config, Variables};

fn subcommands() -> Subcommands {
    let body = Arg::new("body").long("body").allow_hyphen_values(true);
    Subcommands {
        signature: Command::new("signature")
            .subcommand_required(true)
            .subcommand(Command::new("sign").arg(body)),
        user_id: Command::new("user-id").arg(Arg::new("email").value_name("EMAIL").required(true)),
        health: Command::new("health"),
    }
}

fn parsed(arguments: &[&str]) -> Result<Invocation, Stopped> {
    let arguments = std::iter::once(&PROGRAM).chain(arguments);
    parse(arguments.map(OsString::from), subcommands())
}

fn loaded(arguments: &[&str]) -> Result<Config, String> {
    let (command, flags) = match parsed(arguments).expect("a command is to be run") {
        Invocation::Serve { flags, .. } => (CommandKind::Serve, flags),
        Invocation::Sandbox { flags } => (CommandKind::Sandbox, flags),
        Invocation::Check { flags } => (CommandKind::Check, flags),
        other @ (Invocation::Schema
        | Invocation::UserId(_)
        | Invocation::Signature(_)
        | Invocation::Health(_)) => {
            panic!("{other:?} takes no configuration")
        }
    };
    Config::load(command, &flags, &Variables::default()).map_err(|error| error.to_string())
}

fn refused(arguments: &[&str]) -> String {
    match parsed(arguments) {
        Err(Stopped::Refused(text)) => text,
        other => panic!("{other:?} is no refusal"),
    }
}

fn answered(arguments: &[&str]) -> String {
    match parsed(arguments) {
        Err(Stopped::Answered(text)) => text,
        other => panic!("{other:?} is no answer"),
    }
}

#[test]
fn the_parser_accepts_its_own_definition() {
    command(subcommands()).debug_assert();
}

#[test]
fn flags_reach_the_configuration() {
    let config = loaded(&[
        "serve",
        "--upstream-url=http://chat.example/",
        "--listen",
        "127.0.0.1:1",
        "--listen",
        "127.0.0.1:2",
        "--playground",
        "--rate-limits",
        "off",
        "--forward-credentials=on",
        "--log-level",
        "debug",
    ])
    .unwrap();
    assert_eq!(config.http.listen.port(), 2);
    assert!(config.http.playground && !config.http.rate_limits);
    assert!(config.session.forward_credentials);
    assert_eq!(config.log.level, tracing::Level::DEBUG);
}

#[test]
fn the_sandbox_can_be_told_to_hide_the_playground() {
    assert!(loaded(&["sandbox"]).unwrap().http.playground);
    let config = loaded(&["sandbox", "--playground", "off", "--port-file", "ports.json"]).unwrap();
    assert!(!config.http.playground);
    let CommandConfig::Sandbox(sandbox) = config.command else {
        panic!("the command is the sandbox");
    };
    assert_eq!(sandbox.port_file, Some("ports.json".into()));
}

#[test]
fn every_fault_of_the_command_line_is_told_together_with_those_of_values() {
    let told = loaded(&[
        "serve",
        "--upstream-ulr",
        "http://a:opensesame@chat.example/",
        "--session-kye=opensesame",
        "--upstream-url",
        "chat.example",
        "--port-file",
        "ports.json",
        "opensesame",
        "-v",
        "--print-config=yes",
        "--log-level",
    ])
    .unwrap_err();
    insta::assert_snapshot!(told, @r#"
    unknown flag `--upstream-ulr`; did you mean --upstream-url?
    unknown flag `--session-kye`; did you mean --session-key?
    unknown flag `--port-file` in this place: it belongs after the command sandbox
    unexpected argument of 10 characters after serve: it belongs to no flag
    unknown flag `-v`; see --help for those that there are
    --print-config takes no value
    --log-level has no value: expected --log-level LEVEL
    upstream_url: found `chat.example` in flag --upstream-url; expected an http or https URL without query or fragment, such as http://chat.example/ozeki/index.php; set by flag --upstream-url, variable OZEKI_GRAPHQL_UPSTREAM_URL or key upstream_url
    "#);
}

#[test]
fn an_unknown_flag_takes_its_value_with_it_but_not_the_next_flag() {
    let told = loaded(&["serve", "--lisen", "--upstream-url", "http://chat.example/"]).unwrap_err();
    assert_eq!(told, "unknown flag `--lisen`; did you mean --listen?");
}

#[test]
fn a_flag_before_its_command_is_told_where_it_goes() {
    let told = loaded(&["--listen", "sandbox"]).unwrap_err();
    assert!(told.contains("belongs after the command serve or sandbox or check"), "{told}");
}

#[test]
fn commands_without_configuration_refuse_unknown_flags_too() {
    let told = refused(&["schema", "--fast", "--loud"]);
    assert_eq!(told.matches("unknown flag").count(), 2, "{told}");
    let told = refused(&["user-id", "--emial", "alice@example.com"]);
    assert!(told.contains("unknown flag `--emial`"), "{told}");
}

#[test]
fn the_arguments_of_other_commands_are_theirs() {
    let Ok(Invocation::Signature(matches)) = parsed(&["signature", "sign", "--body", "--{}"])
    else {
        panic!("the arguments are those of signature sign");
    };
    let (name, matches) = matches.subcommand().unwrap();
    assert_eq!(name, "sign");
    assert_eq!(matches.get_one::<String>("body").unwrap(), "--{}");
    assert!(matches!(parsed(&["user-id", "alice@example.com"]), Ok(Invocation::UserId(_))));
    assert!(matches!(parsed(&["schema"]), Ok(Invocation::Schema)));
}

#[test]
fn without_a_command_the_help_is_a_refusal() {
    assert!(refused(&[]).contains("Commands:"));
    assert!(refused(&["sevre"]).contains("serve"));
}

#[test]
fn help_and_version_are_answers_even_beside_faults() {
    assert!(answered(&["--version"]).starts_with("ozeki-graphql "));
    assert!(answered(&["help", "check"]).contains("--api-key-file"));
    assert!(answered(&["serve", "--bogus", "-h"]).contains("--upstream-url"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one text")]
fn the_help_of_serve_tells_every_setting() {
    insta::assert_snapshot!(answered(&["serve", "--help"]), @r#"
    Run the gateway in front of an Ozeki server

    Usage: ozeki-graphql serve [OPTIONS]

    Options:
      -h, --help
              Print help

    Configuration:
          --config <FILE>
              TOML file of settings; variables and flags count before it [variable: OZEKI_GRAPHQL_CONFIG]
          --print-config
              Print the configuration that counts as TOML, secrets masked, and exit

    Upstream:
          --upstream-url <URL>
              Base URL of the Ozeki API, such as http://chat.example/ozeki/index.php (required) [variable: OZEKI_GRAPHQL_UPSTREAM_URL]
          --upstream-timeout <DURATION>
              How long a call may take, to the last byte of its answer [default: 10s; variable: OZEKI_GRAPHQL_UPSTREAM_TIMEOUT]
          --upstream-connect-timeout <DURATION>
              How long a connection to the Ozeki server may take [default: 2s; variable: OZEKI_GRAPHQL_UPSTREAM_CONNECT_TIMEOUT]
          --upstream-body-max <SIZE>
              The longest answer that is taken [default: 8MiB; variable: OZEKI_GRAPHQL_UPSTREAM_BODY_MAX]
          --upstream-concurrency <NUMBER>
              How many calls run at once [default: 100; variable: OZEKI_GRAPHQL_UPSTREAM_CONCURRENCY]
          --upstream-ca <FILE>
              Certificates (PEM) to trust beside the system's, such as a company's own authority [variable: OZEKI_GRAPHQL_UPSTREAM_CA]
          --upstream-proxy <URL>
              The proxy for calls to the Ozeki server; HTTP_PROXY and its like are never used [variable: OZEKI_GRAPHQL_UPSTREAM_PROXY]
          --operation-calls-max <NUMBER>
              How many calls one operation may make [default: 64; variable: OZEKI_GRAPHQL_OPERATION_CALLS_MAX]
          --operation-concurrency <NUMBER>
              How many of them run at once [default: 8; variable: OZEKI_GRAPHQL_OPERATION_CONCURRENCY]

    Serving:
          --listen <ADDRESS>
              Where GraphQL and the playground are served; port 0 picks a free one [default: 127.0.0.1:8080; variable: OZEKI_GRAPHQL_LISTEN]
          --admin-listen <ADDRESS>
              Where metrics are served; `off` to disable [default: 127.0.0.1:9090; variable: OZEKI_GRAPHQL_ADMIN_LISTEN]
          --tls-cert <FILE>
              Serve https with this certificate chain (PEM); read anew when the file changes [variable: OZEKI_GRAPHQL_TLS_CERT]
          --tls-key <FILE>
              The certificate's private key (PEM) [variable: OZEKI_GRAPHQL_TLS_KEY]
          --cors-origins <ORIGINS>
              Origins whose pages may ask, such as https://chat.example; several with commas between [variable: OZEKI_GRAPHQL_CORS_ORIGINS]
          --playground [<on|off>]
              Serve the playground and allow introspection (sandbox: on unless told otherwise) [default: off; variable: OZEKI_GRAPHQL_PLAYGROUND]
          --rate-limits [<on|off>]
              Enforce rate limits; `off` is for tests and load measurements [default: on; variable: OZEKI_GRAPHQL_RATE_LIMITS]
          --rate-limit-quotas <LIST>
              What grows back and what may come at once: requests of a user, by address with forwarded and without credentials; logins by key and address [default: caller=20/s:60,forwarded=200/s:2000,anonymous=50/s:1000,login=5/m:10,login-address=10/s:600; variable: OZEKI_GRAPHQL_RATE_LIMIT_QUOTAS]
          --trusted-proxies <LIST>
              The proxies whose X-Forwarded-For is believed; list no network that clients are in [default: none; variable: OZEKI_GRAPHQL_TRUSTED_PROXIES]
          --request-timeout <DURATION>
              How long a request may take [default: 15s; variable: OZEKI_GRAPHQL_REQUEST_TIMEOUT]
          --request-body-max <SIZE>
              The longest request body that is taken [default: 256KiB; variable: OZEKI_GRAPHQL_REQUEST_BODY_MAX]
          --operation-limits <LIMITS>
              What documents and variables must keep to; a refusal names the limit [default: document_bytes=32768,tokens=2000,nesting=48,name_bytes=128,aliases=30,aliases_per_field=5,directives=50,definitions=100,depth=10,introspection_lists=2,selections=5000,complexity=5000,query_fields=20,mutation_fields=5,subscription_fields=1,variables_nesting=32,variable_values=2000; variable: OZEKI_GRAPHQL_OPERATION_LIMITS]
          --operations-in-flight-max <NUMBER>
              How many operations run at once; 128 more wait for a moment [default: 512; variable: OZEKI_GRAPHQL_OPERATIONS_IN_FLIGHT_MAX]
          --shutdown-delay <DURATION>
              How long requests are still taken after a signal to stop, with /readyz at 503 (sandbox: 0s) [default: 1s; variable: OZEKI_GRAPHQL_SHUTDOWN_DELAY]
          --shutdown-grace <DURATION>
              How long requests in flight may run on after a signal to stop [default: 25s; variable: OZEKI_GRAPHQL_SHUTDOWN_GRACE]

    Signature:
          --signature-algorithm <NAME>
              How the payload becomes a digest: md5, sha1, sha256, hmac-md5, hmac-sha1, hmac-sha256 [default: md5; variable: OZEKI_GRAPHQL_SIGNATURE_ALGORITHM]
          --signature-payload <TEMPLATE>
              What is signed: {user} {station} {api} {action} {timestamp} {body} {key}, hashed as in {key|md5} [default: {body}{key}; variable: OZEKI_GRAPHQL_SIGNATURE_PAYLOAD]
          --signature-encoding <NAME>
              How the digest is written: hex, HEX, base64 [default: hex; variable: OZEKI_GRAPHQL_SIGNATURE_ENCODING]

    Sessions:
          --session-key <KEY|FILE>
              The 32 bytes that seal session tokens, or a file of them; random per start where not set [variable: OZEKI_GRAPHQL_SESSION_KEY]
          --session-key-previous <KEY|FILE>
              The key before that one: its tokens are still taken, and no new one is sealed with it [variable: OZEKI_GRAPHQL_SESSION_KEY_PREVIOUS]
          --session-time-to-live <DURATION>
              How long a session lasts [default: 12h; variable: OZEKI_GRAPHQL_SESSION_TIME_TO_LIVE]
          --session-idle-timeout <DURATION>
              How long a session may go unused, as far as this process has seen [default: 3d; variable: OZEKI_GRAPHQL_SESSION_IDLE_TIMEOUT]
          --forward-credentials [<on|off>]
              Also accept Ozeki-User, Ozeki-Station, Ozeki-Signature, and hand that signature on unchanged [default: off; variable: OZEKI_GRAPHQL_FORWARD_CREDENTIALS]

    Cache:
          --cache-max-bytes <SIZE>
              All cached values together [default: 256MiB; variable: OZEKI_GRAPHQL_CACHE_MAX_BYTES]
          --conversations-time-to-live <DURATION>
              How long a list of conversations is fresh [default: 10s; variable: OZEKI_GRAPHQL_CONVERSATIONS_TIME_TO_LIVE]
          --friends-time-to-live <DURATION>
              How long a list of friends is fresh [default: 10s; variable: OZEKI_GRAPHQL_FRIENDS_TIME_TO_LIVE]
          --live-time-to-live <DURATION>
              How long both lists are fresh while the Ozeki server tells what changes; 0s: no longer than otherwise [default: 5m; variable: OZEKI_GRAPHQL_LIVE_TIME_TO_LIVE]
          --stale-time-to-live <DURATION>
              How old what is shown may be while the Ozeki server is down; 0s: nothing is shown then [default: 10m; variable: OZEKI_GRAPHQL_STALE_TIME_TO_LIVE]
          --notification-interval <DURATION>
              The shortest time between two questions for what changed; twice as long when nothing does, eight times where nobody subscribes [default: 1s; variable: OZEKI_GRAPHQL_NOTIFICATION_INTERVAL]

    Logs:
          --log-level <LEVEL>
              The least important level that is logged: error, warn, info, debug, trace [default: info; variable: OZEKI_GRAPHQL_LOG_LEVEL]
          --log-format <FORMAT>
              How a line is written: text, json [default: text; variable: OZEKI_GRAPHQL_LOG_FORMAT]

    Traces:
          --trace-endpoint <URL>
              Send traces to this collector by OTLP over HTTP, such as http://collector.example:4318; none are made without it [variable: OZEKI_GRAPHQL_TRACE_ENDPOINT]
          --trace-share <SHARE>
              The share of requests whose traces are kept, where `traceparent` does not say: from 0 to 1 [default: 1; variable: OZEKI_GRAPHQL_TRACE_SHARE]

    Durations have a unit (500ms, 10s, 5m, 12h, 30d); sizes may have one (64KiB, 8MiB, 1GiB).
    Of defaults, file, variables and flags, the last to set something counts.
    "#);
}

#[test]
fn print_config_is_a_flag_of_serve() {
    let invocation = parsed(&["serve", "--print-config"]).unwrap();
    assert!(matches!(invocation, Invocation::Serve { print_config: true, .. }));
}

#[cfg(unix)]
#[test]
fn a_value_that_is_no_text_is_a_fault() {
    use std::os::unix::ffi::OsStringExt;
    let arguments = [PROGRAM, "sandbox", "--listen"].map(OsString::from);
    let arguments = arguments.into_iter().chain([OsString::from_vec(vec![0xff])]);
    let Ok(Invocation::Sandbox { flags }) = parse(arguments, subcommands()) else {
        panic!("the command is the sandbox");
    };
    let told = Config::load(CommandKind::Sandbox, &flags, &Variables::default()).unwrap_err();
    assert_eq!(told.to_string(), "the value of --listen is no UTF-8");
}
