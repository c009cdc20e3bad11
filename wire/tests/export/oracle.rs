//! `netflow_parser` on its own against the plans: the same records in all datagrams of the corpora, value by value.

use crate::corpora;
use crate::sink::Kept;
use netflow_parser::variable_versions::field_value::FieldValue;
use netflow_parser::variable_versions::{ipfix, v9};
use netflow_parser::{IpfixField, NetflowPacket, NetflowParser, PendingFlowsConfig};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use weir_model::Timestamp;
use weir_model::record::ExportedRecord;
use weir_wire::export::ExportDecoder;

/// Datagrams that the crate does not read as we do, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("ipfix_test_ixia_tpldata256.dat", "it stops at an empty value of variable length"),
    ("ipfix_test_ixia_tpldata271.dat", "it stops at an empty value of variable length"),
    ("ipfix_test_procera_data52935.dat", "it stops at an empty value of variable length"),
    ("netflow9_test_h3c_netstream_varstring_data3281.dat", "it refuses variable length in v9"),
    (
        "netflow9_test_paloalto_81_data257_1flowset_in_large_zerofilled_packet.dat",
        "it refuses the datagram for the zeros behind its only set",
    ),
];

/// A record as the crate has it: bytes by (enterprise, element); the same element may be there several times.
#[derive(Default)]
pub(crate) struct Theirs {
    pub(crate) uptime: Option<u32>,
    pub(crate) exported: u64,
    pub(crate) values: BTreeMap<(u32, u16), Vec<Vec<u8>>>,
}

#[test]
fn every_value_of_every_record_is_the_same() {
    for name in ["netflow/logstash", "netflow/beats/dat"] {
        let Some(folder) = corpora::folder(name) else { return };
        let (mut compared, mut values) = (0, 0);
        for files in corpora::by_device(corpora::files(&folder, "dat")) {
            let mut decoder = ExportDecoder::default();
            let mut parser = NetflowParser::builder()
                .with_pending_flows(PendingFlowsConfig::default())
                .build()
                .expect("a parser");
            for (name, bytes) in files {
                for datagram in corpora::datagrams(&bytes) {
                    let mut sink = Kept::default();
                    let address = IpAddr::from([192, 0, 2, 1]);
                    let _ = decoder.datagram(address, Timestamp::EPOCH, datagram, &mut sink);
                    let theirs = records(&mut parser, datagram);
                    if DIFFERENT.iter().any(|(different, _)| *different == name) {
                        assert_ne!(theirs.len(), sink.records.len(), "{name} is the same");
                        continue;
                    }
                    assert_eq!(sink.records.len(), theirs.len(), "{name}: records");
                    for (ours, theirs) in sink.records.iter().zip(&theirs) {
                        values += compare(&name, ours, theirs);
                        compared += 1;
                    }
                }
            }
        }
        println!("{name}: {compared} records, {values} values");
        assert!(compared > 400 && values > 5_000, "{compared} records, {values} values");
    }
}

/// Flow records of a datagram, in their order.
fn records(parser: &mut NetflowParser, datagram: &[u8]) -> Vec<Theirs> {
    let mut all = Vec::new();
    for packet in parser.iter_packets(datagram).take(1).flatten() {
        match packet {
            NetflowPacket::V5(read) => all.extend(read.flowsets.iter().map(|flow| of_v5(&read.header, flow))),
            NetflowPacket::V9(read) => {
                let (uptime, exported) = (Some(read.header.sys_up_time), read.header.unix_secs);
                for set in read.flowsets {
                    let v9::FlowSetBody::Data(data) = set.body else { continue };
                    for record in data.fields {
                        let fields = record.iter().map(|(field, value)| ((0, u16::from(*field)), value));
                        all.push(Theirs::new(uptime, exported, fields));
                    }
                }
            }
            NetflowPacket::IPFix(read) => {
                for set in read.flowsets {
                    let ipfix::FlowSetBody::Data(data) = set.body else { continue };
                    for record in data.fields {
                        let fields =
                            record.iter().filter_map(|(field, value)| Some((number_of(*field)?, value)));
                        all.push(Theirs::new(None, read.header.export_time, fields));
                    }
                }
            }
            _ => {}
        }
    }
    all
}

impl Theirs {
    fn new<'a>(
        uptime: Option<u32>,
        exported: u32,
        fields: impl Iterator<Item = ((u32, u16), &'a FieldValue)>,
    ) -> Self {
        let mut values: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (number, value) in fields {
            let mut bytes = Vec::new();
            value.write_be_bytes(&mut bytes).expect("written to memory");
            values.entry(number).or_default().push(bytes);
        }
        Self { uptime, exported: u64::from(exported) * 1_000_000_000, values }
    }
}

fn of_v5(
    header: &netflow_parser::static_versions::v5::Header,
    flow: &netflow_parser::static_versions::v5::FlowSet,
) -> Theirs {
    let fields = [
        (8, flow.src_addr.octets().to_vec()),
        (12, flow.dst_addr.octets().to_vec()),
        (15, flow.next_hop.octets().to_vec()),
        (10, flow.input.to_be_bytes().to_vec()),
        (14, flow.output.to_be_bytes().to_vec()),
        (2, flow.d_pkts.to_be_bytes().to_vec()),
        (1, flow.d_octets.to_be_bytes().to_vec()),
        (22, flow.first.to_be_bytes().to_vec()),
        (21, flow.last.to_be_bytes().to_vec()),
        (7, flow.src_port.to_be_bytes().to_vec()),
        (11, flow.dst_port.to_be_bytes().to_vec()),
        (6, vec![flow.tcp_flags]),
        (4, vec![flow.protocol_number]),
        (5, vec![flow.tos]),
        (16, flow.src_as.to_be_bytes().to_vec()),
        (17, flow.dst_as.to_be_bytes().to_vec()),
        (9, vec![flow.src_mask]),
        (13, vec![flow.dst_mask]),
    ];
    Theirs {
        uptime: Some(header.sys_up_time),
        exported: u64::from(header.unix_secs) * 1_000_000_000 + u64::from(header.unix_nsecs),
        values: fields.into_iter().map(|(number, bytes)| ((0, number), vec![bytes])).collect(),
    }
}

/// The number of an element that has a name in the crate.
fn number_of(field: IpfixField) -> Option<(u32, u16)> {
    if let IpfixField::Enterprise { enterprise_number, field_number } = field {
        return Some((enterprise_number, field_number));
    }
    let candidates = [(0, None), (29305, Some(29305)), (6871, Some(6871))];
    candidates.into_iter().find_map(|(enterprise, named)| {
        (1..600).find(|number| IpfixField::new(*number, named) == field).map(|number| (enterprise, number))
    })
}

/// Compares every value that has a place in the record; gives their number.
fn compare(name: &str, ours: &ExportedRecord<'_>, theirs: &Theirs) -> usize {
    let mut compared = 0;
    for ((enterprise, number), values) in &theirs.values {
        let Some(slot) = slot(ours, *enterprise, *number) else { continue };
        let is_same = values.iter().any(|bytes| slot.holds(bytes, theirs));
        assert!(is_same, "{name}: element {enterprise}/{number} is {values:?}, we have {slot:?} in {ours:?}");
        compared += 1;
    }
    compared
}

/// Where an element went.
#[derive(Debug)]
pub(crate) enum Slot {
    Number(Option<u64>),
    /// A counter, where another element may count for it if it is zero.
    Counter(u64),
    Address(Option<IpAddr>),
    Uptime(Option<Timestamp>),
    /// So many nanoseconds for one of the element.
    Time(Option<Timestamp>, u64),
    /// Seconds since 1900 and a fraction.
    Ntp(Option<Timestamp>),
    Text(Option<Vec<u8>>),
}

pub(crate) fn slot(record: &ExportedRecord<'_>, enterprise: u32, number: u16) -> Option<Slot> {
    let counter = |count: u64| Some(Slot::Counter(count));
    let value = |value: Option<u64>| Some(Slot::Number(value));
    let text = |name: Option<&[u8]>| Some(Slot::Text(name.map(<[u8]>::to_vec)));
    match (enterprise, number) {
        (5951, 130) => return text(record.http_target),
        (5951, 142) => return text(record.http_host),
        (29305, 1 | 85) => return counter(record.reverse.map_or(0, |reverse| reverse.bytes)),
        (29305, 2 | 86) => return counter(record.reverse.map_or(0, |reverse| reverse.packets)),
        (0, _) => {}
        _ => return None,
    }
    match number {
        1 | 85 | 231 => counter(record.forward.bytes),
        2 | 86 | 298 => counter(record.forward.packets),
        232 => counter(record.reverse.map_or(0, |reverse| reverse.bytes)),
        299 => counter(record.reverse.map_or(0, |reverse| reverse.packets)),
        4 => value(record.protocol.map(|protocol| u64::from(protocol.0))),
        5 => value(record.tos.map(u64::from)),
        6 => value(record.tcp_flags.map(u64::from)),
        180 | 182 => counter(u64::from(record.source_port)),
        181 | 183 => counter(u64::from(record.destination_port)),
        7 => value(Some(u64::from(record.source_port))),
        11 => value(Some(u64::from(record.destination_port))),
        8 | 27 => Some(Slot::Address(record.source)),
        12 | 28 => Some(Slot::Address(record.destination)),
        9 | 29 => counter(record.source_prefix_len.map_or(0, u64::from)),
        13 | 30 => counter(record.destination_prefix_len.map_or(0, u64::from)),
        10 => value(record.input.map(u64::from)),
        14 => value(record.output.map(u64::from)),
        15 | 62 => Some(Slot::Address(record.next_hop)),
        18 | 63 => Some(Slot::Address(record.bgp_next_hop)),
        16 => value(record.source_as.map(u64::from)),
        17 => value(record.destination_as.map(u64::from)),
        32 | 139 => value(record.icmp.map(|(kind, code)| u64::from(kind) << 8 | u64::from(code))),
        58 | 243 => counter(record.vlan.map_or(0, u64::from)),
        59 => counter(record.post_vlan.map_or(0, u64::from)),
        61 => value(record.direction.map(|at| at as u64)),
        95 => value(record.application_id),
        96 | 56701 => text(record.application),
        136 => counter(record.end_reason.map_or(0, |reason| reason as u64 + 1)),
        176 | 178 => value(record.icmp.map(|(kind, _)| u64::from(kind))),
        177 | 179 => value(record.icmp.map(|(_, code)| u64::from(code))),
        225 | 40001 => Some(Slot::Address(record.translated.source)),
        226 | 40002 => Some(Slot::Address(record.translated.destination)),
        227 | 40003 => value(Some(u64::from(record.translated.source_port))),
        228 | 40004 => value(Some(u64::from(record.translated.destination_port))),
        230 => value(record.nat_event.map(u64::from)),
        233 | 40005 => value(record.firewall_event.map(u64::from)),
        57659 => text(record.http_host),
        22 => Some(Slot::Uptime(record.first)),
        21 => Some(Slot::Uptime(record.last)),
        150 => Some(Slot::Time(record.first, 1_000_000_000)),
        151 => Some(Slot::Time(record.last, 1_000_000_000)),
        152 => Some(Slot::Time(record.first, 1_000_000)),
        153 => Some(Slot::Time(record.last, 1_000_000)),
        154 => Some(Slot::Ntp(record.first)),
        155 => Some(Slot::Ntp(record.last)),
        195 => counter(record.tos.map_or(0, |tos| u64::from(tos >> 2))),
        _ => None,
    }
}

impl Slot {
    pub(crate) fn holds(&self, bytes: &[u8], theirs: &Theirs) -> bool {
        let value = bytes.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
        match self {
            Self::Number(ours) => *ours == Some(value),
            Self::Counter(ours) => *ours == value || value == 0,
            Self::Address(ours) => {
                let address = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
                let address = address.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
                address.is_ok_and(|address| *ours == Some(address) || address.is_unspecified())
            }
            Self::Uptime(ours) => theirs.uptime.is_none_or(|now| {
                let behind = i64::from(now.wrapping_sub(value as u32).cast_signed());
                let time = i128::from(theirs.exported) - i128::from(behind) * 1_000_000;
                ours.is_some_and(|ours| i128::from(ours.as_nanos()) == time.max(0))
            }),
            Self::Time(ours, unit) => {
                ours.map_or(0, Timestamp::as_nanos) / Duration::from_nanos(*unit).as_nanos() as u64 == value
            }
            Self::Ntp(ours) => {
                let ours = u128::from(ours.map_or(0, Timestamp::as_nanos)) + 2_208_988_800_000_000_000;
                let theirs = u128::from(value >> 32) * 1_000_000_000
                    + ((u128::from(value as u32) * 1_000_000_000) >> 32);
                ours == theirs
            }
            Self::Text(ours) => {
                let text = bytes.iter().rposition(|byte| *byte != 0).map(|last| bytes[..=last].to_vec());
                *ours == text
            }
        }
    }
}

#[test]
fn what_the_crate_does_not_read_is_as_the_table_says() {
    use crate::build::{of, set, template};
    let read = |set_id: u16, version: u16, fields: &[(u64, u16)], data: &[u8], behind: &[u8]| {
        let sets = [set(set_id, &template(256, fields)), set(256, data), behind.to_vec()];
        let datagram =
            if version == 9 { crate::build::v9(1, 0, &sets) } else { crate::build::ipfix(1, 0, &sets) };
        records(&mut NetflowParser::default(), &datagram).len()
    };
    let variable = [(12, 4), (of(3054, 111), 65_535)];
    assert_eq!(read(2, 10, &variable, &[192, 0, 2, 1, 1, b'x'], &[]), 1);
    assert_eq!(read(2, 10, &variable, &[192, 0, 2, 1, 0], &[]), 0, "an empty value of variable length");
    assert_eq!(read(0, 9, &[(12, 4)], &[192, 0, 2, 1], &[]), 1);
    assert_eq!(read(0, 9, &[(12, 4)], &[192, 0, 2, 1], &[0; 8]), 0, "zeros behind the last set");
    assert_eq!(
        read(0, 9, &[(12, 4), (82, 65_535)], &[192, 0, 2, 1, 1, b'x'], &[]),
        0,
        "variable length in v9"
    );
}
