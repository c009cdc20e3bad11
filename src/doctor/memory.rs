//! Memory: what the settings ask for, and what there is.

use super::finding::Finding;
use crate::config::RunSettings;
use crate::summary::bytes;

/// The rest of the program with some indicators.
const REST_BYTES: u64 = 256 << 20;
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
const LARGEST_BUFFER: &str = "/proc/sys/net/core/rmem_max";

/// Looks at it.
pub(super) fn look(settings: &RunSettings) -> Vec<Finding> {
    let mut found = vec![enough(settings)];
    found.extend(huge_pages());
    found.extend(buffers(settings));
    found.push(cores(settings));
    found
}

fn enough(settings: &RunSettings) -> Finding {
    let rings = u64::from(settings.tap.ring_bytes)
        * settings.tap.interfaces.len() as u64
        * settings.common.workers as u64;
    let wanted = settings.common.flow_memory_bytes + rings + REST_BYTES;
    let about = "memory";
    let Some(there) = available() else {
        return Finding::note(about, "the kernel does not say how much there is", "look at /proc/meminfo");
    };
    let found = format!(
        "{} for flows, {} for rings, {} for the rest; {} are free",
        bytes(settings.common.flow_memory_bytes),
        bytes(rings),
        bytes(REST_BYTES),
        bytes(there)
    );
    if wanted > there {
        return Finding::wrong(
            about,
            found,
            "a smaller flow_memory or ring_size, fewer workers, or more memory (docs/SIZING.md)",
        );
    }
    Finding::fine(about, found)
}

fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// Tables of gigabytes are looked up at random: with small pages each look waits for the page tables, too.
fn huge_pages() -> Option<Finding> {
    let text = std::fs::read_to_string(HUGE_PAGES).ok()?;
    let chosen = text.split(['[', ']']).nth(1)?;
    let about = "huge pages";
    Some(match chosen {
        "never" => Finding::note(
            about,
            "the kernel gives none",
            format!("echo madvise > {HUGE_PAGES}: the tables of flows and indicators ask for them"),
        ),
        chosen => Finding::fine(about, format!("{chosen}: tables of flows and indicators get them")),
    })
}

/// Only root may have more than this for datagrams that wait.
fn buffers(settings: &RunSettings) -> Option<Finding> {
    let wanted = u64::from(settings.collector.receive_buffer_bytes);
    let granted: u64 = std::fs::read_to_string(LARGEST_BUFFER).ok()?.trim().parse().ok()?;
    if settings.collector.listen.is_empty() {
        return None;
    }
    let about = "receive buffer";
    let found = format!("{} are asked for, {} are granted to everybody", bytes(wanted), bytes(granted));
    Some(if granted < wanted {
        Finding::note(
            about,
            found,
            format!(
                "sysctl -w net.core.rmem_max={wanted} (and in /etc/sysctl.d), or run with CAP_NET_ADMIN: bursts of records are lost else"
            ),
        )
    } else {
        Finding::fine(about, found)
    })
}

fn cores(settings: &RunSettings) -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let taps = if settings.tap.interfaces.is_empty() { 0 } else { settings.common.workers };
    let collectors = if settings.collector.listen.is_empty() { 0 } else { settings.collector.threads };
    let threads = taps + collectors;
    let found = format!("{cores}; threads for packets {taps}, for records {collectors}");
    if threads > 1 && threads >= cores {
        return Finding::note(
            "cores",
            found,
            "leave a core for the threads that write alerts: fewer workers",
        );
    }
    Finding::fine("cores", found)
}
