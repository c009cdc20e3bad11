//! NetFlow v1, v5 and v7: records of a fixed form.
//!
//! v5 and v7 are read by `netflow_parser`, whose parsers for them hold no state; v1, which it does not know, by hand. All three
//! are described in Cisco's "NetFlow Export Datagram Format".

use super::decoder::ExportSink;
use super::domain::DomainKey;
use super::exporter::Environment;
use super::message::finish_icmp;
use super::refused::Refused;
use super::time::Clock;
use crate::cursor::{Cursor, Short};
use netflow_parser::static_versions::{v5, v7};
use std::net::{IpAddr, Ipv4Addr};
use weir_model::record::{Counters, ExportedRecord, Origin, Sampling, SamplingSource};
use weir_model::{ExportVersion, Protocol, Timestamp};

/// Length of the header that v5 and v7 share.
const HEADER: usize = 24;
const V5_RECORDS: usize = 30;
const V5_LENGTH: usize = 48;
const V7_RECORDS: usize = 28;
const V7_LENGTH: usize = 52;
const V1_HEADER: usize = 16;
const V1_RECORDS: usize = 24;
const V1_LENGTH: usize = 52;
/// v5: the two upper bits of the sampling field are its mode.
const SAMPLING_INTERVAL: u16 = 0x3fff;

/// A datagram of one of them.
#[derive(Debug)]
pub(super) enum Fixed {
    V1(V1),
    V5(v5::V5),
    V7(v7::V7),
}

#[derive(Debug)]
pub(super) struct V1 {
    uptime: u32,
    exported: Timestamp,
    records: Vec<[u8; V1_LENGTH]>,
}

impl Fixed {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        let (head, behind_version) = bytes.split_first_chunk::<2>().ok_or(Refused::TooShort)?;
        match u16::from_be_bytes(*head) {
            5 => {
                check_count(bytes, HEADER, V5_RECORDS, V5_LENGTH)?;
                v5::V5::parse_direct(behind_version)
                    .map(|(_, read)| Self::V5(read))
                    .map_err(|_| Refused::Truncated)
            }
            7 => {
                check_count(bytes, HEADER, V7_RECORDS, V7_LENGTH)?;
                v7::V7::parse_direct(behind_version)
                    .map(|(_, read)| Self::V7(read))
                    .map_err(|_| Refused::Truncated)
            }
            _ => {
                check_count(bytes, V1_HEADER, V1_RECORDS, V1_LENGTH)?;
                V1::parse(bytes).map(Self::V1).map_err(|_| Refused::Truncated)
            }
        }
    }

    pub(super) fn key(&self) -> DomainKey {
        let (version, id) = match self {
            Self::V1(_) => (ExportVersion::NetFlow1, 0),
            Self::V5(read) => {
                let engine = [read.header.engine_type, read.header.engine_id];
                (ExportVersion::NetFlow5, u32::from(u16::from_be_bytes(engine)))
            }
            Self::V7(_) => (ExportVersion::NetFlow7, 0),
        };
        DomainKey { version, id, session: None, agent: None }
    }

    pub(super) fn exported(&self) -> Timestamp {
        let (seconds, nanos) = match self {
            Self::V1(read) => return read.exported,
            Self::V5(read) => (read.header.unix_secs, read.header.unix_nsecs),
            Self::V7(read) => (read.header.unix_secs, read.header.unix_nsecs),
        };
        Timestamp::new(u64::from(seconds), nanos)
    }

    pub(super) const fn uptime(&self) -> u32 {
        match self {
            Self::V1(read) => read.uptime,
            Self::V5(read) => read.header.sys_up_time,
            Self::V7(read) => read.header.sys_up_time,
        }
    }

    /// The number of its first flow; v1 does not number them.
    pub(super) const fn number(&self) -> Option<u32> {
        match self {
            Self::V1(_) => None,
            Self::V5(read) => Some(read.header.flow_sequence),
            Self::V7(read) => Some(read.header.flow_sequence),
        }
    }

    /// Length of the datagram, by its header.
    pub(super) const fn length(&self) -> usize {
        match self {
            Self::V1(read) => V1_HEADER + read.records.len() * V1_LENGTH,
            Self::V5(read) => HEADER + read.flowsets.len() * V5_LENGTH,
            Self::V7(read) => HEADER + read.flowsets.len() * V7_LENGTH,
        }
    }

    /// Hands its records on; gives their number.
    pub(super) fn decode<S: ExportSink + ?Sized>(&self, env: &mut Environment<'_, S>) -> u32 {
        let key = self.key();
        let origin = Origin {
            exporter: env.address,
            version: key.version,
            domain: key.id,
            exported: self.exported(),
            received: env.now,
        };
        let clock = Clock { exported: origin.exported, uptime: Some(self.uptime()), boot: None };
        let mut record = ExportedRecord::empty(origin);
        let sampling = self.sampling();
        let mut hand_on = |flow: &Flow| {
            flow.write(&mut record, &clock);
            record.sampling = sampling;
            env.record(&mut record);
        };
        match self {
            Self::V1(read) => {
                let flows = read.records.iter().filter_map(|bytes| Flow::of_v1(bytes).ok());
                flows.map(|flow| hand_on(&flow)).count() as u32
            }
            Self::V5(read) => read.flowsets.iter().map(|flow| hand_on(&Flow::from(flow))).count() as u32,
            Self::V7(read) => read.flowsets.iter().map(|flow| hand_on(&Flow::from(flow))).count() as u32,
        }
    }

    fn sampling(&self) -> Option<Sampling> {
        match self {
            Self::V5(read) => {
                let interval = read.header.sampling_interval & SAMPLING_INTERVAL;
                Sampling::new(1, u32::from(interval), SamplingSource::Header)
            }
            Self::V1(_) | Self::V7(_) => None,
        }
    }
}

/// A number of records that the version allows, and bytes for them.
fn check_count(bytes: &[u8], header: usize, most: usize, length: usize) -> Result<(), Refused> {
    if bytes.len() < header {
        return Err(Refused::TooShort);
    }
    let count =
        bytes.get(2..4).map_or(0, |count| count.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
    if count == 0 || count > most {
        return Err(Refused::RecordCount);
    }
    if bytes.len() < header + count * length { Err(Refused::Truncated) } else { Ok(()) }
}

impl V1 {
    fn parse(bytes: &[u8]) -> Result<Self, Short> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip(2)?;
        let count = cursor.u16()?;
        let uptime = cursor.u32()?;
        let exported = Timestamp::new(u64::from(cursor.u32()?), cursor.u32()?);
        let records = (0..count).map(|_| cursor.array()).collect::<Result<_, _>>()?;
        Ok(Self { uptime, exported, records })
    }
}

/// What the three have in common.
struct Flow {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    next_hop: Ipv4Addr,
    input: u16,
    output: u16,
    packets: u32,
    bytes: u32,
    first: u32,
    last: u32,
    source_port: u16,
    destination_port: u16,
    tcp_flags: u8,
    protocol: u8,
    tos: u8,
    /// Autonomous systems and prefix lengths, from v5 on.
    routing: Option<Routing>,
}

struct Routing {
    source_as: u16,
    destination_as: u16,
    source_prefix: u8,
    destination_prefix: u8,
}

impl Flow {
    /// Into a record whose other fields are the same for all flows of a datagram.
    fn write(&self, record: &mut ExportedRecord<'_>, clock: &Clock) {
        let routing = self.routing.as_ref();
        record.source = Some(IpAddr::V4(self.source));
        record.destination = Some(IpAddr::V4(self.destination));
        record.source_port = self.source_port;
        record.destination_port = self.destination_port;
        record.protocol = Some(Protocol(self.protocol));
        record.icmp = None;
        record.forward = Counters { packets: u64::from(self.packets), bytes: u64::from(self.bytes) };
        record.first = Some(clock.of_uptime(self.first, 0, None));
        record.last = Some(clock.of_uptime(self.last, 0, None));
        record.tcp_flags = Some(u16::from(self.tcp_flags));
        record.tos = Some(self.tos);
        record.input = Some(u32::from(self.input));
        record.output = Some(u32::from(self.output));
        record.next_hop = Some(IpAddr::V4(self.next_hop));
        record.source_as = routing.map(|routing| u32::from(routing.source_as));
        record.destination_as = routing.map(|routing| u32::from(routing.destination_as));
        record.source_prefix_len = routing.map(|routing| routing.source_prefix);
        record.destination_prefix_len = routing.map(|routing| routing.destination_prefix);
        finish_icmp(record);
    }

    /// Addresses and next hop, interfaces, packets, bytes, first and last uptime, ports, two bytes of padding, protocol, type of
    /// service, TCP flags, padding.
    fn of_v1(bytes: &[u8; V1_LENGTH]) -> Result<Self, Short> {
        let mut cursor = Cursor::new(bytes);
        let mut address = || cursor.array::<4>().map(Ipv4Addr::from);
        let (source, destination, next_hop) = (address()?, address()?, address()?);
        let (input, output) = (cursor.u16()?, cursor.u16()?);
        let (packets, bytes, first, last) = (cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?);
        let (source_port, destination_port) = (cursor.u16()?, cursor.u16()?);
        cursor.skip(2)?;
        let (protocol, tos, tcp_flags) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        Ok(Self {
            source,
            destination,
            next_hop,
            input,
            output,
            packets,
            bytes,
            first,
            last,
            source_port,
            destination_port,
            tcp_flags,
            protocol,
            tos,
            routing: None,
        })
    }
}

/// The crate's records of v5 and v7 have the same fields.
macro_rules! flow_from {
    ($record:ty, $flags:ident) => {
        impl From<&$record> for Flow {
            fn from(read: &$record) -> Self {
                Self {
                    source: read.src_addr,
                    destination: read.dst_addr,
                    next_hop: read.next_hop,
                    input: read.input,
                    output: read.output,
                    packets: read.d_pkts,
                    bytes: read.d_octets,
                    first: read.first,
                    last: read.last,
                    source_port: read.src_port,
                    destination_port: read.dst_port,
                    tcp_flags: read.$flags,
                    protocol: read.protocol_number,
                    tos: read.tos,
                    routing: Some(Routing {
                        source_as: read.src_as,
                        destination_as: read.dst_as,
                        source_prefix: read.src_mask,
                        destination_prefix: read.dst_mask,
                    }),
                }
            }
        }
    };
}

flow_from!(v5::FlowSet, tcp_flags);
flow_from!(v7::FlowSet, tcp_flags);
