//! Whether what is configured fits this machine. These are warnings: a configuration may be checked on another one.

use crate::config::RunSettings;
use std::path::Path;
use weir_net::units::show_size;

/// What does not fit.
pub(super) fn warnings(settings: &RunSettings) -> Vec<String> {
    let mut warnings = memory(settings, total_memory());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for (key, threads) in [("workers", settings.common.workers), ("collectors", settings.collector.threads)] {
        if threads > cores {
            warnings.push(format!(
                "`{key}`: {threads} threads share the {cores} cores of this machine; write {cores} or less"
            ));
        }
    }
    let is_there = |name: &&String| Path::new("/sys/class/net").join(name).exists();
    for name in settings.tap.interfaces.iter().filter(|name| !is_there(name)) {
        warnings
            .push(format!("`interface`: this machine has no {name}; `ip -br link` lists those that it has"));
    }
    warnings
}

fn memory(settings: &RunSettings, total: Option<u64>) -> Vec<String> {
    let RunSettings { common, tap, collector, .. } = settings;
    let rings = u64::from(tap.ring_bytes) * tap.interfaces.len() as u64 * common.workers as u64;
    let sockets = collector.listen.len() as u64 * collector.threads as u64;
    let buffers = u64::from(collector.receive_buffer_bytes) * sockets;
    let parts =
        [("flow_memory", common.flow_memory_bytes), ("ring_size", rings), ("receive_buffer", buffers)];
    let sum = parts.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    let Some(total) = total.filter(|total| sum > *total) else { return Vec::new() };
    let named: Vec<_> = parts
        .iter()
        .filter(|(_, bytes)| *bytes > 0)
        .map(|(key, bytes)| format!("`{key}` {}", rounded(*bytes)))
        .collect();
    vec![format!(
        "{} together are more than the {} of this machine (ring_size counts for each interface and worker); write less",
        named.join(", "),
        rounded(total)
    )]
}

fn rounded(bytes: u64) -> String {
    show_size(if bytes > 10 << 20 { bytes >> 20 << 20 } else { bytes })
}

/// In bytes, as the kernel says.
fn total_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}
