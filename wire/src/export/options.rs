//! Options: what an exporter says about itself, its samplers, interfaces and applications (RFC 3954 section 6.1, RFC 7011 section
//! 3.4.2.2, RFC 5476 for sampling, RFC 6759 for applications). What is not read (RFC 5610 types, statistics of the exporter)
//! is left out.

use super::element::Unit;
use super::exporter::Environment;
use super::limits::NAME_BYTES;
use super::number::{number, text};
use super::plan::{Aside, take};
use super::template::{Definition, TemplateField};
use super::time::absolute;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::Hash;
use weir_model::Timestamp;
use weir_model::record::{Sampling, SamplingSource};

/// The steps to read a record of options: it is walked, because there are few of them.
#[derive(Debug)]
pub(super) struct OptionPlan {
    steps: Box<[(u16, OptionField)]>,
    /// Least length of a record.
    pub(super) least: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OptionField {
    Skip,
    Interface,
    SamplerId,
    Interval,
    Packets,
    Space,
    Size,
    Population,
    Probability,
    InterfaceName,
    InterfaceDescription,
    ApplicationId,
    ApplicationName,
    SystemInit,
}

/// What a record of options says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OptionRecord<'a> {
    interface: Option<u32>,
    sampler: Option<u64>,
    interval: Option<u32>,
    packets: Option<u32>,
    space: Option<u32>,
    size: Option<u32>,
    population: Option<u32>,
    interface_name: Option<&'a [u8]>,
    interface_description: Option<&'a [u8]>,
    application: Option<u64>,
    application_name: Option<&'a [u8]>,
    boot: Option<Timestamp>,
}

impl OptionPlan {
    pub(super) fn new(definition: &Definition, v9: bool) -> Option<Self> {
        let least = definition.least_length();
        if least == 0 || least > usize::from(u16::MAX) {
            return None;
        }
        let scope = usize::from(definition.scope);
        let steps = definition.fields.iter().enumerate().map(|(position, field)| {
            let wanted = if v9 && position < scope { v9_scope(field.number) } else { option(*field) };
            (field.length, wanted)
        });
        Some(Self { steps: steps.collect(), least })
    }

    pub(super) const fn bytes(&self) -> usize {
        self.steps.len() * size_of::<(u16, OptionField)>()
    }

    /// A record, and what is behind it; `None` when it ends beyond the bytes.
    pub(super) fn read<'a>(&self, bytes: &'a [u8]) -> Option<(OptionRecord<'a>, &'a [u8])> {
        let mut record = OptionRecord::default();
        let mut rest = bytes;
        for (length, field) in &self.steps {
            let value;
            (value, rest) = take(rest, *length)?;
            record.set(*field, value);
        }
        Some((record, rest))
    }
}

/// RFC 3954 section 6.1: "Scope Field Type".
const fn v9_scope(kind: u16) -> OptionField {
    if kind == 2 { OptionField::Interface } else { OptionField::Skip }
}

const fn option(field: TemplateField) -> OptionField {
    if field.enterprise != 0 {
        return OptionField::Skip;
    }
    match field.number {
        10 | 14 | 252 | 253 => OptionField::Interface,
        48 | 302 => OptionField::SamplerId,
        34 | 50 => OptionField::Interval,
        305 => OptionField::Packets,
        306 => OptionField::Space,
        309 => OptionField::Size,
        310 => OptionField::Population,
        311 => OptionField::Probability,
        82 => OptionField::InterfaceName,
        83 => OptionField::InterfaceDescription,
        95 => OptionField::ApplicationId,
        94 | 96 => OptionField::ApplicationName,
        160 => OptionField::SystemInit,
        _ => OptionField::Skip,
    }
}

impl<'a> OptionRecord<'a> {
    fn set(&mut self, field: OptionField, bytes: &'a [u8]) {
        let value = number(bytes);
        match field {
            OptionField::Skip => {}
            OptionField::Interface => self.interface = Some(value as u32),
            OptionField::SamplerId => self.sampler = Some(value),
            OptionField::Interval => self.interval = Some(value as u32),
            OptionField::Packets => self.packets = Some(value as u32),
            OptionField::Space => self.space = Some(value as u32),
            OptionField::Size => self.size = Some(value as u32),
            OptionField::Population => self.population = Some(value as u32),
            OptionField::Probability => self.probability(bytes),
            OptionField::InterfaceName => self.interface_name = text(bytes),
            OptionField::InterfaceDescription => self.interface_description = text(bytes),
            OptionField::ApplicationId => self.application = Some(value),
            OptionField::ApplicationName => self.application_name = text(bytes).or(self.application_name),
            OptionField::SystemInit => self.boot = absolute(Unit::Millis, value),
        }
    }

    /// samplingProbability (IE 311): a float from 0 to 1.
    fn probability(&mut self, bytes: &[u8]) {
        let probability = match (<[u8; 8]>::try_from(bytes), <[u8; 4]>::try_from(bytes)) {
            (Ok(long), _) => f64::from_be_bytes(long),
            (_, Ok(short)) => f64::from(f32::from_be_bytes(short)),
            _ => return,
        };
        let interval = (1.0 / probability).round();
        if interval >= 1.0 && interval <= f64::from(u32::MAX) {
            #[expect(clippy::cast_sign_loss, reason = "it is at least 1")]
            let interval = interval as u32;
            self.interval = Some(interval);
        }
    }

    fn rate(&self, source: SamplingSource) -> Option<Sampling> {
        rate(source, self.interval, (self.packets, self.space), (self.size, self.population))
    }
}

/// Sampling from what elements say: 1 in an interval (IE 34, 50); so many packets, then so many left out (305, 306); so many out
/// of so many (309, 310).
fn rate(
    source: SamplingSource,
    interval: Option<u32>,
    (packets, space): (Option<u32>, Option<u32>),
    (size, population): (Option<u32>, Option<u32>),
) -> Option<Sampling> {
    if let (Some(size), Some(population)) = (size, population) {
        return Sampling::new(size, population, source);
    }
    match (packets, space) {
        (Some(packets), Some(space)) => Sampling::new(packets, packets.saturating_add(space), source),
        // PSAMP's systematic sampling without a space, as some exporters use it for "1 in".
        (Some(interval), None) => Sampling::new(1, interval, source),
        _ => Sampling::new(1, interval?, source),
    }
}

/// What options said of one domain.
#[derive(Debug, Default)]
pub(super) struct OptionTables {
    /// Bytes that the tables are charged with.
    pub(super) bytes: usize,
    pub(super) sampling: Option<Sampling>,
    pub(super) samplers: HashMap<u64, Sampling, RandomState>,
    pub(super) sampled_interfaces: HashMap<u32, Sampling, RandomState>,
    pub(super) applications: HashMap<u64, Box<[u8]>, RandomState>,
    pub(super) interfaces: HashMap<u32, Box<[u8]>, RandomState>,
    pub(super) boot: Option<Timestamp>,
}

impl OptionTables {
    /// Keeps what a record says, as far as there is room.
    pub(super) fn learn<S: ?Sized>(&mut self, record: &OptionRecord<'_>, env: &mut Environment<'_, S>) {
        let mut room = Room::new(env.limits.options, env.room.state.saturating_sub(env.memory.state));
        self.boot = record.boot.or(self.boot);
        self.learn_sampling(record, &mut room);
        if let (Some(interface), Some(name)) =
            (record.interface, record.interface_name.or(record.interface_description))
        {
            room.put(&mut self.interfaces, interface, kept(name), NAME_BYTES);
        }
        if let (Some(application), Some(name)) = (record.application, record.application_name) {
            room.put(&mut self.applications, application, kept(name), NAME_BYTES);
        }
        self.bytes += room.taken;
        env.memory.state += room.taken;
        env.stats.options_refused += room.refused;
    }

    fn learn_sampling(&mut self, record: &OptionRecord<'_>, room: &mut Room) {
        if let Some(sampler) = record.sampler {
            if let Some(rate) = record.rate(SamplingSource::Sampler) {
                room.put(&mut self.samplers, sampler, rate, 0);
            }
        } else if let Some(interface) = record.interface {
            if let Some(rate) = record.rate(SamplingSource::Interface) {
                room.put(&mut self.sampled_interfaces, interface, rate, 0);
            }
        } else {
            self.sampling = record.rate(SamplingSource::Domain).or(self.sampling);
        }
    }

    /// How the packets of a record were chosen: the record itself says, or its sampler, its input interface, the domain, or the
    /// only sampler there is.
    pub(super) fn sampling_of(&self, input: Option<u32>, aside: &Aside<'_>) -> Option<Sampling> {
        let source = SamplingSource::Record;
        let own = rate(source, aside.interval, (aside.packets, aside.space), (aside.size, aside.population));
        own.or_else(|| self.samplers.get(&aside.sampler?).copied()).or_else(|| self.sampling_at(input))
    }

    /// The same of a record that says nothing of sampling itself.
    #[inline]
    pub(super) fn sampling_at(&self, input: Option<u32>) -> Option<Sampling> {
        input.and_then(|input| self.of_interface(input)).or(self.sampling).or_else(|| self.only_sampler())
    }

    fn of_interface(&self, interface: u32) -> Option<Sampling> {
        if self.sampled_interfaces.is_empty() {
            None
        } else {
            self.sampled_interfaces.get(&interface).copied()
        }
    }

    fn only_sampler(&self) -> Option<Sampling> {
        if self.samplers.len() == 1 { self.samplers.values().next().copied() } else { None }
    }
}

fn kept(name: &[u8]) -> Box<[u8]> {
    name.get(..name.len().min(NAME_BYTES)).unwrap_or_default().into()
}

/// How much more may be kept, and what was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    /// Entries of each table.
    entries: usize,
    /// Bytes that are free.
    bytes: usize,
    pub(super) taken: usize,
    refused: u64,
}

impl Room {
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        Self { entries, bytes, ..Self::default() }
    }

    /// Puts an entry into a table; a new one must fit. `more`: bytes that it may take beside its place.
    pub(super) fn put<K: Hash + Eq, V>(
        &mut self,
        table: &mut HashMap<K, V, RandomState>,
        key: K,
        value: V,
        more: usize,
    ) {
        if let Some(known) = table.get_mut(&key) {
            *known = value;
            return;
        }
        // A table that grows is at least 7/16 full.
        let bytes = size_of::<(K, V)>() * 2 + more;
        if table.len() >= self.entries || self.taken + bytes > self.bytes {
            self.refused += 1;
            return;
        }
        table.insert(key, value);
        self.taken += bytes;
    }
}
