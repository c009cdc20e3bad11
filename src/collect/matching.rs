//! What becomes of records in flows: it is matched at once, counted, and gathered for the desk.

use crate::canary::is_canary;
use crate::pipeline::{Census, Ends, Learnt, Look, Standing, Wanted, WatchCounts};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use weir_flow::{EndedExported, ExportedFlows, ExportedSink, SweepPlace};
use weir_model::flow::{FlowHead, FlowId, OpenFlow};
use weir_model::{Observation, Timestamp, Told};
use weir_rules::{FlowHits, IndicatorSet, Matcher, Questions, Site, Sweep};

/// Matches what flows of records learn. What an open flow met is attached to it, because another thread may end it.
pub(super) struct RecordWatch {
    flows: Arc<ExportedFlows<FlowHits>>,
    matcher: Matcher,
    /// Flows that began and whose addresses are still to be compared.
    questions: Questions,
    /// What open flows are still to be compared with, and the place of the next one.
    sweep: Sweep,
    sweeps_from: SweepPlace,
    /// What flows met that are not open any more. Either their end is about to be told here, or another thread has told it.
    gone: HashMap<FlowId, FlowHits, RandomState>,
    /// Open flows that met something, to be told of before they end, where that is wanted.
    standing: Option<Standing>,
    want_flows: Wanted,
    want_names: Wanted,
    told: Told,
    learnt: Learnt,
    counts: WatchCounts,
    hits_of_gone: u64,
    site: Arc<Site>,
    census: Census,
}

impl RecordWatch {
    /// Nothing learnt.
    pub(super) fn new(
        flows: Arc<ExportedFlows<FlowHits>>,
        set: Arc<IndicatorSet>,
        site: Site,
        (want_flows, want_names): (Wanted, Wanted),
        is_live: bool,
    ) -> Self {
        Self {
            flows,
            matcher: Matcher::new(set),
            questions: Questions::default(),
            sweep: Sweep::default(),
            sweeps_from: SweepPlace::default(),
            gone: HashMap::default(),
            standing: is_live.then(Standing::default),
            want_flows,
            want_names,
            told: Told::default(),
            learnt: Learnt::default(),
            counts: WatchCounts::default(),
            hits_of_gone: 0,
            site: Arc::new(site),
            census: Census::default(),
        }
    }

    /// Tells of requests what `told` says.
    pub(super) fn telling(self, told: Told) -> Self {
        Self { told, ..self }
    }

    /// All news of a batch were told: whatever is gone now, another thread has told the end of.
    pub(super) fn settle(&mut self) {
        self.answer();
        self.hits_of_gone += self.gone.drain().map(|(_, hits)| hits.matched()).sum::<u64>();
    }

    /// Compares with another set from here on, and counts flows as of another site; what was asked before is answered with the old set.
    pub(super) fn follow(&mut self, set: Arc<IndicatorSet>, site: &Arc<Site>) {
        self.answer();
        self.matcher = Matcher::new(set);
        self.site = Arc::clone(site);
    }

    /// Flows that are open are to be compared with what the set has more than the one before. Only then every thread that shares the
    /// flows compares those that begin with the set itself.
    pub(super) fn begin_sweep(&mut self, added: &Arc<IndicatorSet>) {
        self.sweep.begin(added, self.matcher.set());
    }

    /// Whether open flows are still to be compared.
    pub(super) fn is_sweeping(&self) -> bool {
        !self.sweep.is_over()
    }

    /// Compares this part's open flows in so many slots, at the time `now`.
    pub(super) fn sweep(&mut self, (part, parts): (usize, usize), now: Timestamp, slots: u32) {
        let (flows, from) = (Arc::clone(&self.flows), self.sweeps_from);
        let mut sweep = std::mem::take(&mut self.sweep);
        let visit = |flow: &OpenFlow<'_>| Some(sweep.visit(flow, now)).filter(|hits| !hits.is_empty());
        let tell = |head: &FlowHead<'_>, hits| self.attach(head, hits, FlowHits::append_new);
        let next = flows.sweep(from, (part, parts), slots, visit, tell);
        if next.is_none() {
            sweep.end_round();
        }
        (self.sweep, self.sweeps_from) = (sweep, next.unwrap_or_default());
        self.settle();
    }

    /// Snapshots of the open flows that met something on this thread since the last call, or of all of them of which something
    /// else is to be said.
    pub(super) fn stand(&mut self, which: Look) {
        let Self { standing: Some(standing), flows, .. } = self else { return };
        let mut hits_of = HashMap::<FlowId, FlowHits, RandomState>::default();
        let look = |ends: &Ends, id: FlowId| {
            let (flow, hits) = flows.find_open(ends.protocol, ends.source, ends.destination)?;
            (flow.id == id).then_some(())?;
            let matched = hits.matched();
            hits_of.insert(id, hits);
            Some((flow, matched))
        };
        let snapshots = match which {
            Look::Changed => standing.look_at_changed(look),
            Look::All => standing.look_at_all(look),
        };
        for flow in snapshots {
            let hits = hits_of.remove(&flow.id).unwrap_or_default();
            self.learnt.add_standing(self.told, flow, hits);
        }
    }

    /// What was learnt since this was last asked.
    pub(super) fn take_learnt(&mut self) -> Learnt {
        std::mem::take(&mut self.learnt)
    }

    /// What was counted so far.
    pub(super) const fn counts(&self) -> &WatchCounts {
        &self.counts
    }

    /// Hits of which nobody was told, because another thread had ended their flow in the very moment in which it began.
    pub(super) const fn hits_of_gone(&self) -> u64 {
        self.hits_of_gone
    }

    /// What the flows that ended were like.
    pub(super) const fn census(&self) -> &Census {
        &self.census
    }

    /// Compares the addresses of flows that began since the last time.
    fn answer(&mut self) {
        if self.questions.is_empty() {
            return;
        }
        let mut questions = std::mem::take(&mut self.questions);
        let matcher = self.matcher.clone();
        matcher.answer(&mut questions, |flow, hits| self.attach(flow, hits, FlowHits::append_new));
        self.questions = questions;
    }

    /// Lets `look` find what a flow met as it began, or as a whole.
    fn look(&mut self, flow: &FlowHead<'_>, look: impl FnOnce(&Matcher, &mut FlowHits)) {
        self.look_and(flow, look, FlowHits::append_new);
    }

    fn look_and(
        &mut self,
        flow: &FlowHead<'_>,
        look: impl FnOnce(&Matcher, &mut FlowHits),
        add: fn(&mut FlowHits, FlowHits),
    ) {
        let mut hits = FlowHits::default();
        look(&self.matcher, &mut hits);
        if !hits.is_empty() {
            self.attach(flow, hits, add);
        }
    }

    /// Adds to what a flow met. In which order does not matter: hits have the time and the number of their record.
    fn attach(&mut self, flow: &FlowHead<'_>, hits: FlowHits, add: fn(&mut FlowHits, FlowHits)) {
        let mut met = 0;
        let mut hits = Some(hits);
        let mut add_to = |known: &mut FlowHits| {
            let before = known.matched();
            add(known, hits.take().unwrap_or_default());
            met = known.matched() - before;
        };
        if !self.flows.attach(flow, &mut add_to) {
            add_to(self.gone.entry(flow.id).or_default());
        } else if let Some(standing) = self.standing.as_mut().filter(|_| met > 0) {
            standing.met(flow);
        }
        self.counts.hits += met;
    }
}

impl ExportedSink<FlowHits> for RecordWatch {
    fn began(&mut self, head: &FlowHead<'_>) {
        self.counts.began += 1;
        if !head.passive.is_empty() {
            self.look(head, |matcher, hits| matcher.named(head, hits));
        }
        if !self.matcher.ask(head, &mut self.questions) {
            self.look(head, |matcher, hits| matcher.began(head, hits));
        } else if self.questions.is_full() {
            self.answer();
        }
    }

    fn translated(&mut self, head: &FlowHead<'_>) {
        self.look(head, |matcher, hits| matcher.translated(head, hits));
    }

    fn observed(&mut self, head: &FlowHead<'_>, observation: &Observation) {
        let add = |known: &mut FlowHits, mut hits: FlowHits| known.append(&mut hits);
        self.look_and(head, |matcher, hits| matcher.observed(head, observation, hits), add);
        if is_canary(head.id) {
            return;
        }
        self.counts.count_name(&observation.fact);
        self.learnt.add_name((self.want_names, self.told), head.id, head.protocol, observation);
    }

    fn ended(&mut self, ended: EndedExported<'_>, mut met: FlowHits) {
        self.answer();
        if let Some(mut hits) = self.gone.remove(&ended.id()) {
            met.append(&mut hits);
        }
        self.counts.ended += 1;
        self.counts.hits_of_ended += met.matched();
        if let Some(standing) = &mut self.standing {
            standing.ended(ended.id());
        }
        let is_canary = is_canary(ended.id());
        self.counts.canaries_ended += u64::from(is_canary);
        let bytes = ended.forward().ip_bytes.saturating_add(ended.reverse().ip_bytes);
        let ends = [ended.initiator().ip, ended.responder().ip];
        if !is_canary {
            self.census.count(&self.site, ended.protocol(), ends, bytes);
        }
        // The later records of a conversation carry on what the first one met.
        let is_of_interest = !met.is_empty() || ended.continues().is_some();
        if self.want_flows != Wanted::Nothing || is_of_interest {
            self.learnt.add_flow((self.want_flows, self.told), ended.to_flow(), met, is_of_interest);
        }
    }
}
