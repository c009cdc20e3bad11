//! A worker: frames to flows and hits. It owns its decoder and its flow table, and takes no lock for them.

use super::census::Census;
use super::dealing::Part;
use super::round::{self, RoundEnd};
use super::watch::{Learnt, Wanted, Watch, WatchCounts};
use crate::collect::{Heard, Intake};
use crate::errand::Errand;
use crate::latency::StageTimes;
use crossbeam::queue::ArrayQueue;
use std::sync::Arc;
use weir_capture::FrameBatch;
use weir_flow::{Clock, Ended, FlowConfig, FlowSink, FlowStats, FlowTable, PassiveDns};
use weir_model::flow::FlowHead;
use weir_model::{Frame, Observation, Timestamp, Told};
use weir_rules::{IndicatorSet, Matcher, Site};
use weir_wire::{DecodeConfig, DecodeStats, Decoder, Packet};

/// What a worker works with.
#[derive(Clone)]
pub(crate) struct WorkerConfig {
    pub decode: DecodeConfig,
    pub flow: FlowConfig,
    /// Shared with other workers, if there are any.
    pub passive_dns: Option<Arc<PassiveDns>>,
    pub set: Arc<IndicatorSet>,
    pub site: Site,
    pub want_flows: Wanted,
    pub want_names: Wanted,
    /// UDP ports to which routers export.
    pub export_ports: Arc<[u16]>,
    /// Where the desk puts what it has read.
    pub spare: Arc<ArrayQueue<Learnt>>,
    /// What is told of requests.
    pub told: Told,
}

/// Decodes, keeps flows, matches.
pub(crate) struct Worker {
    decoder: Decoder,
    table: FlowTable,
    watch: Watch,
    /// Where there are ports to which routers export.
    intake: Option<Intake>,
    span: Span,
    times: StageTimes,
}

/// From the first packet's time to the last.
pub(crate) type Span = Option<(Timestamp, Timestamp)>;

/// Widens a span to another.
pub(super) fn widen(span: &mut Span, other: Span) {
    if let Some((first, last)) = other {
        let (from, to) = span.unwrap_or((first, last));
        *span = Some((from.min(first), to.max(last)));
    }
}

/// What a worker has to say at the end; of several, added up.
#[derive(Debug)]
pub(crate) struct WorkerReport {
    pub decode: DecodeStats,
    pub flow: FlowStats,
    pub watch: WatchCounts,
    pub census: Census,
    /// Exports that were found.
    pub heard: Heard,
    pub span: Span,
    pub times: StageTimes,
}

impl WorkerReport {
    /// Takes up what another worker has to say.
    pub(crate) fn add(&mut self, other: &Self) {
        self.decode.add(&other.decode);
        self.flow.add(&other.flow);
        self.watch.add(&other.watch);
        self.census.add(&other.census);
        self.heard.add(&other.heard);
        widen(&mut self.span, other.span);
        self.times.add(&other.times);
    }
}

impl Worker {
    /// Nothing seen yet.
    pub(crate) fn new(config: WorkerConfig) -> Self {
        let table = match config.passive_dns {
            Some(shared) => FlowTable::with_passive_dns(config.flow, shared),
            None => FlowTable::new(config.flow),
        };
        let wanted = (config.want_flows, config.want_names);
        let intake = (!config.export_ports.is_empty()).then(|| Intake::new(config.export_ports));
        Self {
            decoder: Decoder::new(config.decode),
            table,
            watch: Watch::new(Matcher::new(config.set), false)
                .for_files(config.site, wanted, config.spare)
                .telling(config.told),
            intake,
            span: None,
            times: StageTimes::new(),
        }
    }

    /// Takes frames.
    pub(crate) fn batch(&mut self, batch: &FrameBatch) {
        let Self { decoder, table, watch, intake, span, times } = self;
        times.measure(|| {
            let frames = batch.iter().inspect(|frame| see(span, frame));
            take_frames(decoder, table, intake, frames, watch);
        });
    }

    /// Takes frames, and what comes between them.
    pub(super) fn part(&mut self, part: &Part) {
        let Self { decoder, table, watch, intake, span, times } = self;
        times.measure(|| {
            let mut taken = 0;
            for (place, errand) in part.errands() {
                let frames = part.frames().range(taken..place).inspect(|frame| see(span, frame));
                take_frames(decoder, table, intake, frames, watch);
                taken = place;
                match errand {
                    Errand::Made(packet) => packet.lend(|packet| take_packet(table, intake, packet, watch)),
                    Errand::Note(packet) => packet.lend(|packet| table.note_icmp_error(packet)),
                }
            }
            let frames = part.frames().range(taken..part.frames().len()).inspect(|frame| see(span, frame));
            take_frames(decoder, table, intake, frames, watch);
        });
    }

    /// The input is over: what is held of fragments is handed on.
    pub(crate) fn finish_fragments(&mut self) {
        let Self { decoder, table, watch, intake, .. } = self;
        decoder.finish(&mut |packet| take_packet(table, intake, packet, watch));
    }

    /// All packets of a round were taken: what has ended by then ends. Gives the round's number; the first is 0.
    pub(crate) fn close_round(&mut self, clock: &Clock) -> u64 {
        let Self { table, watch, intake, times, .. } = self;
        let round = times.measure(|| table.close_round(clock, watch));
        if let Some(intake) = intake {
            intake.hand_over(watch.datagrams());
        }
        watch.begin_round(round + 1);
        round
    }

    /// All workers have closed the round: flows that began in it get their names.
    pub(crate) fn resolve(&mut self, round: u64) {
        let Self { table, watch, times, .. } = self;
        times.measure(|| table.resolve(round, watch));
    }

    /// The input is over, and all rounds up to `last` are resolved: all flows end. There may be millions, so what was learnt is
    /// handed to `tell` by the flows' beginnings, as if of the rounds that follow: all workers tell of the same rounds.
    pub(super) fn finish(&mut self, last: &RoundEnd, tell: impl FnMut(u64, Learnt)) {
        let Self { table, watch, times, .. } = self;
        times.measure(|| {
            let mut finish = Finish { watch, round: last.round + 1, first_round: last.round + 1, tell };
            table.finish(&last.clock, &mut finish);
            finish.tell_until(last.round + 2 + round::last_packet(last.round) / FINISH_PACKETS);
        });
    }

    /// What was learnt in the oldest round that this was not asked of.
    pub(super) fn take_round(&mut self) -> Learnt {
        self.watch.take_round()
    }

    /// The books so far.
    pub(crate) fn report(&self) -> WorkerReport {
        WorkerReport {
            decode: self.decoder.stats(),
            flow: self.table.stats(),
            watch: *self.watch.counts(),
            census: self.watch.census(),
            heard: self.intake.as_ref().map(|intake| intake.heard().clone()).unwrap_or_default(),
            span: self.span,
            times: self.times.clone(),
        }
    }
}

/// Takes frames; exports in them are copied on the way.
fn take_frames<'a>(
    decoder: &mut Decoder,
    table: &mut FlowTable,
    intake: &mut Option<Intake>,
    frames: impl Iterator<Item = Frame<'a>>,
    watch: &mut Watch,
) {
    let Some(intake) = intake else {
        return table.frames(decoder, frames, watch);
    };
    let look = |packet: &Packet<'_>, _| {
        intake.look(packet);
        true
    };
    table.frames_kept(decoder, frames, look, watch);
}

/// Takes a packet that was put together, likewise.
fn take_packet(table: &mut FlowTable, intake: &mut Option<Intake>, packet: &Packet<'_>, watch: &mut Watch) {
    if let Some(intake) = intake {
        intake.look(packet);
    }
    table.packet(packet, watch);
}

/// Flows that began within so many packets are told of together at the end of the input: as many as a round has, since what
/// is under way to the desk, and kept to be filled again, is as large.
const FINISH_PACKETS: u64 = 1 << 12;

/// Divides what is learnt at the end of the input.
struct Finish<'a, T> {
    watch: &'a mut Watch,
    first_round: u64,
    /// What is being learnt of.
    round: u64,
    tell: T,
}

impl<T: FnMut(u64, Learnt)> Finish<'_, T> {
    fn tell_until(&mut self, round: u64) {
        while self.round < round {
            (self.tell)(self.round, self.watch.take_round());
            self.round += 1;
            self.watch.begin_round(self.round);
        }
    }
}

impl<T: FnMut(u64, Learnt)> FlowSink for Finish<'_, T> {
    fn began(&mut self, flow: &FlowHead<'_>) {
        self.watch.began(flow);
    }

    fn named(&mut self, flow: &FlowHead<'_>) {
        self.watch.named(flow);
    }

    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation) {
        self.watch.observed(flow, observation);
    }

    /// Flows come in the order in which they began.
    fn ended(&mut self, flow: Ended<'_>, _round: u64) {
        self.tell_until(self.first_round + flow.id().0 / FINISH_PACKETS);
        self.watch.ended(flow, self.round);
    }
}

/// Notes the time of a frame.
fn see(span: &mut Span, frame: &Frame<'_>) {
    let (first, last) = span.unwrap_or((frame.time, frame.time));
    *span = Some((first.min(frame.time), last.max(frame.time)));
}
