//! `--size`: watches the traffic for a while and says what memory and disk it needs.

use crate::config::RunSettings;
use crate::output::say;
use crate::summary::{bytes, number, time};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::time::{Duration, Instant};
use weir_capture::FrameBatch;
use weir_capture::live::{self, TapOptions, Woken};
use weir_flow::{Clock, Ended, FlowConfig, FlowSink, FlowTable};
use weir_model::Observation;
use weir_model::flow::FlowHead;
use weir_wire::{DecodeConfig, Decoder};

/// An open flow with all that most have (docs/PERFORMANCE.md).
const FLOW_BYTES: u64 = 231;
/// A line of ECS, and the same compressed (docs/SIZING.md).
const LINE_BYTES: u64 = 950;
const COMPRESSED_BYTES: u64 = 75;
/// Peaks are twice what a while shows, at least.
const HEADROOM: u64 = 2;
/// What a ring should hold: a worker may be away for so long.
const RING_TIME: Duration = Duration::from_millis(250);
const DAY: Duration = Duration::from_hours(24);
/// A worker with names and a million indicators, with half of it idle (docs/SIZING.md).
const PACKETS_PER_WORKER: u64 = 750_000;

/// What was seen, and what it needs.
#[derive(Debug, Default, Serialize)]
pub(super) struct Size {
    pub milliseconds: u64,
    pub packets: u64,
    pub bytes: u64,
    /// Most in a second.
    pub peak_packets: u64,
    pub peak_bytes: u64,
    pub flows: u64,
    pub most_flows_open: u64,
    pub names: u64,
    /// Frames that the kernel dropped while it was measured, and that are missing above.
    pub dropped: u64,
}

/// Counts what a table tells.
#[derive(Default)]
struct Counting {
    began: u64,
    names: u64,
}

impl FlowSink for Counting {
    fn began(&mut self, _flow: &FlowHead<'_>) {
        self.began += 1;
    }

    fn named(&mut self, _flow: &FlowHead<'_>) {}

    fn observed(&mut self, _flow: &FlowHead<'_>, _observation: &Observation) {
        self.names += 1;
    }

    fn ended(&mut self, _flow: Ended<'_>, _round: u64) {}
}

/// Watches the interfaces of the settings for so long.
#[expect(clippy::disallowed_methods, reason = "traffic is measured by the clock")]
pub(super) fn measure(settings: &RunSettings, lasting: Duration) -> Result<Size> {
    if settings.tap.interfaces.is_empty() {
        bail!("--size watches interfaces: name one with --interface, or in the configuration");
    }
    let options = TapOptions {
        ring_bytes: settings.tap.ring_bytes as usize,
        snap_len: settings.tap.snaplen as usize,
        filter: settings.common.bpf.clone(),
        ..TapOptions::new(settings.tap.interfaces.clone())
    };
    let (mut workers, monitor) =
        live::open(&options).context("--size opens the interfaces, which needs rights: sudo")?;
    say(&format!("watching {} for {} ...\n", settings.tap.interfaces.join(", "), time(lasting)));
    let worker = workers.first_mut().context("a tap has a worker")?;
    let mut table = FlowTable::new(FlowConfig::default());
    let (mut decoder, mut clock) = (Decoder::new(DecodeConfig::default()), Clock::new());
    let (mut batch, mut counting, mut size) = (FrameBatch::new(), Counting::default(), Size::default());
    let began = Instant::now();
    let (mut second, mut in_second) = (0, (0, 0));
    while began.elapsed() < lasting {
        if worker.next_batch(&mut batch) == Woken::Ended {
            break;
        }
        for frame in batch.iter() {
            clock.observe(frame.time);
            in_second.0 += 1;
            in_second.1 += u64::from(frame.original_len);
        }
        table.frames(&mut decoder, batch.iter(), &mut counting);
        if began.elapsed().as_secs() > second {
            second = began.elapsed().as_secs();
            size.second(std::mem::take(&mut in_second));
            clock.observe(worker.passed().max(clock.latest()));
            let round = table.close_round(&clock, &mut counting);
            table.resolve(round, &mut counting);
        }
    }
    size.second(in_second);
    size.milliseconds = milliseconds(began.elapsed());
    size.flows = counting.began;
    size.names = counting.names;
    size.most_flows_open = table.stats().flows_open_peak;
    size.dropped = monitor.stats().iter().map(|interface| interface.dropped).sum();
    monitor.stop();
    Ok(size)
}

impl Size {
    fn second(&mut self, (packets, bytes): (u64, u64)) {
        self.packets += packets;
        self.bytes += bytes;
        self.peak_packets = self.peak_packets.max(packets);
        self.peak_bytes = self.peak_bytes.max(bytes);
    }

    /// So much of what was counted comes in some time.
    fn per(&self, lasting: Duration, count: u64) -> u64 {
        let share = u128::from(count) * lasting.as_millis() / u128::from(self.milliseconds.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// What was seen, and what to set.
    pub(super) fn text(&self) -> String {
        let a_second = |count| self.per(Duration::from_secs(1), count);
        let rate = |count| number(a_second(count));
        let lines_a_day = self.per(DAY, self.flows + self.names);
        let ring = self.peak_bytes * milliseconds(RING_TIME) / 1_000 * HEADROOM;
        let flow_memory = (self.most_flows_open * FLOW_BYTES * HEADROOM).max(64 << 20);
        let workers = (self.peak_packets * HEADROOM).div_ceil(PACKETS_PER_WORKER).max(1);
        let dropped = if self.dropped > 0 {
            format!(
                "; {} more were dropped while it was measured, so all of this is too little",
                number(self.dropped)
            )
        } else {
            String::new()
        };
        format!(
            "in {} s: {} packets/s, most {}{dropped}; {}/s, most {}; {} new flows/s, at most {} open; {} names/s\n\
             to be safe (twice what was seen; a busier hour wants more):\n  \
             workers = {workers}\n  ring_size = \"{}MiB\"    # a quarter of a second at the peak\n  flow_memory = \"{}MiB\"\n  \
             disk a day, if flows and names are kept: {}, compressed {}\n",
            self.milliseconds.div_ceil(1_000),
            rate(self.packets),
            number(self.peak_packets),
            bytes(a_second(self.bytes)),
            bytes(self.peak_bytes),
            rate(self.flows),
            number(self.most_flows_open),
            rate(self.names),
            (ring >> 20).max(64),
            (flow_memory >> 20) + 1,
            bytes(lines_a_day * LINE_BYTES),
            bytes(lines_a_day * COMPRESSED_BYTES),
        )
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
