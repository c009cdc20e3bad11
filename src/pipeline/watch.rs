//! What a worker learns: it is matched at once, counted, and gathered for the desk round by round.

use super::census::Census;
use super::open::Open;
use super::rendered::Rendered;
use super::standing::{Ends, Standing};
use crate::canary::is_canary;
use crate::collect::Datagrams;
use crossbeam::queue::ArrayQueue;
use std::collections::VecDeque;
use std::sync::Arc;
use weir_alert::Format;
use weir_flow::{Ended, FlowSink, FlowTable};
use weir_model::flow::{FlowHead, FlowId};
use weir_model::observation::{Fact, TlsTransport};
use weir_model::{Flow, Observation, Protocol, Timestamp, Told};
use weir_rules::{FlowHits, IndicatorSet, Matcher, Questions, Site, Sweep};

/// What somebody wants of flows, or of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing.
    Nothing,
    /// The records, to be rendered elsewhere.
    Records,
    /// Lines of this format.
    Lines(Format),
}

/// Matches what the flow table learns, and keeps the hits of open flows until their record ends.
pub(crate) struct Watch {
    matcher: Matcher,
    /// Flows that began and whose addresses are still to be compared.
    questions: Questions,
    want_flows: Wanted,
    want_names: Wanted,
    /// What is told of requests.
    told: Told,
    /// What open flows are still to be compared with, and the slot of the next one.
    sweep: Sweep,
    sweeps_from: u32,
    /// Hits of flows that are open.
    open: Open,
    /// On a tap: open flows with hits, to be told of before they end.
    standing: Option<Standing>,
    /// The round under way.
    round: u64,
    /// What was learnt in each round since `first_round`.
    rounds: VecDeque<Learnt>,
    /// The oldest round that nobody asked for.
    first_round: u64,
    /// Empty ones, to be filled again.
    spare: Option<Arc<ArrayQueue<Learnt>>>,
    counts: WatchCounts,
    /// Where somebody wants it.
    census: Option<(Arc<Site>, Census)>,
}

/// What a watch counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WatchCounts {
    /// Records begun, to be held against those that ended.
    pub began: u64,
    pub ended: u64,
    /// Hits when matched, before any queue.
    pub hits: u64,
    /// Those of records that ended.
    pub hits_of_ended: u64,
    /// Of the records that ended, canaries.
    pub canaries_ended: u64,
    /// What payloads said, by [`NAME_KINDS`].
    pub names: [u64; NAME_KINDS.len()],
}

impl WatchCounts {
    /// Counts what a payload said, if the summary tells of its kind.
    pub(crate) fn count_name(&mut self, fact: &Fact) {
        if let Some(count) = name_kind(fact).and_then(|kind| self.names.get_mut(kind)) {
            *count += 1;
        }
    }

    /// Counts what another worker counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.began += other.began;
        self.ended += other.ended;
        self.hits += other.hits;
        self.hits_of_ended += other.hits_of_ended;
        self.canaries_ended += other.canaries_ended;
        self.names.iter_mut().zip(other.names).for_each(|(count, more)| *count += more);
    }
}

impl Watch {
    /// Nothing learnt. Records are wanted of flows, and of names where `want_names` says so.
    pub(crate) fn new(matcher: Matcher, want_names: bool) -> Self {
        Self {
            matcher,
            questions: Questions::default(),
            sweep: Sweep::default(),
            sweeps_from: 0,
            want_flows: Wanted::Records,
            told: Told::default(),
            want_names: if want_names { Wanted::Records } else { Wanted::Nothing },
            open: Open::default(),
            standing: None,
            round: 0,
            rounds: VecDeque::new(),
            first_round: 0,
            spare: None,
            counts: WatchCounts::default(),
            census: None,
        }
    }

    /// As for files: there is a census of flows, and empty [`Learnt`] are taken from `spare`.
    pub(crate) fn for_files(
        self,
        site: Site,
        (want_flows, want_names): (Wanted, Wanted),
        spare: Arc<ArrayQueue<Learnt>>,
    ) -> Self {
        let census = Some((Arc::new(site), Census::default()));
        Self { want_flows, want_names, spare: Some(spare), census, ..self }
    }

    /// As on a tap: what flows met is told of while they are open; there is a census of flows, and records of those that met
    /// nothing are made only where flows are wanted.
    pub(crate) fn live(self, site: Arc<Site>, want_flows: bool) -> Self {
        let want_flows = if want_flows { Wanted::Records } else { Wanted::Nothing };
        Self {
            want_flows,
            standing: Some(Standing::default()),
            census: Some((site, Census::default())),
            ..self
        }
    }

    /// Tells of requests what `told` says; they are compared as they were seen.
    pub(crate) fn telling(self, told: Told) -> Self {
        Self { told, ..self }
    }

    /// Compares with another set from here on, and counts flows as of another site; what was asked before is answered with the old set. Flows
    /// that are open are still to be compared with what the set has more, `added`.
    pub(crate) fn follow(&mut self, set: &Arc<IndicatorSet>, added: &Arc<IndicatorSet>, site: &Arc<Site>) {
        self.answer();
        self.sweep.begin(added, set);
        self.matcher = Matcher::new(Arc::clone(set));
        if let Some((of, _)) = &mut self.census {
            *of = Arc::clone(site);
        }
    }

    /// Whether open flows are still to be compared.
    pub(crate) fn is_sweeping(&self) -> bool {
        !self.sweep.is_over()
    }

    /// Compares the open flows in so many slots, at the time `now`.
    pub(crate) fn sweep(&mut self, table: &FlowTable, now: Timestamp, slots: u32) {
        // What flows met when they began counts as met.
        self.answer();
        let Self { sweep, sweeps_from, open, standing, counts, .. } = self;
        let next = table.sweep(*sweeps_from, slots, |flow| {
            let late = sweep.visit(flow, now);
            if late.is_empty() {
                return;
            }
            let met = open.change(flow.head.id, |hits| hits.append_new(late));
            counts.hits += met;
            if let Some(standing) = standing.as_mut().filter(|_| met > 0) {
                standing.met(&flow.head);
            }
        });
        *sweeps_from = next.unwrap_or(0);
        if next.is_none() {
            sweep.end_round();
        }
    }

    /// Snapshots of the open flows that met something since the last call, or of all of them of which something else is to be said.
    pub(crate) fn stand(&mut self, table: &FlowTable, which: Look) {
        self.answer();
        let Self { standing: Some(standing), open, .. } = self else { return };
        let look = |ends: &Ends, id: FlowId| {
            let flow = table.find_open(ends.protocol, ends.source, ends.destination)?;
            (flow.id == id).then_some(())?;
            Some((flow, open.get(id)?.matched()))
        };
        let snapshots = match which {
            Look::Changed => standing.look_at_changed(look),
            Look::All => standing.look_at_all(look),
        };
        for flow in snapshots {
            let hits = self.open.get(flow.id).cloned().unwrap_or_default();
            let told = self.told;
            self.learnt(self.round).add_standing(told, flow, hits);
        }
    }

    /// What is learnt from here on belongs to this round.
    pub(crate) const fn begin_round(&mut self, round: u64) {
        self.round = round;
    }

    /// Where exports are put that were found in the round under way.
    pub(crate) fn datagrams(&mut self) -> &mut Datagrams {
        &mut self.learnt(self.round).datagrams
    }

    /// What was learnt in the oldest of the rounds that nobody asked for, which must be over and its flows named.
    pub(crate) fn take_round(&mut self) -> Learnt {
        self.first_round += 1;
        self.rounds.pop_front().unwrap_or_default()
    }

    /// What was learnt since this was last asked, whatever the round.
    pub(crate) fn take_learnt(&mut self) -> Learnt {
        self.first_round = self.round;
        let mut all = self.rounds.pop_front().unwrap_or_default();
        self.rounds.drain(..).for_each(|learnt| all.append(learnt));
        all
    }

    /// What was counted so far.
    pub(crate) const fn counts(&self) -> &WatchCounts {
        &self.counts
    }

    /// What the flows that ended were like.
    pub(crate) fn census(&self) -> Census {
        self.census.as_ref().map(|(_, census)| census.clone()).unwrap_or_default()
    }

    /// Where what was learnt in `round` is put; of a round that was asked for already, with the oldest that was not.
    #[expect(clippy::indexing_slicing, reason = "rounds are added until it is there")]
    fn learnt(&mut self, round: u64) -> &mut Learnt {
        let position = round.min(self.round).saturating_sub(self.first_round) as usize;
        while self.rounds.len() <= position {
            self.rounds.push_back(self.spare.as_ref().and_then(|spare| spare.pop()).unwrap_or_default());
        }
        &mut self.rounds[position]
    }

    /// Compares the addresses of flows that began since the last time: before anybody looks at hits.
    fn answer(&mut self) {
        if self.questions.is_empty() {
            return;
        }
        let Self { matcher, questions, open, standing, counts, .. } = self;
        matcher.answer(questions, |flow, hits| {
            counts.hits += open.change(flow.id, |known| known.prepend(hits));
            if let Some(standing) = standing {
                standing.met(flow);
            }
        });
    }

    /// Lets `look` add to the hits of a flow, which are kept only if there are any.
    fn hits_of(&mut self, flow: &FlowHead<'_>, look: impl FnOnce(&Matcher, &mut FlowHits)) {
        let met = self.open.change(flow.id, |hits| look(&self.matcher, hits));
        self.counts.hits += met;
        if let Some(standing) = self.standing.as_mut().filter(|_| met > 0) {
            standing.met(flow);
        }
    }
}

impl FlowSink for Watch {
    fn meets(&mut self, flow: &FlowHead<'_>) -> bool {
        let mut hits = FlowHits::default();
        self.matcher.began(flow, &mut hits);
        !hits.is_empty() || is_canary(flow.id)
    }

    fn began(&mut self, flow: &FlowHead<'_>) {
        self.counts.began += 1;
        if !self.matcher.ask(flow, &mut self.questions) {
            self.hits_of(flow, |matcher, hits| matcher.began(flow, hits));
        } else if self.questions.is_full() {
            self.answer();
        }
    }

    fn named(&mut self, flow: &FlowHead<'_>) {
        self.hits_of(flow, |matcher, hits| matcher.named(flow, hits));
    }

    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation) {
        self.hits_of(flow, |matcher, hits| matcher.observed(flow, observation, hits));
        if is_canary(flow.id) {
            return;
        }
        self.counts.count_name(&observation.fact);
        let (wanted, told) = (self.want_names, self.told);
        if wanted != Wanted::Nothing {
            self.learnt(self.round).add_name((wanted, told), flow.id, flow.protocol, observation);
        }
    }

    fn ended(&mut self, flow: Ended<'_>, round: u64) {
        self.answer();
        self.counts.ended += 1;
        let hits = self.open.take(flow.id());
        if let Some(standing) = &mut self.standing {
            standing.ended(flow.id());
        }
        self.counts.hits_of_ended += hits.matched();
        let is_canary = is_canary(flow.id());
        self.counts.canaries_ended += u64::from(is_canary);
        if let Some((site, census)) = self.census.as_mut().filter(|_| !is_canary) {
            let ends = [flow.initiator().ip, flow.responder().ip];
            census.count(site, flow.protocol(), ends, flow.ip_bytes());
        }
        // The later records of a conversation carry on what the first one met.
        let is_of_interest = !hits.is_empty() || flow.continues().is_some();
        let want_flows = self.want_flows;
        if want_flows == Wanted::Nothing && !is_of_interest {
            return;
        }
        let (flow, told) = (flow.to_flow(), self.told);
        self.learnt(round).add_flow((want_flows, told), flow, hits, is_of_interest);
    }

    fn held_bytes(&self) -> usize {
        self.open.held_bytes()
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

/// What a worker learnt and the desk has not been told.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    /// Flow records that ended, each with its hits: those that met something or continue another, all where records are
    /// wanted.
    pub ended: Vec<(Arc<Flow>, FlowHits)>,
    /// Flow records that are open, as they stand, each with its hits; only on a tap.
    pub standing: Vec<(Arc<Flow>, FlowHits)>,
    /// What payloads said, and in which flow, where records are wanted.
    pub named: Vec<(FlowId, Protocol, Observation)>,
    /// Lines of flows that ended, by identity, where lines are wanted.
    pub flow_lines: Rendered,
    /// Lines of what payloads said, by packet, likewise.
    pub name_lines: Rendered,
    /// Exports that came in packets.
    pub datagrams: Datagrams,
}

impl Learnt {
    /// Takes what a payload, or a record, said, as it is wanted.
    pub(crate) fn add_name(
        &mut self,
        (wanted, told): (Wanted, Told),
        flow: FlowId,
        protocol: Protocol,
        observation: &Observation,
    ) {
        match wanted {
            Wanted::Nothing => {}
            Wanted::Records => {
                self.named.push((flow, protocol, told.of_observation(observation).into_owned()));
            }
            Wanted::Lines(format) => {
                let observation = &*told.of_observation(observation);
                self.name_lines
                    .add(observation.packet, |lines| format.name(flow, protocol, observation, lines));
            }
        }
    }

    /// Takes a flow that ended, as it is wanted, and for its hits if it is of interest.
    pub(crate) fn add_flow(
        &mut self,
        (wanted, told): (Wanted, Told),
        mut flow: Flow,
        hits: FlowHits,
        is_of_interest: bool,
    ) {
        told.trim(&mut flow);
        if let Wanted::Lines(format) = wanted {
            self.flow_lines.add(flow.id.0, |lines| format.flow(&flow, lines));
        }
        if wanted == Wanted::Records || is_of_interest {
            self.ended.push((Arc::new(flow), hits));
        }
    }

    /// Takes an open flow that met something, as it stands.
    pub(crate) fn add_standing(&mut self, told: Told, mut flow: Flow, hits: FlowHits) {
        told.trim(&mut flow);
        self.standing.push((Arc::new(flow), hits));
    }

    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.ended.is_empty()
            && self.standing.is_empty()
            && self.named.is_empty()
            && self.flow_lines.is_empty()
            && self.name_lines.is_empty()
            && self.datagrams.is_empty()
    }

    /// Forgets everything, and keeps the memory for other rounds.
    pub(crate) fn clear(&mut self) {
        self.ended.clear();
        self.standing.clear();
        self.named.clear();
        self.flow_lines.clear();
        self.name_lines.clear();
        self.datagrams.clear();
    }

    fn append(&mut self, mut later: Self) {
        self.ended.append(&mut later.ended);
        self.standing.append(&mut later.standing);
        self.named.append(&mut later.named);
    }
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
        Fact::ServerHello(_) | Fact::HttpResponse(_) | Fact::Told(_) | Fact::Application(_) => return None,
    })
}
