//! CPU time per packet of decoding and the flow table: 64-byte packets spread evenly over many flows, from memory.
//!
//! `cargo bench --bench flow_table [-- FLOWS ...]`; without numbers 100 k, 1 M and 10 M. Besides the table
//! a map of DashMap is updated with the same packets, one by one, as a measure.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a bench prints, and nobody attacks it"
)]

use dashmap::DashMap;
use foldhash::fast::RandomState;
use std::hint::black_box;
use weir_flow::{Ended, FlowConfig, FlowSink, FlowTable};
use weir_model::community_id::ordered;
use weir_model::flow::{Counters, FlowHead};
use weir_model::frame::LinkType;
use weir_model::{Endpoint, Frame, Observation, Protocol, Timestamp};
use weir_wire::{DecodeConfig, Decoder, Packet};

/// An Ethernet frame of 64 bytes, less the checksum that captures do not have.
const FRAME_BYTES: usize = 60;

/// Packets measured per round: more than any cache holds, whatever the number of flows.
const PACKETS_PER_ROUND: usize = 4_000_000;

/// Frames of the first packets made at a time.
const FRAMES_PER_BATCH: usize = 256;

/// Rounds, of which the median counts.
const ROUNDS: usize = 5;

fn main() {
    let asked: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let all = if asked.is_empty() { vec![100_000, 1_000_000, 10_000_000] } else { asked };
    println!("{:>10}  {:>12}  {:>12}  {:>12}", "flows", "decode", "with table", "with DashMap");
    for flows in all {
        let frames = Frames::over(flows);
        let looked_at = &mut |packet: &Packet<'_>| {
            black_box(packet);
        };
        let decode = median(|| decode(&frames.measured, looked_at));
        let table = with_table(&frames);
        let map = with_map(&frames);
        println!("{flows:>10}  {decode:>9.1} ns  {table:>9.1} ns  {map:>9.1} ns");
    }
}

/// Frames in memory: first one of each flow, then those that are measured, evenly and in no order.
struct Frames {
    flows: u32,
    measured: Vec<[u8; FRAME_BYTES]>,
}

impl Frames {
    fn over(flows: u32) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let measured = (0..PACKETS_PER_ROUND)
            .map(|_| {
                // Xorshift64 (Marsaglia 2003).
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                frame_of((((state >> 32) * u64::from(flows)) >> 32) as u32, state & 1 == 0)
            })
            .collect();
        Self { flows, measured }
    }

    /// One frame of each flow, in batches.
    fn first(&self, each: &mut dyn FnMut(&[[u8; FRAME_BYTES]])) {
        for start in (0..self.flows).step_by(FRAMES_PER_BATCH) {
            let some: Vec<_> =
                (start..self.flows).take(FRAMES_PER_BATCH).map(|flow| frame_of(flow, true)).collect();
            each(&some);
        }
    }
}

/// The frames as the reader would have numbered and dated them.
fn dated(frames: &[[u8; FRAME_BYTES]]) -> impl Iterator<Item = Frame<'_>> {
    (1..).zip(frames).map(|(number, data)| Frame {
        number,
        time: Timestamp::new(1_000, 0),
        link: LinkType::ETHERNET,
        original_len: FRAME_BYTES as u32,
        data,
    })
}

/// Decodes each, one by one.
fn decode(frames: &[[u8; FRAME_BYTES]], each: &mut dyn FnMut(&Packet<'_>)) {
    let mut decoder = Decoder::new(DecodeConfig::default());
    for frame in dated(frames) {
        decoder.decode(&frame, each);
    }
}

/// A TCP acknowledgement of one of the flows, in one of its directions.
fn frame_of(flow: u32, forward: bool) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    let mut put = |at: usize, bytes: &[u8]| frame[at..at + bytes.len()].copy_from_slice(bytes);
    let client = [10, (flow >> 16) as u8, (flow >> 8) as u8, flow as u8];
    let server = [192, 0, 2, (flow >> 24) as u8];
    let (client_port, server_port) = (50_000_u16.to_be_bytes(), 443_u16.to_be_bytes());
    let (source, destination) = if forward { (client, server) } else { (server, client) };
    let ports = if forward { [client_port, server_port] } else { [server_port, client_port] };
    put(12, &[0x08, 0x00, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6]);
    put(26, &source);
    put(30, &destination);
    put(34, ports.as_flattened());
    put(46, &[0x50, 0x10]);
    frame
}

fn with_table(frames: &Frames) -> f64 {
    let mut table = FlowTable::new(FlowConfig { table_bytes: 12 << 30, ..FlowConfig::default() });
    let mut take = |frames: &[_]| {
        let mut decoder = Decoder::new(DecodeConfig::default());
        table.frames(&mut decoder, dated(frames), &mut Nobody);
    };
    frames.first(&mut take);
    let time = median(|| take(&frames.measured));
    assert_eq!(table.stats().flows_open, u64::from(frames.flows));
    time
}

fn with_map(frames: &Frames) -> f64 {
    type Key = (Protocol, (Endpoint, Endpoint));
    let map: DashMap<Key, [Counters; 2], RandomState> = DashMap::with_hasher(RandomState::default());
    let mut count = |packet: &Packet<'_>| {
        let (low, high) = ordered(packet.protocol, packet.source, packet.destination);
        let mut both = map.entry((packet.protocol, (low, high))).or_default();
        let counters = &mut both[usize::from(packet.source == low)];
        counters.packets += 1;
        counters.ip_bytes += u64::from(packet.ip_bytes);
        counters.payload_bytes += u64::from(packet.payload_len);
    };
    frames.first(&mut |frames| decode(frames, &mut count));
    median(|| decode(&frames.measured, &mut count))
}

/// Nanoseconds per packet: the median of the rounds.
fn median(mut round: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = on_cpu_nanos();
            round();
            (on_cpu_nanos() - start) as f64 / PACKETS_PER_ROUND as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

/// Time that this thread had a core (proc_pid_schedstat): on a busy machine the wall clock says little.
fn on_cpu_nanos() -> u64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux keeps it");
    schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("nanoseconds come first")
}

/// Wants to know nothing.
struct Nobody;

impl FlowSink for Nobody {
    fn began(&mut self, _: &FlowHead<'_>) {}
    fn observed(&mut self, _: &FlowHead<'_>, _: &Observation) {}
    fn named(&mut self, _: &FlowHead<'_>) {}
    fn ended(&mut self, _: Ended<'_>, _: u64) {}
}
