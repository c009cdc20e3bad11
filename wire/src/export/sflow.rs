//! sFlow version 5 (sflow.org, "sFlow Version 5", July 2004): XDR, everything in multiples of four bytes.
//!
//! Flow samples hold the beginning of a packet, or fields of it, and what the switch knows beside. Counter samples are left
//! out and counted.

use super::decoder::ExportSink;
use super::domain::DomainKey;
use super::exporter::Environment;
use super::message::finish_icmp;
use super::refused::Refused;
use crate::cursor::{Cursor, Short};
use std::net::IpAddr;
use weir_model::frame::LinkType;
use weir_model::record::{Counters, ExportedRecord, Origin, SampledFrame, Sampling, SamplingSource};
use weir_model::{ExportVersion, Protocol};

/// Samples of one datagram; the largest in the wild have about 10. What is behind is not read.
const SAMPLES: u32 = 1_024;
/// Records of one sample.
const RECORDS: u32 = 256;
/// Segments of an AS path.
const SEGMENTS: u32 = 64;

/// A datagram less its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct SFlow<'a> {
    agent: IpAddr,
    sub_agent: u32,
    pub(super) number: u32,
    pub(super) uptime: u32,
    samples: u32,
    body: &'a [u8],
}

/// What the records of one sample say together.
#[derive(Clone, Copy, Debug, Default)]
struct Sample<'a> {
    rate: u32,
    input: Option<u32>,
    output: Option<u32>,
    header: Option<Header<'a>>,
    fields: Option<Fields>,
    vlan: Option<u16>,
    post_vlan: Option<u16>,
    next_hop: Option<IpAddr>,
    source_prefix: Option<u8>,
    destination_prefix: Option<u8>,
    source_as: Option<u32>,
    destination_as: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Header<'a> {
    link: LinkType,
    original_len: u32,
    data: &'a [u8],
}

/// sampled_ipv4, sampled_ipv6.
#[derive(Clone, Copy, Debug)]
struct Fields {
    length: u32,
    protocol: u32,
    source: IpAddr,
    destination: IpAddr,
    source_port: u32,
    destination_port: u32,
    tcp_flags: u32,
    tos: u32,
}

impl<'a> SFlow<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Refused> {
        let mut cursor = Cursor::new(bytes);
        if cursor.u32().map_err(|_| Refused::TooShort)? != 5 {
            return Err(Refused::UnknownVersion);
        }
        let mut header = || -> Result<_, Short> {
            let agent = address(&mut cursor)?;
            Ok((agent, cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?))
        };
        let (agent, sub_agent, number, uptime, samples) = header().map_err(|_| Refused::TooShort)?;
        let agent = agent.ok_or(Refused::UnknownVersion)?;
        if samples > SAMPLES {
            return Err(Refused::RecordCount);
        }
        Ok(Self { agent, sub_agent, number, uptime, samples, body: cursor.rest() })
    }

    pub(super) const fn key(&self) -> DomainKey {
        DomainKey {
            version: ExportVersion::SFlow5,
            id: self.sub_agent,
            session: None,
            agent: Some(self.agent),
        }
    }

    /// Hands its samples on.
    pub(super) fn decode<S: ExportSink + ?Sized>(&self, env: &mut Environment<'_, S>) -> Result<(), Refused> {
        let origin = Origin {
            exporter: env.address,
            version: ExportVersion::SFlow5,
            domain: self.sub_agent,
            exported: env.now,
            received: env.now,
        };
        let mut cursor = Cursor::new(self.body);
        let mut taken = false;
        for _ in 0..self.samples {
            let Ok((kind, body)) = next(&mut cursor) else {
                env.stats.faults.count(Refused::SampleLength);
                break;
            };
            taken |= sample(kind, body, origin, env);
        }
        if taken || self.samples == 0 { Ok(()) } else { Err(Refused::SampleLength) }
    }
}

/// A number and as many bytes as it says: how samples and their records are framed.
fn next<'a>(cursor: &mut Cursor<'a>) -> Result<(u32, &'a [u8]), Short> {
    let mut ahead = *cursor;
    let (kind, length) = (ahead.u32()?, ahead.u32()?);
    let body = ahead.take(length as usize)?;
    *cursor = ahead;
    Ok((kind, body))
}

/// Whether the sample was read, or is of a kind that is left out.
fn sample<S: ExportSink + ?Sized>(
    kind: u32,
    body: &[u8],
    origin: Origin,
    env: &mut Environment<'_, S>,
) -> bool {
    let read = match kind {
        1 => Sample::compact(body),
        3 => Sample::expanded(body),
        2 | 4 => {
            env.stats.counter_samples += 1;
            return true;
        }
        _ => {
            env.stats.other_samples += 1;
            return true;
        }
    };
    let Ok((sample, whole)) = read else {
        env.stats.faults.count(Refused::SampleLength);
        return false;
    };
    if !whole {
        env.stats.faults.count(Refused::SampleLength);
    }
    sample.hand_on(origin, env);
    true
}

impl<'a> Sample<'a> {
    /// flow_sample: sequence, source, rate, pool, drops, input, output, records.
    fn compact(body: &'a [u8]) -> Result<(Self, bool), Short> {
        let mut cursor = Cursor::new(body);
        cursor.skip(8)?;
        let rate = cursor.u32()?;
        cursor.skip(8)?;
        let (input, output) = (cursor.u32()?, cursor.u32()?);
        // The two upper bits are the format: 0 is a single interface, of which all ones are the switch itself.
        let single = |value: u32| (value < 0x3fff_ffff).then_some(value);
        let sample = Self { rate, input: single(input), output: single(output), ..Self::default() };
        Ok(sample.with_records(cursor.u32()?, cursor))
    }

    /// flow_sample_expanded: the same, with two words for each interface and source.
    fn expanded(body: &'a [u8]) -> Result<(Self, bool), Short> {
        let mut cursor = Cursor::new(body);
        cursor.skip(12)?;
        let rate = cursor.u32()?;
        cursor.skip(8)?;
        let mut interface = || -> Result<_, Short> {
            let (format, value) = (cursor.u32()?, cursor.u32()?);
            Ok((format == 0 && value != u32::MAX >> 2 && value != u32::MAX).then_some(value))
        };
        let sample = Self { rate, input: interface()?, output: interface()?, ..Self::default() };
        Ok(sample.with_records(cursor.u32()?, cursor))
    }

    /// Reads as many records as are there; the second is whether those were all.
    fn with_records(mut self, count: u32, mut cursor: Cursor<'a>) -> (Self, bool) {
        for _ in 0..count.min(RECORDS) {
            let Ok((kind, body)) = next(&mut cursor) else { return (self, false) };
            if self.record(kind, Cursor::new(body)).is_err() {
                return (self, false);
            }
        }
        (self, count <= RECORDS)
    }

    fn record(&mut self, kind: u32, mut cursor: Cursor<'a>) -> Result<(), Short> {
        match kind {
            1 => self.header = header(&mut cursor)?,
            3 => self.fields = Some(fields(&mut cursor, false)?),
            4 => self.fields = Some(fields(&mut cursor, true)?),
            1001 => {
                self.vlan = Some(cursor.u32()? as u16);
                cursor.skip(4)?;
                self.post_vlan = Some(cursor.u32()? as u16);
            }
            1002 => {
                self.next_hop = address(&mut cursor)?;
                self.source_prefix = Some(cursor.u32()? as u8);
                self.destination_prefix = Some(cursor.u32()? as u8);
            }
            1003 => self.gateway(&mut cursor)?,
            _ => {}
        }
        Ok(())
    }

    /// extended_gateway: next hop, own AS, AS of the source, its peer, path to the destination. The destination's is the last of
    /// the path; with an empty path it is the own one.
    fn gateway(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Short> {
        self.next_hop = self.next_hop.or(address(cursor)?);
        let own = cursor.u32()?;
        self.source_as = Some(cursor.u32()?);
        cursor.skip(4)?;
        let segments = cursor.u32()?;
        let mut last = own;
        for _ in 0..segments.min(SEGMENTS) {
            cursor.skip(4)?;
            let count = cursor.u32()? as usize;
            let path = cursor.take(count.saturating_mul(4))?;
            last = path.last_chunk::<4>().map_or(last, |number| u32::from_be_bytes(*number));
        }
        self.destination_as = Some(last);
        Ok(())
    }

    fn hand_on<S: ExportSink + ?Sized>(&self, origin: Origin, env: &mut Environment<'_, S>) {
        let sampling = Sampling::new(1, self.rate, SamplingSource::Record);
        if let Some(header) = self.header {
            env.sampled(&mut self.frame(header, origin, sampling));
        } else if let Some(fields) = self.fields {
            env.record(&mut self.flow(fields, origin, sampling));
        } else {
            env.stats.other_samples += 1;
        }
    }

    const fn frame(
        &self,
        header: Header<'a>,
        origin: Origin,
        sampling: Option<Sampling>,
    ) -> SampledFrame<'a> {
        SampledFrame {
            origin,
            link: header.link,
            original_len: header.original_len,
            data: header.data,
            sampling,
            input: self.input,
            output: self.output,
            vlan: self.vlan,
            post_vlan: self.post_vlan,
            next_hop: self.next_hop,
            source_as: self.source_as,
            destination_as: self.destination_as,
            source_prefix_len: self.source_prefix,
            destination_prefix_len: self.destination_prefix,
        }
    }

    fn flow(&self, fields: Fields, origin: Origin, sampling: Option<Sampling>) -> ExportedRecord<'static> {
        let mut record = ExportedRecord {
            source: Some(fields.source),
            destination: Some(fields.destination),
            source_port: fields.source_port as u16,
            destination_port: fields.destination_port as u16,
            protocol: Some(Protocol(fields.protocol as u8)),
            forward: Counters { packets: 1, bytes: u64::from(fields.length) },
            sampling,
            first: Some(origin.received),
            last: Some(origin.received),
            tcp_flags: Some(fields.tcp_flags as u16),
            tos: Some(fields.tos as u8),
            input: self.input,
            output: self.output,
            vlan: self.vlan,
            post_vlan: self.post_vlan,
            next_hop: self.next_hop,
            source_as: self.source_as,
            destination_as: self.destination_as,
            source_prefix_len: self.source_prefix,
            destination_prefix_len: self.destination_prefix,
            ..ExportedRecord::empty(origin)
        };
        finish_icmp(&mut record);
        record
    }
}

/// sampled_header: protocol, length on the wire, bytes removed at its end (the check sequence), the header itself. `None` for
/// protocols that have no link type here.
fn header<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Header<'a>>, Short> {
    let (protocol, length, stripped, count) = (cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let data = cursor.take(count as usize)?;
    let original_len = length.saturating_sub(stripped).max(data.len() as u32);
    let link = match protocol {
        1 => LinkType::ETHERNET,
        5 => LinkType::FRAME_RELAY,
        7 | 14 => LinkType::PPP_HDLC,
        11 => LinkType::IPV4,
        12 => LinkType::IPV6,
        15 => LinkType::IEEE802_11,
        _ => return Ok(None),
    };
    Ok(Some(Header { link, original_len, data }))
}

/// sampled_ipv4 and sampled_ipv6: length, protocol, addresses, ports, TCP flags, type of service or priority.
fn fields(cursor: &mut Cursor<'_>, v6: bool) -> Result<Fields, Short> {
    let (length, protocol) = (cursor.u32()?, cursor.u32()?);
    let mut ip = || -> Result<IpAddr, Short> {
        Ok(if v6 { IpAddr::from(cursor.array::<16>()?) } else { IpAddr::from(cursor.array::<4>()?) })
    };
    let (source, destination) = (ip()?, ip()?);
    let (source_port, destination_port) = (cursor.u32()?, cursor.u32()?);
    let (tcp_flags, tos) = (cursor.u32()?, cursor.u32()?);
    Ok(Fields { length, protocol, source, destination, source_port, destination_port, tcp_flags, tos })
}

/// address: its type, then as many bytes. `None` for the type "unknown", which has none.
fn address(cursor: &mut Cursor<'_>) -> Result<Option<IpAddr>, Short> {
    Ok(match cursor.u32()? {
        1 => Some(IpAddr::from(cursor.array::<4>()?)),
        2 => Some(IpAddr::from(cursor.array::<16>()?)),
        _ => None,
    })
}
