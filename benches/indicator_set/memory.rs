//! Memory and time of this process, as the kernel counts them.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Resident memory in KiB.
#[derive(Clone, Copy)]
pub struct Resident {
    /// Its own (RssAnon).
    anonymous: u64,
    /// Pages of mapped files (RssFile), the program among them: the kernel can drop them at any time and read them again.
    file: u64,
    /// The most that both were together (VmHWM).
    peak: u64,
}

impl Resident {
    pub fn measure() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        Self { anonymous: field("RssAnon:"), file: field("RssFile:"), peak: field("VmHWM:") }
    }

    /// Lets the peak begin anew.
    pub fn forget_peak() {
        // Without the right to do so the peak is that of the whole run.
        drop(std::fs::write("/proc/self/clear_refs", "5"));
    }
}

impl fmt::Display for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |kib: u64| kib as f64 * 1024.0 / 1e6;
        let [anonymous, file, peak] = [self.anonymous, self.file, self.peak].map(megabytes);
        write!(f, "{anonymous:.0} MB of its own and {file:.0} MB of files; {peak:.0} MB at the peak")
    }
}

/// Runs something, and gives back the most own memory (RssAnon) there was meanwhile, in KiB, looked at every 5 ms.
pub fn most_anonymous<R>(work: impl FnOnce() -> R) -> (R, u64) {
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(Resident::measure().anonymous, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    });
    (result, most.into_inner())
}

/// What something took: on the clock, and of the core that this thread had (on a machine with other work that is less).
pub struct Took {
    clock: Duration,
    core: Duration,
}

impl Took {
    pub fn of<R>(work: impl FnOnce() -> R) -> (R, Self) {
        let (started, had) = (Instant::now(), on_core());
        let result = work();
        (result, Self { clock: started.elapsed(), core: on_core().saturating_sub(had) })
    }

    pub fn less(&self, other: &Self) -> Self {
        Self { clock: self.clock.saturating_sub(other.clock), core: self.core.saturating_sub(other.core) }
    }
}

fn on_core() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(said.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s ({:.3} on the core)", self.clock.as_secs_f64(), self.core.as_secs_f64())
    }
}
