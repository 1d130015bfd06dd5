use std::path::PathBuf;
use std::time::Duration;

use super::*;

const URL: &str = "http://chat.example/ozeki/index.php";
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn flags(pairs: &[(&str, &str)]) -> Flags {
    let mut flags = Flags::default();
    for (name, text) in pairs {
        flags.set(table::setting(name).unwrap(), *text);
    }
    flags
}

fn serve(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut flags = flags(pairs);
    if flags.text(table::setting("upstream_url").unwrap()).is_none() {
        flags.set(table::setting("upstream_url").unwrap(), URL);
    }
    Config::load(CommandKind::Serve, &flags, &Variables::default())
}

/// The faults of loading, one a line.
fn faults(result: Result<Config, ConfigError>) -> String {
    result.expect_err("the configuration is wrong").to_string()
}

struct ConfigFile {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl ConfigFile {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.toml");
        std::fs::write(&path, text).unwrap();
        Self { path, _directory: directory }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// A text without the folder, which differs from run to run.
    fn without_folder(&self, text: &str) -> String {
        text.replace(self.path(), "gateway.toml")
    }
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let config = serve(&[]).unwrap();
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.admin_listen.unwrap().port(), 9090);
    assert!(config.http.rate_limits);
    assert!(config.http.trusted_proxies.is_empty());
    assert!(!config.http.playground);
    assert_eq!(config.http.request_timeout, Duration::from_secs(15));
    assert_eq!(config.http.body_max_bytes, 256 << 10);
    assert_eq!(config.http.shutdown_delay, Duration::from_secs(1));
    assert_eq!(config.http.shutdown_grace, Duration::from_secs(25));
    assert_eq!(config.upstream.timeout, Duration::from_secs(10));
    assert_eq!(config.upstream.connect_timeout, Duration::from_secs(2));
    assert_eq!(config.upstream.body_max_bytes, 8 << 20);
    assert_eq!(config.upstream.concurrency.get(), 100);
    assert_eq!(config.cache.max_bytes, 256 << 20);
    assert_eq!(config.session.time_to_live, Duration::from_secs(12 * 60 * 60));
    assert_eq!(config.session.key, None);
    assert!(!config.session.forward_credentials);
    assert_eq!(config.signature, Recipe::default());
    assert_eq!(config.log.level, tracing::Level::INFO);
    assert_eq!(config.log.format, LogFormat::Text);
}

#[test]
fn the_sandbox_needs_no_upstream_and_shows_the_playground() {
    let config =
        Config::load(CommandKind::Sandbox, &Flags::default(), &Variables::default()).unwrap();
    let CommandConfig::Sandbox(sandbox) = config.command else {
        panic!("the command is the sandbox");
    };
    assert_eq!(sandbox.ozeki_listen.to_string(), "127.0.0.1:0");
    assert_eq!(sandbox.port_file, None);
    assert!(config.http.playground);
    assert_eq!(config.http.shutdown_delay, Duration::ZERO);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn serve_without_an_upstream_names_flag_variable_and_key() {
    let result = Config::load(CommandKind::Serve, &Flags::default(), &Variables::default());
    insta::assert_snapshot!(faults(result), @r#"
    upstream_url is missing; expected an http or https URL without query or fragment, such as http://chat.example/ozeki/index.php; set by flag --upstream-url, variable OZEKI_GRAPHQL_UPSTREAM_URL or key upstream_url
    "#);
}

#[test]
fn flags_count_before_variables_before_the_file_before_defaults() {
    let file =
        ConfigFile::new("log_level = 'error'\nlog_format = 'json'\nlisten = '127.0.0.1:1'\n");
    let variables = Variables::from([
        ("OZEKI_GRAPHQL_CONFIG", file.path()),
        ("OZEKI_GRAPHQL_LOG_LEVEL", "debug"),
        ("OZEKI_GRAPHQL_LISTEN", "127.0.0.1:2"),
        ("OZEKI_GRAPHQL_UPSTREAM_URL", URL),
    ]);
    let flags = flags(&[("listen", "127.0.0.1:3")]);
    let config = Config::load(CommandKind::Serve, &flags, &variables).unwrap();
    assert_eq!(config.http.listen.port(), 3);
    assert_eq!(config.log.level, tracing::Level::DEBUG);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.upstream.concurrency.get(), 100);
}

#[test]
fn the_flag_that_names_a_file_counts_before_the_variable() {
    let file = ConfigFile::new("[upstream]\nurl = 'http://of-the-flag/'\nconcurrency = 3\n");
    let variables = Variables::from([("OZEKI_GRAPHQL_CONFIG", "no-such.toml")]);
    let flags = flags(&[("config", file.path())]);
    let config = Config::load(CommandKind::Serve, &flags, &variables).unwrap();
    assert_eq!(config.upstream.concurrency.get(), 3);
}

#[test]
fn a_bad_text_is_refused_with_what_is_expected() {
    for (name, text, expected) in [
        ("upstream_url", "", "found nothing"),
        ("upstream_url", "ftp://chat.example", "an http or https URL"),
        ("listen", "8080", "an IP address and a port"),
        ("listen", "off", "an IP address and a port"),
        ("admin_listen", "no", "or `off`"),
        ("playground", "maybe", "`on` or `off`"),
        ("upstream_timeout", "10", "add a unit, as in 10s"),
        ("upstream_timeout", "99ms", "from 100ms to 5m"),
        ("upstream_timeout", "6m", "from 100ms to 5m"),
        ("session_time_to_live", "31d", "from 1m to 30d"),
        ("conversations_time_to_live", "2h", "from 0s to 1h"),
        ("upstream_body_max", "8MB", "from 1KiB to 64MiB, such as"),
        ("upstream_body_max", "65MiB", "from 1KiB to 64MiB"),
        ("cache_max_bytes", "1KiB", "at least 1MiB"),
        ("upstream_concurrency", "0", "from 1 to 10000"),
        ("upstream_concurrency", "many", "from 1 to 10000"),
        ("signature_algorithm", "md6", "hmac-md5"),
        ("signature_payload", "{boddy}", "not {boddy}"),
        ("signature_encoding", "rot13", "hex, HEX or base64"),
        ("log_level", "loud", "one of error, warn, info, debug, trace"),
        ("log_format", "xml", "one of text, json"),
        ("trace_endpoint", "collector:4318", "the http or https URL of a collector of traces"),
        ("trace_share", "1.1", "a number from 0 to 1"),
        ("trace_share", "NaN", "a number from 0 to 1"),
        ("session_key", "short", "5 characters that are no key"),
        ("operation_limits", "token=3000", "there is no limit `token`; did you mean tokens?"),
        ("operation_limits", "wholly-else=1", "the limits are document_bytes, tokens,"),
        ("operation_limits", "depth=33", "depth must be a whole number from 1 to 32"),
    ] {
        let told = faults(serve(&[(name, text)]));
        let setting = table::setting(name).unwrap();
        assert!(told.contains(expected), "{told}");
        assert!(told.contains(&format!("flag --{}", setting.flag)), "{told}");
        assert!(told.contains(&setting.variable()), "{told}");
        assert!(told.contains(&format!("key {name}")), "{told}");
        assert!(!told.contains('\n'), "{told}");
    }
}

#[test]
fn every_fault_of_every_source_is_told_at_once() {
    let file = ConfigFile::new(
        "lisen = 'x'\nrequest_timeout = 10\nlog_level = ['info']\n[signature]\nalgoritm = 'md5'\n[port]\nfile = 'x'\n",
    );
    let variables = Variables::from([
        ("OZEKI_GRAPHQL_UPSTREAM_ULR", URL),
        ("OZEKI_GRAPHQL_OZEKI_LISTEN", "127.0.0.1:1"),
        ("OZEKI_GRAPHQL_CACHE_MAX_BYTES", "lots"),
    ]);
    let mut flags = flags(&[
        ("config", file.path()),
        ("upstream_url", "chat.example"),
        ("session_key", "opensesame"),
    ]);
    flags.add_fault(Fault::unknown_flag("--lisen", ["listen"]));
    let told = faults(Config::load(CommandKind::Serve, &flags, &variables));
    insta::assert_snapshot!(file.without_folder(&told), @r#"
    unknown flag `--lisen`; did you mean --listen?
    variable OZEKI_GRAPHQL_OZEKI_LISTEN is not for serve: ozeki_listen belongs to sandbox only
    unknown variable `OZEKI_GRAPHQL_UPSTREAM_ULR`; did you mean OZEKI_GRAPHQL_UPSTREAM_URL?
    unknown key `lisen` in `gateway.toml`; did you mean listen?
    log_level: found an array in key `log_level` of `gateway.toml`; expected one of error, warn, info, debug, trace; set by flag --log-level, variable OZEKI_GRAPHQL_LOG_LEVEL or key log_level
    key `port.file` of `gateway.toml` is not for serve: port_file belongs to sandbox only
    unknown key `signature.algoritm` in `gateway.toml`; did you mean signature_algorithm?
    upstream_url: found `chat.example` in flag --upstream-url; expected an http or https URL without query or fragment, such as http://chat.example/ozeki/index.php; set by flag --upstream-url, variable OZEKI_GRAPHQL_UPSTREAM_URL or key upstream_url
    request_timeout: found `10` in key `request_timeout` of `gateway.toml`; expected a duration from 100ms to 10m with a unit (ms, s, m, h, d): add a unit, as in 10s; set by flag --request-timeout, variable OZEKI_GRAPHQL_REQUEST_TIMEOUT or key request_timeout
    session_key: found 10 characters that are no key, and as a path of a file cannot be read (No such file or directory (os error 2)) in flag --session-key; expected 64 hex digits, 32 bytes in base64, or the path of a file that holds either or the 32 bytes themselves (`openssl rand -hex 32` makes one); set by flag --session-key, variable OZEKI_GRAPHQL_SESSION_KEY or key session_key
    cache_max_bytes: found `lots` in variable OZEKI_GRAPHQL_CACHE_MAX_BYTES; expected a size of at least 1MiB, such as 8MiB; set by flag --cache-max-bytes, variable OZEKI_GRAPHQL_CACHE_MAX_BYTES or key cache_max_bytes
    "#);
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_other_faults() {
    let told = faults(serve(&[("config", "no-such.toml"), ("listen", "x")]));
    assert!(told.contains("`no-such.toml` cannot be read"), "{told}");
    assert!(told.contains("listen: found `x`"), "{told}");
}

#[test]
fn the_file_cannot_name_a_file() {
    let file = ConfigFile::new("config = 'other.toml'\n");
    let told = faults(serve(&[("config", file.path())]));
    assert!(told.contains("unknown key `config`"), "{told}");
}

#[test]
fn a_key_given_in_two_shapes_is_refused() {
    let file = ConfigFile::new("signature_algorithm = 'md5'\n[signature]\nalgorithm = 'sha1'\n");
    let told = faults(serve(&[("config", file.path())]));
    assert!(told.contains("a second time"), "{told}");
}

#[test]
fn switches_take_the_words_of_every_source() {
    for (text, expected) in [
        ("on", true),
        ("true", true),
        ("1", true),
        ("On", true),
        ("off", false),
        ("false", false),
        ("0", false),
    ] {
        assert_eq!(serve(&[("playground", text)]).unwrap().http.playground, expected);
    }
    let file =
        ConfigFile::new("playground = true\nrate-limits = 0\n[forward]\ncredentials = 'on'\n");
    let config = serve(&[("config", file.path())]).unwrap();
    assert!(config.http.playground && !config.http.rate_limits);
    assert!(config.session.forward_credentials);
}

#[test]
fn metrics_can_be_off_and_no_two_servers_share_an_address() {
    assert_eq!(serve(&[("admin_listen", "off")]).unwrap().http.admin_listen, None);
    let told = faults(serve(&[("admin_listen", "127.0.0.1:8080")]));
    assert_eq!(
        told,
        "listen and admin_listen are both 127.0.0.1:8080: give each a port of its own"
    );
    let free = ("listen", "127.0.0.1:0");
    assert!(serve(&[free, ("admin_listen", "127.0.0.1:0")]).is_ok());
}

#[test]
fn a_session_key_comes_as_a_value_or_from_a_file() {
    let expected = SessionKeyBytes::parse(KEY);
    let file = ConfigFile::new(&format!("{KEY}\n"));
    let config = serve(&[("session_key", file.path())]).unwrap();
    assert_eq!(config.session.key, expected);
    assert_eq!(config.warnings, [""; 0]);
    let config = serve(&[("session_key", KEY)]).unwrap();
    assert_eq!(config.session.key, expected);
    assert!(config.warnings[0].contains("process lists"));
    let variables =
        Variables::from([("OZEKI_GRAPHQL_SESSION_KEY", KEY), ("OZEKI_GRAPHQL_UPSTREAM_URL", URL)]);
    let config = Config::load(CommandKind::Serve, &Flags::default(), &variables).unwrap();
    assert_eq!((config.session.key, config.warnings), (expected, vec![]));
}

#[test]
fn the_previous_session_key_is_read_and_guarded_as_the_key_is() {
    let file = ConfigFile::new(KEY);
    let both = [("session_key", file.path()), ("session_key_previous", file.path())];
    let config = serve(&both).unwrap();
    assert_eq!(config.session.key_previous, SessionKeyBytes::parse(KEY));
    assert_eq!(config.warnings, [""; 0]);
    let config = serve(&[("session_key", file.path()), ("session_key_previous", KEY)]).unwrap();
    assert!(config.warnings[0].contains("session_key_previous stands on the command line"));
    assert!(!config.to_toml().contains(KEY));
    let told = faults(serve(&[("session_key_previous", &KEY[1..])]));
    assert!(told.starts_with("session_key_previous: ") && !told.contains(&KEY[2..20]), "{told}");
}

#[test]
fn serve_without_a_session_key_warns() {
    assert!(serve(&[]).unwrap().warnings[0].starts_with("no session key is set"));
}

#[test]
fn a_call_is_given_less_time_than_its_request() {
    let timeout = |pairs: &[(&str, &str)]| {
        let config = serve(pairs).unwrap();
        let is_told = config.warnings.iter().any(|warning| warning.contains("upstream_timeout"));
        (config.upstream.timeout, is_told)
    };
    assert_eq!(timeout(&[]), (Duration::from_secs(10), false));
    assert_eq!(timeout(&[("upstream_timeout", "1m")]), (Duration::from_millis(13_500), true));
    assert_eq!(timeout(&[("request_timeout", "1s")]), (Duration::from_millis(900), true));
}

#[test]
fn a_secret_that_is_refused_is_not_repeated() {
    let key_file = ConfigFile::new("opensesame");
    let url = "gate:opensesame@chat.example?opensesame";
    let file = ConfigFile::new("session_key = ['opensesame']\n");
    for pairs in [
        [("session_key", "opensesame"), ("upstream_url", url)],
        [("session_key", key_file.path()), ("upstream_url", url)],
        [("config", file.path()), ("upstream_url", "ftp://opensesame@x")],
        [("session_key", &KEY[1..]), ("listen", "x")],
    ] {
        let told = faults(serve(&pairs));
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(!told.contains("opensesame"), "{told}");
        assert!(!told.contains(&KEY[2..20]), "{told}");
    }
}

#[test]
fn no_secret_prints() {
    let flags =
        flags(&[("upstream_url", "http://gate:opensesame@chat.example/"), ("session_key", KEY)]);
    let variables = Variables::from([("OZEKI_GRAPHQL_CHECK_API_KEY", "alice-demo")]);
    let mut texts = vec![format!("{flags:?}{variables:?}")];
    for (command, variables) in
        [(CommandKind::Serve, Variables::default()), (CommandKind::Check, variables)]
    {
        let config = Config::load(command, &flags, &variables).unwrap();
        texts.push(format!("{config:?}{}", config.to_toml()));
    }
    for text in texts {
        for secret in ["opensesame", &KEY[..20], "alice-demo"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn check_takes_a_key_as_a_value_or_from_a_file_but_not_both() {
    let key_file = ConfigFile::new("alice-demo\n");
    let load = |pairs: &[(&str, &str)]| {
        let mut flags = flags(pairs);
        flags.set(table::setting("upstream_url").unwrap(), URL);
        Config::load(CommandKind::Check, &flags, &Variables::default())
    };
    let key_of = |config: Config| match config.command {
        CommandConfig::Check(check) => check.api_key.map(|key| key.expose().to_owned()),
        other @ (CommandConfig::Serve(_) | CommandConfig::Sandbox(_)) => {
            panic!("{other:?} is not for check")
        }
    };
    assert_eq!(key_of(load(&[]).unwrap()), None);
    let file = ("check_api_key_file", key_file.path());
    assert_eq!(key_of(load(&[file]).unwrap()).as_deref(), Some("alice-demo"));
    let config = load(&[("check_api_key", "alice-demo")]).unwrap();
    assert!(config.warnings[0].contains("process lists"));
    assert_eq!(key_of(config).as_deref(), Some("alice-demo"));
    let told = faults(load(&[file, ("check_api_key", "alice-demo")]));
    for part in ["both set", "--api-key", "--api-key-file", "CHECK_API_KEY)", "CHECK_API_KEY_FILE)"]
    {
        assert!(told.contains(part), "{told}");
    }
    let told = faults(load(&[("check_api_key_file", "no-such-file")]));
    assert!(told.contains("--api-key-file"), "{told}");
    let told = faults(load(&[("check_api_key", "two words")]));
    assert!(!told.contains("two words"), "{told}");
}

#[test]
fn the_result_is_shown_as_toml_that_says_where_each_value_is_from() {
    let file = ConfigFile::new("[signature]\npayload = '{user}\"{key}'\n");
    let variables = Variables::from([
        ("OZEKI_GRAPHQL_CONFIG", file.path()),
        ("OZEKI_GRAPHQL_SESSION_KEY", KEY),
    ]);
    let flags = flags(&[
        ("upstream_url", "https://gate:opensesame@chat.example/index.php"),
        ("admin_listen", "off"),
        ("operation_limits", "tokens=3000"),
    ]);
    let config = Config::load(CommandKind::Serve, &flags, &variables).unwrap();
    let shown = config.to_toml();
    assert!(toml::from_str::<toml::Table>(&shown).is_ok());
    insta::assert_snapshot!(file.without_folder(&shown), @r#"
    # config = "gateway.toml" # variable OZEKI_GRAPHQL_CONFIG
    upstream_url = "https://…@chat.example/index.php" # flag --upstream-url
    upstream_timeout = "10s" # the default
    upstream_connect_timeout = "2s" # the default
    upstream_body_max = "8MiB" # the default
    upstream_concurrency = "100" # the default
    # upstream_ca is not set
    # upstream_proxy is not set
    operation_calls_max = "64" # the default
    operation_concurrency = "8" # the default
    listen = "127.0.0.1:8080" # the default
    admin_listen = "off" # flag --admin-listen
    # tls_cert is not set
    # tls_key is not set
    # cors_origins is not set
    playground = "off" # the default
    rate_limits = "on" # the default
    rate_limit_quotas = "caller=20/s:60,forwarded=200/s:2000,anonymous=50/s:1000,login=5/m:10,login-address=10/s:600" # the default
    trusted_proxies = "none" # the default
    request_timeout = "15s" # the default
    request_body_max = "256KiB" # the default
    operation_limits = "document_bytes=32768,tokens=3000,nesting=48,name_bytes=128,aliases=30,aliases_per_field=5,directives=50,definitions=100,depth=10,introspection_lists=2,selections=5000,complexity=5000,query_fields=20,mutation_fields=5,subscription_fields=1,variables_nesting=32,variable_values=2000" # flag --operation-limits
    operations_in_flight_max = "512" # the default
    shutdown_delay = "1s" # the default
    shutdown_grace = "25s" # the default
    signature_algorithm = "md5" # the default
    signature_payload = "{user}\"{key}" # key `signature.payload` of `gateway.toml`
    signature_encoding = "hex" # the default
    session_key = "(set)" # variable OZEKI_GRAPHQL_SESSION_KEY
    # session_key_previous is not set
    session_time_to_live = "12h" # the default
    session_idle_timeout = "3d" # the default
    forward_credentials = "off" # the default
    cache_max_bytes = "256MiB" # the default
    conversations_time_to_live = "10s" # the default
    friends_time_to_live = "10s" # the default
    live_time_to_live = "5m" # the default
    stale_time_to_live = "10m" # the default
    notification_interval = "1s" # the default
    log_level = "info" # the default
    log_format = "text" # the default
    # trace_endpoint is not set
    trace_share = "1" # the default
    "#);
}

#[test]
fn the_table_of_the_readme_has_a_row_for_every_setting() {
    let table = reference_table();
    assert_eq!(table.lines().count(), settings().count() + 2);
    for setting in settings() {
        assert!(table.contains(&format!("`--{}`", setting.flag)));
        assert!(table.contains(&format!("`{}`", setting.variable())));
    }
    for line in table.lines() {
        let cells = line.replace("\\|", "");
        assert_eq!(cells.matches('|').count(), 7, "{line}");
    }
}

#[test]
fn a_fault_stays_on_its_line() {
    let file = ConfigFile::new("\"a\\nb\\u001b[31m\" = 1\nsignature_payload = \"{a\\nb}\"\n");
    let told = faults(serve(&[("config", file.path())]));
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
    let long = "x".repeat(1000);
    assert!(faults(serve(&[("listen", &long)])).len() < 500);
}

#[test]
fn https_needs_certificate_and_key() {
    for (given, missing) in [("tls_cert", "tls_key"), ("tls_key", "tls_cert")] {
        let told = faults(serve(&[(given, "/etc/tls.pem")]));
        let flag = missing.replace('_', "-");
        assert_eq!(
            told,
            format!("{given} is set and {missing} (--{flag}) is not: https needs both")
        );
    }
    let both = serve(&[("tls_cert", "/etc/a.pem"), ("tls_key", "/etc/b.pem")]).unwrap();
    assert_eq!(both.http.tls.unwrap().key.to_str(), Some("/etc/b.pem"));
    assert_eq!(serve(&[]).unwrap().http.tls, None);
}

#[test]
fn an_own_authority_must_be_there_and_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let text = path.to_str().unwrap().to_owned();
    assert!(faults(serve(&[("upstream_ca", &text)])).contains("it cannot be read"));
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in ["", "no certificate", damaged] {
        std::fs::write(&path, content).unwrap();
        let told = faults(serve(&[("upstream_ca", &text)]));
        assert!(told.contains("it holds none or a damaged one"), "{told}");
    }
    let pair = rcgen::generate_simple_self_signed(["chat.example".to_owned()]).unwrap();
    std::fs::write(&path, pair.cert.pem().repeat(2)).unwrap();
    assert_eq!(serve(&[("upstream_ca", &text)]).unwrap().upstream.roots.len(), 2);
}

#[test]
fn a_proxys_password_is_never_shown() {
    let proxy = ("upstream_proxy", "http://gate:opensesame@proxy.example:3128");
    let config = serve(&[proxy]).unwrap();
    assert!(
        !config.to_toml().contains("opensesame") && !format!("{config:?}").contains("opensesame")
    );
    let told = faults(serve(&[("upstream_proxy", "socks5://gate:opensesame@proxy.example")]));
    assert!(told.contains("proxy.example") && !told.contains("opensesame"), "{told}");
}
