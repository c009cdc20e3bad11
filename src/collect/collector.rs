//! The collector: datagrams and messages to records, records to flows, and what is learnt from them.

use super::matching::RecordWatch;
use crate::canary;
use crate::pipeline::{Census, Learnt, Look, Wanted, WatchCounts};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use weir_flow::{ExportedBatch, ExportedFlowStats, ExportedFlows};
use weir_model::record::{Counters, ExportedRecord, Origin, SampledFrame};
use weir_model::{ExportVersion, Protocol, Timestamp, Told};
use weir_rules::{FlowHits, IndicatorSet, Site};
use weir_wire::export::{
    ExportDecoder, ExportLimits, ExportSink, ExportStats, ExporterStatus, Notice, Refused,
};
use weir_wire::{DecodeConfig, DecodeStats, Decoder};

/// How often the decoder forgets templates and waiting data whose time is over; what is over is not used in between either.
const FORGET_EVERY: Duration = Duration::from_mins(1);
/// Notices that wait to be taken. Forged sources make one each, so further ones are only counted.
const MAX_NOTICES: usize = 64;

/// What a collector works with.
#[derive(Clone)]
pub(crate) struct CollectorConfig {
    pub limits: ExportLimits,
    pub set: Arc<IndicatorSet>,
    pub site: Site,
    pub want_flows: Wanted,
    pub want_names: Wanted,
    /// Which of several collectors, which share flows, it is.
    pub part: usize,
    pub parts: usize,
    /// Whether flows that met something are told of while they are open ([`Collector::stand`]).
    pub is_live: bool,
    /// What is told of requests.
    pub told: Told,
}

/// Decodes what exporters send, puts it into flows, and matches these. There is one for each thread; datagrams of an exporter always
/// reach the same, and flows are shared.
pub(crate) struct Collector {
    decoder: ExportDecoder,
    forgets_at: Timestamp,
    part: usize,
    parts: usize,
    records: Records,
}

/// What a collector has to say at the end, or in between.
#[derive(Clone, Debug, Default)]
pub(crate) struct CollectorReport {
    pub decode: ExportStats,
    /// By their addresses.
    pub exporters: Vec<ExporterStatus>,
    /// Of sampled frames.
    pub frames: DecodeStats,
    /// Of all flows, whichever collector put records into them.
    pub flows: ExportedFlowStats,
    pub watch: WatchCounts,
    /// Hits of which nobody was told, because another thread had ended their flow in the very moment in which it began.
    pub hits_of_gone: u64,
    pub census: Census,
    /// Notices beyond those that wait to be taken.
    pub notices_left_out: u64,
    /// Records that were canaries.
    pub canaries: u64,
}

impl Collector {
    /// Nothing received.
    pub(crate) fn new(config: CollectorConfig, flows: Arc<ExportedFlows<FlowHits>>) -> Self {
        let wanted = (config.want_flows, config.want_names);
        let watch = RecordWatch::new(Arc::clone(&flows), config.set, config.site, wanted, config.is_live)
            .telling(config.told);
        // A packet was sampled, and the other fragments of its datagram were not.
        let frames = DecodeConfig { fragment_datagrams_max: 0, ..DecodeConfig::default() };
        Self {
            decoder: ExportDecoder::new(config.limits),
            forgets_at: Timestamp::EPOCH,
            part: config.part,
            parts: config.parts.max(1),
            records: Records {
                batch: flows.batch(),
                flows,
                frames: Decoder::new(frames),
                watch,
                number: config.part as u64,
                step: config.parts.max(1) as u64,
                notices: Vec::new(),
                notices_left_out: 0,
                canaries: 0,
            },
        }
    }

    /// Takes a datagram.
    pub(crate) fn datagram(
        &mut self,
        exporter: IpAddr,
        received: Timestamp,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        self.decoder.datagram(exporter, received, bytes, &mut self.records)
    }

    /// Takes an IPFIX message of a stream.
    pub(crate) fn message(
        &mut self,
        exporter: IpAddr,
        session: u64,
        received: Timestamp,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        self.decoder.message(exporter, session, received, bytes, &mut self.records)
    }

    /// The stream of an exporter ended.
    pub(crate) fn session_ended(&mut self, exporter: IpAddr, session: u64) {
        self.decoder.session_ended(exporter, session);
    }

    /// Time has passed: what is over by `now` ends, of flows some; whether more are due.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        if now >= self.forgets_at {
            self.decoder.expire(now);
            self.forgets_at = now + FORGET_EVERY;
        }
        self.records.take_batch();
        let Records { flows, watch, .. } = &mut self.records;
        let more = flows.expire(now, self.part, self.parts, watch);
        watch.settle();
        more
    }

    /// Nothing more will come to any of those who share the flows: all flows end.
    pub(crate) fn finish(&mut self) {
        self.records.take_batch();
        let Records { flows, watch, .. } = &mut self.records;
        flows.finish(watch);
        watch.settle();
        self.forgets_at = Timestamp::EPOCH;
    }

    /// Compares with another set from here on, and counts flows as of another site.
    pub(crate) fn follow(&mut self, set: Arc<IndicatorSet>, site: &Arc<Site>) {
        self.records.take_batch();
        self.records.watch.follow(set, site);
    }

    /// Open flows are to be compared with what the set has more than the one before; all who share them compare with it.
    pub(crate) fn begin_sweep(&mut self, added: &Arc<IndicatorSet>) {
        self.records.watch.begin_sweep(added);
    }

    /// Whether open flows are still to be compared.
    pub(crate) fn is_sweeping(&self) -> bool {
        self.records.watch.is_sweeping()
    }

    /// Compares open flows in so many slots, at the time `now`.
    pub(crate) fn sweep(&mut self, now: Timestamp, slots: u32) {
        self.records.take_batch();
        self.records.watch.sweep((self.part, self.parts), now, slots);
    }

    /// Takes a canary, as if a record had told of it.
    pub(crate) fn canary(&mut self, number: u64, now: Timestamp) {
        let exporter = IpAddr::V4(canary::SERVER);
        let origin =
            Origin { exporter, version: ExportVersion::Ipfix, domain: 0, exported: now, received: now };
        let record = ExportedRecord {
            source: Some(IpAddr::V4(canary::CLIENT)),
            destination: Some(IpAddr::V4(canary::SERVER)),
            source_port: canary::port(number),
            destination_port: 53,
            protocol: Some(Protocol::UDP),
            forward: Counters { packets: 1, bytes: 65 },
            first: Some(now),
            last: Some(now),
            dns_query: Some(canary::question()),
            ..ExportedRecord::empty(origin)
        };
        self.records.batch.push(number, &record);
        self.records.canaries += 1;
        self.records.take_batch();
    }

    /// Snapshots of open flows that met something here; they are among what was learnt.
    pub(crate) fn stand(&mut self, which: Look) {
        self.records.take_batch();
        self.records.watch.stand(which);
    }

    /// What was learnt since this was last asked.
    pub(crate) fn take_learnt(&mut self) -> Learnt {
        self.records.take_batch();
        self.records.watch.take_learnt()
    }

    /// What people should know of exporters, since this was last asked.
    pub(crate) fn take_notices(&mut self) -> Vec<(IpAddr, Notice)> {
        std::mem::take(&mut self.records.notices)
    }

    /// The decoder, for templates that are kept over a restart.
    pub(crate) const fn decoder(&mut self) -> &mut ExportDecoder {
        &mut self.decoder
    }

    /// The books so far, as of the last time that learnt things were taken.
    pub(crate) fn report(&self) -> CollectorReport {
        let (exporters, census) = (self.decoder.exporters(), self.records.watch.census().clone());
        CollectorReport { exporters, census, ..self.counts() }
    }

    /// The same without exporters and census, which may be large.
    pub(crate) fn counts(&self) -> CollectorReport {
        let Records { flows, frames, watch, notices_left_out, canaries, .. } = &self.records;
        CollectorReport {
            decode: self.decoder.stats(),
            exporters: Vec::new(),
            frames: frames.stats(),
            flows: flows.stats(),
            watch: *watch.counts(),
            hits_of_gone: watch.hits_of_gone(),
            census: Census::default(),
            notices_left_out: *notices_left_out,
            canaries: *canaries,
        }
    }
}

impl CollectorReport {
    /// Takes up what another collector of the same flows has to say.
    pub(crate) fn add(&mut self, other: &Self) {
        self.decode.add(&other.decode);
        self.exporters.extend_from_slice(&other.exporters);
        self.frames.add(&other.frames);
        self.watch.add(&other.watch);
        self.hits_of_gone += other.hits_of_gone;
        self.census.add(&other.census);
        self.notices_left_out += other.notices_left_out;
        self.canaries += other.canaries;
    }
}

/// Where records go.
struct Records {
    flows: Arc<ExportedFlows<FlowHits>>,
    batch: ExportedBatch,
    /// Decodes sampled frames.
    frames: Decoder,
    watch: RecordWatch,
    /// Of the next record; no other collector has the same.
    number: u64,
    step: u64,
    notices: Vec<(IpAddr, Notice)>,
    notices_left_out: u64,
    canaries: u64,
}

impl Records {
    /// Puts the records so far into flows.
    fn take_batch(&mut self) {
        if !self.batch.is_empty() {
            self.flows.take(&mut self.batch, &mut self.watch);
            self.watch.settle();
        }
    }
}

impl ExportSink for Records {
    fn record(&mut self, record: &ExportedRecord<'_>) {
        self.batch.push(self.number, record);
        self.number += self.step;
        if self.batch.is_full() {
            self.take_batch();
        }
    }

    fn sampled(&mut self, frame: &SampledFrame<'_>) {
        let Self { frames, batch, number, step, .. } = self;
        frames.decode(&frame.frame(*number), &mut |packet| {
            batch.push_sampled(*number, frame, packet);
            *number += *step;
        });
        if self.batch.is_full() {
            self.take_batch();
        }
    }

    fn notice(&mut self, exporter: IpAddr, notice: Notice) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push((exporter, notice));
        } else {
            self.notices_left_out += 1;
        }
    }
}
