//! The one table of settings: flags, variables, keys, help and the README's table all come from it.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::setting::{CONFIG, CommandKind, Form, Group, PLAYGROUND, SHUTDOWN_DELAY, Setting};
use super::{cache, http, log, quotas, sandbox, session, signature, upstream};

const ALL: &[CommandKind] = &[CommandKind::Serve, CommandKind::Sandbox, CommandKind::Check];
const WITH_REAL_UPSTREAM: &[CommandKind] = &[CommandKind::Serve, CommandKind::Check];
const SANDBOX: &[CommandKind] = &[CommandKind::Sandbox];
const CHECK: &[CommandKind] = &[CommandKind::Check];

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

const ADDRESS: &str = "an IP address and a port";

/// What `session_key` must be; the command makes one.
const SESSION_KEY: &str = "64 hex digits, 32 bytes in base64, or the path of a file that holds either or the 32 bytes themselves (`openssl rand -hex 32` makes one)";

/// The setting of this name.
pub(super) fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The settings that `command` takes, in the order of the table.
pub fn settings_for(command: CommandKind) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.is_for(command))
}

/// Every setting, each declared once.
pub static SETTINGS: [Setting; 45] = [
    Setting {
        name: CONFIG,
        flag: "config",
        value_name: "FILE",
        default: None,
        form: Form::Text("the path of a readable TOML file"),
        commands: ALL,
        group: Group::Configuration,
        help: "TOML file of settings; variables and flags count before it",
    },
    Setting {
        name: "upstream_url",
        flag: "upstream-url",
        value_name: "URL",
        default: None,
        form: Form::Url,
        commands: WITH_REAL_UPSTREAM,
        group: Group::Upstream,
        help: "Base URL of the Ozeki API, such as http://chat.example/ozeki/index.php (required)",
    },
    Setting {
        name: "upstream_timeout",
        flag: "upstream-timeout",
        value_name: "DURATION",
        default: Some(upstream::TIMEOUT_DEFAULT),
        form: Form::Duration(RangeInclusive::new(
            Duration::from_millis(100),
            Duration::from_secs(5 * 60),
        )),
        commands: ALL,
        group: Group::Upstream,
        help: "How long a call may take, to the last byte of its answer",
    },
    Setting {
        name: "upstream_connect_timeout",
        flag: "upstream-connect-timeout",
        value_name: "DURATION",
        default: Some(upstream::CONNECT_TIMEOUT_DEFAULT),
        form: Form::Duration(RangeInclusive::new(Duration::from_millis(10), MINUTE)),
        commands: ALL,
        group: Group::Upstream,
        help: "How long a connection to the Ozeki server may take",
    },
    Setting {
        name: "upstream_body_max",
        flag: "upstream-body-max",
        value_name: "SIZE",
        default: Some(upstream::BODY_MAX_DEFAULT),
        form: Form::Size(RangeInclusive::new(KIB, 64 * MIB)),
        commands: ALL,
        group: Group::Upstream,
        help: "The longest answer that is taken",
    },
    Setting {
        name: "upstream_concurrency",
        flag: "upstream-concurrency",
        value_name: "NUMBER",
        default: Some(upstream::CONCURRENCY_DEFAULT),
        form: Form::Count(RangeInclusive::new(1, 10_000)),
        commands: ALL,
        group: Group::Upstream,
        help: "How many calls run at once",
    },
    Setting {
        name: "upstream_ca",
        flag: "upstream-ca",
        value_name: "FILE",
        default: None,
        form: Form::Text(upstream::CA_FORM),
        commands: ALL,
        group: Group::Upstream,
        help: "Certificates (PEM) to trust beside the system's, such as a company's own authority",
    },
    Setting {
        name: "upstream_proxy",
        flag: "upstream-proxy",
        value_name: "URL",
        default: None,
        form: Form::Url,
        commands: ALL,
        group: Group::Upstream,
        help: "The proxy for calls to the Ozeki server; HTTP_PROXY and its like are never used",
    },
    Setting {
        name: "operation_calls_max",
        flag: "operation-calls-max",
        value_name: "NUMBER",
        default: Some(upstream::OPERATION_CALLS_MAX_DEFAULT),
        form: Form::Count(RangeInclusive::new(1, 10_000)),
        commands: ALL,
        group: Group::Upstream,
        help: "How many calls one operation may make",
    },
    Setting {
        name: "operation_concurrency",
        flag: "operation-concurrency",
        value_name: "NUMBER",
        default: Some(upstream::OPERATION_CONCURRENCY_DEFAULT),
        form: Form::Count(RangeInclusive::new(1, 10_000)),
        commands: ALL,
        group: Group::Upstream,
        help: "How many of them run at once",
    },
    Setting {
        name: "listen",
        flag: "listen",
        value_name: "ADDRESS",
        default: Some(http::LISTEN_DEFAULT),
        form: Form::Text(ADDRESS),
        commands: ALL,
        group: Group::Serving,
        help: "Where GraphQL and the playground are served; port 0 picks a free one",
    },
    Setting {
        name: "admin_listen",
        flag: "admin-listen",
        value_name: "ADDRESS",
        default: Some(http::ADMIN_LISTEN_DEFAULT),
        form: Form::Text("an IP address and a port, or `off`"),
        commands: ALL,
        group: Group::Serving,
        help: "Where metrics are served; `off` to disable",
    },
    Setting {
        name: "tls_cert",
        flag: "tls-cert",
        value_name: "FILE",
        default: None,
        form: Form::Text(http::TLS_FILE_FORM),
        commands: ALL,
        group: Group::Serving,
        help: "Serve https with this certificate chain (PEM); read anew when the file changes",
    },
    Setting {
        name: "tls_key",
        flag: "tls-key",
        value_name: "FILE",
        default: None,
        form: Form::Text(http::TLS_FILE_FORM),
        commands: ALL,
        group: Group::Serving,
        help: "The certificate's private key (PEM)",
    },
    Setting {
        name: "cors_origins",
        flag: "cors-origins",
        value_name: "ORIGINS",
        default: None,
        form: Form::Text(http::CORS_ORIGINS_FORM),
        commands: ALL,
        group: Group::Serving,
        help: "Origins whose pages may ask, such as https://chat.example; several with commas between",
    },
    Setting {
        name: PLAYGROUND,
        flag: "playground",
        value_name: "on|off",
        default: Some("off"),
        form: Form::Switch,
        commands: ALL,
        group: Group::Serving,
        help: "Serve the playground and allow introspection (sandbox: on unless told otherwise)",
    },
    Setting {
        name: "rate_limits",
        flag: "rate-limits",
        value_name: "on|off",
        default: Some("on"),
        form: Form::Switch,
        commands: ALL,
        group: Group::Serving,
        help: "Enforce rate limits; `off` is for tests and load measurements",
    },
    Setting {
        name: "rate_limit_quotas",
        flag: "rate-limit-quotas",
        value_name: "LIST",
        default: Some(quotas::QUOTAS_DEFAULT),
        form: Form::Text(quotas::QUOTAS_FORM),
        commands: ALL,
        group: Group::Serving,
        help: "What grows back and what may come at once: requests of a user, by address with forwarded and without credentials; logins by key and address",
    },
    Setting {
        name: "trusted_proxies",
        flag: "trusted-proxies",
        value_name: "LIST",
        default: Some(http::TRUSTED_PROXIES_DEFAULT),
        form: Form::Text(http::TRUSTED_PROXIES_FORM),
        commands: ALL,
        group: Group::Serving,
        help: "The proxies whose X-Forwarded-For is believed; list no network that clients are in",
    },
    Setting {
        name: "request_timeout",
        flag: "request-timeout",
        value_name: "DURATION",
        default: Some(http::REQUEST_TIMEOUT_DEFAULT),
        form: Form::Duration(RangeInclusive::new(
            Duration::from_millis(100),
            Duration::from_secs(10 * 60),
        )),
        commands: ALL,
        group: Group::Serving,
        help: "How long a request may take",
    },
    Setting {
        name: "request_body_max",
        flag: "request-body-max",
        value_name: "SIZE",
        default: Some(http::REQUEST_BODY_MAX_DEFAULT),
        form: Form::Size(RangeInclusive::new(KIB, 16 * MIB)),
        commands: ALL,
        group: Group::Serving,
        help: "The longest request body that is taken",
    },
    Setting {
        name: "operation_limits",
        flag: "operation-limits",
        value_name: "LIMITS",
        default: Some(http::OPERATION_LIMITS_DEFAULT),
        form: Form::Limits,
        commands: ALL,
        group: Group::Serving,
        help: "What documents and variables must keep to; a refusal names the limit",
    },
    Setting {
        name: SHUTDOWN_DELAY,
        flag: "shutdown-delay",
        value_name: "DURATION",
        default: Some(http::SHUTDOWN_DELAY_DEFAULT),
        form: Form::Duration(RangeInclusive::new(Duration::ZERO, MINUTE)),
        commands: ALL,
        group: Group::Serving,
        help: "How long requests are still taken after a signal to stop, with /readyz at 503 (sandbox: 0s)",
    },
    Setting {
        name: "shutdown_grace",
        flag: "shutdown-grace",
        value_name: "DURATION",
        default: Some(http::SHUTDOWN_GRACE_DEFAULT),
        form: Form::Duration(RangeInclusive::new(Duration::ZERO, Duration::from_secs(10 * 60))),
        commands: ALL,
        group: Group::Serving,
        help: "How long requests in flight may run on after a signal to stop",
    },
    Setting {
        name: "signature_algorithm",
        flag: "signature-algorithm",
        value_name: "NAME",
        default: Some(signature::ALGORITHM_DEFAULT),
        form: Form::Text(signature::ALGORITHM_FORM),
        commands: ALL,
        group: Group::Signature,
        help: "How the payload becomes a digest: md5, sha1, sha256, hmac-md5, hmac-sha1, hmac-sha256",
    },
    Setting {
        name: "signature_payload",
        flag: "signature-payload",
        value_name: "TEMPLATE",
        default: Some(signature::PAYLOAD_DEFAULT),
        form: Form::Text(signature::PAYLOAD_FORM),
        commands: ALL,
        group: Group::Signature,
        help: "What is signed: {user} {station} {api} {action} {timestamp} {body} {key}, hashed as in {key|md5}",
    },
    Setting {
        name: "signature_encoding",
        flag: "signature-encoding",
        value_name: "NAME",
        default: Some(signature::ENCODING_DEFAULT),
        form: Form::Text(signature::ENCODING_FORM),
        commands: ALL,
        group: Group::Signature,
        help: "How the digest is written: hex, HEX, base64",
    },
    Setting {
        name: "session_key",
        flag: "session-key",
        value_name: "KEY|FILE",
        default: None,
        form: Form::Secret(SESSION_KEY),
        commands: ALL,
        group: Group::Sessions,
        help: "The 32 bytes that seal session tokens, or a file of them; random per start where not set",
    },
    Setting {
        name: "session_key_previous",
        flag: "session-key-previous",
        value_name: "KEY|FILE",
        default: None,
        form: Form::Secret(SESSION_KEY),
        commands: ALL,
        group: Group::Sessions,
        help: "The key before that one: its tokens are still taken, and no new one is sealed with it",
    },
    Setting {
        name: "session_time_to_live",
        flag: "session-time-to-live",
        value_name: "DURATION",
        default: Some(session::TIME_TO_LIVE_DEFAULT),
        form: Form::Duration(RangeInclusive::new(MINUTE, Duration::from_secs(30 * 24 * 60 * 60))),
        commands: ALL,
        group: Group::Sessions,
        help: "How long a session lasts",
    },
    Setting {
        name: "session_idle_timeout",
        flag: "session-idle-timeout",
        value_name: "DURATION",
        default: Some(session::IDLE_TIMEOUT_DEFAULT),
        form: Form::Duration(RangeInclusive::new(MINUTE, Duration::from_secs(30 * 24 * 60 * 60))),
        commands: ALL,
        group: Group::Sessions,
        help: "How long a session may go unused, as far as this process has seen",
    },
    Setting {
        name: "forward_credentials",
        flag: "forward-credentials",
        value_name: "on|off",
        default: Some(session::FORWARD_CREDENTIALS_DEFAULT),
        form: Form::Switch,
        commands: ALL,
        group: Group::Sessions,
        help: "Also accept Ozeki-User, Ozeki-Station, Ozeki-Signature, and hand that signature on unchanged",
    },
    Setting {
        name: "cache_max_bytes",
        flag: "cache-max-bytes",
        value_name: "SIZE",
        default: Some(cache::MAX_BYTES_DEFAULT),
        form: Form::Size(RangeInclusive::new(MIB, u64::MAX)),
        commands: ALL,
        group: Group::Cache,
        help: "All cached values together",
    },
    Setting {
        name: "conversations_time_to_live",
        flag: "conversations-time-to-live",
        value_name: "DURATION",
        default: Some(cache::CONVERSATIONS_TIME_TO_LIVE_DEFAULT),
        form: Form::Duration(RangeInclusive::new(Duration::ZERO, HOUR)),
        commands: ALL,
        group: Group::Cache,
        help: "How long a list of conversations is fresh",
    },
    Setting {
        name: "friends_time_to_live",
        flag: "friends-time-to-live",
        value_name: "DURATION",
        default: Some(cache::FRIENDS_TIME_TO_LIVE_DEFAULT),
        form: Form::Duration(RangeInclusive::new(Duration::ZERO, HOUR)),
        commands: ALL,
        group: Group::Cache,
        help: "How long a list of friends is fresh",
    },
    Setting {
        name: "live_time_to_live",
        flag: "live-time-to-live",
        value_name: "DURATION",
        default: Some(cache::LIVE_TIME_TO_LIVE_DEFAULT),
        form: Form::Duration(RangeInclusive::new(Duration::ZERO, HOUR)),
        commands: ALL,
        group: Group::Cache,
        help: "How long both lists are fresh while the Ozeki server tells what changes; 0s: no longer than otherwise",
    },
    Setting {
        name: "stale_time_to_live",
        flag: "stale-time-to-live",
        value_name: "DURATION",
        default: Some(cache::STALE_TIME_TO_LIVE_DEFAULT),
        form: Form::Duration(RangeInclusive::new(Duration::ZERO, HOUR)),
        commands: ALL,
        group: Group::Cache,
        help: "How old what is shown may be while the Ozeki server is down; 0s: nothing is shown then",
    },
    Setting {
        name: "notification_interval",
        flag: "notification-interval",
        value_name: "DURATION",
        default: Some(cache::NOTIFICATION_INTERVAL_DEFAULT),
        form: Form::Duration(RangeInclusive::new(Duration::from_millis(100), MINUTE)),
        commands: ALL,
        group: Group::Cache,
        help: "The shortest time between two questions for what changed; eight times as long when nothing does",
    },
    Setting {
        name: "log_level",
        flag: "log-level",
        value_name: "LEVEL",
        default: Some(log::LEVEL_DEFAULT),
        form: Form::Choice(&log::LEVELS),
        commands: ALL,
        group: Group::Logs,
        help: "The least important level that is logged: error, warn, info, debug, trace",
    },
    Setting {
        name: "log_format",
        flag: "log-format",
        value_name: "FORMAT",
        default: Some(log::FORMAT_DEFAULT),
        form: Form::Choice(&log::FORMATS),
        commands: ALL,
        group: Group::Logs,
        help: "How a line is written: text, json",
    },
    Setting {
        name: "ozeki_listen",
        flag: "ozeki-listen",
        value_name: "ADDRESS",
        default: Some(sandbox::OZEKI_LISTEN_DEFAULT),
        form: Form::Text(ADDRESS),
        commands: SANDBOX,
        group: Group::Sandbox,
        help: "Where the stand-in of an Ozeki server listens; port 0 picks a free one",
    },
    Setting {
        name: "port_file",
        flag: "port-file",
        value_name: "FILE",
        default: None,
        form: Form::Text(sandbox::PORT_FILE_FORM),
        commands: SANDBOX,
        group: Group::Sandbox,
        help: "Write the URLs here as JSON once all is ready, for scripts",
    },
    Setting {
        name: "life",
        flag: "life",
        value_name: "on|off",
        default: Some(sandbox::LIFE_DEFAULT),
        form: Form::Switch,
        commands: SANDBOX,
        group: Group::Sandbox,
        help: "Let the demo users write, come and leave by themselves",
    },
    Setting {
        name: "check_api_key",
        flag: "api-key",
        value_name: "KEY",
        default: None,
        form: Form::Secret("an API key: 1 to 512 visible ASCII characters"),
        commands: CHECK,
        group: Group::Check,
        help: "The API key to try a login with; process lists show it, so prefer the variable or a file",
    },
    Setting {
        name: "check_api_key_file",
        flag: "api-key-file",
        value_name: "FILE",
        default: None,
        form: Form::Secret("the path of a file that holds an API key"),
        commands: CHECK,
        group: Group::Check,
        help: "A file that holds the API key to try a login with",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_keys_are_the_same_words() {
        for setting in &SETTINGS {
            let name = setting.name.replace('_', "-");
            // `check` has one API key to speak of; its variable says whose it is.
            let expected = name.strip_prefix("check-").unwrap_or(&name);
            assert_eq!(setting.flag, expected);
        }
    }

    #[test]
    fn no_name_means_two_settings() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            for other in &SETTINGS[index + 1..] {
                assert_ne!(setting.name, other.name);
                assert_ne!(setting.flag, other.flag);
            }
        }
    }
}
