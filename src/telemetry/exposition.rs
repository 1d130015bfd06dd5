//! The metrics as the text that Prometheus scrapes.

use std::collections::HashSet;
use std::fmt::Write;

use prometheus_client::encoding::text::{encode_eof, encode_registry};

use super::Metrics;

impl Metrics {
    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let [own, process] = self.registries();
        encode_registry(&mut text, own)
            .and_then(|()| encode_registry(&mut text, process))
            .and_then(|()| encode_eof(&mut text))
            .expect("a String takes all that is written to it");
        text
    }

    /// All metrics in the text format from before OpenMetrics: there a counter is declared by the name of its samples,
    /// with `_total`, and units and the end are not told.
    pub fn encode_classic(&self) -> String {
        let text = self.encode();
        let declared = |line: &str| {
            let name = line.strip_prefix("# TYPE ")?.strip_suffix(" counter")?;
            Some(name.to_owned())
        };
        let counters: HashSet<String> = text.lines().filter_map(declared).collect();
        let mut classic = String::with_capacity(text.len());
        for line in text.lines() {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("EOF" | "UNIT"), ..) => continue,
                (Some("#"), Some(keyword), Some(name), Some(rest)) if counters.contains(name) => {
                    let _ = write!(classic, "# {keyword} {name}_total {rest}");
                }
                _ => classic.push_str(line),
            }
            classic.push('\n');
        }
        classic
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::{OperationKind, OperationOutcome};

    #[test]
    fn a_classic_counter_is_declared_by_the_name_of_its_samples() {
        let metrics = Metrics::default();
        metrics.operation(OperationKind::Query, OperationOutcome::Ok);
        metrics.upstream_call("chatfriends", "list", "ok", Duration::from_millis(3));
        let text = metrics.encode_classic();
        let lines: Vec<&str> = text.lines().collect();
        for line in [
            "# HELP ozeki_graphql_operations_total GraphQL operations.",
            "# TYPE ozeki_graphql_operations_total counter",
            "ozeki_graphql_operations_total{kind=\"query\",outcome=\"ok\"} 1",
            "# TYPE ozeki_graphql_upstream_call_duration_seconds histogram",
        ] {
            assert!(lines.contains(&line), "{line} is not in {text}");
        }
        // As many collectors as there are, and one end.
        assert_eq!(metrics.encode().matches("# EOF").count(), 1);
        assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    }
}
