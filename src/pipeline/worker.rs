//! The second thread: frames to flows and hits. It owns its decoder and its flow table, and takes no lock for them.

use super::watch::{Learnt, Watch, WatchCounts};
use crate::latency::StageTimes;
use crossbeam::channel::{Receiver, Sender};
use crossbeam::queue::ArrayQueue;
use std::sync::Arc;
use weir_capture::FrameBatch;
use weir_flow::{Clock, FlowConfig, FlowStats, FlowTable};
use weir_model::Timestamp;
use weir_rules::{IndicatorSet, Matcher};
use weir_wire::{DecodeConfig, DecodeStats, Decoder};

/// What the worker has to say at the end.
#[derive(Debug)]
pub(crate) struct WorkerReport {
    pub decode: DecodeStats,
    pub flow: FlowStats,
    pub watch: WatchCounts,
    pub span: Option<(Timestamp, Timestamp)>,
    pub times: StageTimes,
}

/// Decodes, keeps flows, matches.
pub(crate) struct Worker {
    decoder: Decoder,
    clock: Clock,
    table: FlowTable,
    watch: Watch,
    span: Option<(Timestamp, Timestamp)>,
    times: StageTimes,
}

impl Worker {
    /// Nothing seen yet.
    pub(crate) fn new(
        decode: DecodeConfig,
        flow: FlowConfig,
        set: Arc<IndicatorSet>,
        want_names: bool,
    ) -> Self {
        Self {
            decoder: Decoder::new(decode),
            clock: Clock::new(),
            table: FlowTable::new(flow),
            watch: Watch::new(Matcher::new(set), want_names),
            span: None,
            times: StageTimes::new(),
        }
    }

    /// Works until the reader is done or the desk is gone.
    pub(super) fn run(
        mut self,
        full: &Receiver<FrameBatch>,
        spare: &ArrayQueue<FrameBatch>,
        learnt: &Sender<Learnt>,
    ) -> WorkerReport {
        for mut batch in full {
            self.batch(&batch);
            batch.clear();
            // A pool that is full already has as many as are ever on the way.
            drop(spare.push(batch));
            if learnt.send(self.take_learnt()).is_err() {
                break;
            }
        }
        self.finish();
        // When the desk is gone, it has said why.
        drop(learnt.send(self.take_learnt()));
        self.report()
    }

    /// Takes frames.
    pub(crate) fn batch(&mut self, batch: &FrameBatch) {
        let Self { decoder, clock, table, watch, span, times } = self;
        times.measure(|| {
            let frames = batch.iter().inspect(|frame| {
                clock.observe(frame.time);
                let (first, last) = span.unwrap_or((frame.time, frame.time));
                *span = Some((first.min(frame.time), last.max(frame.time)));
            });
            table.frames(decoder, frames, watch);
            let round = table.close_round(clock, watch);
            table.resolve(round, watch);
        });
    }

    /// The input is over: all flows end.
    pub(crate) fn finish(&mut self) {
        let Self { decoder, clock, table, watch, times, .. } = self;
        times.measure(|| {
            decoder.finish(&mut |packet| table.packet(packet, watch));
            table.finish(clock, watch);
        });
    }

    /// What was learnt since this was last asked, for the desk.
    pub(crate) fn take_learnt(&mut self) -> Learnt {
        self.watch.take_learnt()
    }

    /// The books so far.
    pub(crate) fn report(&self) -> WorkerReport {
        WorkerReport {
            decode: self.decoder.stats(),
            flow: self.table.stats(),
            watch: *self.watch.counts(),
            span: self.span,
            times: self.times.clone(),
        }
    }
}
