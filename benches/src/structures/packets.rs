//! Decoding, the flow table, and what payloads say.

use super::run;
use crate::harness::{Run, Scale};
use crate::traffic::{Profile, Traffic};
use std::collections::HashMap;
use std::time::Duration;
use weir_capture::FrameBatch;
use weir_flow::{Clock, Ended, FlowConfig, FlowSink, FlowTable};
use weir_model::flow::FlowHead;
use weir_model::observation::Fact;
use weir_model::{Endpoint, Frame, Observation};
use weir_wire::{
    DatagramInspector, DecodeConfig, Decoder, Packet, Peeked, Side, StreamInspector, Transport, peek,
};

/// Packets of one run beside those that begin the flows.
const PACKETS: u64 = 500_000;
const PACKETS_SMALL: u64 = 10_000;

pub(super) fn decode_spread(scale: Scale) -> Run {
    decode(batches(&mut Traffic::new(Profile::Spread, 1, 10_000), scale.pick(PACKETS, PACKETS_SMALL)))
}

pub(super) fn decode_campus(scale: Scale) -> Run {
    decode(campus(scale))
}

/// Whose packets frames hold, as those ask who deal frames to workers.
pub(super) fn decode_peek(scale: Scale) -> Run {
    let batches = campus(scale);
    let items = packets_in(&batches);
    let work = move || {
        let frames = batches.iter().flat_map(FrameBatch::iter);
        frames.fold(0, |sum: u64, frame| match peek(&frame) {
            Peeked::Packet { source, destination, .. } => sum + u64::from(source.port ^ destination.port),
            Peeked::Fragment { .. } | Peeked::Other => sum + 1,
        })
    };
    Run { items, work: Box::new(work) }
}

fn decode(batches: Vec<FrameBatch>) -> Run {
    let items = packets_in(&batches);
    let work = move || {
        let mut decoder = Decoder::new(DecodeConfig::default());
        let mut bytes = 0;
        for frame in batches.iter().flat_map(FrameBatch::iter) {
            decoder.decode(&frame, &mut |packet| bytes += u64::from(packet.ip_bytes));
        }
        bytes
    };
    Run { items, work: Box::new(work) }
}

pub(super) fn table_100k(scale: Scale) -> Run {
    table(scale.pick(100_000, 2_000), scale.pick(PACKETS, PACKETS_SMALL))
}

pub(super) fn table_1m(scale: Scale) -> Run {
    table(scale.pick(1_000_000, 4_000), scale.pick(2 * PACKETS, PACKETS_SMALL))
}

/// Packets of flows that have all begun, decoded on the way: subtract `decode/spread` for the table alone.
fn table(flows: u64, packets: u64) -> Run {
    let mut traffic = Traffic::new(Profile::Spread, 1, flows);
    let mut worker = Worker::new(FlowConfig::default());
    worker.all(&batches(&mut traffic, flows));
    run_worker(worker, batches(&mut traffic, packets))
}

/// Every packet begins a flow and pushes another out.
pub(super) fn table_flood(scale: Scale) -> Run {
    let mut traffic = Traffic::new(Profile::Synflood, 1, 100);
    // The table is smaller than the number of packets at either scale.
    let table_bytes = scale.pick(64 << 20, 4 << 20) as usize;
    let mut worker = Worker::new(FlowConfig { table_bytes, ..FlowConfig::default() });
    worker.all(&batches(&mut traffic, scale.pick(200_000, 10_000)));
    run_worker(worker, batches(&mut traffic, scale.pick(200_000, PACKETS_SMALL)))
}

/// Decoding, flows and names of the campus mix, from the first packet of each flow to its last.
pub(super) fn pipeline_campus(scale: Scale) -> Run {
    run_worker(Worker::new(FlowConfig::default()), campus(scale))
}

/// Flows whose time comes up, half of which had packets since and end later: an item is a flow looked at. Rounds are a tenth of
/// a second long, as on a tap; packets of the flows are not measured.
pub(super) fn timer(scale: Scale) -> Run {
    let flows = scale.pick(1_000_000, 10_000);
    let mut traffic = Traffic::new(Profile::Spread, 1, flows);
    let begun = batches(&mut traffic, flows);
    let mut worker = Worker::new(FlowConfig::default());
    worker.all(&begun);
    let start = worker.clock.latest();
    let later = Duration::from_secs(100);
    let frames = begun.iter().take(begun.len() / 2).flat_map(FrameBatch::iter);
    let continued = frames.map(|frame| Frame { time: frame.time + later, ..frame });
    worker.table.frames(&mut worker.decoder, continued, &mut worker.told);
    let looked_at = flows + begun.iter().take(begun.len() / 2).map(|batch| batch.len() as u64).sum::<u64>();
    let work = move || {
        let Worker { clock, table, told, .. } = &mut worker;
        let open = table.stats().flows_open;
        for round in 0..6_000 {
            clock.observe(start + Duration::from_millis(100) * round);
            let round = table.close_round(clock, told);
            table.resolve(round, told);
        }
        open - table.stats().flows_open
    };
    Run { items: looked_at, work: Box::new(work) }
}

fn run_worker(mut worker: Worker, batches: Vec<FrameBatch>) -> Run {
    let items = packets_in(&batches);
    let work = move || {
        worker.all(&batches);
        worker.told.0
    };
    Run { items, work: Box::new(work) }
}

struct Worker {
    decoder: Decoder,
    clock: Clock,
    table: FlowTable,
    told: Told,
}

impl Worker {
    fn new(config: FlowConfig) -> Self {
        Self {
            decoder: Decoder::new(DecodeConfig::default()),
            clock: Clock::new(),
            table: FlowTable::new(config),
            told: Told(0),
        }
    }

    fn all(&mut self, batches: &[FrameBatch]) {
        let Self { decoder, clock, table, told } = self;
        for batch in batches {
            table.frames(decoder, batch.iter().inspect(|frame| _ = clock.observe(frame.time)), told);
            let round = table.close_round(clock, told);
            table.resolve(round, told);
        }
    }
}

/// Counts what it is told.
struct Told(u64);

impl FlowSink for Told {
    fn began(&mut self, _: &FlowHead<'_>) {
        self.0 += 1;
    }

    fn observed(&mut self, _: &FlowHead<'_>, _: &Observation) {
        self.0 += 1;
    }

    fn named(&mut self, _: &FlowHead<'_>) {
        self.0 += 1;
    }

    fn ended(&mut self, flow: Ended<'_>, _: u64) {
        self.0 += flow.packets();
    }
}

/// The handshakes of TLS conversations; an item is a conversation.
pub(super) fn names_tls(scale: Scale) -> Run {
    let flows = scale.pick(10_000, 200);
    // SYN, SYN-ACK, ACK, ClientHello in one or two, ACK, the server's flight in two, ACK.
    let batches = batches(&mut Traffic::new(Profile::Elephants, 1, flows), 9 * flows);
    run(conversations(&batches, |packet| matches!(packet.transport, Transport::Tcp(_))), |payloads| {
        let (mut facts, mut inspector) = (0, StreamInspector::new(40_000, 443));
        for (side, payload) in payloads {
            inspector.push(*side, payload, &mut |_| facts += 1);
        }
        facts
    })
}

/// Questions and answers; an item is a look-up.
pub(super) fn names_dns(scale: Scale) -> Run {
    run(conversations(&campus(scale), |packet| packet.destination.port == 53), |payloads| {
        inspect_datagrams([40_000, 53], payloads)
    })
}

/// The Initial packets of QUIC conversations; an item is a conversation.
pub(super) fn names_quic(scale: Scale) -> Run {
    let is_initial = |packet: &Packet<'_>| {
        packet.transport == Transport::Udp
            && packet.destination.port == 443
            && packet.payload.first().is_some_and(|first| first & 0xf0 == 0xc0)
    };
    run(conversations(&campus(scale), is_initial), |payloads| inspect_datagrams([40_000, 443], payloads))
}

fn inspect_datagrams([a_port, b_port]: [u16; 2], payloads: &[(Side, Vec<u8>)]) -> u64 {
    let (mut facts, mut inspector) = (0, DatagramInspector::new(a_port, b_port));
    for (side, payload) in payloads {
        inspector.push(*side, payload, &mut |_: Fact| facts += 1);
    }
    facts
}

/// The payloads of each conversation whose first packet is wanted, in order.
fn conversations(
    batches: &[FrameBatch],
    is_wanted: impl Fn(&Packet<'_>) -> bool,
) -> Vec<Vec<(Side, Vec<u8>)>> {
    let mut places: HashMap<(Endpoint, Endpoint), (usize, Side)> = HashMap::new();
    let mut found: Vec<Vec<(Side, Vec<u8>)>> = Vec::new();
    let mut decoder = Decoder::new(DecodeConfig::default());
    for frame in batches.iter().flat_map(FrameBatch::iter) {
        decoder.decode(&frame, &mut |packet| {
            let ends = (packet.source, packet.destination);
            if !places.contains_key(&ends) && is_wanted(packet) {
                places.insert(ends, (found.len(), Side::A));
                places.insert((ends.1, ends.0), (found.len(), Side::B));
                found.push(Vec::new());
            }
            let place = places.get(&ends).filter(|_| !packet.payload.is_empty());
            if let Some((payloads, side)) = place.and_then(|(at, side)| Some((found.get_mut(*at)?, *side))) {
                payloads.push((side, packet.payload.to_vec()));
            }
        });
    }
    found
}

pub(super) fn campus(scale: Scale) -> Vec<FrameBatch> {
    batches(&mut Traffic::new(Profile::Campus, 1, 1000), scale.pick(PACKETS, PACKETS_SMALL) / 2)
}

/// The next packets of some traffic.
fn batches(traffic: &mut Traffic, packets: u64) -> Vec<FrameBatch> {
    let mut batches = Vec::new();
    let mut batch = FrameBatch::new();
    for _ in 0..packets {
        if batch.is_full() {
            batches.push(std::mem::take(&mut batch));
        }
        let was_pushed = batch.push(traffic.next_frame());
        debug_assert!(was_pushed, "a batch that is not full takes a frame");
    }
    batches.push(batch);
    batches
}

fn packets_in(batches: &[FrameBatch]) -> u64 {
    batches.iter().map(|batch| batch.len() as u64).sum()
}
