//! What the process takes of its machine, as Linux tells it in `/proc`; elsewhere nothing is told.
//!
//! The names are those that Prometheus' own libraries use, so that common dashboards know them.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The unit of times in `/proc`, the same on every Linux that this program is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc` at each scrape.
#[derive(Debug)]
pub(super) struct Process;

/// What one look at `/proc` found; what could not be read is left out.
#[derive(Debug, Default, PartialEq)]
struct Usage {
    resident_bytes: Option<i64>,
    threads: Option<i64>,
    open_files: Option<i64>,
    open_files_max: Option<i64>,
    cpu_seconds: Option<f64>,
}

impl Usage {
    fn read() -> Self {
        let text =
            |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let files = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
        Self {
            open_files: files.and_then(|count| i64::try_from(count).ok()),
            ..Self::parse(&text("status"), &text("stat"), &text("limits"))
        }
    }

    fn parse(status: &str, stat: &str, limits: &str) -> Self {
        let number = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            value.split_whitespace().next()?.parse::<i64>().ok()
        };
        // The name of the program, in brackets, may hold anything; what counts stands behind it.
        let times = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().skip(11).take(2));
        let ticks = times
            .and_then(|times| times.map(|ticks| ticks.parse::<u32>().ok()).sum::<Option<u32>>());
        let files_max = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        Self {
            resident_bytes: number("VmRSS:").map(|kibibytes| kibibytes.saturating_mul(1024)),
            threads: number("Threads:"),
            open_files: None,
            open_files_max: files_max
                .and_then(|values| values.split_whitespace().next()?.parse().ok()),
            cpu_seconds: ticks.map(|ticks| f64::from(ticks) / TICKS_PER_SECOND),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let usage = Usage::read();
        let gauges = [
            ("process_resident_memory_bytes", "Memory that is resident", usage.resident_bytes),
            ("process_threads", "Threads", usage.threads),
            ("process_open_fds", "Open file descriptors", usage.open_files),
            ("process_max_fds", "The most file descriptors that can be open", usage.open_files_max),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            let metric =
                encoder.encode_descriptor(name, help, None, EncodeMetric::metric_type(&gauge))?;
            gauge.encode(metric)?;
        }
        if let Some(seconds) = usage.cpu_seconds {
            let counter = ConstCounter::new(seconds);
            let (name, help) = ("process_cpu_seconds", "Time that processors spent on the process");
            let metric =
                encoder.encode_descriptor(name, help, None, EncodeMetric::metric_type(&counter))?;
            counter.encode(metric)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read() {
        let status = "Name:\ta\nVmRSS:\t    2048 kB\nThreads:\t7\n";
        let stat = "12 (a ) b) S 1 12 12 0 -1 4194304 90 0 0 0 150 50 0 0 20 0 7 0 1000 4096";
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\n";
        let expected = Usage {
            resident_bytes: Some(2 << 20),
            threads: Some(7),
            open_files: None,
            open_files_max: Some(1024),
            cpu_seconds: Some(2.0),
        };
        assert_eq!(Usage::parse(status, stat, limits), expected);
    }

    #[test]
    fn what_is_not_told_is_left_out() {
        let unlimited = "Max open files   unlimited   unlimited   files\n";
        assert_eq!(Usage::parse("", "", unlimited), Usage::default());
    }
}
