//! Flow records out of datagrams of routers: NetFlow v5, v9 with 14 fields, IPFIX with 16, some 1,400 bytes each; next to
//! `netflow_parser` alone. An item is a record, or a forged datagram.

use super::indicators;
use crate::harness::{Run, Scale};
use crate::traffic::chance::Chance;
use netflow_parser::{NetflowPacket, NetflowParser};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use weir_model::record::{ExportedRecord, SampledFrame};
use weir_model::{ExportVersion, Timestamp};
use weir_rules::IndicatorSet;
use weir_wire::export::{ExportDecoder, ExportSink};

const RECORDS: u64 = 600_000;
const RECORDS_SMALL: u64 = 3_000;
/// Bytes of data in a datagram.
const BODY: usize = 1_380;
pub(super) const NOW: u32 = 1_700_000_000;

/// Elements and their lengths, as common exporters send them.
pub(super) const V9_FIELDS: &[(u16, u16)] = &[
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
];
pub(super) const IPFIX_FIELDS: &[(u16, u16)] = &[
    (8, 4),
    (12, 4),
    (5, 1),
    (4, 1),
    (7, 2),
    (11, 2),
    (6, 2),
    (10, 4),
    (14, 4),
    (1, 8),
    (2, 8),
    (152, 8),
    (153, 8),
    (16, 4),
    (17, 4),
    (136, 1),
];

/// Datagrams, the exporter of each, and how many records they hold. Templates come first.
struct Traffic {
    datagrams: Vec<(IpAddr, Vec<u8>)>,
    records: u64,
}

/// Adds up, so that nothing is left out.
#[derive(Default)]
struct Sum(u64);

impl ExportSink for Sum {
    fn record(&mut self, record: &ExportedRecord<'_>) {
        self.0 = self.0.wrapping_add(record.forward.bytes ^ u64::from(record.source_port));
    }

    fn sampled(&mut self, _: &SampledFrame<'_>) {}
}

/// Asks for the addresses of many records at once.
struct Matching {
    set: Arc<IndicatorSet>,
    addresses: Vec<IpAddr>,
    found: u64,
}

impl ExportSink for Matching {
    fn record(&mut self, record: &ExportedRecord<'_>) {
        self.addresses.extend(record.source.into_iter().chain(record.destination));
        if self.addresses.len() >= 256 {
            self.ask();
        }
    }

    fn sampled(&mut self, _: &SampledFrame<'_>) {}
}

impl Matching {
    fn ask(&mut self) {
        let found = &mut self.found;
        self.set.addresses(&self.addresses, |_, _| *found += 1);
        self.addresses.clear();
    }
}

pub(super) fn v5(scale: Scale) -> Run {
    ours(v5_traffic(scale))
}

pub(super) fn v9(scale: Scale) -> Run {
    ours(traffic(scale, ExportVersion::NetFlow9, 1, 1))
}

pub(super) fn ipfix(scale: Scale) -> Run {
    ours(traffic(scale, ExportVersion::Ipfix, 1, 1))
}

pub(super) fn templates_10(scale: Scale) -> Run {
    ours(traffic(scale, ExportVersion::Ipfix, 1, 10))
}

pub(super) fn templates_100(scale: Scale) -> Run {
    ours(traffic(scale, ExportVersion::Ipfix, 1, 100))
}

pub(super) fn templates_1000(scale: Scale) -> Run {
    ours(traffic(scale, ExportVersion::Ipfix, 1, 1_000))
}

pub(super) fn exporters_10(scale: Scale) -> Run {
    ours(traffic(scale, ExportVersion::Ipfix, 10, 1))
}

pub(super) fn exporters_100(scale: Scale) -> Run {
    ours(traffic(scale, ExportVersion::Ipfix, 100, 1))
}

pub(super) fn exporters_1000(scale: Scale) -> Run {
    ours(traffic(scale, ExportVersion::Ipfix, 1_000, 1))
}

/// Each datagram from another address, with a template.
pub(super) fn forged_sources(scale: Scale) -> Run {
    let set = template_set(ExportVersion::NetFlow9, 256, V9_FIELDS);
    let count = scale.pick(RECORDS, RECORDS_SMALL);
    let datagram = message(ExportVersion::NetFlow9, 0, &set);
    let datagrams = (0..count).map(|number| (exporter(number as u32), datagram.clone())).collect();
    ours(Traffic { datagrams, records: count })
}

pub(super) fn v9_matched(scale: Scale) -> Run {
    matched(traffic(scale, ExportVersion::NetFlow9, 1, 1), indicators::set(scale))
}

pub(super) fn ipfix_matched(scale: Scale) -> Run {
    matched(traffic(scale, ExportVersion::Ipfix, 1, 1), indicators::set(scale))
}

pub(super) fn v5_crate(scale: Scale) -> Run {
    theirs(v5_traffic(scale))
}

pub(super) fn v9_crate(scale: Scale) -> Run {
    theirs(traffic(scale, ExportVersion::NetFlow9, 1, 1))
}

pub(super) fn ipfix_crate(scale: Scale) -> Run {
    theirs(traffic(scale, ExportVersion::Ipfix, 1, 1))
}

fn ours(traffic: Traffic) -> Run {
    let mut sink = Sum::default();
    run(traffic, move |decoder, exporter, now, bytes| {
        let taken = decoder.datagram(exporter, now, bytes, &mut sink);
        sink.0.wrapping_add(u64::from(taken.is_ok()))
    })
}

fn matched(traffic: Traffic, set: Arc<IndicatorSet>) -> Run {
    let mut sink = Matching { set, addresses: Vec::with_capacity(512), found: 0 };
    run(traffic, move |decoder, exporter, now, bytes| {
        let taken = decoder.datagram(exporter, now, bytes, &mut sink);
        sink.found.wrapping_add(u64::from(taken.is_ok()))
    })
}

fn run(
    traffic: Traffic,
    mut one: impl FnMut(&mut ExportDecoder, IpAddr, Timestamp, &[u8]) -> u64 + 'static,
) -> Run {
    let now = Timestamp::new(u64::from(NOW), 0);
    let mut decoder = ExportDecoder::default();
    let work = move || {
        let datagrams = traffic.datagrams.iter();
        datagrams
            .fold(0, |sum: u64, (exporter, bytes)| sum.wrapping_add(one(&mut decoder, *exporter, now, bytes)))
    };
    Run { items: traffic.records, work: Box::new(work) }
}

/// The crate alone, from bytes to its vectors of values.
fn theirs(traffic: Traffic) -> Run {
    let mut parser = NetflowParser::default();
    let work = move || {
        let datagrams = traffic.datagrams.iter();
        datagrams.fold(0, |sum: u64, (_, bytes)| {
            let parsed = parser.parse_bytes(bytes);
            let sets = parsed.packets.iter().map(|packet| match packet {
                NetflowPacket::V5(read) => read.flowsets.len(),
                NetflowPacket::V9(read) => read.flowsets.len(),
                NetflowPacket::IPFix(read) => read.flowsets.len(),
                _ => 0,
            });
            sum.wrapping_add(sets.sum::<usize>() as u64)
        })
    };
    Run { items: traffic.records, work: Box::new(work) }
}

fn v5_traffic(scale: Scale) -> Traffic {
    let mut chance = Chance::new(11);
    let mut datagrams = Vec::new();
    let mut records = 0;
    while records < scale.pick(RECORDS, RECORDS_SMALL) {
        let mut bytes = vec![0, 5, 0, 30];
        bytes.extend_from_slice(&60_000_u32.to_be_bytes());
        bytes.extend_from_slice(&NOW.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&(records as u32).to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        fill(&mut bytes, 30 * 48, &mut chance);
        datagrams.push((exporter(0), bytes));
        records += 30;
    }
    Traffic { datagrams, records }
}

/// Each exporter announces all templates; then datagrams go round exporters and templates.
fn traffic(scale: Scale, version: ExportVersion, exporters: u32, templates: u32) -> Traffic {
    let fields = if version == ExportVersion::Ipfix { IPFIX_FIELDS } else { V9_FIELDS };
    let length: usize = fields.iter().map(|(_, length)| usize::from(*length)).sum();
    let in_one = BODY / length;
    let mut chance = Chance::new(12);
    let mut datagrams = Vec::new();
    let mut sent = vec![0; exporters as usize];
    for (number, sent) in (0..exporters).zip(&mut sent) {
        for template in 0..templates {
            let set = template_set(version, 256 + template as u16, fields);
            datagrams.push((exporter(number), message(version, *sent, &set)));
            *sent += u32::from(version == ExportVersion::NetFlow9);
        }
    }
    let mut records = 0;
    let mut turn = 0;
    while records < scale.pick(RECORDS, RECORDS_SMALL) {
        let (number, template) = (turn % exporters, turn / exporters % templates);
        let mut set = Vec::with_capacity(BODY);
        set.extend_from_slice(&(256 + template as u16).to_be_bytes());
        set.extend_from_slice(&((4 + in_one * length) as u16).to_be_bytes());
        fill(&mut set, in_one * length, &mut chance);
        let Some(sent) = sent.get_mut(number as usize) else { break };
        datagrams.push((exporter(number), message(version, *sent, &set)));
        *sent += if version == ExportVersion::NetFlow9 { 1 } else { in_one as u32 };
        records += in_one as u64;
        turn += 1;
    }
    Traffic { datagrams, records }
}

pub(super) fn exporter(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0001 + number))
}

pub(super) fn template_set(version: ExportVersion, id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let set: u16 = if version == ExportVersion::Ipfix { 2 } else { 0 };
    let numbers = [set, 8 + 4 * fields.len() as u16, id, fields.len() as u16].into_iter();
    let numbers = numbers.chain(fields.iter().flat_map(|(number, length)| [*number, *length]));
    numbers.flat_map(u16::to_be_bytes).collect()
}

pub(super) fn message(version: ExportVersion, sequence: u32, set: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(20 + set.len());
    if version == ExportVersion::Ipfix {
        bytes.extend_from_slice(&10_u16.to_be_bytes());
        bytes.extend_from_slice(&(16 + set.len() as u16).to_be_bytes());
    } else {
        bytes.extend_from_slice(&9_u16.to_be_bytes());
        bytes.extend_from_slice(&1_u16.to_be_bytes());
        bytes.extend_from_slice(&60_000_u32.to_be_bytes());
    }
    for number in [NOW, sequence, 7] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(set);
    bytes
}

fn fill(bytes: &mut Vec<u8>, count: usize, chance: &mut Chance) {
    bytes.extend((0..count).map(|_| chance.below(256) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_decoded_by_both() {
        for version in [ExportVersion::NetFlow9, ExportVersion::Ipfix] {
            let traffic = traffic(Scale::Small, version, 3, 5);
            let (mut decoder, mut parsers) = (ExportDecoder::default(), std::collections::HashMap::new());
            let mut theirs = 0;
            for (exporter, bytes) in &traffic.datagrams {
                let now = Timestamp::new(u64::from(NOW), 0);
                assert_eq!(decoder.datagram(*exporter, now, bytes, &mut Sum::default()), Ok(()));
                let parser: &mut NetflowParser = parsers.entry(*exporter).or_default();
                theirs += parser.parse_bytes(bytes).packets.len();
            }
            assert_eq!(theirs, traffic.datagrams.len());
            let stats = decoder.stats();
            assert_eq!(stats.records, traffic.records);
            assert_eq!((stats.sequence.lost, stats.sequence.repeated), (0, 0));
        }
    }
}
