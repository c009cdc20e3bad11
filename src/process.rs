//! What the kernel says of this process, from `/proc/self`; what it does not say is absent.

use std::path::Path;

/// One moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Process {
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub open_descriptors: Option<u64>,
    /// Soft limit; none where there is no limit.
    pub most_descriptors: Option<u64>,
    pub cpu_seconds: Option<f64>,
}

/// What is left of a file system, and how large it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub(crate) struct Disk {
    pub free_bytes: u64,
    pub size_bytes: u64,
}

/// What times in `/proc/PID/stat` are counted in: USER_HZ, which is 100 on every architecture that Debian has (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

impl Process {
    /// This one, now.
    pub(crate) fn look() -> Self {
        let read =
            |name: &str| std::fs::read_to_string(Path::new("/proc/self").join(name)).unwrap_or_default();
        let (status, limits, stat) = (read("status"), read("limits"), read("stat"));
        Self {
            resident_bytes: kilobytes(&status, "VmRSS:"),
            virtual_bytes: kilobytes(&status, "VmSize:"),
            open_descriptors: std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64),
            most_descriptors: most_descriptors(&limits),
            cpu_seconds: cpu_seconds(&stat),
        }
    }
}

impl Disk {
    /// The file system of a folder: what is free is what this user may still write.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let seen = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(seen.f_frsize);
        Some(Self { free_bytes: bytes(seen.f_bavail), size_bytes: bytes(seen.f_blocks) })
    }
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

fn most_descriptors(limits: &str) -> Option<u64> {
    let rest = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 (proc(5)), counted behind the command, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_descriptors_and_time() {
        let seen = Process::look();
        assert!(seen.resident_bytes.unwrap() > 100_000 && seen.virtual_bytes > seen.resident_bytes);
        assert!(seen.open_descriptors.unwrap() >= 3);
        assert!(seen.cpu_seconds.unwrap() >= 0.0);
    }

    #[test]
    fn what_the_kernel_writes_is_read() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 12345";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t    2048 kB\n", "VmRSS:"), Some(2 << 20));
        assert_eq!(
            most_descriptors("Limit  Soft\nMax open files            1024      4096     files\n"),
            Some(1_024)
        );
        assert_eq!(most_descriptors("Max open files            unlimited  unlimited\n"), None);
        assert_eq!(cpu_seconds("nonsense"), None);
    }

    #[test]
    fn a_folder_is_on_a_disk() {
        let disk = Disk::of(Path::new("/tmp")).unwrap();
        assert!(disk.size_bytes >= disk.free_bytes && disk.size_bytes > 0);
        assert_eq!(Disk::of(Path::new("/no/such/folder")), None);
    }
}
