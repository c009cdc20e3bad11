//! What is known of one exporter.

use super::configured::{Configured, sampled_interface};
use super::decoder::{ExportSink, Notice};
use super::domain::{Domain, DomainKey};
use super::limits::ExportLimits;
use super::stats::ExportStats;
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::Timestamp;
use weir_model::record::{ExportedRecord, SampledFrame, Sampling};

/// One exporter: its domains and its counters.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) address: IpAddr,
    pub(super) first_seen: Timestamp,
    pub(super) last_seen: Timestamp,
    pub(super) domains: Vec<Domain>,
    pub(super) stats: ExportStats,
    pub(super) memory: Memory,
    /// Exporter's clock less ours, in nanoseconds, of the last datagram.
    pub(super) clock_skew: i64,
    skew_told: bool,
    /// Sampling of the last record or frame.
    pub(super) sampling: Option<Sampling>,
    /// Sampling that the operator configured.
    pub(super) configured: Option<Arc<Configured>>,
    /// Counts the datagrams: what a domain was used last by.
    ticks: u64,
}

/// Bytes held for an exporter, or for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Domains, their templates, and what their options said.
    pub(super) state: usize,
    /// Data sets that wait for a template.
    pub(super) waiting: usize,
}

/// What a datagram is decoded with, beside the state of its domain.
pub(super) struct Environment<'e, S: ?Sized> {
    pub(super) address: IpAddr,
    pub(super) now: Timestamp,
    /// A message of a stream: templates live as long as the session.
    pub(super) stream: bool,
    pub(super) limits: &'e ExportLimits,
    /// Bytes that the exporter may hold, as things stand.
    pub(super) room: Memory,
    pub(super) memory: &'e mut Memory,
    pub(super) stats: &'e mut ExportStats,
    sampling: &'e mut Option<Sampling>,
    configured: Option<&'e Configured>,
    pub(super) sink: &'e mut S,
}

impl<S: ExportSink + ?Sized> Environment<'_, S> {
    /// Hands a record on, with the configured sampling where that counts.
    #[inline]
    pub(super) fn record(&mut self, record: &mut ExportedRecord<'_>) {
        if let Some(configured) = self.configured {
            record.sampling = configured.sampling(record.sampling, sampled_interface(record));
        }
        self.stats.records += 1;
        *self.sampling = record.sampling;
        self.sink.record(record);
    }

    /// Hands the header of a sampled packet on, likewise.
    pub(super) fn sampled(&mut self, frame: &mut SampledFrame<'_>) {
        if let Some(configured) = self.configured {
            frame.sampling = configured.sampling(frame.sampling, frame.input);
        }
        self.stats.frames += 1;
        *self.sampling = frame.sampling;
        self.sink.sampled(frame);
    }
}

impl Exporter {
    pub(super) fn new(address: IpAddr, now: Timestamp) -> Self {
        Self {
            address,
            first_seen: now,
            last_seen: now,
            domains: Vec::new(),
            stats: ExportStats::default(),
            memory: Memory::default(),
            clock_skew: 0,
            skew_told: false,
            sampling: None,
            configured: None,
            ticks: 0,
        }
    }

    /// Whether it has sent records for long enough to be kept when newcomers flood.
    pub(super) fn has_proved_itself(&self, limits: &ExportLimits) -> bool {
        self.stats.records + self.stats.frames > 0 && self.last_seen.since(self.first_seen) >= limits.settle
    }

    /// The state of a domain, and what to decode with. When there are too many domains, the one unused longest goes.
    pub(super) fn enter<'e, S: ExportSink + ?Sized>(
        &'e mut self,
        key: DomainKey,
        now: Timestamp,
        limits: &'e ExportLimits,
        room: Memory,
        sink: &'e mut S,
    ) -> Option<(&'e mut Domain, Environment<'e, S>)> {
        let at = self.domains.iter().position(|domain| domain.key == key);
        let at = at.unwrap_or_else(|| self.add_domain(key, limits, room));
        self.environment(at, now, limits, room, sink)
    }

    /// The state of the domain at a place, and what to decode with.
    pub(super) fn environment<'e, S: ?Sized>(
        &'e mut self,
        at: usize,
        now: Timestamp,
        limits: &'e ExportLimits,
        room: Memory,
        sink: &'e mut S,
    ) -> Option<(&'e mut Domain, Environment<'e, S>)> {
        let domain = self.domains.get_mut(at)?;
        self.ticks += 1;
        domain.used = self.ticks;
        let environment = Environment {
            address: self.address,
            now,
            stream: domain.key.session.is_some(),
            limits,
            room,
            memory: &mut self.memory,
            stats: &mut self.stats,
            sampling: &mut self.sampling,
            configured: self.configured.as_deref(),
            sink,
        };
        Some((domain, environment))
    }

    /// When there are too many, or they take too much, the one unused longest goes; one there may always be.
    pub(super) fn add_domain(&mut self, key: DomainKey, limits: &ExportLimits, room: Memory) -> usize {
        let is_tight = self.memory.state + size_of::<Domain>() > room.state && !self.domains.is_empty();
        if self.domains.len() >= limits.domains.max(1) || is_tight {
            let oldest = self.domains.iter().enumerate().min_by_key(|(_, domain)| domain.used);
            if let Some((at, _)) = oldest {
                self.remove_domain(at);
                self.stats.domains_evicted += 1;
            }
        }
        self.memory.state += size_of::<Domain>();
        self.domains.push(Domain::new(key));
        self.domains.len() - 1
    }

    pub(super) fn remove_domain(&mut self, at: usize) {
        let mut domain = self.domains.swap_remove(at);
        domain.forget(&mut self.memory, &mut self.stats);
    }

    /// Notes the difference of the clocks; tells when it begins, and when it ends, to be more than the limit.
    pub(super) fn note_clock<S: ExportSink + ?Sized>(
        &mut self,
        exported: Timestamp,
        now: Timestamp,
        limits: &ExportLimits,
        sink: &mut S,
    ) {
        let skew = i128::from(exported.as_nanos()) - i128::from(now.as_nanos());
        self.clock_skew = i64::try_from(skew).unwrap_or(if skew < 0 { i64::MIN } else { i64::MAX });
        let size = u128::from(self.clock_skew.unsigned_abs());
        let limit = limits.clock_skew.as_nanos();
        if size > limit {
            self.stats.clock_skewed += 1;
        }
        // It must come well below the limit before it is told again.
        if size > limit && !self.skew_told {
            self.skew_told = true;
            sink.notice(self.address, Notice::ClockSkewed { nanos: self.clock_skew });
        } else if size <= limit / 2 && self.skew_told {
            self.skew_told = false;
            sink.notice(self.address, Notice::ClockAgrees);
        }
    }

    /// Forgets templates and waiting data whose time is over.
    pub(super) fn expire(&mut self, now: Timestamp, limits: &ExportLimits) {
        for domain in &mut self.domains {
            domain.expire(now, limits, &mut self.memory, &mut self.stats);
        }
    }

    /// Everything it held is given up; counters are left as they are at the end.
    pub(super) fn give_up(&mut self) {
        while !self.domains.is_empty() {
            self.remove_domain(0);
        }
    }
}
