//! Messages of NetFlow v9 (RFC 3954) and IPFIX (RFC 7011): sets of templates, of options, and of data.

use super::decoder::ExportSink;
use super::domain::{Domain, DomainKey};
use super::exporter::Environment;
use super::options::{OptionPlan, OptionTables};
use super::plan::{Aside, Plan};
use super::refused::Refused;
use super::template::{Announced, Reads, TemplateSet};
use super::time::Clock;
use crate::cursor::{Cursor, Short};
use weir_model::frame::LinkType;
use weir_model::record::{ExportedRecord, Origin, SampledFrame};
use weir_model::{ExportVersion, Timestamp};

/// The first number of a data set (RFC 7011 section 3.3.2; RFC 3954 section 5.3).
const FIRST_DATA_SET: u16 = 256;

const IPFIX_HEADER: usize = 16;

/// A message less its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) key: DomainKey,
    pub(super) clock: Clock,
    /// Its number in the sequence.
    pub(super) number: u32,
    /// Records in it, templates included, as a header of v9 says.
    count: Option<u16>,
    sets: &'a [u8],
}

/// What a message held.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    /// Data records, of options too.
    records: u32,
    templates: u32,
    /// Data sets whose records could not be counted.
    uncounted: bool,
    /// Something was taken.
    taken: bool,
    /// The last fault.
    fault: Option<Refused>,
}

impl<'a> Message<'a> {
    /// RFC 3954 section 5.1: version, count, uptime in ms, seconds, sequence, source id.
    pub(super) fn netflow9(bytes: &'a [u8]) -> Result<Self, Refused> {
        let mut cursor = Cursor::new(bytes);
        let mut header = || -> Result<_, Short> {
            cursor.skip(2)?;
            Ok((cursor.u16()?, cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?))
        };
        let (count, uptime, seconds, number, id) = header().map_err(|_| Refused::TooShort)?;
        let exported = Timestamp::new(u64::from(seconds), 0);
        Ok(Self {
            key: DomainKey { version: ExportVersion::NetFlow9, id, session: None, agent: None },
            clock: Clock { exported, uptime: Some(uptime), boot: None },
            number,
            count: Some(count),
            sets: cursor.rest(),
        })
    }

    /// RFC 7011 section 3.1: version, length, export time, sequence, observation domain.
    pub(super) fn ipfix(bytes: &'a [u8], session: Option<u64>) -> Result<Self, Refused> {
        let mut cursor = Cursor::new(bytes);
        let mut header = || -> Result<_, Short> {
            cursor.skip(2)?;
            Ok((cursor.u16()?, cursor.u32()?, cursor.u32()?, cursor.u32()?))
        };
        let (length, seconds, number, id) = header().map_err(|_| Refused::TooShort)?;
        let body = usize::from(length).checked_sub(IPFIX_HEADER).ok_or(Refused::MessageLength)?;
        let sets = cursor.take(body).map_err(|_| Refused::Truncated)?;
        let exported = Timestamp::new(u64::from(seconds), 0);
        Ok(Self {
            key: DomainKey { version: ExportVersion::Ipfix, id, session, agent: None },
            clock: Clock { exported, uptime: None, boot: None },
            number,
            count: None,
            sets,
        })
    }

    /// Length of the datagram, by its header, which v9 does not say.
    pub(super) const fn length(&self) -> Option<usize> {
        match self.key.version {
            ExportVersion::Ipfix => Some(IPFIX_HEADER + self.sets.len()),
            _ => None,
        }
    }

    /// Goes through the sets.
    pub(super) fn decode<S: ExportSink + ?Sized>(
        &self,
        domain: &mut Domain,
        env: &mut Environment<'_, S>,
    ) -> Result<Held, Refused> {
        let mut held = Held::default();
        let mut cursor = Cursor::new(self.sets);
        while cursor.len() >= 4 {
            match next_set(&mut cursor) {
                Ok(Some((id, body))) => self.set(id, body, domain, env, &mut held),
                Ok(None) => break,
                Err(reason) => {
                    held.fault(reason, env);
                    break;
                }
            }
        }
        if let Some(count) = self.count
            && !held.uncounted
            && held.fault.is_none()
            && u32::from(count) != held.records + held.templates
        {
            env.stats.counts_that_lie += 1;
        }
        match held.fault {
            Some(reason) if !held.taken => Err(reason),
            _ => Ok(held),
        }
    }

    fn set<S: ExportSink + ?Sized>(
        &self,
        id: u16,
        body: &[u8],
        domain: &mut Domain,
        env: &mut Environment<'_, S>,
        held: &mut Held,
    ) {
        let kind = match (self.key.version, id) {
            (ExportVersion::NetFlow9, 0) => TemplateSet::NetFlow9,
            (ExportVersion::NetFlow9, 1) => TemplateSet::NetFlow9Options,
            (ExportVersion::Ipfix, 2) => TemplateSet::Ipfix,
            (ExportVersion::Ipfix, 3) => TemplateSet::IpfixOptions,
            (_, FIRST_DATA_SET..) => return self.data(id, body, domain, env, held),
            _ => return held.fault(Refused::SetId, env),
        };
        let mut rest = body;
        while let Some(next) = kind.next(rest, env.limits) {
            if held.templates as usize >= env.limits.templates {
                return held.fault(Refused::TemplateCount, env);
            }
            match next {
                Ok((announced, behind)) => {
                    rest = behind;
                    announce(announced, domain, env, held);
                }
                Err(reason) => return held.fault(reason, env),
            }
        }
    }

    fn data<S: ExportSink + ?Sized>(
        &self,
        id: u16,
        body: &[u8],
        domain: &mut Domain,
        env: &mut Environment<'_, S>,
        held: &mut Held,
    ) {
        env.stats.data_sets += 1;
        if domain.has_template(id, env) {
            let clock = Clock { boot: domain.tables.boot, ..self.clock };
            let (records, fault) = read_set(id, body, clock, env.now, domain, env);
            held.records += records;
            held.taken |= records > 0 || fault.is_none();
            if let Some(reason) = fault {
                held.uncounted = true;
                held.fault(reason, env);
            }
        } else {
            held.taken = true;
            held.uncounted = true;
            domain.wait(id, self.clock, body, env);
        }
    }
}

impl Held {
    /// Units of the sequence: v9 counts datagrams, IPFIX data records.
    pub(super) const fn units(&self, version: ExportVersion) -> (u32, bool) {
        match version {
            ExportVersion::Ipfix => (self.records, self.uncounted),
            _ => (1, false),
        }
    }

    fn fault<S: ?Sized>(&mut self, reason: Refused, env: &mut Environment<'_, S>) {
        env.stats.faults.count(reason);
        self.fault = Some(reason);
    }
}

/// RFC 7011 section 3.3.2: number, length with its own header. Zeros up to the end are padding, which some exporters send.
fn next_set<'a>(cursor: &mut Cursor<'a>) -> Result<Option<(u16, &'a [u8])>, Refused> {
    let all = cursor.rest();
    let header = (cursor.u16(), cursor.u16());
    let (Ok(id), Ok(length)) = header else { return Ok(None) };
    if id == 0 && length == 0 && all.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let body = usize::from(length).checked_sub(4).ok_or(Refused::SetLength)?;
    cursor.take(body).map(|body| Some((id, body))).map_err(|_| Refused::SetLength)
}

fn announce<S: ExportSink + ?Sized>(
    announced: Announced,
    domain: &mut Domain,
    env: &mut Environment<'_, S>,
    held: &mut Held,
) {
    held.templates += 1;
    let definition = match announced {
        Announced::Withdrawn(id) => {
            held.taken = true;
            return domain.withdraw(id, env);
        }
        Announced::Defined(definition) => definition,
    };
    let id = definition.id;
    match domain.learn(definition, env) {
        Err(reason) => held.fault(reason, env),
        Ok(waited) => {
            held.taken = true;
            for set in waited {
                env.stats.data_sets_late += 1;
                let clock = Clock { boot: domain.tables.boot, ..set.clock };
                let (records, fault) = read_set(id, &set.body, clock, set.received, domain, env);
                if domain.key.version == ExportVersion::Ipfix {
                    domain.sequence.read_late(records, &mut env.stats.sequence);
                }
                if let Some(reason) = fault {
                    env.stats.faults.count(reason);
                }
            }
        }
    }
}

/// Reads a set whose template is there; gives the number of records, and why it was not read to its end.
fn read_set<S: ExportSink + ?Sized>(
    id: u16,
    body: &[u8],
    clock: Clock,
    received: Timestamp,
    domain: &mut Domain,
    env: &mut Environment<'_, S>,
) -> (u32, Option<Refused>) {
    let Domain { key, templates, tables, .. } = domain;
    let Some(template) = templates.touch(&id) else { return (0, None) };
    template.seen = env.now;
    let origin = Origin {
        exporter: env.address,
        version: key.version,
        domain: key.id,
        exported: clock.exported,
        received,
    };
    let (records, fault) = match &template.reads {
        Reads::Data(plan) => Flows { plan, origin, clock, tables }.read(body, env),
        Reads::Options(plan) => read_options(plan, body, tables, env),
    };
    if fault.is_some() {
        env.stats.data_sets_cut += 1;
    } else {
        env.stats.data_sets_decoded += 1;
    }
    (records, fault)
}

fn read_options<S: ?Sized>(
    plan: &OptionPlan,
    body: &[u8],
    tables: &mut OptionTables,
    env: &mut Environment<'_, S>,
) -> (u32, Option<Refused>) {
    let mut rest = body;
    let mut records = 0;
    while rest.len() >= plan.least {
        let Some((record, behind)) = plan.read(rest) else {
            return (records, Some(Refused::RecordTruncated));
        };
        rest = behind;
        records += 1;
        env.stats.option_records += 1;
        tables.learn(&record, env);
    }
    (records, None)
}

/// A set of flow records.
struct Flows<'s> {
    plan: &'s Plan,
    origin: Origin,
    clock: Clock,
    tables: &'s OptionTables,
}

impl Flows<'_> {
    fn read<S: ExportSink + ?Sized>(
        &self,
        body: &[u8],
        env: &mut Environment<'_, S>,
    ) -> (u32, Option<Refused>) {
        if self.plan.variable { self.walk(body, env) } else { self.fixed(body, env) }
    }

    fn fixed<S: ExportSink + ?Sized>(
        &self,
        body: &[u8],
        env: &mut Environment<'_, S>,
    ) -> (u32, Option<Refused>) {
        let length = usize::from(self.plan.length).max(1);
        let count = body.len() / length;
        // Each record is read from bytes that go on to the end of the set, so that a number can be read with what is behind it.
        let mut rest = body;
        for _ in 0..count {
            let mut record = ExportedRecord::empty(self.origin);
            let mut aside = Aside::default();
            self.plan.fixed(rest, &mut record, &mut aside, &self.clock);
            self.hand_on(&mut record, &aside, env);
            rest = rest.get(length..).unwrap_or_default();
        }
        (count as u32, None)
    }

    fn walk<S: ExportSink + ?Sized>(
        &self,
        body: &[u8],
        env: &mut Environment<'_, S>,
    ) -> (u32, Option<Refused>) {
        let mut rest = body;
        let mut count = 0;
        while rest.len() >= usize::from(self.plan.length).max(1) {
            let mut record = ExportedRecord::empty(self.origin);
            let mut aside = Aside::default();
            let Some(behind) = self.plan.walk(rest, &mut record, &mut aside, &self.clock) else {
                return (count, Some(Refused::RecordTruncated));
            };
            rest = behind;
            count += 1;
            self.hand_on(&mut record, &aside, env);
        }
        (count, None)
    }

    #[inline]
    fn hand_on<'a, S: ExportSink + ?Sized>(
        &'a self,
        record: &mut ExportedRecord<'a>,
        aside: &Aside<'a>,
        env: &mut Environment<'_, S>,
    ) {
        if aside.has_relative_times() {
            aside.finish_times(record, &self.clock);
        }
        record.sampling = if self.plan.has_sampling {
            self.tables.sampling_of(record.input, aside)
        } else {
            self.tables.sampling_at(record.input)
        };
        if self.plan.has_section
            && let Some(mut frame) = sampled_frame(record, aside)
        {
            return env.sampled(&mut frame);
        }
        if self.plan.has_port {
            finish_icmp(record);
        }
        if record.application.is_none()
            && let Some(id) = record.application_id
        {
            record.application = self.tables.applications.get(&id).map(Box::as_ref);
        }
        env.record(record);
    }
}

/// Most exporters put ICMP type and code where the destination port is.
pub(super) fn finish_icmp(record: &mut ExportedRecord<'_>) {
    if record.icmp.is_none() && record.protocol.is_some_and(weir_model::Protocol::is_icmp) {
        let [kind, code] = record.destination_port.to_be_bytes();
        record.icmp = Some((kind, code));
    }
}

/// A record that holds the beginning of a packet (IE 104, 313, 315; RFC 5477) is that packet: its header says more than the
/// record's other fields.
fn sampled_frame<'a>(record: &ExportedRecord<'a>, aside: &Aside<'a>) -> Option<SampledFrame<'a>> {
    let (data, link) = match (aside.frame, aside.ip) {
        (Some(data), _) if !data.is_empty() => (data, frame_link(aside.frame_type)),
        (_, Some(data)) if !data.is_empty() => (data, LinkType::RAW),
        _ => return None,
    };
    Some(SampledFrame {
        origin: record.origin,
        link,
        original_len: aside.frame_size.unwrap_or_default().max(data.len() as u32),
        data,
        sampling: record.sampling,
        input: record.input,
        output: record.output,
        vlan: record.vlan,
        post_vlan: record.post_vlan,
        next_hop: record.next_hop,
        source_as: record.source_as,
        destination_as: record.destination_as,
        source_prefix_len: record.source_prefix_len,
        destination_prefix_len: record.destination_prefix_len,
    })
}

/// dataLinkFrameType (IE 408).
const fn frame_link(kind: Option<u16>) -> LinkType {
    match kind {
        Some(2) => LinkType::IEEE802_11,
        _ => LinkType::ETHERNET,
    }
}
