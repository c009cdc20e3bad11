//! Rounds: when flows end by time, and when they get their names.

use super::{BATCH, FlowSink, FlowTable, Naming};
use crate::ended::Ended;
use crate::ends::Ends;
use crate::entry::{ENTRY_LINES, Entry, Standing};
use crate::index::Index;
use crate::timeouts::Clock;
use crate::timers::{Tick, Timers};
use crate::unresolved::{Begun, Held, MAX_HELD};
use arrayvec::ArrayVec;
use weir_model::Timestamp;
use weir_model::flow::{EndReason, FlowId, PassiveName};
use weir_wire::Side;

/// How many conversations before its turn the entry of one is fetched.
const FETCHED_AHEAD: usize = 16;

impl FlowTable {
    /// Closes the round under way: ends the flows that packets of this time cannot continue. Gives the round's number;
    /// the first is 0.
    ///
    /// Which flows these are depends only on each flow's own packets and on the clock of each round, never on other flows:
    /// tables that share the packets of an input, and close each round by the same clock, end the same flows in the same round
    /// as one table would. Clocks step by 0.27 s here.
    pub fn close_round(&mut self, clock: &Clock, sink: &mut impl FlowSink) -> u64 {
        self.stats.steps_backwards = clock.steps_backwards();
        for standing in Standing::ALL {
            let (earliest, latest) = clock.bounds(self.idle_timeout(standing));
            self.end_before(standing, earliest, sink);
            self.end_behind(standing, latest, sink);
        }
        self.last_packet_of_closed = self.last_packet;
        self.round += 1;
        self.round - 1
    }

    /// Asks passive DNS for the flows that began in `round` or before, as of their first packet, and hands over those of them
    /// that have ended meanwhile. To be called once every table that shares passive DNS has closed the round.
    pub fn resolve(&mut self, round: u64, sink: &mut impl FlowSink) {
        for _ in 0..self.unresolved.held() {
            if let Some((held, begun)) = self.unresolved.take_or_rotate(round) {
                self.resolve_held(held, &begun, sink);
            }
        }
        while let Some((ticket, begun)) = self.unresolved.next(round) {
            if let Some(ahead) = self.unresolved.ahead(FETCHED_AHEAD) {
                self.flows.prefetch::<ENTRY_LINES>(ahead.slot);
            }
            let is_same = |entry: &Entry| entry.ticket() == Some(ticket);
            let Some(entry) = self.flows.get_mut(begun.slot).filter(|entry| is_same(entry)) else {
                continue;
            };
            entry.set_ticket(None);
            let ends = entry.ends;
            let names = self.names_of(&ends, &begun);
            if names.is_empty() {
                continue;
            }
            self.count_names(&names);
            if let Some(entry) = self.flows.get_mut(begun.slot) {
                entry.facts_mut().passive = names;
                sink.named(&entry.head_with_names());
            }
            self.charge(begun.slot);
        }
        if self.naming == Naming::Own && round + 1 >= self.round {
            self.passive_dns.settle(self.last_packet_of_closed);
        }
    }

    /// Ends all flows, in the order in which they began: the input is over, and all tables have closed its last round. Those
    /// that were idle by then end as idle.
    pub fn finish(&mut self, clock: &Clock, sink: &mut impl FlowSink) {
        self.stats.steps_backwards = clock.steps_backwards();
        self.resolve(self.round, sink);
        let now = clock.latest();
        let mut open: Vec<_> = self.flows.iter().map(|(slot, entry)| (entry.cold.id, slot)).collect();
        open.sort_unstable();
        // Nothing is looked up any more, and no time comes.
        self.index = Index::new(self.max_flows);
        self.timers = Timers::new(self.max_flows);
        for (position, (_, slot)) in open.iter().enumerate() {
            self.prefetch_of(&open, position);
            let slot = *slot;
            let is_live = self.flows.get(slot).is_some_and(|entry| self.is_continued(entry, now));
            self.free(slot, if is_live { EndReason::EndOfInput } else { EndReason::Idle }, sink);
        }
    }

    /// Fetches ahead what the ends of the flows behind `position` will touch: entries, and later what these point to.
    fn prefetch_of(&self, open: &[(FlowId, u32)], position: usize) {
        if let Some((_, slot)) = open.get(position + 2 * FETCHED_AHEAD) {
            self.flows.prefetch::<ENTRY_LINES>(*slot);
        }
        if let Some(entry) = open.get(position + FETCHED_AHEAD).and_then(|(_, slot)| self.flows.get(*slot)) {
            self.prefetch_parts(entry);
        }
    }

    /// Fetches ahead what an entry points to.
    fn prefetch_parts(&self, entry: &Entry) {
        self.readers.prefetch(entry);
        if let Some(facts) = entry.cold.facts.as_deref() {
            weir_mem::fetch_value(facts);
        }
    }

    /// Ends flows whose last packet was before `earliest`.
    fn end_before(&mut self, standing: Standing, earliest: Tick, sink: &mut impl FlowSink) {
        let mut batch = ArrayVec::<(u32, Timestamp, u32), BATCH>::new();
        while self.gather_before(standing, earliest, &mut batch) {
            for (slot, last, tag) in batch.drain(..) {
                if Tick::of(last) < earliest {
                    self.end_tagged(slot, tag, EndReason::Idle, sink);
                } else {
                    self.timers.put(standing as usize, slot, last);
                }
            }
        }
    }

    /// Gathers flows from the front list, if that is before `earliest`: slot, last packet, and the tag under which it is found.
    /// What ending them will touch is fetched ahead.
    fn gather_before(
        &self,
        standing: Standing,
        earliest: Tick,
        batch: &mut ArrayVec<(u32, Timestamp, u32), BATCH>,
    ) -> bool {
        let front = self.timers.earliest(standing as usize).filter(|(tick, _)| *tick < earliest);
        let mut next = front.map(|(_, slot)| slot);
        while let Some(slot) = next
            && batch.try_push((slot, Timestamp::MAX, 0)).is_ok()
        {
            self.flows.prefetch::<ENTRY_LINES>(slot);
            next = self.timers.behind(slot);
        }
        for (slot, last, tag) in batch.iter_mut() {
            if let Some(entry) = self.flows.get(*slot) {
                *last = entry.last;
                *tag = entry.ends.tag(&self.seed);
                if Tick::of(*last) < earliest {
                    self.index.prefetch(*tag);
                    self.prefetch_parts(entry);
                }
            }
        }
        !batch.is_empty()
    }

    /// Ends flows whose first packet was behind `latest`: the clock was set back. Their lists are behind it, too.
    fn end_behind(&mut self, standing: Standing, latest: Tick, sink: &mut impl FlowSink) {
        while let Some((tick, slot)) = self.timers.latest(standing as usize)
            && tick > latest
            && let Some(entry) = self.flows.get(slot)
        {
            if Tick::of(entry.first) > latest {
                self.end(slot, EndReason::Idle, sink);
            } else {
                self.timers.put(standing as usize, slot, entry.first);
            }
        }
    }

    /// Keeps a record that ended until its conversation has its names.
    pub(super) fn hold(&mut self, entry: Entry, reason: EndReason, sink: &mut impl FlowSink) {
        self.unresolved.hold(Held { entry, reason, round: self.round });
        if self.unresolved.held() > MAX_HELD
            && let Some(round) = self.unresolved.oldest_round()
        {
            self.stats.rounds_resolved_early += 1;
            self.resolve(round, sink);
        }
    }

    /// What passive DNS knew of both ends when a conversation began.
    fn names_of(&self, ends: &Ends, begun: &Begun) -> Vec<PassiveName> {
        let (a, b) = (ends.end(Side::A).ip, ends.end(Side::B).ip);
        let known_by = begun.round * self.config.round_packets + 1;
        self.passive_dns.names_known_by(a, b, (begun.time, begun.packet), known_by)
    }

    fn count_names(&mut self, names: &[PassiveName]) {
        for named in names {
            self.stats.names.count(named.name.source, 1);
        }
    }

    fn resolve_held(&mut self, held: Held, begun: &Begun, sink: &mut impl FlowSink) {
        let Held { mut entry, reason, round } = held;
        let names = self.names_of(&entry.ends, begun);
        // What is continued is the same conversation.
        if reason != EndReason::Active {
            self.count_names(&names);
        }
        if !names.is_empty() {
            entry.facts_mut().passive = names;
            sink.named(&entry.head_with_names());
        }
        sink.ended(Ended::new(&entry, reason), round);
    }
}
