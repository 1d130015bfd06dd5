//! The environment, as a value: the only place that reads it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use super::setting::VARIABLE_PREFIX;

/// The variables of this program; in tests an array.
///
/// Others are not kept, and values do not print: they may be secrets.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// The variables of this process.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect()
    }

    /// The value of a variable, by its whole name.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The names and values, in the order of the names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(pairs.filter(|(name, value): &(String, OsString)| is_ours(name, value)).collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// An empty variable is one that is not set: compose files and unit files write it so.
fn is_ours(name: &str, value: &OsStr) -> bool {
    name.strip_prefix(VARIABLE_PREFIX)
        .is_some_and(|rest| !value.is_empty() && !is_service_link(rest, value))
}

/// Kubernetes sets `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT=tcp://…` and the like in every pod beside a service;
/// beside one that is called `ozeki-graphql` they begin with our prefix, and must not stop the start.
fn is_service_link(rest: &str, value: &OsStr) -> bool {
    let is_of_port = rest.strip_prefix("PORT_").is_some_and(|rest| {
        let (number, rest) = rest.split_once('_').unwrap_or((rest, ""));
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_number && ["TCP", "UDP", "SCTP"].iter().any(|it| rest.starts_with(it))
    });
    let is_of_service = rest == "SERVICE_HOST"
        || rest == "SERVICE_PORT"
        || rest.strip_prefix("SERVICE_PORT_").is_some();
    let is_address = value.to_str().is_some_and(|value| value.contains("://"));
    is_of_port || is_of_service || (rest == "PORT" && is_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(variables: &Variables) -> Vec<&str> {
        variables.iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn only_our_variables_are_kept_and_values_do_not_print() {
        let variables = Variables::from([
            ("PATH", "/bin"),
            ("OZEKI_GRAPHQL_SESSION_KEY", "opensesame"),
            ("OZEKI_GRAPHQL_LISTEN", ""),
        ]);
        assert_eq!(names(&variables), ["OZEKI_GRAPHQL_SESSION_KEY"]);
        assert!(!format!("{variables:?}").contains("opensesame"));
    }

    #[test]
    fn the_service_links_of_kubernetes_are_no_settings() {
        let variables = Variables::from([
            ("OZEKI_GRAPHQL_SERVICE_HOST", "10.0.0.1"),
            ("OZEKI_GRAPHQL_SERVICE_PORT", "8080"),
            ("OZEKI_GRAPHQL_SERVICE_PORT_HTTP", "8080"),
            ("OZEKI_GRAPHQL_PORT", "tcp://10.0.0.1:8080"),
            ("OZEKI_GRAPHQL_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("OZEKI_GRAPHQL_PORT_8080_TCP_PROTO", "tcp"),
        ]);
        assert_eq!(names(&variables), [""; 0]);
        let variables = Variables::from([
            ("OZEKI_GRAPHQL_PORT", "8080"),
            ("OZEKI_GRAPHQL_PORT_FILE", "ports.json"),
        ]);
        assert_eq!(names(&variables), ["OZEKI_GRAPHQL_PORT", "OZEKI_GRAPHQL_PORT_FILE"]);
    }
}
