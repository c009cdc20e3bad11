//! What a worker sends to the desks. Capture never waits for them: what a full queue does not take is counted.
//!
//! Hits have a queue of their own and, behind it, a place in the worker where they wait for room: they are the last to be
//! lost, and are never behind a disk that is too slow for lines of flows.

use crate::canary::is_canary;
use crate::pipeline::Learnt;
use crossbeam::channel::{Receiver, SendError, Sender, TrySendError, bounded};
use std::collections::VecDeque;
use std::sync::Arc;
use weir_model::flow::FlowId;
use weir_model::{Flow, Observation, Protocol, Timestamp};
use weir_rules::FlowHits;

/// News of hits under way to the desk, in all.
pub(super) const HITS_UNDER_WAY: usize = 16_384;
/// News of hits that wait in each worker when that queue is full; then they are lost. The adversary makes hits faster than alerts
/// can be written. A flow with few hits takes about 2 kB.
pub(super) const MAX_HITS_WAITING: usize = 32_768;
/// Bundles of lines under way in all, each of up to [`BUNDLE_LINES`]: half a second of 250,000 flows a second, or 100 MB.
pub(super) const BUNDLES_UNDER_WAY: usize = 128;
/// Lines that are sent at once; fewer when the worker says that it is time.
const BUNDLE_LINES: usize = 1_024;

/// A flow that met an indicator (or continues one that may have).
pub(super) struct HitNews {
    pub flow: Arc<Flow>,
    /// What it met.
    pub hits: FlowHits,
    pub state: State,
    /// When it was heard of, where a router told: its packets were seen long before. Hits of packets have their own times.
    pub heard: Option<Timestamp>,
}

/// How far a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is open; as it stands.
    Open,
    /// It ended.
    Ended,
}

/// Flows and names to be written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub flows: Vec<Arc<Flow>>,
    pub names: Vec<(FlowId, Protocol, Observation)>,
}

impl Lines {
    fn len(&self) -> usize {
        self.flows.len() + self.names.len()
    }
}

/// Both queues, from the side of the workers.
#[derive(Clone)]
pub(super) struct Queues {
    hits: Sender<HitNews>,
    lines: Sender<Lines>,
    want_flows: bool,
}

/// Makes the queues; `want_flows` says whether somebody writes flows.
pub(super) fn queues(want_flows: bool) -> (Queues, Receiver<HitNews>, Receiver<Lines>) {
    let (hits, hits_in) = bounded(HITS_UNDER_WAY);
    let (lines, lines_in) = bounded(BUNDLES_UNDER_WAY);
    (Queues { hits, lines, want_flows }, hits_in, lines_in)
}

/// What left a worker, and what was lost on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub flows: u64,
    pub flows_lost: u64,
    pub names: u64,
    pub names_lost: u64,
    /// Hits of flows that ended, as the books count them.
    pub hits: u64,
    pub hits_lost: u64,
    /// Snapshots of open flows that were not sent: their hits come with the flow's end.
    pub snapshots_lost: u64,
    /// News of hits that wait here for room in the queue.
    pub hits_waiting: u64,
}

/// A worker's end of the queues.
pub(super) struct Outbox {
    queues: Queues,
    lines: Lines,
    waiting: VecDeque<HitNews>,
    sent: Sent,
    /// See [`HitNews::heard`].
    heard: Option<Timestamp>,
}

impl Outbox {
    /// Nothing sent.
    pub(super) fn new(queues: Queues) -> Self {
        Self { queues, lines: Lines::default(), waiting: VecDeque::new(), sent: Sent::default(), heard: None }
    }

    /// What is taken from here on was heard of at this time.
    pub(super) const fn heard_at(&mut self, time: Timestamp) {
        self.heard = Some(time);
    }

    /// Takes what a worker learnt. Hits leave at once, lines when there are enough of them.
    pub(super) fn take(&mut self, learnt: Learnt) {
        for (flow, hits) in learnt.standing {
            self.hit(HitNews { flow, hits, state: State::Open, heard: self.heard });
        }
        for (flow, hits) in learnt.ended {
            self.ended(flow, hits);
            if self.lines.len() >= BUNDLE_LINES {
                self.send_lines();
            }
        }
        for name in learnt.named {
            self.lines.names.push(name);
            if self.lines.len() >= BUNDLE_LINES {
                self.send_lines();
            }
        }
        self.send_waiting();
    }

    /// Lines need not wait longer.
    pub(super) fn send_lines(&mut self) {
        self.send_lines_by(|queue, lines| queue.try_send(lines).is_ok());
    }

    /// The capture is over: everything is sent, and room is waited for. A desk that is gone has said why.
    pub(super) fn finish(&mut self, learnt: Learnt) {
        self.send_waiting_surely();
        for (flow, hits) in learnt.ended {
            self.ended(flow, hits);
            self.send_waiting_surely();
            if self.lines.len() >= BUNDLE_LINES {
                self.send_lines_by(|queue, lines| queue.send(lines).is_ok());
            }
        }
        self.lines.names.extend(learnt.named);
        self.send_lines_by(|queue, lines| queue.send(lines).is_ok());
    }

    /// What was sent and lost so far.
    pub(super) fn sent(&self) -> Sent {
        Sent { hits_waiting: self.waiting.len() as u64, ..self.sent }
    }

    /// Later records of a conversation belong to what its first one met, so the desk wants them too.
    fn ended(&mut self, flow: Arc<Flow>, hits: FlowHits) {
        if self.queues.want_flows && !is_canary(flow.id) {
            self.lines.flows.push(Arc::clone(&flow));
        }
        if !hits.is_empty() || flow.continues.is_some() {
            self.sent.hits += hits.matched();
            self.hit(HitNews { flow, hits, state: State::Ended, heard: self.heard });
        }
    }

    fn send_lines_by(&mut self, send: impl FnOnce(&Sender<Lines>, Lines) -> bool) {
        let lines = std::mem::take(&mut self.lines);
        let (flows, names) = (lines.flows.len() as u64, lines.names.len() as u64);
        if flows + names == 0 {
            return;
        }
        self.sent.flows += flows;
        self.sent.names += names;
        if !send(&self.queues.lines, lines) {
            self.sent.flows_lost += flows;
            self.sent.names_lost += names;
        }
    }

    fn send_waiting_surely(&mut self) {
        while let Some(news) = self.waiting.pop_front() {
            if let Err(SendError(news)) = self.queues.hits.send(news) {
                self.lose(&news);
            }
        }
    }

    fn hit(&mut self, news: HitNews) {
        if self.waiting.len() < MAX_HITS_WAITING {
            self.waiting.push_back(news);
        } else {
            self.lose(&news);
        }
        if self.waiting.len() >= MAX_HITS_WAITING {
            self.send_waiting();
        }
    }

    fn send_waiting(&mut self) {
        while let Some(news) = self.waiting.pop_front() {
            match self.queues.hits.try_send(news) {
                Ok(()) => {}
                Err(TrySendError::Full(news)) => {
                    self.waiting.push_front(news);
                    return;
                }
                Err(TrySendError::Disconnected(news)) => self.lose(&news),
            }
        }
    }

    fn lose(&mut self, news: &HitNews) {
        match news.state {
            State::Open => self.sent.snapshots_lost += 1,
            State::Ended => self.sent.hits_lost += news.hits.matched(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_flow::{Clock, Ended, FlowConfig, FlowSink, FlowTable};
    use weir_model::Frame;
    use weir_model::flow::FlowHead;
    use weir_model::frame::LinkType;
    use weir_wire::{DecodeConfig, Decoder};

    /// A record, as a flow table makes it.
    fn flow() -> Arc<Flow> {
        #[derive(Default)]
        struct Keep(Option<Flow>);
        impl FlowSink for Keep {
            fn began(&mut self, _: &FlowHead<'_>) {}
            fn named(&mut self, _: &FlowHead<'_>) {}
            fn observed(&mut self, _: &FlowHead<'_>, _: &Observation) {}
            fn ended(&mut self, flow: Ended<'_>, _: u64) {
                self.0 = Some(flow.to_flow());
            }
        }
        let mut data = vec![0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10, 20, 0, 11, 198, 51, 100, 66];
        data.extend([0xc3, 0x51, 0x27, 0x0f, 0, 8, 0, 0]);
        let time = Timestamp::from_nanos(1);
        let frame = Frame { number: 1, time, link: LinkType::RAW, original_len: 28, data: &data };
        let (mut table, mut kept) = (FlowTable::new(FlowConfig::default()), Keep::default());
        table.frames(&mut Decoder::new(DecodeConfig::default()), [frame], &mut kept);
        table.finish(&Clock::new(), &mut kept);
        Arc::new(kept.0.expect("a record"))
    }

    fn learnt(flow: &Arc<Flow>, flows: usize, standing: usize) -> Learnt {
        Learnt {
            ended: vec![(Arc::clone(flow), FlowHits::default()); flows],
            standing: vec![(Arc::clone(flow), FlowHits::default()); standing],
            named: Vec::new(),
            ..Learnt::default()
        }
    }

    #[test]
    fn lines_that_find_the_queue_full_are_counted_and_hits_still_leave() {
        let (queues, hits_in, lines_in) = queues(true);
        let mut outbox = Outbox::new(queues);
        let flow = flow();
        let room = BUNDLES_UNDER_WAY * BUNDLE_LINES;
        outbox.take(learnt(&flow, room + 2 * BUNDLE_LINES, 1));
        assert_eq!(outbox.sent().flows_lost, 2 * BUNDLE_LINES as u64);
        assert_eq!(hits_in.len(), 1);
        drop(lines_in);
        outbox.take(learnt(&flow, BUNDLE_LINES, 0));
        assert_eq!(outbox.sent().flows_lost, 3 * BUNDLE_LINES as u64, "the clerk has given up");
        assert_eq!(outbox.sent().flows, (room + 3 * BUNDLE_LINES) as u64);
    }

    #[test]
    fn hits_wait_for_room_before_they_are_lost() {
        let (queues, hits_in, _lines_in) = queues(false);
        let mut outbox = Outbox::new(queues);
        let flow = flow();
        let room = HITS_UNDER_WAY + MAX_HITS_WAITING;
        for _ in 0..room / 1_024 + 2 {
            outbox.take(learnt(&flow, 0, 1_024));
        }
        let offered = (room / 1_024 + 2) * 1_024;
        assert_eq!(outbox.sent().snapshots_lost, (offered - room) as u64);
        assert_eq!(hits_in.try_iter().count(), HITS_UNDER_WAY);
        outbox.take(learnt(&flow, 0, 0));
        assert_eq!(hits_in.len(), HITS_UNDER_WAY, "what waited has left, in its turn");
        assert_eq!(outbox.sent().snapshots_lost, (offered - room) as u64);
    }
}
