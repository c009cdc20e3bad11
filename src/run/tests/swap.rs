//! Sets swapped while packets come as fast as they are taken, or as fast as a ring of the kernel is filled.

#![expect(clippy::disallowed_methods, reason = "it is measured by the clock")]

use super::*;
use crate::latency::Quantiles;
use rustix::time::{ClockId, clock_gettime};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use weir_bench::traffic::{Profile, Traffic};
use weir_model::frame::LinkType;
use weir_model::{Frame, Indicator, IndicatorValue, Name};
use weir_rules::{IndicatorSet, SetBuilder};

/// Frames that the ring of a worker holds: 64 MiB of such as are played.
const RING_FRAMES: u64 = 300_000;
/// Frames in a batch, as the ring of the kernel hands them over.
const BATCH_FRAMES: u64 = 1_024;
/// Open flows, while they come.
const FLOWS: u64 = 200_000;

/// Frames that arrive so many a second, or as fast as they are taken; again and again the same, so that flows stay open.
struct Line {
    frames: Arc<[Vec<u8>]>,
    per_second: Option<u64>,
    began: Instant,
    taken: u64,
    wire: Arc<Wire>,
    most_waited: Arc<AtomicU64>,
    turns: Turns,
}

/// How long turns take: from one question for a batch to the next; a batch, what it taught, a step of a comparison. They count from when all
/// frames have been played once: before that the tables take memory from the kernel.
#[derive(Default)]
struct Turns {
    before: Option<Turn>,
    longest: Arc<Mutex<Longest>>,
}

/// The longest turn of all on the core, and the longest by the clock. The two differ by how long others had the core, which the kernel counts as
/// waiting in the queue of the core, and by how long the thread slept.
#[derive(Clone, Copy, Default)]
struct Longest {
    on_core: Duration,
    by_clock: Turn,
}

#[derive(Clone, Copy, Default)]
struct Turn {
    clock: Duration,
    core: Duration,
    queue: Duration,
}

impl Turns {
    /// Another begins, on the thread whose time it is.
    fn turn(&mut self) {
        let at = |clock| Duration::try_from(clock_gettime(clock)).unwrap();
        let queue = waited_for_the_core();
        let now = Turn { clock: at(ClockId::Monotonic), core: at(ClockId::ThreadCPUTime), queue };
        if let Some(before) = self.before.replace(now) {
            let turn = Turn {
                clock: now.clock.saturating_sub(before.clock),
                core: now.core.saturating_sub(before.core),
                queue: now.queue.saturating_sub(before.queue),
            };
            let mut longest = self.longest.lock().unwrap();
            longest.on_core = longest.on_core.max(turn.core);
            if turn.clock > longest.by_clock.clock {
                longest.by_clock = turn;
            }
        }
    }
}

/// How long this thread could have run, and another did (proc_pid_schedstat(5)).
fn waited_for_the_core() -> Duration {
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(counts.split(' ').nth(1).map_or(0, |nanos| nanos.parse().unwrap()))
}

impl Source for Line {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Woken {
        batch.clear();
        if self.taken > 2 * self.frames.len() as u64 {
            self.turns.turn();
        }
        if self.wire.is_stopped.load(Ordering::Relaxed) {
            return Woken::Ended;
        }
        let arrived = self
            .per_second
            .map_or(self.taken + BATCH_FRAMES, |rate| rate * micros(self.began.elapsed()) / 1_000_000);
        let waiting = arrived.saturating_sub(self.taken);
        self.most_waited.fetch_max(waiting, Ordering::Relaxed);
        if waiting == 0 {
            std::thread::sleep(Duration::from_millis(1));
            return Woken::Idle;
        }
        for number in self.taken..self.taken + waiting.min(BATCH_FRAMES) {
            let data = self.frames[number as usize % self.frames.len()].as_slice();
            let (time, original_len) = (time_of(number), data.len() as u32);
            let frame = Frame { number: number + 1, time, link: LinkType::ETHERNET, original_len, data };
            if !batch.push(frame) {
                break;
            }
        }
        self.taken += batch.len() as u64;
        self.wire.delivered.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Woken::Frames
    }

    fn passed(&mut self) -> Timestamp {
        time_of(self.taken)
    }
}

/// A microsecond apart.
fn time_of(number: u64) -> Timestamp {
    Timestamp::from_nanos(1_800_000_000_000_000_000 + number * 1_000)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

/// So many indicators, half of them names, that are in no other generation but for a few; one of them is an address that the
/// flows have, another in each generation.
fn generation(number: u32, size: u32) -> Arc<IndicatorSet> {
    let mut builder = SetBuilder::new();
    let mut add = |value| {
        builder.add(Indicator::new(value, Vec::new())).unwrap();
    };
    add(IndicatorValue::Address(Ipv4Addr::from([198, 18, (number % 20) as u8, 1]).into()));
    add(IndicatorValue::Network(format!("198.18.{}.0/24", number % 20).parse().unwrap()));
    for one in 0..size / 2 {
        let value = if one % 10 == 0 { one.wrapping_mul(2_654_435_761) ^ number } else { one };
        add(IndicatorValue::Address(IpAddr::V4(Ipv4Addr::from(0x1400_0000_u32.wrapping_add(value)))));
        let name = format!("host{value:x}.zone{}.example", one % 1_000);
        add(IndicatorValue::Domain(Name::from_ascii(name.as_bytes()).unwrap()));
    }
    Arc::new(builder.build())
}

/// What came of a run.
struct Outcome {
    frames: u64,
    alerts: usize,
    hits: u64,
    swaps: u32,
    most_waited: u64,
    longest: Longest,
    batches: Quantiles,
    sweeps: Quantiles,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { frames, alerts, hits, swaps, most_waited, longest, batches, sweeps } = self;
        let (batches, sweeps) = (batches.text(), sweeps.text());
        let Longest { on_core, by_clock: Turn { clock, core, queue } } = longest;
        write!(
            out,
            "{frames} frames, {swaps} swaps, {hits} hits, {alerts} alerts, at most {most_waited} frames waited\n    longest turn on the core {on_core:?}; by the clock {clock:?}, of which {core:?} on the core, {queue:?} waiting for it\n    batches by the clock: {batches}\n    sweeps by the clock: {sweeps}"
        )
    }
}

/// Plays for a time, and swaps sets of a size meanwhile, if one is given.
fn play(frames: &Arc<[Vec<u8>]>, per_second: Option<u64>, time: Duration, size: Option<u32>) -> Outcome {
    let (wire, most_waited) = (Arc::new(Wire::default()), Arc::new(AtomicU64::new(0)));
    let turns = Turns::default();
    let longest = Arc::clone(&turns.longest);
    let began = Instant::now();
    let line = Line {
        frames: Arc::clone(frames),
        per_second,
        began,
        taken: 0,
        wire: Arc::clone(&wire),
        most_waited: Arc::clone(&most_waited),
        turns,
    };
    let Played { watching, alerts, wanted, .. } = staged(vec![line], wire);
    let (ending, arming) = (watching.ending.clone(), Arc::clone(&watching.arming));
    let run = std::thread::spawn(move || watch(watching));
    let mut swaps = 0;
    while began.elapsed() < time {
        let Some(size) = size else {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        let replaced = Arc::downgrade(&arming.current().set);
        swaps += 1;
        arming.arm(generation(swaps, size));
        wait_for("all threads have taken the set", || arming.is_taken());
        wait_for("all flows have been compared", || arming.is_swept());
        wait_for("the old set is freed", || replaced.upgrade().is_none());
    }
    ending.request();
    let done = run.join().unwrap();
    assert!(done.problem.is_none());
    let report = &done.seen.workers[0].report;
    let (batches, sweeps) = (report.times.quantiles(), report.sweeps.quantiles());
    let (frames, hits) = (report.frames, report.watch.hits);
    let books = Books::new(done.seen, wanted, Moment::End);
    assert!(books.ledger().is_balanced(), "{:?}", books.ledger());
    assert!(
        books
            .lost()
            .iter()
            .all(|lost| !["hits", "snapshots"].contains(&lost.name.as_str()) || lost.count == 0)
    );
    let most_waited = most_waited.load(Ordering::Relaxed);
    let longest = *longest.lock().unwrap();
    Outcome { frames, alerts: alerts.lines().len(), hits, swaps, most_waited, longest, batches, sweeps }
}

fn frames(count: usize, flows: u64) -> Arc<[Vec<u8>]> {
    let mut traffic = Traffic::new(Profile::Spread, 7, flows);
    (0..count).map(|_| traffic.next_frame().data.to_vec()).collect()
}

#[test]
fn sets_are_swapped_while_packets_come() {
    let frames = frames(20_000, 2_000);
    let played = play(&frames, None, Duration::from_secs(1), Some(2_000));
    assert!(played.swaps >= 2 && played.hits > 0 && played.alerts > 0, "{played}");
}

/// `make swap-while-running`: with millions of indicators, beside the same without swaps.
#[test]
#[ignore = "takes minutes and gigabytes, and says something only of a release build"]
fn large_sets_are_swapped_while_packets_come() {
    let of = |name: &str, usual: u32| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (size, seconds) = (of("WEIR_SWAP_SIZE", 10_000_000), of("WEIR_SWAP_SECONDS", 60));
    let time = Duration::from_secs(seconds.into());
    let frames = frames(1_000_000, FLOWS);
    let fastest = play(&frames, None, Duration::from_secs(5), None);
    let per_second = fastest.frames / 5;
    println!("as fast as they are taken, for 5 s, {per_second} a second: {fastest}");
    let without = play(&frames, None, time, None);
    println!("without swaps: {without}");
    let with = play(&frames, None, time, Some(size));
    println!("with swaps of {size} indicators: {with}");
    let without = play(&frames, Some(per_second * 2 / 5), time, None);
    println!("at two fifths of the rate, without swaps: {without}");
    let with = play(&frames, Some(per_second * 2 / 5), time, Some(size));
    println!("at two fifths of the rate, with swaps of {size} indicators: {with}");
    assert!(with.swaps > 1 && with.hits > 0);
    assert!(with.most_waited <= RING_FRAMES, "a ring would have lost some");
}
