//! What the kernel says of processes and of the machine.

use std::fs;

/// Ticks of processor time in a second; the same on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// Seconds of processor time that processes have used, in user mode and for them.
pub(crate) fn processor_seconds(processes: &[u32]) -> f64 {
    processes.iter().map(|process| of_one(*process)).sum()
}

fn of_one(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a running process");
    // The name in parentheses may hold anything; the rest is numbers.
    let (_, rest) = stat.rsplit_once(") ").expect("a line of the kernel");
    let fields: Vec<f64> = rest
        .split(' ')
        .map(|field| field.trim().parse().unwrap_or(0.0))
        .collect();
    (fields.get(11).unwrap_or(&0.0) + fields.get(12).unwrap_or(&0.0)) / TICKS
}

/// Bytes that a process holds in memory.
pub(crate) fn resident_bytes(process: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes
        .and_then(|text| text.parse::<f64>().ok())
        .expect("a size")
        * 1024.0
}

/// The processes that a process started.
pub(crate) fn children(process: u32) -> Vec<u32> {
    fs::read_to_string(format!("/proc/{process}/task/{process}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|text| text.parse().ok())
        .collect()
}

/// How busy the machine is.
pub(crate) fn load() -> String {
    fs::read_to_string("/proc/loadavg")
        .unwrap_or_default()
        .trim()
        .to_owned()
}
