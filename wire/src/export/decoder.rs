//! The decoder: which version, which exporter, which domain; and what it knows of them.

use super::configured::{Configured, Precedence};
use super::domain::{Domain, DomainKey};
use super::exporter::{Environment, Exporter, Memory};
use super::exporters::Exporters;
use super::fixed::Fixed;
use super::limits::ExportLimits;
use super::message::Message;
use super::refused::Refused;
use super::sequence::Continuity;
use super::sflow::SFlow;
use super::stats::ExportStats;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::{ExportVersion, ExportedRecord, SampledFrame, Sampling, Timestamp};

/// The most bytes that one datagram can add to what is held: when less is free, newcomers make room before it is read. A field
/// of a template is 4 bytes of the datagram and 8 bytes and a step of 8 bytes here.
const HEADROOM: usize = 512 << 10;
/// Uptimes that go back by less are datagrams that overtook each other.
const UPTIME_SLACK_MS: u32 = 60_000;
/// An uptime that went back is one that wrapped if it is ahead by less than this, across the wrap: a day.
const UPTIME_WRAP_MS: u32 = 86_400_000;

/// Where records go.
pub trait ExportSink {
    /// A flow record.
    fn record(&mut self, record: &ExportedRecord<'_>);
    /// The beginning of a packet that the exporter chose.
    fn sampled(&mut self, frame: &SampledFrame<'_>);
    /// Something that people should know of an exporter.
    fn notice(&mut self, _exporter: IpAddr, _notice: Notice) {}
}

/// Something that people should know of an exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// First datagram of an exporter, which anyone may have sent: not to be logged each time without a list of exporters.
    Appeared,
    /// It began to count anew: sequence numbers jumped, or uptime and sequence went back.
    Restarted {
        /// Protocol.
        version: ExportVersion,
        /// Observation domain, source id, engine or sub-agent.
        domain: u32,
    },
    /// Its clock differs from ours by more than the limit.
    ClockSkewed {
        /// Its clock less ours.
        nanos: i64,
    },
    /// Its clock agrees with ours again.
    ClockAgrees,
}

/// What is known of one exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExporterStatus {
    /// Its address.
    pub address: IpAddr,
    /// First datagram.
    pub first_seen: Timestamp,
    /// Last datagram.
    pub last_seen: Timestamp,
    /// Its clock less ours, in nanoseconds.
    pub clock_skew: i64,
    /// How the packets of its last record were chosen.
    pub sampling: Option<Sampling>,
    /// Whether it speaks each of [`ExportVersion::ALL`]; see [`ExporterStatus::versions`].
    speaks: [bool; ExportVersion::ALL.len()],
    /// Observation domains.
    pub domains: usize,
    /// Templates known.
    pub templates: usize,
    /// Bytes that wait for a template.
    pub waiting_bytes: usize,
    /// Counters.
    pub stats: ExportStats,
}

/// Decodes what exporters send. One per collector thread; all datagrams of an exporter reach the same one.
#[derive(Debug)]
pub struct ExportDecoder {
    limits: ExportLimits,
    pub(super) exporters: Exporters,
    /// Sampling that the operator configured, by exporter, known or not.
    configured: HashMap<IpAddr, Arc<Configured>, RandomState>,
    memory: Memory,
    /// Of exporters that are gone, and of datagrams that never had one.
    departed: ExportStats,
    digests: RandomState,
}

/// A header that was read.
enum Parsed<'a> {
    Fixed(Fixed),
    Message(Message<'a>),
    SFlow(SFlow<'a>),
}

impl Default for ExportDecoder {
    fn default() -> Self {
        Self::new(ExportLimits::default())
    }
}

impl ExportDecoder {
    /// A decoder that knows nobody.
    pub fn new(limits: ExportLimits) -> Self {
        Self {
            limits,
            exporters: Exporters::new(),
            configured: HashMap::default(),
            memory: Memory::default(),
            departed: ExportStats::default(),
            digests: RandomState::default(),
        }
    }

    /// Sampling of an exporter, or of one of its interfaces (SNMP index; the output of egress records, the input of all others),
    /// that the operator configured. What is configured last counts, and an interface's own before that of all.
    pub fn set_configured_sampling(
        &mut self,
        exporter: IpAddr,
        interface: Option<u32>,
        sampling: Sampling,
        precedence: Precedence,
    ) {
        let configured = self.configured.entry(exporter).or_default();
        Arc::make_mut(configured).set(interface, sampling, precedence);
        if let Some(known) = self.exporters.iter_mut().find(|known| known.address == exporter) {
            known.configured = Some(configured.clone());
        }
    }

    /// Forgets all sampling that the operator configured.
    pub fn clear_configured_sampling(&mut self) {
        self.configured.clear();
        self.exporters.iter_mut().for_each(|known| known.configured = None);
    }

    /// Decodes a datagram of any version. What was wrong with parts of it is counted; the error is for one of which nothing
    /// was taken.
    pub fn datagram<S: ExportSink + ?Sized>(
        &mut self,
        exporter: IpAddr,
        now: Timestamp,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<(), Refused> {
        self.take(exporter, now, bytes, None, sink)
    }

    /// Decodes an IPFIX message of a stream (RFC 7011 section 10.4), framed by its length. `session` tells the streams of an
    /// exporter apart: templates and sequence numbers are a stream's own (RFC 7011 sections 3.1 and 8). Templates live until
    /// [`ExportDecoder::session_ended`], and may be withdrawn.
    pub fn message<S: ExportSink + ?Sized>(
        &mut self,
        exporter: IpAddr,
        session: u64,
        now: Timestamp,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<(), Refused> {
        self.take(exporter, now, bytes, Some(session), sink)
    }

    /// A stream of an exporter ended, and with it its templates.
    pub fn session_ended(&mut self, exporter: IpAddr, session: u64) {
        let Some(exporter) = self.exporters.touch(&exporter) else { return };
        let before = exporter.memory;
        while let Some(at) = exporter.domains.iter().position(|domain| domain.key.session == Some(session)) {
            exporter.remove_domain(at);
        }
        let after = exporter.memory;
        self.memory.replace(before, after);
    }

    /// Forgets templates and waiting data whose time is over, of all exporters. To be called now and then (each minute); what
    /// is over is not used in between either.
    pub fn expire(&mut self, now: Timestamp) {
        for exporter in self.exporters.iter_mut() {
            let before = exporter.memory;
            exporter.expire(now, &self.limits);
            self.memory.replace(before, exporter.memory);
        }
    }

    /// Counters of all exporters, those that are gone too.
    pub fn stats(&self) -> ExportStats {
        let mut all = self.departed;
        for exporter in self.exporters.iter() {
            all.add(&exporter.stats);
        }
        all
    }

    /// What is known of each exporter, in the order of their addresses.
    pub fn exporters(&self) -> Vec<ExporterStatus> {
        let mut all: Vec<_> = self.exporters.iter().map(ExporterStatus::of).collect();
        all.sort_unstable_by_key(|status| status.address);
        all
    }

    /// What is known of one exporter.
    pub fn exporter(&self, address: IpAddr) -> Option<ExporterStatus> {
        self.exporters.get(&address).map(ExporterStatus::of)
    }

    /// Templates that data of an exporter has been waiting for since this time or longer, in order: it should announce them again.
    pub fn missing_templates(&self, exporter: IpAddr, since: Timestamp) -> Vec<u16> {
        let domains = self.exporters.get(&exporter).into_iter().flat_map(|exporter| &exporter.domains);
        let waiting = domains.flat_map(Domain::missing_templates).filter(|(_, from)| *from <= since);
        let mut missing: Vec<_> = waiting.map(|(id, _)| id).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// The name of an exporter's interface, if its options said it.
    pub fn interface_name(&self, exporter: IpAddr, interface: u32) -> Option<&[u8]> {
        let domains = &self.exporters.get(&exporter)?.domains;
        domains.iter().find_map(|domain| domain.tables.interfaces.get(&interface)).map(Box::as_ref)
    }

    /// Bytes that domains, templates, options and waiting data take.
    pub const fn memory_bytes(&self) -> usize {
        self.memory.state + self.memory.waiting
    }

    pub(super) const fn limits(&self) -> &ExportLimits {
        &self.limits
    }

    /// Bytes that are free in all.
    pub(super) const fn free_room(&self) -> Memory {
        Memory {
            state: self.limits.state_bytes_in_all.saturating_sub(self.memory.state),
            waiting: self.limits.waiting_bytes_in_all.saturating_sub(self.memory.waiting),
        }
    }

    /// Takes in an exporter from a snapshot, if it is not known and there is room.
    pub(super) fn adopt(&mut self, mut exporter: Exporter, settled: bool) -> bool {
        let address = exporter.address;
        if self.exporters.get(&address).is_some() || self.exporters.len() >= self.limits.exporters {
            return false;
        }
        self.memory.replace(Memory::default(), exporter.memory);
        exporter.configured = self.configured.get(&address).cloned();
        self.exporters.insert(exporter);
        if settled {
            self.exporters.settle(&address, &self.limits);
        }
        true
    }

    fn take<S: ExportSink + ?Sized>(
        &mut self,
        address: IpAddr,
        now: Timestamp,
        bytes: &[u8],
        session: Option<u64>,
        sink: &mut S,
    ) -> Result<(), Refused> {
        let parsed = Parsed::of(bytes, session);
        if let Err(reason) = self.admit(address, now, parsed.is_ok(), sink) {
            let reason = parsed.err().unwrap_or(reason);
            self.departed.datagrams += 1;
            self.departed.bytes += bytes.len() as u64;
            self.departed.refused.count(reason);
            return Err(reason);
        }
        let digest = self.digests.hash_one(bytes);
        let room = self.room_of(address);
        let Some(exporter) = self.exporters.touch(&address) else { return Err(Refused::ExportersFull) };
        let before = exporter.memory;
        exporter.stats.datagrams += 1;
        exporter.stats.bytes += bytes.len() as u64;
        let result = parsed.and_then(|parsed| {
            exporter.last_seen = exporter.last_seen.max(now);
            if parsed.has_trailing(bytes) {
                exporter.stats.faults.count(Refused::TrailingBytes);
            }
            parsed.decode(exporter, now, digest, &self.limits, room, sink)
        });
        match result {
            Ok(()) => exporter.stats.decoded += 1,
            Err(reason) => exporter.stats.refused.count(reason),
        }
        let proved = exporter.has_proved_itself(&self.limits);
        self.memory.replace(before, exporter.memory);
        if proved && self.exporters.is_newcomer(&address) {
            self.exporters.settle(&address, &self.limits);
        }
        result
    }

    /// Sees that the exporter is known, if it may be; only one that sent something readable comes to be known.
    fn admit<S: ExportSink + ?Sized>(
        &mut self,
        address: IpAddr,
        now: Timestamp,
        readable: bool,
        sink: &mut S,
    ) -> Result<(), Refused> {
        if self.exporters.touch(&address).is_some() {
            return Ok(());
        }
        if !readable {
            return Err(Refused::UnknownVersion);
        }
        let gone = self.exporters.make_room(now, &self.limits).map_err(|()| Refused::ExportersFull)?;
        self.depart(gone);
        let mut exporter = Exporter::new(address, now);
        exporter.configured = self.configured.get(&address).cloned();
        self.exporters.insert(exporter);
        sink.notice(address, Notice::Appeared);
        Ok(())
    }

    fn depart(&mut self, gone: Option<Box<Exporter>>) {
        let Some(mut exporter) = gone else { return };
        let before = exporter.memory;
        exporter.give_up();
        exporter.stats.exporters_evicted += 1;
        self.memory.replace(before, exporter.memory);
        self.departed.add(&exporter.stats);
    }

    /// What the exporter may hold: its own share, and no more than is free in all. Where that runs out, newcomers go.
    fn room_of(&mut self, address: IpAddr) -> Memory {
        while self.is_tight() {
            match self.exporters.remove_newcomer(Some(&address)) {
                Some(gone) => self.depart(Some(gone)),
                None => break,
            }
        }
        let own = self.exporters.get(&address).map(|exporter| exporter.memory).unwrap_or_default();
        let share = |limit: usize, in_all: usize, held: usize, own: usize| {
            limit.min(in_all.saturating_sub(held.saturating_sub(own)))
        };
        let limits = &self.limits;
        Memory {
            state: share(limits.state_bytes, limits.state_bytes_in_all, self.memory.state, own.state),
            waiting: share(
                limits.waiting_bytes,
                limits.waiting_bytes_in_all,
                self.memory.waiting,
                own.waiting,
            ),
        }
    }

    fn is_tight(&self) -> bool {
        self.memory.state + HEADROOM.min(self.limits.state_bytes) > self.limits.state_bytes_in_all
            || self.memory.waiting + HEADROOM.min(self.limits.waiting_bytes)
                > self.limits.waiting_bytes_in_all
    }
}

impl<'a> Parsed<'a> {
    /// Which version it is. The version of sFlow takes four bytes, that of the others two.
    fn of(bytes: &'a [u8], session: Option<u64>) -> Result<Self, Refused> {
        let version = bytes.first_chunk::<2>().ok_or(Refused::TooShort)?;
        match u16::from_be_bytes(*version) {
            10 => Message::ipfix(bytes, session).map(Self::Message),
            _ if session.is_some() => Err(Refused::UnknownVersion),
            9 => Message::netflow9(bytes).map(Self::Message),
            1 | 5 | 7 => Fixed::parse(bytes).map(Self::Fixed),
            0 => SFlow::parse(bytes).map(Self::SFlow),
            _ => Err(Refused::UnknownVersion),
        }
    }

    fn decode<S: ExportSink + ?Sized>(
        &self,
        exporter: &mut Exporter,
        now: Timestamp,
        digest: u64,
        limits: &ExportLimits,
        room: Memory,
        sink: &mut S,
    ) -> Result<(), Refused> {
        if let Some(exported) = self.exported() {
            exporter.note_clock(exported, now, limits, sink);
        }
        let key = self.key();
        let Some((domain, mut env)) = exporter.enter(key, now, limits, room, sink) else { return Ok(()) };
        let Some((number, uptime)) = self.numbered() else { return self.body(domain, &mut env).map(drop) };
        if domain.sequence.is_repeat(number, digest, &mut env.stats.sequence) {
            return Err(Refused::Repeated);
        }
        let restarted = uptime.is_some_and(|uptime| has_restarted(domain, number, uptime));
        if restarted {
            domain.sequence.restart(&mut env.stats.sequence);
        }
        domain.uptime = uptime;
        let result = self.body(domain, &mut env);
        let (units, uncounted) = *result.as_ref().unwrap_or(&self.units_if_refused());
        let continuity = domain.sequence.note(number, units, uncounted, &mut env.stats.sequence);
        if restarted || continuity == Continuity::Restarted {
            let notice = Notice::Restarted { version: key.version, domain: key.id };
            env.sink.notice(env.address, notice);
        }
        result.map(drop)
    }

    /// Decodes what is behind the header; gives units of the sequence, and whether there were more that could not be counted.
    fn body<S: ExportSink + ?Sized>(
        &self,
        domain: &mut Domain,
        env: &mut Environment<'_, S>,
    ) -> Result<(u32, bool), Refused> {
        match self {
            Self::Fixed(fixed) => Ok((fixed.decode(env), false)),
            Self::Message(message) => message.decode(domain, env).map(|held| held.units(message.key.version)),
            Self::SFlow(sflow) => sflow.decode(env).map(|()| (1, false)),
        }
    }

    /// A datagram of which nothing was taken still had its number.
    const fn units_if_refused(&self) -> (u32, bool) {
        match self {
            Self::Message(message) if matches!(message.key.version, ExportVersion::Ipfix) => (0, true),
            _ => (1, false),
        }
    }

    /// Whether there is more behind what the header describes than zeros.
    fn has_trailing(&self, bytes: &[u8]) -> bool {
        let length = match self {
            Self::Fixed(fixed) => Some(fixed.length()),
            Self::Message(message) => message.length(),
            Self::SFlow(_) => None,
        };
        length.and_then(|length| bytes.get(length..)).is_some_and(|rest| rest.iter().any(|byte| *byte != 0))
    }

    fn key(&self) -> DomainKey {
        match self {
            Self::Fixed(fixed) => fixed.key(),
            Self::Message(message) => message.key,
            Self::SFlow(sflow) => sflow.key(),
        }
    }

    fn exported(&self) -> Option<Timestamp> {
        match self {
            Self::Fixed(fixed) => Some(fixed.exported()),
            Self::Message(message) => Some(message.clock.exported),
            Self::SFlow(_) => None,
        }
    }

    /// Its number and the exporter's uptime in ms; NetFlow v1 has no number.
    fn numbered(&self) -> Option<(u32, Option<u32>)> {
        match self {
            Self::Fixed(fixed) => fixed.number().map(|number| (number, Some(fixed.uptime()))),
            Self::Message(message) => Some((message.number, message.clock.uptime)),
            Self::SFlow(sflow) => Some((sflow.number, Some(sflow.uptime))),
        }
    }
}

/// Uptime and sequence both went back, and the uptime did not wrap, as it does after 49 days.
fn has_restarted(domain: &Domain, number: u32, uptime: u32) -> bool {
    let Some(before) = domain.uptime else { return false };
    let back = before.saturating_sub(uptime);
    let wrapped = uptime.wrapping_sub(before) < UPTIME_WRAP_MS;
    back > UPTIME_SLACK_MS && !wrapped && domain.sequence.is_behind(number)
}

impl Memory {
    /// A part of what is held became another.
    fn replace(&mut self, before: Self, after: Self) {
        self.state = (self.state + after.state).saturating_sub(before.state);
        self.waiting = (self.waiting + after.waiting).saturating_sub(before.waiting);
    }
}

impl ExporterStatus {
    /// Protocols of its observation domains.
    pub fn versions(&self) -> impl Iterator<Item = ExportVersion> {
        ExportVersion::ALL
            .into_iter()
            .zip(self.speaks)
            .filter_map(|(version, speaks)| speaks.then_some(version))
    }

    fn of(exporter: &Exporter) -> Self {
        Self {
            address: exporter.address,
            first_seen: exporter.first_seen,
            last_seen: exporter.last_seen,
            clock_skew: exporter.clock_skew,
            sampling: exporter.sampling,
            speaks: ExportVersion::ALL
                .map(|version| exporter.domains.iter().any(|domain| domain.key.version == version)),
            domains: exporter.domains.len(),
            templates: exporter.domains.iter().map(|domain| domain.templates.len()).sum(),
            waiting_bytes: exporter.memory.waiting,
            stats: exporter.stats,
        }
    }
}
