//! What a worker decodes and keeps of its share of a tap: rounds are cut by time, and passive DNS is shared with the others.

use super::arming::{Arming, Follower};
use super::books::Wanted;
use super::lane::{Handover, LaneCounts, Lanes};
use super::pace::Pace;
use crate::canary;
use crate::latency::StageTimes;
use crate::pipeline::{Census, Learnt, Look, Watch, WatchCounts};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use weir_capture::FrameBatch;
use weir_flow::{Clock, Effort, FlowConfig, FlowStats, FlowTable, PassiveDns, Whence};
use weir_model::frame::LinkType;
use weir_model::{Frame, Timestamp};
use weir_rules::Matcher;
use weir_wire::{DecodeConfig, DecodeStats, Decoder};

/// How long a worker waits for slower ones before it asks passive DNS: then names may be missing that another worker has yet to
/// learn. A worker that far behind drops packets soon.
const MAX_WAIT_FOR_OTHERS: Duration = Duration::from_secs(1);

/// The same at the end, when the rings of slower workers are still full.
const MAX_WAIT_AT_END: Duration = Duration::from_secs(10);

/// What workers know of each other.
#[derive(Debug)]
pub(super) struct Peers {
    passive_dns: Arc<PassiveDns>,
    /// The time up to which each worker has taken its packets, then each collector what it received, in nanoseconds.
    passed: Vec<AtomicU64>,
    /// The packet number up to which each worker has asked passive DNS.
    asked: Vec<AtomicU64>,
    lanes: Arc<Lanes>,
}

impl Peers {
    /// So many workers and collectors, of which none has taken anything.
    pub(super) fn new(workers: usize, collectors: usize, flow: &FlowConfig) -> Self {
        let zeros = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            passive_dns: Arc::new(PassiveDns::new(flow.passive_dns.clone())),
            passed: zeros(workers + collectors),
            asked: zeros(workers),
            lanes: Arc::new(Lanes::new(workers)),
        }
    }

    /// How many workers there are.
    pub(super) const fn workers(&self) -> usize {
        self.asked.len()
    }

    /// What clients were told of names, known to all.
    pub(super) const fn passive_dns(&self) -> &Arc<PassiveDns> {
        &self.passive_dns
    }

    /// The time up to which all have taken their packets; `None` while one has none.
    pub(super) fn passed(&self) -> Option<Timestamp> {
        least(&self.passed).map(Timestamp::from_nanos)
    }

    /// The worker or collector of that place has come so far.
    pub(super) fn pass(&self, index: usize, time: Timestamp) {
        if let Some(passed) = self.passed.get(index) {
            passed.store(time.as_nanos(), Ordering::Relaxed);
        }
    }

    /// What everybody has asked about is settled.
    fn ask(&self, index: usize, packet: u64) {
        if let Some(asked) = self.asked.get(index) {
            asked.store(packet, Ordering::Relaxed);
        }
        if let Some(all) = least(&self.asked).filter(|_| index == 0) {
            self.passive_dns.settle(all);
        }
    }
}

fn least(of_workers: &[AtomicU64]) -> Option<u64> {
    of_workers.iter().map(|value| value.load(Ordering::Relaxed)).min().filter(|least| *least > 0)
}

/// The books of a worker.
#[derive(Clone, Debug)]
pub(super) struct TablesReport {
    pub decode: DecodeStats,
    pub flow: FlowStats,
    pub watch: WatchCounts,
    pub lane: LaneCounts,
    pub frames: u64,
    pub bytes: u64,
    pub span: Option<(Timestamp, Timestamp)>,
    pub times: StageTimes,
    /// Of going over open flows with new indicators.
    pub sweeps: StageTimes,
    /// Frames that held a canary.
    pub canaries: u64,
    /// How many flows the table may hold.
    pub flows_most: u64,
    /// What flows were like; only at the end, because it may be large.
    pub census: Option<Census>,
}

/// A decoder, a flow table and what watches it.
pub(super) struct Tables {
    index: usize,
    peers: Arc<Peers>,
    decoder: Decoder,
    table: FlowTable,
    handover: Handover,
    watch: Watch,
    follower: Follower,
    clock: Clock,
    /// Rounds that are closed and not resolved: their numbers, when they were closed, and the last packet in them.
    closed: VecDeque<(u64, Timestamp, u64)>,
    last_packet: u64,
    report: (u64, u64, Option<(Timestamp, Timestamp)>),
    passed: Timestamp,
    times: StageTimes,
    sweeps: StageTimes,
    canaries: u64,
    flows_most: u64,
}

impl Tables {
    /// Nothing seen.
    pub(super) fn new(
        index: usize,
        peers: &Arc<Peers>,
        flow: FlowConfig,
        arming: &Arc<Arming>,
        wanted: Wanted,
    ) -> Self {
        let (follower, armed) = Follower::new(arming, index);
        let matcher = Matcher::new(Arc::clone(&armed.set));
        let site = Arc::clone(&armed.site);
        let flows_most = flow.max_flows() as u64;
        Self {
            index,
            peers: Arc::clone(peers),
            decoder: Decoder::new(DecodeConfig::default()),
            table: FlowTable::with_passive_dns(flow, Arc::clone(&peers.passive_dns)),
            handover: Handover::new(index, Arc::clone(&peers.lanes)),
            watch: Watch::new(matcher, wanted.names).live(site, wanted.flows).telling(wanted.told),
            follower,
            clock: Clock::new(),
            closed: VecDeque::new(),
            last_packet: 0,
            report: (0, 0, None),
            passed: Timestamp::EPOCH,
            times: StageTimes::new(),
            sweeps: StageTimes::new(),
            canaries: 0,
            flows_most,
        }
    }

    /// Does so much of each packet from here on.
    pub(super) const fn set_effort(&mut self, effort: Effort) {
        self.table.set_effort(effort);
    }

    /// Whether another worker handed something over.
    pub(super) fn is_waited_for(&self) -> bool {
        self.handover.is_waited_for()
    }

    /// Compares with the set that counts from here on.
    pub(super) fn follow(&mut self) {
        let Self { watch, follower, .. } = self;
        if let Some(armed) = follower.news() {
            watch.follow(&armed.set, &armed.added, &armed.site);
            follower.has_taken();
            if !watch.is_sweeping() {
                follower.has_swept();
            }
        }
    }

    /// Compares open flows with what came with the last sets, for a while; a longer one when there is nothing else to do.
    pub(super) fn sweep(&mut self, pace: Pace) -> Learnt {
        let Self { table, watch, follower, passed, sweeps, .. } = self;
        if !watch.is_sweeping() {
            return Learnt::default();
        }
        sweeps.measure(|| {
            pace.step(|slots| {
                watch.sweep(table, *passed, slots);
                watch.is_sweeping()
            });
            watch.stand(table, Look::Changed);
        });
        if !watch.is_sweeping() {
            follower.has_swept();
        }
        self.watch.take_learnt()
    }

    /// Takes what other workers handed over, then frames, and gives what was learnt of them.
    pub(super) fn batch(&mut self, batch: &FrameBatch) -> Learnt {
        let Self {
            decoder, table, handover, watch, clock, report: (frames, bytes, span), last_packet, ..
        } = self;
        *frames += batch.len() as u64;
        let seen = batch.iter().inspect(|frame| {
            clock.observe(frame.time);
            *bytes += u64::from(frame.original_len);
            *last_packet = frame.number;
            let (first, last) = span.unwrap_or((frame.time, frame.time));
            *span = Some((first.min(frame.time), last.max(frame.time)));
        });
        self.times.measure(|| {
            if handover.is_alone() {
                table.frames(decoder, seen, watch);
            } else {
                handover.take_over(table, watch);
                table.frames_kept(decoder, seen, |packet, whence| handover.keeps(packet, whence), watch);
                handover.take_over(table, watch);
            }
            watch.stand(table, Look::Changed);
        });
        self.watch.take_learnt()
    }

    /// Takes a canary, as if a frame had held it.
    pub(super) fn canary(&mut self, number: u64) -> Learnt {
        let Self { decoder, table, watch, passed, canaries, .. } = self;
        if *passed > Timestamp::EPOCH {
            let data = canary::packet(number);
            let (time, original_len) = (*passed, data.len() as u32);
            let frame = Frame { number, time, link: LinkType::RAW, original_len, data: &data };
            *canaries += 1;
            table.frames(decoder, [frame], watch);
            watch.stand(table, Look::Changed);
        }
        self.watch.take_learnt()
    }

    /// Time has gone on: flows end, names are asked for as far as the other workers have come, and where a look at all is wanted, open
    /// flows are told of.
    pub(super) fn round(&mut self, passed: Timestamp, look_at_all: bool) -> Learnt {
        self.passed = self.passed.max(passed);
        if passed > self.clock.latest() {
            self.clock.observe(passed);
        }
        if !self.handover.is_alone() {
            self.handover.take_over(&mut self.table, &mut self.watch);
        }
        let closed = self.table.close_round(&self.clock, &mut self.watch);
        self.peers.pass(self.index, self.passed);
        self.closed.push_back((closed, self.passed, self.last_packet));
        let others = self.peers.passed().unwrap_or(Timestamp::EPOCH).max(self.passed - MAX_WAIT_FOR_OTHERS);
        while let Some((round, time, packet)) = self.closed.front().copied()
            && time <= others
        {
            self.closed.pop_front();
            self.table.resolve(round, &mut self.watch);
            self.peers.ask(self.index, packet);
        }
        self.watch.stand(&self.table, if look_at_all { Look::All } else { Look::Changed });
        self.watch.take_learnt()
    }

    /// There are no more frames: all flows end. The other workers are waited for, so that what they learnt of names is known and
    /// what they hand over is taken.
    pub(super) fn finish(&mut self) -> Learnt {
        self.finish_fragments();
        self.handover.done();
        self.wait_for_last_frames();
        let Self { table, handover, watch, clock, times, .. } = self;
        times.measure(|| {
            handover.close(table, watch);
            table.finish(clock, watch);
        });
        self.watch.take_learnt()
    }

    /// What is held of fragments goes on its way.
    fn finish_fragments(&mut self) {
        let Self { decoder, table, handover, watch, times, .. } = self;
        times.measure(|| {
            decoder.finish(&mut |packet| {
                if handover.keeps(packet, Whence::Fragments) {
                    table.packet(packet, watch);
                }
            });
        });
    }

    /// Waits until all workers have taken their last frame, but not for one that broke down.
    fn wait_for_last_frames(&mut self) {
        for _ in 0..MAX_WAIT_AT_END.as_millis() {
            if self.peers.lanes.all_done() {
                return;
            }
            self.handover.take_over(&mut self.table, &mut self.watch);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The books so far.
    pub(super) fn report(&self) -> TablesReport {
        let (frames, bytes, span) = self.report;
        TablesReport {
            decode: self.decoder.stats(),
            flow: self.table.stats(),
            watch: *self.watch.counts(),
            lane: self.handover.counts(),
            frames,
            bytes,
            span,
            times: self.times.clone(),
            sweeps: self.sweeps.clone(),
            canaries: self.canaries,
            flows_most: self.flows_most,
            census: None,
        }
    }

    /// The books at the end.
    pub(super) fn last_report(&self) -> TablesReport {
        TablesReport { census: Some(self.watch.census()), ..self.report() }
    }
}
