//! What a worker learns: it is matched at once, counted, and gathered for the desk.

use super::standing::{Ends, Standing};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use weir_flow::{Ended, FlowSink, FlowTable};
use weir_model::flow::{FlowHead, FlowId};
use weir_model::observation::{Fact, TlsTransport};
use weir_model::{Flow, Observation, Protocol};
use weir_rules::{FlowHits, Matcher};

/// Matches what the flow table learns, and keeps the hits of open flows until their record ends.
pub(crate) struct Watch {
    matcher: Matcher,
    want_names: bool,
    /// Hits of flows that are open.
    open: HashMap<FlowId, FlowHits, RandomState>,
    /// On a tap: open flows with hits, to be told of before they end.
    standing: Option<Standing>,
    learnt: Learnt,
    counts: WatchCounts,
}

/// What a watch counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WatchCounts {
    /// Records begun, to be held against those that ended.
    pub began: u64,
    pub ended: u64,
    /// Hits when matched, before any queue.
    pub hits: u64,
    /// What payloads said, by [`NAME_KINDS`].
    pub names: [u64; NAME_KINDS.len()],
}

impl Watch {
    /// Nothing learnt; `want_names` says whether somebody wants what payloads said.
    pub(crate) fn new(matcher: Matcher, want_names: bool) -> Self {
        Self {
            matcher,
            want_names,
            open: HashMap::default(),
            standing: None,
            learnt: Learnt::default(),
            counts: WatchCounts::default(),
        }
    }

    /// As on a tap: what flows met is told of while they are open.
    pub(crate) fn live(self) -> Self {
        Self { standing: Some(Standing::default()), ..self }
    }

    /// Snapshots of the open flows that met something since the last call, or of all of them of which something else is to be said.
    pub(crate) fn stand(&mut self, table: &FlowTable, which: Look) {
        let Self { standing: Some(standing), open, learnt, .. } = self else { return };
        let look = |ends: &Ends, id: FlowId| {
            let flow = table.find_open(ends.protocol, ends.source, ends.destination)?;
            (flow.id == id).then_some(())?;
            Some((flow, open.get(&id)?.matched()))
        };
        let snapshots = match which {
            Look::Changed => standing.look_at_changed(look),
            Look::All => standing.look_at_all(look),
        };
        for flow in snapshots {
            let hits = open.get(&flow.id).cloned().unwrap_or_default();
            learnt.standing.push((Arc::new(flow), hits));
        }
    }

    /// What was learnt since this was last asked.
    pub(crate) fn take_learnt(&mut self) -> Learnt {
        std::mem::take(&mut self.learnt)
    }

    /// What was counted so far.
    pub(crate) const fn counts(&self) -> &WatchCounts {
        &self.counts
    }

    /// Lets `look` add to the hits of a flow, which are kept only if there are any.
    fn hits_of(&mut self, flow: &FlowHead<'_>, look: impl FnOnce(&Matcher, &mut FlowHits)) {
        let met = if let Some(hits) = self.open.get_mut(&flow.id) {
            let before = hits.matched();
            look(&self.matcher, hits);
            hits.matched() > before
        } else {
            let mut hits = FlowHits::default();
            look(&self.matcher, &mut hits);
            let met = !hits.is_empty();
            if met {
                self.open.insert(flow.id, hits);
            }
            met
        };
        if let Some(standing) = self.standing.as_mut().filter(|_| met) {
            standing.met(flow);
        }
    }
}

impl FlowSink for Watch {
    fn began(&mut self, flow: &FlowHead<'_>) {
        self.counts.began += 1;
        self.hits_of(flow, |matcher, hits| matcher.began(flow, hits));
    }

    fn named(&mut self, flow: &FlowHead<'_>) {
        self.hits_of(flow, |matcher, hits| matcher.named(flow, hits));
    }

    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation) {
        self.hits_of(flow, |matcher, hits| matcher.observed(flow, observation, hits));
        if let Some(count) = name_kind(&observation.fact).and_then(|kind| self.counts.names.get_mut(kind)) {
            *count += 1;
        }
        if self.want_names {
            self.learnt.named.push((flow.id, flow.protocol, observation.clone()));
        }
    }

    fn ended(&mut self, flow: Ended<'_>, _round: u64) {
        self.counts.ended += 1;
        let hits = self.open.remove(&flow.id()).unwrap_or_default();
        if let Some(standing) = &mut self.standing {
            standing.ended(flow.id());
        }
        self.counts.hits += hits.matched();
        self.learnt.ended.push((Arc::new(flow.to_flow()), hits));
    }
}

/// Which open flows are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Those that met something since the last time.
    Changed,
    /// All that met something, a part at a time.
    All,
}

/// What the worker learnt and the desk has not been told.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    /// Flow records that ended, each with its hits.
    pub ended: Vec<(Arc<Flow>, FlowHits)>,
    /// Flow records that are open, as they stand, each with its hits; only on a tap.
    pub standing: Vec<(Arc<Flow>, FlowHits)>,
    /// What payloads said, and in which flow; only where somebody wants it.
    pub named: Vec<(FlowId, Protocol, Observation)>,
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
