//! What must outlive a restart: templates, and what options said (sampling, names), because exporters repeat them only now
//! and then. Not of streams, whose sessions end with the program.
//!
//! The form is plain bytes, in network order, with a checksum behind. It is as hostile as a datagram when it is read: the same
//! limits hold, and what does not fit is left out.

use super::decoder::ExportDecoder;
use super::domain::{Domain, DomainKey};
use super::exporter::{Exporter, Memory};
use super::limits::NAME_BYTES;
use super::options::{OptionTables, Room};
use super::template::{Definition, TemplateField};
use crate::cursor::{Cursor, Short};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use weir_model::record::{Sampling, SamplingSource};
use weir_model::{ExportVersion, Timestamp};

/// What the bytes begin with, and the version of their form.
const MAGIC: &[u8; 8] = b"weirexp1";

/// Why a snapshot was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// It is none, or of another version.
    NotASnapshot,
    /// It was changed, or cut short, since it was written.
    Checksum,
    /// It ends where more must be.
    Truncated,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotASnapshot => "not a snapshot of templates",
            Self::Checksum => "the checksum is wrong",
            Self::Truncated => "cut short",
        })
    }
}

impl std::error::Error for RestoreError {}

impl From<Short> for RestoreError {
    fn from(_: Short) -> Self {
        Self::Truncated
    }
}

impl ExportDecoder {
    /// Templates and options of all exporters, for [`ExportDecoder::restore`]. The same state gives the same bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut exporters: Vec<(bool, &Exporter)> = self
            .exporters
            .iter()
            .map(|exporter| (!self.exporters.is_newcomer(&exporter.address), exporter))
            .filter(|(_, exporter)| exporter.domains.iter().any(is_worth_keeping))
            .collect();
        exporters.sort_unstable_by_key(|(_, exporter)| exporter.address);
        let mut out = MAGIC.to_vec();
        put_u32(&mut out, exporters.len());
        for (settled, exporter) in exporters {
            put_exporter(&mut out, settled, exporter);
        }
        let sum = checksum(&out);
        out.extend_from_slice(&sum.to_be_bytes());
        out
    }

    /// Takes in what a decoder with the same or other limits knew; gives the number of templates. Exporters that are known
    /// already are left as they are.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<usize, RestoreError> {
        self.restore_if(bytes, |_| true)
    }

    /// The same for the exporters that are wanted: where several decoders divide them, each takes in its own.
    pub fn restore_if(
        &mut self,
        bytes: &[u8],
        is_wanted: impl Fn(IpAddr) -> bool,
    ) -> Result<usize, RestoreError> {
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or(RestoreError::Truncated)?;
        let mut cursor = Cursor::new(body);
        if cursor.array::<8>().as_ref() != Ok(MAGIC) {
            return Err(RestoreError::NotASnapshot);
        }
        if checksum(body) != u64::from_be_bytes(*sum) {
            return Err(RestoreError::Checksum);
        }
        let mut templates = 0;
        for _ in 0..cursor.u32()? {
            templates += self.restore_exporter(&mut cursor, &is_wanted)?;
        }
        Ok(templates)
    }

    fn restore_exporter(
        &mut self,
        cursor: &mut Cursor<'_>,
        is_wanted: &impl Fn(IpAddr) -> bool,
    ) -> Result<usize, RestoreError> {
        let settled = cursor.u8()? == 1;
        let address = match cursor.u8()? {
            4 => IpAddr::from(cursor.array::<4>()?),
            _ => IpAddr::from(cursor.array::<16>()?),
        };
        let (first_seen, last_seen) = (time(cursor)?, time(cursor)?);
        let mut exporter = Exporter::new(address, first_seen);
        exporter.last_seen = last_seen.max(first_seen);
        let mut room = self.free_room();
        room.state = room.state.min(self.limits().state_bytes);
        let mut templates = 0;
        for _ in 0..cursor.u16()? {
            templates += restore_domain(cursor, &mut exporter, self, room)?;
        }
        Ok(if is_wanted(address) && self.adopt(exporter, settled) { templates } else { 0 })
    }
}

fn restore_domain(
    cursor: &mut Cursor<'_>,
    exporter: &mut Exporter,
    decoder: &ExportDecoder,
    room: Memory,
) -> Result<usize, RestoreError> {
    let limits = decoder.limits();
    let version = if cursor.u8()? == 9 { ExportVersion::NetFlow9 } else { ExportVersion::Ipfix };
    let key = DomainKey { version, id: cursor.u32()?, session: None, agent: None };
    let at = exporter.add_domain(key, limits, room);
    let mut templates = 0;
    for _ in 0..cursor.u16()? {
        let seen = time(cursor)?;
        let definition = definition(cursor)?;
        let mut nothing = ();
        if definition.fields.len() <= limits.fields
            && let Some((domain, mut env)) = exporter.environment(at, seen, limits, room, &mut nothing)
        {
            templates += usize::from(domain.learn(definition, &mut env).is_ok());
        }
    }
    let free = room.state.saturating_sub(exporter.memory.state);
    let mut room = Room::new(limits.options, free);
    if let Some(domain) = exporter.domains.get_mut(at) {
        restore_tables(cursor, &mut domain.tables, &mut room)?;
        domain.tables.bytes = room.taken;
        exporter.memory.state += room.taken;
    }
    Ok(templates)
}

fn definition(cursor: &mut Cursor<'_>) -> Result<Definition, Short> {
    let (id, scope, count) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    let mut fields = Cursor::new(cursor.take(usize::from(count) * 8)?);
    let field =
        |_| Ok(TemplateField { enterprise: fields.u32()?, number: fields.u16()?, length: fields.u16()? });
    Ok(Definition { id, scope, fields: (0..count).map(field).collect::<Result<_, Short>>()? })
}

fn restore_tables(cursor: &mut Cursor<'_>, tables: &mut OptionTables, room: &mut Room) -> Result<(), Short> {
    tables.boot = Some(time(cursor)?).filter(|boot| *boot != Timestamp::EPOCH);
    tables.sampling = sampling(cursor, SamplingSource::Domain)?;
    for _ in 0..cursor.u16()? {
        let key = u64::from_be_bytes(cursor.array()?);
        if let Some(rate) = sampling(cursor, SamplingSource::Sampler)? {
            room.put(&mut tables.samplers, key, rate, 0);
        }
    }
    for _ in 0..cursor.u16()? {
        let key = cursor.u32()?;
        if let Some(rate) = sampling(cursor, SamplingSource::Interface)? {
            room.put(&mut tables.sampled_interfaces, key, rate, 0);
        }
    }
    for _ in 0..cursor.u16()? {
        let key = u64::from_be_bytes(cursor.array()?);
        room.put(&mut tables.applications, key, name(cursor)?, NAME_BYTES);
    }
    for _ in 0..cursor.u16()? {
        let key = cursor.u32()?;
        room.put(&mut tables.interfaces, key, name(cursor)?, NAME_BYTES);
    }
    Ok(())
}

/// The source of what was written is the table that it stands in.
fn sampling(cursor: &mut Cursor<'_>, source: SamplingSource) -> Result<Option<Sampling>, Short> {
    Ok(Sampling::new(cursor.u32()?, cursor.u32()?, source))
}

fn name(cursor: &mut Cursor<'_>) -> Result<Box<[u8]>, Short> {
    let length = usize::from(cursor.u8()?);
    let name = cursor.take(length)?;
    Ok(name.get(..length.min(NAME_BYTES)).unwrap_or_default().into())
}

fn time(cursor: &mut Cursor<'_>) -> Result<Timestamp, Short> {
    Ok(Timestamp::from_nanos(u64::from_be_bytes(cursor.array()?)))
}

fn is_worth_keeping(domain: &Domain) -> bool {
    let versioned = matches!(domain.key.version, ExportVersion::NetFlow9 | ExportVersion::Ipfix);
    versioned && domain.key.session.is_none() && domain.templates.len() > 0
}

fn put_exporter(out: &mut Vec<u8>, settled: bool, exporter: &Exporter) {
    out.push(u8::from(settled));
    match exporter.address {
        IpAddr::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.push(6);
            out.extend_from_slice(&address.octets());
        }
    }
    put_time(out, exporter.first_seen);
    put_time(out, exporter.last_seen);
    let mut domains: Vec<_> = exporter.domains.iter().filter(|domain| is_worth_keeping(domain)).collect();
    domains.sort_unstable_by_key(|domain| (domain.key.version, domain.key.id));
    put_u16(out, domains.len());
    for domain in domains {
        put_domain(out, domain);
    }
}

fn put_domain(out: &mut Vec<u8>, domain: &Domain) {
    out.push(if domain.key.version == ExportVersion::NetFlow9 { 9 } else { 10 });
    out.extend_from_slice(&domain.key.id.to_be_bytes());
    let mut templates: Vec<_> = domain.templates.iter().collect();
    templates.sort_unstable_by_key(|(id, _)| **id);
    put_u16(out, templates.len());
    for (_, template) in templates {
        put_time(out, template.seen);
        let definition = &template.definition;
        put_u16(out, usize::from(definition.id));
        put_u16(out, usize::from(definition.scope));
        put_u16(out, definition.fields.len());
        for field in &definition.fields {
            out.extend_from_slice(&field.enterprise.to_be_bytes());
            out.extend_from_slice(&field.number.to_be_bytes());
            out.extend_from_slice(&field.length.to_be_bytes());
        }
    }
    put_tables(out, &domain.tables);
}

fn put_tables(out: &mut Vec<u8>, tables: &OptionTables) {
    put_time(out, tables.boot.unwrap_or_default());
    put_sampling(out, tables.sampling);
    let samplers = sorted(&tables.samplers);
    put_u16(out, samplers.len());
    for (id, rate) in samplers {
        out.extend_from_slice(&id.to_be_bytes());
        put_sampling(out, Some(*rate));
    }
    let interfaces = sorted(&tables.sampled_interfaces);
    put_u16(out, interfaces.len());
    for (interface, rate) in interfaces {
        out.extend_from_slice(&interface.to_be_bytes());
        put_sampling(out, Some(*rate));
    }
    let applications = sorted(&tables.applications);
    put_u16(out, applications.len());
    for (id, name) in applications {
        out.extend_from_slice(&id.to_be_bytes());
        put_name(out, name);
    }
    let names = sorted(&tables.interfaces);
    put_u16(out, names.len());
    for (interface, name) in names {
        out.extend_from_slice(&interface.to_be_bytes());
        put_name(out, name);
    }
}

/// Entries in the order of their keys, as many as a count of two bytes can say.
fn sorted<K: Ord + Copy, V>(table: &HashMap<K, V, RandomState>) -> Vec<(K, &V)> {
    let mut entries: Vec<_> = table.iter().map(|(key, value)| (*key, value)).collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries.truncate(usize::from(u16::MAX));
    entries
}

fn put_sampling(out: &mut Vec<u8>, sampling: Option<Sampling>) {
    let (chosen, of) = sampling.map_or((0, 0), |sampling| (sampling.chosen, sampling.of));
    out.extend_from_slice(&chosen.to_be_bytes());
    out.extend_from_slice(&of.to_be_bytes());
}

/// Names are cut to [`NAME_BYTES`] when they are learnt, so that one byte says their length.
fn put_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(name.len() as u8);
    out.extend_from_slice(name);
}

fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    out.extend_from_slice(&time.as_nanos().to_be_bytes());
}

fn put_u16(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u16).to_be_bytes());
}

fn put_u32(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u32).to_be_bytes());
}

/// FNV-1a: against accidents, not against people.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
