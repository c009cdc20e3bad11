//! Floods of alerts while the sink is away: capture takes every frame, memory is bounded, and what is not told is counted.

#![expect(clippy::disallowed_methods, reason = "it is measured by the clock")]

use super::*;
use crate::cli::CommonArguments;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use weir_model::frame::LinkType;
use weir_model::{Frame, Indicator, IndicatorValue, Told};
use weir_rules::IndicatorSet;

/// Frames that the ring of a worker holds: 64 MiB of such as are played.
const RING_FRAMES: u64 = 500_000;
const BATCH_FRAMES: u64 = 1_024;
/// Listed addresses, and inside hosts, each of which asks one after the other: numbers without a common factor, so that no two meet twice.
const LISTED: u64 = 999_983;
const HOSTS: u64 = 65_536;

/// Neither flows nor names are written.
const NOTHING: Wanted = Wanted { flows: false, names: false, told: Told::ALL };

/// SYNs, each of a host to a listed address that it did not meet before.
struct Flood {
    per_second: Option<u64>,
    most: u64,
    began: Option<Instant>,
    taken: u64,
    wire: Arc<Wire>,
    most_waited: Arc<AtomicU64>,
}

impl Source for Flood {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Woken {
        batch.clear();
        let elapsed = self.began.get_or_insert_with(Instant::now).elapsed();
        let arrived = self
            .per_second
            .map_or(u64::MAX, |rate| rate * u64::try_from(elapsed.as_micros()).unwrap() / 1_000_000);
        let waiting = arrived.min(self.most).saturating_sub(self.taken);
        if self.per_second.is_some() {
            self.most_waited.fetch_max(waiting, Ordering::Relaxed);
        }
        if waiting == 0 {
            self.wire.is_over.store(self.taken >= self.most, Ordering::Relaxed);
            if self.wire.is_stopped.load(Ordering::Relaxed) {
                return Woken::Ended;
            }
            std::thread::sleep(Duration::from_millis(1));
            return Woken::Idle;
        }
        for number in self.taken..self.taken + waiting.min(BATCH_FRAMES) {
            let data = syn(number);
            let (time, original_len) = (time_of(number), data.len() as u32);
            let frame = Frame { number: number + 1, time, link: LinkType::RAW, original_len, data: &data };
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

/// Ten microseconds apart.
fn time_of(number: u64) -> Timestamp {
    Timestamp::from_nanos(1_800_000_000_000_000_000 + number * 10_000)
}

fn listed(number: u64) -> Ipv4Addr {
    Ipv4Addr::from(0xc600_0000 + (number % LISTED) as u32)
}

fn syn(number: u64) -> [u8; 40] {
    let mut data = [0; 40];
    data[..12].copy_from_slice(&[0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0]);
    data[12..16].copy_from_slice(&(0x0a00_0000 + (number % HOSTS) as u32).to_be_bytes());
    data[16..20].copy_from_slice(&listed(number).octets());
    data[20..24].copy_from_slice(&[0xc3, 0x51, 0x01, 0xbb]);
    data[32..34].copy_from_slice(&[0x50, 0x02]);
    data
}

fn set(is_armed: bool) -> Arc<IndicatorSet> {
    let mut builder = SetBuilder::new();
    for number in 0..if is_armed { LISTED } else { 0 } {
        let value = IndicatorValue::Address(IpAddr::V4(listed(number)));
        builder.add(Indicator::new(value, Vec::new())).unwrap();
    }
    Arc::new(builder.build())
}

/// What came of a flood.
#[derive(Debug)]
struct Outcome {
    frames: u64,
    most_waited: u64,
    hits: u64,
    hits_lost: u64,
    snapshots_lost: u64,
    given: u64,
    messages: board::MessageCounts,
    waiting: u64,
    overflowed: u64,
    elapsed: Duration,
    /// KiB: most memory so far, of this run and those before it.
    most_memory: u64,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { frames, most_waited, hits, hits_lost, snapshots_lost, .. } = self;
        let Self { given, messages, waiting, overflowed, elapsed, most_memory, .. } = self;
        writeln!(out, "{frames} frames in {elapsed:.1?}, at most {most_waited} waited to be taken")?;
        writeln!(
            out,
            "    {hits} hits matched; lost before the desk: {hits_lost}, and {snapshots_lost} snapshots"
        )?;
        writeln!(out, "    at the desk: {overflowed} hits beyond the incidents that there is room for")?;
        writeln!(out, "    {given} notices and {messages:?}; {waiting} wait for the sink")?;
        write!(out, "    most memory so far: {most_memory} KiB")
    }
}

/// Plays a flood before a sink that cannot be reached.
fn play(set: &Arc<IndicatorSet>, frames: u64, per_second: Option<u64>) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("weir.toml");
    // Nobody listens there (RFC 863's port, on the loopback).
    std::fs::write(&config, "flow_memory = \"256MiB\"\ndrain = \"1s\"\n[sink.bus]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\nseverity = \"informational\"\ntlp = \"red\"\n").unwrap();
    let common = CommonArguments { config: Some(config), ..CommonArguments::default() };
    let state = Arc::new(State::open(&folder.path().join("state")).unwrap());
    let (wire, most_waited) = (Arc::new(Wire::default()), Arc::new(AtomicU64::new(0)));
    let (waited, its_wire) = (Arc::clone(&most_waited), Arc::clone(&wire));
    let flood =
        Flood { per_second, most: frames, began: None, taken: 0, wire: its_wire, most_waited: waited };
    let Played { watching, .. } = staged_with(common, Some(state), NOTHING, (vec![flood], Arc::clone(&wire)));
    watching.dials.set_drain(Duration::from_secs(1));
    watching.arming.arm(Arc::clone(set));
    let ending = watching.ending.clone();
    let began = Instant::now();
    let run = std::thread::spawn(move || watch(watching));
    while !wire.is_over.load(Ordering::Relaxed) {
        assert!(!run.is_finished(), "it ended before its time");
        std::thread::sleep(Duration::from_millis(10));
    }
    let elapsed = began.elapsed();
    ending.request();
    let done = run.join().unwrap();
    assert!(done.problem.is_none(), "{:?}", done.problem);
    let desk = done.seen.desk.as_ref().unwrap();
    let (messages, overflowed) = (desk.messages, desk.incidents.hits_overflowed);
    let given =
        desk.incidents.iter().filter(|(name, _)| name.starts_with("notices_")).map(|(_, count)| count).sum();
    let waiting = done.seen.sinks.iter().map(|sink| sink.waiting).sum();
    let sent = done.seen.workers[0].sent;
    let (frames, hits) = (done.seen.workers[0].report.frames, done.seen.workers[0].report.watch.hits);
    let books = Books::new(done.seen, NOTHING, Moment::End);
    assert!(books.ledger().is_balanced(), "{:?}", books.ledger());
    Outcome {
        frames,
        most_waited: most_waited.load(Ordering::Relaxed),
        hits,
        hits_lost: sent.hits_lost,
        snapshots_lost: sent.snapshots_lost,
        given,
        messages,
        waiting,
        overflowed,
        elapsed,
        most_memory: memory_kib("VmHWM:"),
    }
}

fn memory_kib(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|candidate| candidate.starts_with(line)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_flood_is_folded_and_every_message_is_accounted_for() {
    const FRAMES: u64 = 5_000;
    let mut builder = SetBuilder::new();
    for number in 0..FRAMES {
        builder.add(Indicator::new(IndicatorValue::Address(IpAddr::V4(listed(number))), Vec::new())).unwrap();
    }
    let played = play(&Arc::new(builder.build()), FRAMES, None);
    let messages = played.messages;
    assert_eq!((played.frames, played.hits, played.hits_lost), (FRAMES, FRAMES, 0), "{played:?}");
    assert_eq!(played.given, FRAMES, "each is told as it opens: {played:?}");
    assert_eq!(played.given + messages.of_weir, messages.folded + messages.spooled, "{played:?}");
    assert!(messages.of_weir > 0 && messages.folded > 0 && messages.spooled >= 480, "{played:?}");
    assert_eq!(played.waiting, messages.spooled, "nobody took any: {played:?}");
}

/// `make alert-storm`: 100,000 incidents a second for a minute, beside the same without indicators.
#[test]
#[ignore = "takes minutes, and says something only of a release build"]
fn a_minute_of_a_hundred_thousand_alerts_a_second() {
    let of = |name: &str, usual: u64| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (rate, seconds) = (of("WEIR_STORM_RATE", 100_000), of("WEIR_STORM_SECONDS", 60));
    for is_armed in [false, true] {
        let set = set(is_armed);
        let [most, used] = ["VmHWM:", "VmRSS:"].map(memory_kib);
        println!(
            "with {} indicators; before: {used} KiB, at most {most} KiB",
            if is_armed { LISTED } else { 0 }
        );
        let played = play(&set, rate * seconds, Some(rate));
        println!("{played}");
        assert!(played.most_waited < RING_FRAMES, "a ring would have lost some");
        assert_eq!(played.frames, rate * seconds);
    }
}
