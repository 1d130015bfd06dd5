//! The machine: which processor runs what, and what Linux tells of a process.

use std::fs;
use std::process::{Command, Stdio};

/// The processor of the server that is measured.
pub(crate) const SERVER_CORE: usize = 0;

/// The processor of the load and of the stand-in.
pub(crate) const LOAD_CORE: usize = 1;

/// Whether servers and load can each have a processor of their own.
pub(crate) fn can_pin() -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A container may have other processors than the first two.
    let may_run_on = |core: usize| {
        let mut taskset = Command::new("taskset");
        taskset.args(["-c", &core.to_string(), "true"]).stderr(Stdio::null());
        taskset.status().is_ok_and(|status| status.success())
    };
    cores > LOAD_CORE && may_run_on(SERVER_CORE) && may_run_on(LOAD_CORE)
}

/// Keeps this process, and threads that it starts later, on the load's processor.
pub(crate) fn pin_load() {
    let own = std::process::id().to_string();
    let status = Command::new("taskset")
        .args(["-c", "-p", &LOAD_CORE.to_string(), &own])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "taskset refused");
}

/// Lets this thread run only when nobody else on its processor wants to: an attacker who shares it with those whose
/// latency is measured would delay them by several milliseconds, and the server has no part in that.
pub(crate) fn give_way() {
    let thread = fs::read_link("/proc/thread-self").unwrap();
    let thread = thread.file_name().unwrap();
    let status = Command::new("chrt").args(["--idle", "--pid", "0"]).arg(thread).status();
    assert!(status.is_ok_and(|status| status.success()), "chrt refused");
}

/// What the tables stand for, in one line.
pub(crate) fn description() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).map_or(0, number);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let model = model.trim_start_matches([' ', '\t', ':']);
    format!("{cores} × {model}, {} GiB, Linux {}", kilobytes / (1 << 20), kernel.trim())
}

/// How many processes wanted a processor lately, the measured ones counted.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The time that the host of a virtual machine took from its processors so far, in ticks; none on a machine of its own.
pub(crate) fn stolen_ticks() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = text.lines().next().unwrap_or_default();
    all.split_whitespace().nth(8).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

/// The memory that a process has resident, in bytes.
pub(crate) fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or(0, number) * 1024
}

/// The files and sockets that a process has open.
pub(crate) fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

/// The processor time that the threads of a process took, in nanoseconds.
pub(crate) fn cpu_nanoseconds(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // A thread may end while the folder is read.
    let times = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    times.sum()
}

/// Asks a process to end in good order.
pub(crate) fn terminate(process: u32) {
    let status = Command::new("kill").args(["-TERM", &process.to_string()]).status().unwrap();
    assert!(status.success(), "kill refused");
}

fn number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
