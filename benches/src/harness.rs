//! Runs benches: many times by the clock, or once for a tool that counts instructions.

use std::hint::black_box;
use std::time::Instant;

/// Something to be measured, made anew for each run; what is in [`Bench::prepare`] is not measured.
pub struct Bench {
    /// Structure and case: `decode/campus`.
    pub name: &'static str,
    /// Makes one run.
    pub prepare: fn(Scale) -> Run,
}

/// How large inputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As large as in production: for the clock, which must feel the memory.
    Full,
    /// Small enough for an emulated processor: for instructions, which do not depend on it.
    Small,
}

impl Scale {
    /// One or the other.
    pub const fn pick(self, full: u64, small: u64) -> u64 {
        match self {
            Self::Full => full,
            Self::Small => small,
        }
    }
}

/// A run that is ready.
pub struct Run {
    /// Items (packets, look-ups) that it goes through.
    pub items: u64,
    /// Does the work, called once; gives something that depends on all of it. What it holds is dropped later.
    pub work: Box<dyn FnMut() -> u64>,
}

/// What the clock said, in nanoseconds per item.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Median of the runs.
    pub median: f64,
    /// Fastest run: what a neighbour could not spoil.
    pub least: f64,
    /// Median of the time for which the thread had a core (proc_pid_schedstat), which says more on a busy machine; 0 where the
    /// kernel does not tell. Threads that a run starts are not in it.
    pub on_cpu: f64,
}

/// Runs it so many times by the clock, at least once.
pub fn time(bench: &Bench, runs: usize) -> Timing {
    let times: Vec<_> = (0..runs.max(1)).map(|_| time_once((bench.prepare)(Scale::Full))).collect();
    let sorted = |of: fn(&(f64, f64)) -> f64| {
        let mut nanos: Vec<f64> = times.iter().map(of).collect();
        nanos.sort_by(f64::total_cmp);
        nanos
    };
    let (wall, on_cpu) = (sorted(|times| times.0), sorted(|times| times.1));
    let at = |times: &[f64], position: usize| times.get(position).copied().unwrap_or_default();
    let middle = times.len() / 2;
    Timing { median: at(&wall, middle), least: at(&wall, 0), on_cpu: at(&on_cpu, middle) }
}

/// By the clock and on the core, per item.
#[expect(clippy::disallowed_methods, reason = "a clock is what it is for")]
fn time_once(mut run: Run) -> (f64, f64) {
    let items = run.items.max(1) as f64;
    let (began, on_cpu) = (Instant::now(), on_cpu_nanos());
    weir_bench_measured(&mut run.work);
    (began.elapsed().as_nanos() as f64 / items, (on_cpu_nanos() - on_cpu) / items)
}

fn on_cpu_nanos() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
}

/// Runs it once with small inputs; gives the number of items.
pub fn once(bench: &Bench) -> u64 {
    let mut run = (bench.prepare)(Scale::Small);
    weir_bench_measured(&mut run.work);
    run.items
}

/// Everything that is measured happens in here: `valgrind --tool=callgrind --toggle-collect='*weir_bench_measured*'`.
#[inline(never)]
fn weir_bench_measured(work: &mut dyn FnMut() -> u64) {
    black_box(work());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_what_the_time_is_divided_by() {
        let sleep = |_| Run {
            items: 4,
            work: Box::new(|| {
                std::thread::sleep(std::time::Duration::from_millis(4));
                0
            }),
        };
        let bench = Bench { name: "sleep", prepare: sleep };
        let timing = time(&bench, 3);
        assert!(timing.least >= 1e6 && timing.least <= timing.median, "{timing:?}");
        assert!(timing.on_cpu < timing.median, "it slept: {timing:?}");
        assert_eq!(once(&bench), 4);
    }
}
