//! The table of settings for the README.

use super::setting::{Group, Setting};
use super::table::settings;

/// Writes every setting as a row of a Markdown table, by group.
pub fn reference_table() -> String {
    let mut text = String::from(
        "| flag | variable | key | default | value | meaning |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for group in Group::ALL {
        for setting in settings().filter(|setting| setting.group == group) {
            text.push_str(&row(setting));
        }
    }
    text
}

fn row(setting: &Setting) -> String {
    let code = |text: &str| format!("`{text}`");
    let dash = || "–".to_owned();
    let commands = match setting.group {
        Group::Sandbox | Group::Check => format!(" (`{}` only)", setting.command_names()),
        Group::Upstream
        | Group::Serving
        | Group::Signature
        | Group::Sessions
        | Group::Cache
        | Group::Logs
        | Group::Traces
        | Group::Configuration => String::new(),
    };
    let cells = [
        code(&format!("--{}", setting.flag)),
        code(&setting.variable()),
        setting.key().map_or_else(dash, code),
        setting.default.map_or_else(dash, code),
        setting.form.to_string(),
        format!("{}{commands}", setting.help),
    ];
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}
