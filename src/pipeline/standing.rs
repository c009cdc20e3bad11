//! On a tap, flows that met an indicator are told of while they are open: a snapshot of each, whenever what is to be said of it
//! may have changed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;
use weir_model::flow::{FlowHead, FlowId};
use weir_model::{Endpoint, Flow, Protocol, Timestamp};
use weir_rules::grade::{Assessment, grade};

/// Snapshots that one look makes at most: some milliseconds of work. Further flows have their turn at the next one.
const MAX_SNAPSHOTS: usize = 1_024;
/// Open flows of which snapshots are made, at about 150 bytes; what further ones met is told when they end. The adversary opens
/// ever new flows to listed addresses.
const MAX_STANDING: usize = 1 << 20;
/// A flow that goes on without changing its grade is told of again after so long, for the counts of its bytes.
const TOLD_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Open flows that met an indicator.
#[derive(Debug)]
pub(crate) struct Standing {
    flows: BTreeMap<FlowId, Known>,
    /// Those that met something since the last look.
    changed: Vec<FlowId>,
    /// Where the next look at all begins.
    next: FlowId,
}

#[derive(Debug)]
struct Known {
    protocol: Protocol,
    source: Endpoint,
    destination: Endpoint,
    is_changed: bool,
    told: Option<Told>,
}

/// What was said of a flow last: when it is the same, nothing need be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    assessment: Assessment,
    initiator: Endpoint,
    has_icmp_errors: bool,
    matched: u64,
    last: Timestamp,
}

impl Default for Standing {
    fn default() -> Self {
        Self { flows: BTreeMap::new(), changed: Vec::new(), next: FlowId(0) }
    }
}

impl Standing {
    /// A flow met something.
    pub(crate) fn met(&mut self, flow: &FlowHead<'_>) {
        if self.flows.len() >= MAX_STANDING && !self.flows.contains_key(&flow.id) {
            return;
        }
        let known = self.flows.entry(flow.id).or_insert_with(|| Known {
            protocol: flow.protocol,
            source: flow.source,
            destination: flow.destination,
            is_changed: false,
            told: None,
        });
        if !std::mem::replace(&mut known.is_changed, true) {
            self.changed.push(flow.id);
        }
    }

    /// A flow ended.
    pub(crate) fn ended(&mut self, flow: FlowId) {
        self.flows.remove(&flow);
    }

    /// Snapshots of flows that met something since the last look.
    pub(crate) fn look_at_changed(
        &mut self,
        look: impl FnMut(&Ends, FlowId) -> Option<(Flow, u64)>,
    ) -> Vec<Flow> {
        let count = self.changed.len().min(MAX_SNAPSHOTS);
        let changed: Vec<_> = self.changed.drain(..count).collect();
        self.look_at(&changed, look)
    }

    /// Snapshots of all flows of which something else is to be said than last time, as many as one look makes.
    pub(crate) fn look_at_all(
        &mut self,
        look: impl FnMut(&Ends, FlowId) -> Option<(Flow, u64)>,
    ) -> Vec<Flow> {
        let range = (Bound::Included(self.next), Bound::Unbounded);
        let mut due: Vec<_> =
            self.flows.range(range).map(|(flow, _)| *flow).take(MAX_SNAPSHOTS + 1).collect();
        self.next = if due.len() > MAX_SNAPSHOTS { due.pop().unwrap_or(FlowId(0)) } else { FlowId(0) };
        self.look_at(&due, look)
    }

    fn look_at(
        &mut self,
        flows: &[FlowId],
        mut look: impl FnMut(&Ends, FlowId) -> Option<(Flow, u64)>,
    ) -> Vec<Flow> {
        let mut snapshots = Vec::new();
        for id in flows {
            let Some(known) = self.flows.get_mut(id) else { continue };
            known.is_changed = false;
            let ends =
                Ends { protocol: known.protocol, source: known.source, destination: known.destination };
            let Some((flow, matched)) = look(&ends, *id) else {
                // Of a table that threads share, another may have ended it.
                self.flows.remove(id);
                continue;
            };
            let Some(known) = self.flows.get_mut(id) else { continue };
            let tell = Told::new(&flow, matched);
            if known.told.is_none_or(|told| tell.differs(&told)) {
                known.told = Some(tell);
                snapshots.push(flow);
            }
        }
        snapshots
    }
}

/// How an open flow is found.
#[derive(Debug)]
pub(crate) struct Ends {
    pub protocol: Protocol,
    pub source: Endpoint,
    pub destination: Endpoint,
}

impl Told {
    fn new(flow: &Flow, matched: u64) -> Self {
        Self {
            assessment: grade(flow),
            initiator: flow.initiator,
            has_icmp_errors: flow.icmp_errors > 0,
            matched,
            last: flow.last,
        }
    }

    fn differs(&self, before: &Self) -> bool {
        Self { last: before.last, ..*self } != *before || self.last.since(before.last) >= TOLD_AGAIN_AFTER
    }
}
