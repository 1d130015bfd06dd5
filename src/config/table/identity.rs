//! How calls are signed, and how callers show who they are.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{ALL, MINUTE, SESSION_KEY};
use crate::config::setting::{Form, Group, Setting};
use crate::config::{session, signature};

pub(super) static SETTINGS: [Setting; 8] = [
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
];
