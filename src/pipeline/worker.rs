//! The second thread: frames to flows and hits. It owns its decoder and its flow table, and takes no lock for them.

use crate::latency::StageTimes;
use crossbeam::channel::{Receiver, Sender};
use crossbeam::queue::ArrayQueue;
use std::collections::HashMap;
use std::sync::Arc;
use weir_capture::FrameBatch;
use weir_flow::{FlowConfig, FlowSink, FlowStats, FlowTable};
use weir_model::flow::{FlowHead, FlowId};
use weir_model::observation::{Fact, TlsTransport};
use weir_model::{Flow, Observation, Protocol, Timestamp};
use weir_rules::{FlowHits, IndicatorSet, Matcher};
use weir_wire::{DecodeConfig, DecodeStats, Decoder};

/// What the worker learnt from one batch, for the desk.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    /// Flow records that ended, each with its hits.
    pub ended: Vec<(Arc<Flow>, FlowHits)>,
    /// What payloads said, and in which flow; only where somebody wants it.
    pub named: Vec<(FlowId, Protocol, Observation)>,
}

/// What the worker has to say at the end.
#[derive(Debug)]
pub(crate) struct WorkerReport {
    pub decode: DecodeStats,
    pub flow: FlowStats,
    /// Records begun, to be held against those that ended.
    pub began: u64,
    pub ended: u64,
    /// Hits when matched, before any queue.
    pub hits: u64,
    /// What payloads said, by [`NAME_KINDS`].
    pub names: [u64; NAME_KINDS.len()],
    pub span: Option<(Timestamp, Timestamp)>,
    pub times: StageTimes,
}

/// Kinds of what payloads say that the summary tells apart.
pub(crate) const NAME_KINDS: [&str; 6] =
    ["DNS questions", "DNS answers", "TLS handshakes", "QUIC handshakes", "HTTP requests", "certificates"];

fn name_kind(fact: &Fact) -> Option<usize> {
    Some(match fact {
        Fact::Dns(message) if !message.is_response => 0,
        Fact::Dns(_) => 1,
        Fact::ClientHello(hello) => {
            if matches!(hello.transport, TlsTransport::Quic(_)) {
                3
            } else {
                2
            }
        }
        Fact::HttpRequest(_) => 4,
        Fact::Certificate(_) => 5,
        Fact::ServerHello(_) | Fact::HttpResponse(_) | Fact::Application(_) => return None,
    })
}

/// Decodes, keeps flows, matches.
pub(crate) struct Worker {
    decoder: Decoder,
    table: FlowTable,
    watch: Watch,
    span: Option<(Timestamp, Timestamp)>,
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
            table: FlowTable::new(flow),
            watch: Watch::new(Matcher::new(set), want_names),
            span: None,
        }
    }

    /// Works until the reader is done or the desk is gone.
    pub(super) fn run(
        mut self,
        full: &Receiver<FrameBatch>,
        spare: &ArrayQueue<FrameBatch>,
        learnt: &Sender<Learnt>,
    ) -> WorkerReport {
        let mut times = StageTimes::new();
        for mut batch in full {
            let news = times.measure(|| self.batch(&batch));
            batch.clear();
            // A pool that is full already has as many as are ever on the way.
            drop(spare.push(batch));
            if learnt.send(news).is_err() {
                break;
            }
        }
        // When the desk is gone, it has said why.
        drop(learnt.send(times.measure(|| self.finish())));
        WorkerReport {
            decode: self.decoder.stats(),
            flow: self.table.stats(),
            began: self.watch.began,
            ended: self.watch.ended,
            hits: self.watch.matched,
            names: self.watch.names,
            span: self.span,
            times,
        }
    }

    fn batch(&mut self, batch: &FrameBatch) -> Learnt {
        let Self { decoder, table, watch, span } = self;
        let frames = batch.iter().inspect(|frame| {
            let (first, last) = span.unwrap_or((frame.time, frame.time));
            *span = Some((first.min(frame.time), last.max(frame.time)));
        });
        table.frames(decoder, frames, watch);
        std::mem::take(&mut watch.learnt)
    }

    fn finish(&mut self) -> Learnt {
        let Self { decoder, table, watch, .. } = self;
        decoder.finish(&mut |packet| table.packet(packet, watch));
        table.finish(watch);
        std::mem::take(&mut watch.learnt)
    }
}

/// Matches what the flow table learns, and keeps the hits of open flows until their record ends.
struct Watch {
    matcher: Matcher,
    want_names: bool,
    /// Hits of flows that are open.
    open: HashMap<FlowId, FlowHits>,
    learnt: Learnt,
    began: u64,
    ended: u64,
    matched: u64,
    names: [u64; NAME_KINDS.len()],
}

impl Watch {
    fn new(matcher: Matcher, want_names: bool) -> Self {
        Self {
            matcher,
            want_names,
            open: HashMap::new(),
            learnt: Learnt::default(),
            began: 0,
            ended: 0,
            matched: 0,
            names: [0; NAME_KINDS.len()],
        }
    }

    /// Lets `look` add to the hits of a flow, which are kept only if there are any.
    fn hits_of(&mut self, flow: FlowId, look: impl FnOnce(&Matcher, &mut FlowHits)) {
        if let Some(hits) = self.open.get_mut(&flow) {
            look(&self.matcher, hits);
        } else {
            let mut hits = FlowHits::default();
            look(&self.matcher, &mut hits);
            if !hits.is_empty() {
                self.open.insert(flow, hits);
            }
        }
    }
}

impl FlowSink for Watch {
    fn began(&mut self, flow: &FlowHead<'_>) {
        self.began += 1;
        self.hits_of(flow.id, |matcher, hits| matcher.began(flow, hits));
    }

    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation) {
        self.hits_of(flow.id, |matcher, hits| matcher.observed(flow, observation, hits));
        if let Some(count) = name_kind(&observation.fact).and_then(|kind| self.names.get_mut(kind)) {
            *count += 1;
        }
        if self.want_names {
            self.learnt.named.push((flow.id, flow.protocol, observation.clone()));
        }
    }

    fn ended(&mut self, flow: Flow) {
        self.ended += 1;
        let hits = self.open.remove(&flow.id).unwrap_or_default();
        self.matched += hits.matched();
        self.learnt.ended.push((Arc::new(flow), hits));
    }
}
