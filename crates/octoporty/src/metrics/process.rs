//! The process as the system sees it, by the names that every exporter gives these figures.

use std::fs;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::exposition::{Exposition, Labels};

/// Remembers when the process began, as near as it can be told.
pub(crate) fn began() -> f64 {
    static BEGAN: OnceLock<f64> = OnceLock::new();
    *BEGAN.get_or_init(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64())
}

/// What the system does not tell is left out.
pub(super) fn write(out: &mut Exposition) {
    out.counters("process_cpu_seconds", "CPU time of the process").add_real(Labels::new(), cpu_seconds());
    out.gauge("process_start_time_seconds", "When the process started, Unix time", began());
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        out.gauges("process_max_fds", "File descriptors that it may open").add(Labels::new(), limit);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // One of them is this very listing.
        let open = (entries.count() as u64).saturating_sub(1);
        out.gauges("process_open_fds", "File descriptors that are open").add(Labels::new(), open);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    if let Some(kib) = field("VmRSS:") {
        let kib: u64 = kib;
        out.gauges("process_resident_memory_bytes", "Resident memory").add(Labels::new(), kib * 1024);
    }
    if let Some(threads) = field("Threads:") {
        out.gauges("process_threads", "Threads").add(Labels::new(), threads);
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of CPU time are far below 2^53")]
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
