//! The process itself, as Linux shows it below `/proc/self`, by the names every Prometheus client gives it. Elsewhere the
//! metrics are missing.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Reads all of it.
pub(super) fn read() {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    metrics::counter!("process_cpu_seconds_total").absolute(u64::try_from(cpu.tv_sec).unwrap_or(0));
    if let Some(most) = getrlimit(Resource::Nofile).current {
        metrics::gauge!("process_max_fds").set(most as f64);
    }
    if let Ok(handles) = fs::read_dir("/proc/self/fd") {
        // The folder that is read is one of them.
        metrics::gauge!("process_open_fds").set(handles.count().saturating_sub(1) as f64);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(kilobytes) = number(&status, "VmRSS:") {
        metrics::gauge!("process_resident_memory_bytes").set(kilobytes * 1024.0);
    }
    if let Some(threads) = number(&status, "Threads:") {
        metrics::gauge!("process_threads").set(threads);
    }
}

/// The number on the line that begins with this word.
fn number(status: &str, word: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(word))?;
    line.split_whitespace().next()?.parse().ok()
}
