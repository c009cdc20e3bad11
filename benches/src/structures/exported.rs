//! Exported records into flows: records alone, from one and two threads; and from datagrams, with all new flows matched.
//! An item is a record.

use super::export::{IPFIX_FIELDS, NOW, V9_FIELDS, exporter, message, template_set};
use super::indicators;
use crate::harness::{Run, Scale};
use crate::traffic::chance::Chance;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use weir_flow::{EndedExported, ExportedBatch, ExportedFlows, ExportedFlowsConfig, ExportedSink};
use weir_model::flow::FlowHead;
use weir_model::record::{Counters, ExportedRecord, Origin, SampledFrame};
use weir_model::{ExportVersion, Observation, Protocol, Timestamp};
use weir_rules::IndicatorSet;
use weir_wire::export::{ExportDecoder, ExportSink};

/// Records of a run.
const RECORDS: u64 = 4_000_000;
const RECORDS_SMALL: u64 = 3_000;
/// Records of a run that come in datagrams.
const IN_DATAGRAMS: u64 = 2_000_000;
/// Bytes of data in a datagram.
const BODY: usize = 1_380;

pub(super) fn known_100k(scale: Scale) -> Run {
    known(scale, 100_000, 1)
}

pub(super) fn known_1m(scale: Scale) -> Run {
    known(scale, 1_000_000, 1)
}

pub(super) fn known_10m(scale: Scale) -> Run {
    known(scale, 10_000_000, 1)
}

pub(super) fn known_1m_two_threads(scale: Scale) -> Run {
    known(scale, 1_000_000, 2)
}

/// Every record begins a flow, and pushes another out.
pub(super) fn flood(scale: Scale) -> Run {
    let flows = flows(scale.pick(200_000, 300), 1);
    open(&flows, 0..scale.pick(400_000, 600));
    let count = scale.pick(RECORDS, RECORDS_SMALL);
    let first = 1 << 24;
    Run { items: count, work: Box::new(move || put(&flows, first, first..first + count)) }
}

pub(super) fn v9_known(scale: Scale) -> Run {
    whole(scale, ExportVersion::NetFlow9, 1, 1, Conversations::Known)
}

pub(super) fn ipfix_known(scale: Scale) -> Run {
    whole(scale, ExportVersion::Ipfix, 1, 1, Conversations::Known)
}

pub(super) fn v9_new(scale: Scale) -> Run {
    whole(scale, ExportVersion::NetFlow9, 1, 1, Conversations::New)
}

pub(super) fn ipfix_new(scale: Scale) -> Run {
    whole(scale, ExportVersion::Ipfix, 1, 1, Conversations::New)
}

pub(super) fn ipfix_10_templates_and_exporters(scale: Scale) -> Run {
    whole(scale, ExportVersion::Ipfix, 10, 10, Conversations::Known)
}

pub(super) fn ipfix_100_templates_and_exporters(scale: Scale) -> Run {
    whole(scale, ExportVersion::Ipfix, 100, 100, Conversations::Known)
}

pub(super) fn ipfix_1000_templates(scale: Scale) -> Run {
    whole(scale, ExportVersion::Ipfix, 1, 1_000, Conversations::Known)
}

pub(super) fn ipfix_1000_exporters(scale: Scale) -> Run {
    whole(scale, ExportVersion::Ipfix, 1_000, 1, Conversations::Known)
}

type Flows = Arc<ExportedFlows<u32>>;

fn flows(room: u64, threads: usize) -> Flows {
    let table_bytes = room as usize * 320;
    Arc::new(ExportedFlows::new(
        ExportedFlowsConfig { threads, table_bytes, ..ExportedFlowsConfig::default() },
        None,
    ))
}

/// All conversations are open; records of them come in no order.
fn known(scale: Scale, conversations: u64, threads: u64) -> Run {
    let conversations = scale.pick(conversations, 1_000);
    let flows = flows(conversations, threads as usize);
    open(&flows, 0..conversations);
    let count = scale.pick(RECORDS, RECORDS_SMALL);
    let work = move || {
        let share = |thread: u64| {
            let mut chance = Chance::new(7 + thread);
            let any = (0..count / threads).map(|_| chance.below(conversations));
            put(&flows, (thread + 1) << 32, any)
        };
        let share = &share;
        std::thread::scope(|scope| {
            for thread in 1..threads {
                scope.spawn(move || share(thread));
            }
            share(0)
        })
    };
    Run { items: count, work: Box::new(work) }
}

fn open(flows: &Flows, conversations: std::ops::Range<u64>) {
    put(flows, 0, conversations);
}

/// Puts a record of each conversation in.
fn put(flows: &Flows, first: u64, conversations: impl Iterator<Item = u64>) -> u64 {
    let mut batch = flows.batch();
    let mut sink = Count::default();
    let mut record = ExportedRecord::empty(origin());
    for (number, conversation) in (first..).zip(conversations) {
        fill(&mut record, conversation, number & 1 == 1);
        batch.push(number, &record);
        if batch.is_full() {
            flows.take(&mut batch, &mut sink);
        }
    }
    flows.take(&mut batch, &mut sink);
    sink.began + sink.ended
}

fn origin() -> Origin {
    let time = Timestamp::new(u64::from(NOW), 0);
    Origin { exporter: exporter(0), version: ExportVersion::Ipfix, domain: 7, exported: time, received: time }
}

fn fill(record: &mut ExportedRecord<'_>, conversation: u64, is_answer: bool) {
    let (client, server) = ends(conversation);
    let (source, destination) = if is_answer { (server, client) } else { (client, server) };
    (record.source, record.source_port) = (Some(source.0.into()), source.1);
    (record.destination, record.destination_port) = (Some(destination.0.into()), destination.1);
    record.protocol = Some(Protocol::TCP);
    record.forward = Counters { packets: 12, bytes: 9_000 };
    (record.input, record.output) = (Some(3), Some(4));
    (record.source_as, record.destination_as) = (Some(64_500), Some(64_501));
    record.tcp_flags = Some(0x1b);
    record.first = Some(Timestamp::new(u64::from(NOW) - 60, 0));
    record.last = Some(Timestamp::new(u64::from(NOW) - 2, 0));
}

/// Client and server of a conversation.
fn ends(conversation: u64) -> ((Ipv4Addr, u16), (Ipv4Addr, u16)) {
    let client = Ipv4Addr::from_bits(0x0a00_0000 | (conversation as u32 & 0x00ff_ffff));
    let server = Ipv4Addr::from_bits(0xc633_0000 | (conversation.wrapping_mul(40_503) as u32 >> 8 & 0xffff));
    ((client, 1_024 + (conversation >> 24) as u16), (server, 443))
}

#[derive(Default)]
struct Count {
    began: u64,
    ended: u64,
}

impl ExportedSink<u32> for Count {
    fn began(&mut self, _: &FlowHead<'_>) {
        self.began += 1;
    }

    fn translated(&mut self, _: &FlowHead<'_>) {}

    fn observed(&mut self, _: &FlowHead<'_>, _: &Observation) {}

    fn ended(&mut self, ended: EndedExported<'_>, _: u32) {
        self.ended += 1 + (ended.first().as_nanos() & 1);
    }
}

/// Which conversations datagrams tell of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Conversations {
    /// A million that are open.
    Known,
    /// One that nobody told of in each record.
    New,
}

/// From datagrams to flows; the addresses of those that begin are matched with a million indicators. A conversation is always
/// told of by the same exporter.
fn whole(scale: Scale, version: ExportVersion, exporters: u32, templates: u32, which: Conversations) -> Run {
    let count = scale.pick(IN_DATAGRAMS, RECORDS_SMALL);
    let known = scale.pick(1_000_000, 1_000);
    let room = if which == Conversations::New { count + 2 * known } else { known };
    let flows = flows(room, 1);
    let mut collector = Collector {
        batch: flows.batch(),
        flows,
        matching: Matching { set: indicators::set(scale), addresses: Vec::with_capacity(1_024), found: 0 },
        number: 0,
    };
    let mut chance = Chance::new(5);
    let (mut of_exporter, mut left) = (vec![0; exporters as usize], known);
    let step = u64::from(exporters);
    let datagrams = datagrams(version, (exporters, templates), known + count, |exporter| {
        let any = chance.below(known / step);
        let place = match of_exporter.get_mut(exporter as usize) {
            Some(next) if left > 0 || which == Conversations::New => {
                left = left.saturating_sub(1);
                *next += 1;
                *next - 1
            }
            _ => any,
        };
        place * step + u64::from(exporter)
    });
    let mut decoder = ExportDecoder::default();
    let mut rest = datagrams.into_iter();
    while collector.number < known
        && let Some((exporter, bytes)) = rest.next()
    {
        collector.datagram(&mut decoder, exporter, &bytes);
    }
    collector.hand_over();
    let (datagrams, opened) = (rest.collect::<Vec<_>>(), collector.number);
    let work = move || {
        for (exporter, bytes) in &datagrams {
            collector.datagram(&mut decoder, *exporter, bytes);
        }
        collector.hand_over();
        collector.flows.stats().merged + collector.matching.found
    };
    Run { items: known + count - opened, work: Box::new(work) }
}

/// What a collector thread does.
struct Collector {
    flows: Flows,
    batch: ExportedBatch,
    matching: Matching,
    number: u64,
}

struct Matching {
    set: Arc<IndicatorSet>,
    addresses: Vec<IpAddr>,
    found: u64,
}

impl Collector {
    fn datagram(&mut self, decoder: &mut ExportDecoder, exporter: IpAddr, bytes: &[u8]) {
        // What was refused is missing from the records, which a test counts.
        let _ = decoder.datagram(exporter, Timestamp::new(u64::from(NOW), 0), bytes, self);
    }

    fn hand_over(&mut self) {
        self.flows.take(&mut self.batch, &mut self.matching);
        let Matching { set, addresses, found } = &mut self.matching;
        set.addresses(addresses, |_, _| *found += 1);
        addresses.clear();
    }
}

impl ExportSink for Collector {
    fn record(&mut self, record: &ExportedRecord<'_>) {
        self.batch.push(self.number, record);
        self.number += 1;
        if self.batch.is_full() {
            self.hand_over();
        }
    }

    fn sampled(&mut self, _: &SampledFrame<'_>) {}
}

impl ExportedSink<u32> for Matching {
    fn began(&mut self, head: &FlowHead<'_>) {
        self.addresses.extend([head.source.ip, head.destination.ip]);
    }

    fn translated(&mut self, _: &FlowHead<'_>) {}

    fn observed(&mut self, _: &FlowHead<'_>, _: &Observation) {}

    fn ended(&mut self, _: EndedExported<'_>, _: u32) {}
}

/// Each exporter announces all templates; then datagrams go round exporters and templates.
fn datagrams(
    version: ExportVersion,
    (exporters, templates): (u32, u32),
    count: u64,
    mut conversation: impl FnMut(u32) -> u64,
) -> Vec<(IpAddr, Vec<u8>)> {
    let fields = if version == ExportVersion::Ipfix { IPFIX_FIELDS } else { V9_FIELDS };
    let length: usize = fields.iter().map(|(_, length)| usize::from(*length)).sum();
    let in_one = BODY / length;
    let mut datagrams = Vec::new();
    let mut sent = vec![0; exporters as usize];
    for (number, sent) in (0..exporters).zip(&mut sent) {
        for template in 0..templates {
            let set = template_set(version, 256 + template as u16, fields);
            datagrams.push((exporter(number), message(version, *sent, &set)));
            *sent += u32::from(version == ExportVersion::NetFlow9);
        }
    }
    let (mut records, mut turn) = (0, 0);
    while records < count {
        let here = in_one.min((count - records) as usize);
        let (number, template) = (turn % exporters, turn / exporters % templates);
        let mut set = Vec::with_capacity(BODY);
        set.extend_from_slice(&(256 + template as u16).to_be_bytes());
        set.extend_from_slice(&((4 + here * length) as u16).to_be_bytes());
        for _ in 0..here {
            write_record(&mut set, fields, conversation(number));
        }
        let Some(sent) = sent.get_mut(number as usize) else { break };
        datagrams.push((exporter(number), message(version, *sent, &set)));
        *sent += if version == ExportVersion::NetFlow9 { 1 } else { here as u32 };
        records += here as u64;
        turn += 1;
    }
    datagrams
}

/// Values of the fields that say whose record it is; what remains are small numbers.
fn write_record(bytes: &mut Vec<u8>, fields: &[(u16, u16)], conversation: u64) {
    let ((client, client_port), (server, server_port)) = ends(conversation);
    for (element, length) in fields {
        let value = match element {
            8 => u64::from(client.to_bits()),
            12 => u64::from(server.to_bits()),
            7 => u64::from(client_port),
            11 => u64::from(server_port),
            4 => 6,
            6 => 0x1b,
            1 => 9_000,
            2 => 12,
            22 => 1_000,
            21 => 59_000,
            152 => (u64::from(NOW) - 60) * 1_000,
            153 => (u64::from(NOW) - 2) * 1_000,
            _ => 3,
        };
        let all = value.to_be_bytes();
        bytes.extend_from_slice(all.get(8 - usize::from(*length)..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_of_a_datagram_is_in_a_flow() {
        for version in [ExportVersion::NetFlow9, ExportVersion::Ipfix] {
            for which in [Conversations::Known, Conversations::New] {
                let mut run = whole(Scale::Small, version, 3, 2, which);
                assert_eq!((run.work)(), 1_000 + RECORDS_SMALL, "{version:?}");
                assert!(run.items > RECORDS_SMALL - 100, "all but what opened flows is measured");
            }
        }
    }

    #[test]
    fn known_conversations_begin_nothing_and_floods_only() {
        let flows = flows(10_000, 1);
        assert_eq!(put(&flows, 0, 0..1_000), 1_000);
        assert_eq!(put(&flows, 1_000, 0..1_000), 0);
        assert_eq!(flows.stats().open, 1_000);
        assert!((flood(Scale::Small).work)() >= RECORDS_SMALL);
    }
}
