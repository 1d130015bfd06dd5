//! Where the Ozeki server is, and what calls to it may take.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{ALL, KIB, MIB, MINUTE, WITH_REAL_UPSTREAM};
use crate::config::setting::{CONFIG, Form, Group, Setting};
use crate::config::upstream;

pub(super) static SETTINGS: [Setting; 10] = [
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
        form: Form::Url(upstream::URL_EXAMPLE),
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
        form: Form::Url("http://proxy.example:3128"),
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
];
