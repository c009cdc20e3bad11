//! A template compiled: which bytes of a record go to which field.
//!
//! Records of fixed length are read at fixed offsets, and only the fields that matter; those with elements of variable length
//! (RFC 7011 section 7) are walked. One function gives each field its meaning for both.

use super::element::{Field, Unit};
use super::number::{address_v4, address_v6, number, text};
use super::template::TemplateField;
use super::time::{Clock, absolute};
use weir_model::record::{Counters, EndReason, ExportedRecord, ObservedAt};
use weir_model::{Protocol, Timestamp};

/// Length in a template that stands for "variable".
pub(super) const VARIABLE: u16 = u16::MAX;

/// The steps to read a record.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is read as a number, of records of fixed length; every step of those that are walked.
    steps: Box<[Step]>,
    /// What is read as bytes, of records of fixed length.
    wide: Box<[Step]>,
    /// Length of each record, or the least of it when `variable`.
    pub(super) length: u16,
    pub(super) variable: bool,
    /// It reads something about sampling.
    pub(super) has_sampling: bool,
    /// It reads a destination port, where type and code of ICMP may stand.
    pub(super) has_port: bool,
    /// It reads the beginning of a packet.
    pub(super) has_section: bool,
}

/// Copy `length` bytes from `offset` to `field`. In a plan of variable length, offsets are not used and `length` may be
/// [`VARIABLE`].
#[derive(Clone, Copy, Debug)]
struct Step {
    offset: u16,
    length: u16,
    field: Field,
}

/// What a record says that is no field of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Aside<'a> {
    pub(super) sampler: Option<u64>,
    pub(super) interval: Option<u32>,
    pub(super) packets: Option<u32>,
    pub(super) space: Option<u32>,
    pub(super) size: Option<u32>,
    pub(super) population: Option<u32>,
    pub(super) frame: Option<&'a [u8]>,
    pub(super) ip: Option<&'a [u8]>,
    pub(super) frame_size: Option<u32>,
    pub(super) frame_type: Option<u16>,
    first_uptime: Option<u32>,
    last_uptime: Option<u32>,
    boot: Option<Timestamp>,
    duration_nanos: Option<u64>,
}

impl Plan {
    /// `None` when a record would have no bytes, or more than fit into a message.
    pub(super) fn new(fields: &[TemplateField]) -> Option<Self> {
        let variable = fields.iter().any(|field| field.length == VARIABLE);
        let least =
            |field: &TemplateField| if field.length == VARIABLE { 1 } else { usize::from(field.length) };
        let length =
            u16::try_from(fields.iter().map(least).sum::<usize>()).ok().filter(|length| *length > 0)?;
        let preferred = Field::PREFERRED.iter().copied();
        let is_there =
            |number: &u16| fields.iter().any(|field| field.enterprise == 0 && field.number == *number);
        let present: Vec<u16> = preferred.filter(is_there).collect();
        let mut steps: Vec<Step> = Vec::with_capacity(fields.len());
        let mut wide: Vec<Step> = Vec::new();
        let mut offset = 0_u16;
        for field in fields {
            let step = Step { offset, length: field.length, field: wanted(*field, &present) };
            if variable {
                join_or_push(&mut steps, step);
            } else {
                offset += field.length;
                match step.field {
                    Field::Skip => {}
                    field if field.is_bytes() || step.length > 8 => wide.push(step),
                    _ => steps.push(step),
                }
            }
        }
        let reads = |wanted: fn(Field) -> bool| steps.iter().chain(&wide).any(|step| wanted(step.field));
        let (has_sampling, has_section) = (reads(Field::is_sampling), reads(Field::is_section));
        let has_port = reads(|field| field == Field::DestinationPort);
        let (steps, wide) = (steps.into(), wide.into());
        Some(Self { steps, wide, length, variable, has_sampling, has_port, has_section })
    }

    /// Bytes that it takes.
    pub(super) const fn bytes(&self) -> usize {
        (self.steps.len() + self.wide.len()) * size_of::<Step>()
    }

    /// Reads a record of fixed length from the beginning of the bytes.
    #[inline]
    pub(super) fn fixed<'a>(
        &self,
        bytes: &'a [u8],
        record: &mut ExportedRecord<'a>,
        aside: &mut Aside<'a>,
        clock: &Clock,
    ) {
        for step in &self.steps {
            let value = number_at(bytes, usize::from(step.offset), usize::from(step.length));
            set_number(step.field, value, record, aside, clock);
        }
        for step in &self.wide {
            let value =
                bytes.get(usize::from(step.offset)..).and_then(|from| from.get(..usize::from(step.length)));
            set(step.field, value.unwrap_or_default(), record, aside, clock);
        }
    }

    /// Reads a record of variable length; gives what is behind it, `None` when it ends beyond the bytes.
    pub(super) fn walk<'a>(
        &self,
        bytes: &'a [u8],
        record: &mut ExportedRecord<'a>,
        aside: &mut Aside<'a>,
        clock: &Clock,
    ) -> Option<&'a [u8]> {
        let mut rest = bytes;
        for step in &self.steps {
            let value;
            (value, rest) = take(rest, step.length)?;
            if !value.is_empty() {
                set(step.field, value, record, aside, clock);
            }
        }
        Some(rest)
    }
}

/// A field of that length, and what is behind it. RFC 7011 section 7: a length of 255 is followed by two bytes of length.
pub(super) fn take(bytes: &[u8], length: u16) -> Option<(&[u8], &[u8])> {
    if length != VARIABLE {
        return bytes.split_at_checked(usize::from(length));
    }
    let (&short, rest) = bytes.split_first()?;
    if short < u8::MAX {
        return rest.split_at_checked(usize::from(short));
    }
    let (long, rest) = rest.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*long)))
}

fn wanted(field: TemplateField, present: &[u16]) -> Field {
    let better = Field::yields_to(field.enterprise, field.number);
    let wanted = Field::of(field.enterprise, field.number);
    let yields = better.iter().any(|number| present.contains(number));
    let fits = wanted.width().is_none_or(|width| width == field.length);
    if yields || !fits || field.length == 0 { Field::Skip } else { wanted }
}

/// Fields of fixed length that are left out one after the other are one step.
fn join_or_push(steps: &mut Vec<Step>, step: Step) {
    if let Some(last) = steps.last_mut()
        && last.field == Field::Skip
        && step.field == Field::Skip
        && last.length != VARIABLE
        && step.length != VARIABLE
    {
        last.length = last.length.saturating_add(step.length);
    } else {
        steps.push(step);
    }
}

/// A number of one to eight bytes: the upper part of the eight that begin with it, unless the set ends before those.
#[inline]
fn number_at(bytes: &[u8], offset: usize, length: usize) -> u64 {
    match bytes.get(offset..offset + 8).and_then(|eight| eight.first_chunk::<8>()) {
        Some(eight) => u64::from_be_bytes(*eight) >> ((64 - 8 * length) & 63),
        None => number(bytes.get(offset..offset + length).unwrap_or_default()),
    }
}

/// Gives a field its value, whatever it is.
fn set<'a>(
    field: Field,
    bytes: &'a [u8],
    record: &mut ExportedRecord<'a>,
    aside: &mut Aside<'a>,
    clock: &Clock,
) {
    if field.is_bytes() {
        set_bytes(field, bytes, record, aside);
    } else {
        set_number(field, number(bytes), record, aside, clock);
    }
}

fn set_bytes<'a>(field: Field, bytes: &'a [u8], record: &mut ExportedRecord<'a>, aside: &mut Aside<'a>) {
    match field {
        Field::SourceV6 => address_v6(&mut record.source, bytes),
        Field::DestinationV6 => address_v6(&mut record.destination, bytes),
        Field::NextHopV6 => address_v6(&mut record.next_hop, bytes),
        Field::BgpNextHopV6 => address_v6(&mut record.bgp_next_hop, bytes),
        Field::TranslatedSourceV6 => address_v6(&mut record.translated.source, bytes),
        Field::TranslatedDestinationV6 => address_v6(&mut record.translated.destination, bytes),
        Field::ApplicationName => record.application = text(bytes),
        Field::DnsQuery => record.dns_query = text(bytes),
        Field::HttpHost => record.http_host = text(bytes),
        Field::HttpTarget => record.http_target = text(bytes),
        Field::TlsServerName => record.tls_server_name = text(bytes),
        Field::FrameSection => aside.frame = Some(bytes),
        Field::IpSection => aside.ip = Some(bytes),
        _ => {}
    }
}

#[inline]
fn set_number(
    field: Field,
    value: u64,
    record: &mut ExportedRecord<'_>,
    aside: &mut Aside<'_>,
    clock: &Clock,
) {
    match field {
        Field::Skip => {}
        Field::SourceV4 => address_v4(&mut record.source, value as u32),
        Field::DestinationV4 => address_v4(&mut record.destination, value as u32),
        Field::SourcePort => set_nonzero(&mut record.source_port, value as u16),
        Field::DestinationPort => set_nonzero(&mut record.destination_port, value as u16),
        Field::Protocol => record.protocol = Some(Protocol(value as u8)),
        Field::Packets => set_nonzero(&mut record.forward.packets, value),
        Field::Bytes => set_nonzero(&mut record.forward.bytes, value),
        Field::PacketsElse => set_first(&mut record.forward.packets, value),
        Field::BytesElse => set_first(&mut record.forward.bytes, value),
        Field::ReversePackets => record.reverse.get_or_insert(Counters::default()).packets = value,
        Field::ReverseBytes => record.reverse.get_or_insert(Counters::default()).bytes = value,
        Field::TcpFlags => record.tcp_flags = Some(value as u16),
        Field::ReverseTcpFlags => record.reverse_tcp_flags = Some(value as u16),
        Field::Tos => record.tos = Some(value as u8),
        Field::Dscp => record.tos = record.tos.or(Some((value as u8) << 2)),
        Field::Vlan => set_known(&mut record.vlan, value as u16),
        Field::PostVlan => set_known(&mut record.post_vlan, value as u16),
        Field::Input => record.input = Some(value as u32),
        Field::Output => record.output = Some(value as u32),
        Field::FirstUptime => aside.first_uptime = Some(value as u32),
        Field::LastUptime => aside.last_uptime = Some(value as u32),
        Field::First(unit) => record.first = absolute(unit, value),
        Field::Last(unit) => record.last = absolute(unit, value),
        Field::SourceAs => record.source_as = Some(value as u32),
        Field::DestinationAs => record.destination_as = Some(value as u32),
        Field::SourcePrefix => set_known(&mut record.source_prefix_len, value as u8),
        Field::DestinationPrefix => set_known(&mut record.destination_prefix_len, value as u8),
        Field::NextHopV4 => address_v4(&mut record.next_hop, value as u32),
        Field::BgpNextHopV4 => address_v4(&mut record.bgp_next_hop, value as u32),
        _ => set_seldom(field, value, record, aside, clock),
    }
}

fn set_seldom(
    field: Field,
    value: u64,
    record: &mut ExportedRecord<'_>,
    aside: &mut Aside<'_>,
    clock: &Clock,
) {
    match field {
        Field::IcmpTypeCode => record.icmp = Some(((value >> 8) as u8, value as u8)),
        Field::IcmpType => record.icmp = Some((value as u8, record.icmp.map_or(0, |(_, code)| code))),
        Field::IcmpCode => record.icmp = Some((record.icmp.map_or(0, |(kind, _)| kind), value as u8)),
        Field::Direction => record.direction = observed_at(value),
        Field::EndReason => record.end_reason = end_reason(value),
        Field::TranslatedSourceV4 => address_v4(&mut record.translated.source, value as u32),
        Field::TranslatedDestinationV4 => address_v4(&mut record.translated.destination, value as u32),
        Field::TranslatedSourcePort => record.translated.source_port = value as u16,
        Field::TranslatedDestinationPort => record.translated.destination_port = value as u16,
        Field::FirewallEvent => record.firewall_event = Some(value as u8),
        Field::AsaEvent => record.firewall_event = record.firewall_event.or(Some(value as u8)),
        Field::NatEvent => record.nat_event = Some(value as u8),
        Field::ApplicationId => record.application_id = Some(value),
        _ => set_aside(field, value, record, aside, clock),
    }
}

fn set_aside(
    field: Field,
    value: u64,
    record: &mut ExportedRecord<'_>,
    aside: &mut Aside<'_>,
    clock: &Clock,
) {
    match field {
        Field::ReverseFirst(unit) => record.first = earlier(record.first, absolute(unit, value)),
        Field::ReverseLast(unit) => record.last = record.last.max(absolute(unit, value)),
        Field::FirstDelta => record.first = Some(clock.before_export_micros(value)),
        Field::LastDelta => record.last = Some(clock.before_export_micros(value)),
        Field::SystemInit => aside.boot = absolute(Unit::Millis, value),
        Field::DurationMillis => aside.duration_nanos = value.checked_mul(1_000_000),
        Field::DurationMicros => aside.duration_nanos = value.checked_mul(1_000),
        Field::Event(unit) => {
            let time = absolute(unit, value);
            record.first = record.first.or(time);
            record.last = record.last.max(time);
        }
        Field::SamplingInterval => aside.interval = Some(value as u32),
        Field::SamplerId => aside.sampler = Some(value),
        Field::SamplingPackets => aside.packets = Some(value as u32),
        Field::SamplingSpace => aside.space = Some(value as u32),
        Field::SamplingSize => aside.size = Some(value as u32),
        Field::SamplingPopulation => aside.population = Some(value as u32),
        Field::FrameSize => aside.frame_size = Some(value as u32),
        Field::FrameType => aside.frame_type = Some(value as u16),
        _ => {}
    }
}

impl Aside<'_> {
    /// Whether times are still to be worked out.
    pub(super) const fn has_relative_times(&self) -> bool {
        self.first_uptime.is_some() || self.last_uptime.is_some() || self.duration_nanos.is_some()
    }

    /// Times that need more than their own element: uptimes, and durations where one end is missing.
    pub(super) fn finish_times(&self, record: &mut ExportedRecord<'_>, clock: &Clock) {
        let newest = self.last_uptime.max(self.first_uptime).unwrap_or_default();
        let time = |uptime: u32| clock.of_uptime(uptime, newest, self.boot);
        record.first = record.first.or_else(|| self.first_uptime.map(time));
        record.last = record.last.or_else(|| self.last_uptime.map(time));
        let Some(nanos) = self.duration_nanos else { return };
        let duration = std::time::Duration::from_nanos(nanos);
        match (record.first, record.last) {
            (Some(first), None) => record.last = Some(first + duration),
            (None, Some(last)) => record.first = Some(last - duration),
            _ => {}
        }
    }
}

fn set_nonzero<T: PartialEq + Default>(slot: &mut T, value: T) {
    if value != T::default() {
        *slot = value;
    }
}

fn set_first(slot: &mut u64, value: u64) {
    if *slot == 0 {
        *slot = value;
    }
}

/// A zero never hides what another element of the record said (a template for IPv4 and IPv6 holds both).
fn set_known<T: PartialEq + Default>(slot: &mut Option<T>, value: T) {
    if slot.is_none() || value != T::default() {
        *slot = Some(value);
    }
}

fn earlier(known: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (known, other) {
        (Some(known), Some(other)) => Some(known.min(other)),
        _ => known.or(other),
    }
}

const fn observed_at(value: u64) -> Option<ObservedAt> {
    match value {
        0 => Some(ObservedAt::Ingress),
        1 => Some(ObservedAt::Egress),
        _ => None,
    }
}

const fn end_reason(value: u64) -> Option<EndReason> {
    match value {
        1 => Some(EndReason::IdleTimeout),
        2 => Some(EndReason::ActiveTimeout),
        3 => Some(EndReason::EndOfFlow),
        4 => Some(EndReason::Forced),
        5 => Some(EndReason::LackOfResources),
        _ => None,
    }
}
