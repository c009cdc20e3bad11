//! One shard of the flows: its part of the index, its entries, timers and budget, all under the lock of one shard of the map.

use super::batch::Report;
use super::config::ExportedFlowsConfig;
use super::ended::EndedExported;
use super::entry::{Entry, Hearing, Standing};
use super::expiry::Due;
use super::head::Head;
use super::initiator;
use super::news::{Ended, News, Observed};
use super::stats::ExportedFlowStats;
use crate::ends::Ends;
use crate::slots::{NONE, Slots};
use crate::timeouts::{Timeout, continues};
use crate::timers::{Tick, Timers};
use dashmap::{RwLockWriteGuard, SharedValue};
use hashbrown::raw::RawTable;
use std::sync::MutexGuard;
use std::time::Duration;
use weir_mem::fetch_address;
use weir_model::flow::{EndReason, PassiveName};
use weir_model::held::Held;
use weir_model::observation::{Fact, Observation};
use weir_model::{Endpoint, FlowId, Timestamp};
use weir_wire::Side;

/// Most flows that get another chance, because records of them came since they were last looked at, when one has to go.
const MAX_SECOND_CHANCES: usize = 16;

/// The part of a shard's budget that facts may take: names that somebody has routers tell push out no flow.
const FACTS_PART: usize = 4;

/// A place in the index: hashbrown has a control byte and the value per bucket, and doubles its buckets when seven of eight
/// are full, or when half are and the others were left by flows that ended.
const INDEX_BYTES: usize = (size_of::<(u32, u32)>() + 1) * 5;

/// What one flow costs: its entry, its places in the timers and in the index, and where it is noted when it is due. What most
/// flows lack is charged as it comes.
pub(super) const BYTES_PER_FLOW: usize =
    Slots::<Entry>::BYTES + Timers::<{ Standing::COUNT }>::BYTES + INDEX_BYTES + size_of::<Due>();
const _: () = assert!(BYTES_PER_FLOW == 269, "docs/ARCHITECTURE.md says so");

/// The shard's part of the map: 32 bits of a flow's hash, and its slot.
pub(super) type Index = RawTable<(u32, SharedValue<u32>)>;

/// The hash by which the map places a tag. Tags are hashes already; this only spreads them over the bits that choose the shard.
pub(super) const fn spread(tag: u32) -> u64 {
    (tag as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What belongs to the flows of one shard, beside the index.
#[derive(Debug)]
pub(super) struct Shard<A> {
    limits: Limits,
    pub(super) flows: Slots<Entry>,
    /// By [`Standing`]. A flow's list is never behind its last record.
    timers: Timers<{ Standing::COUNT }>,
    attached: Attached<A>,
    /// Bytes of the budget that flows and what they hold take.
    used: usize,
    /// Of them, facts.
    facts_bytes: usize,
    pub(super) stats: ExportedFlowStats,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    quiet: Timeout,
    active_timeout: Timeout,
    bytes: usize,
}

/// What callers attached to flows; most have nothing.
#[derive(Debug)]
struct Attached<A> {
    items: Vec<Option<A>>,
    free: Vec<u32>,
}

impl<A: Default> Shard<A> {
    pub(super) fn new(config: &ExportedFlowsConfig) -> Self {
        let room = config.max_flows_of_shard();
        Self {
            limits: Limits {
                quiet: config.quiet.into(),
                active_timeout: config.active_timeout.into(),
                bytes: config.bytes_of_shard(),
            },
            flows: Slots::new(room),
            timers: Timers::new(room),
            attached: Attached { items: Vec::new(), free: Vec::new() },
            used: 0,
            facts_bytes: 0,
            stats: ExportedFlowStats::default(),
        }
    }

    pub(super) fn stats(&self) -> ExportedFlowStats {
        ExportedFlowStats {
            open: self.flows.len() as u64,
            bytes: (self.used + self.timers.list_bytes()) as u64,
            budget: self.limits.bytes as u64,
            ..self.stats
        }
    }

    /// The earliest time at which flows of the shard are due, if that is before `horizon`.
    pub(super) fn earliest_due(&self, horizon: Tick) -> Option<Tick> {
        let earliest = (0..Standing::COUNT).filter_map(|kind| self.timers.earliest(kind));
        earliest.map(|(tick, _)| tick).filter(|tick| *tick < horizon).min()
    }

    /// Looks at the flows in the lists of `tick`: those that are due are added to `due`, the others put where they belong.
    pub(super) fn gather(&mut self, tick: Tick, number: u32, due: &mut Vec<Due>) {
        for kind in 0..Standing::COUNT {
            let first =
                self.timers.earliest(kind).filter(|earliest| earliest.0 == tick).map(|(_, slot)| slot);
            let slots: Vec<u32> = std::iter::successors(first, |slot| self.timers.behind(*slot)).collect();
            for (place, slot) in slots.iter().enumerate() {
                if let Some(ahead) = slots.get(place + 8) {
                    self.flows.prefetch::<3>(*ahead);
                }
                let Some(entry) = self.flows.get(*slot) else { continue };
                if Tick::of(entry.last_received) > tick {
                    self.timers.put(entry.standing() as usize, *slot, entry.last_received);
                } else {
                    due.push(Due { id: entry.id, shard: number, slot: *slot });
                }
            }
        }
    }
}

impl<A> Attached<A> {
    fn put(&mut self, item: A) -> u32 {
        if let Some(place) = self.free.pop()
            && let Some(vacant) = self.items.get_mut(place as usize)
        {
            *vacant = Some(item);
            return place;
        }
        self.items.push(Some(item));
        self.items.len() as u32 - 1
    }

    fn take(&mut self, place: u32) -> Option<A> {
        let item = self.items.get_mut(place as usize)?.take()?;
        self.free.push(place);
        Some(item)
    }
}

/// A shard that is locked: nobody else sees it.
pub(super) struct Locked<'a, A> {
    pub(super) index: RwLockWriteGuard<'a, Index>,
    pub(super) shard: MutexGuard<'a, Shard<A>>,
}

impl<A: Default + Held> Locked<'_, A> {
    /// Has the memory of so many flows ready before they begin.
    pub(super) fn take_memory(&mut self, flows: usize) {
        self.shard.flows.take_memory(flows);
        self.shard.timers.take_memory(flows);
        self.index.reserve(flows, |(tag, _)| spread(*tag));
    }

    /// Hints that the place of a report in the index will be looked at. Where that is follows hashbrown's layout: a control byte per
    /// bucket from the end of the buckets on, buckets downwards from there, the search beginning at the lower bits of the hash.
    pub(super) fn fetch_place(&self, report: &Report) {
        const BUCKETS_A_LINE: usize = 64 / size_of::<(u32, SharedValue<u32>)>();
        let first = spread(report.tag) as usize & (self.index.buckets() - 1);
        let end = self.index.data_end().as_ptr().cast_const();
        fetch_address(end.cast::<u8>().wrapping_add(first));
        fetch_address(end.wrapping_sub(first + 1));
        fetch_address(end.wrapping_sub(first + BUCKETS_A_LINE));
    }

    /// Hints that the flow of a report will be needed; whether there seems to be one.
    pub(super) fn fetch(&self, report: &Report) -> bool {
        let is_tag = |place: &(u32, SharedValue<u32>)| place.0 == report.tag;
        let found = self.index.get(spread(report.tag), is_tag);
        if let Some((_, slot)) = found {
            self.shard.flows.prefetch::<3>(*slot.get());
        }
        found.is_some()
    }

    /// Fetches the places of so many flows that begin; or, when there is no room for them, the flows that go first, and their places
    /// in the index.
    pub(super) fn fetch_for_room(&self, begin: usize) {
        let shard = &*self.shard;
        if begin == 0 || !self.is_without_room(begin * BYTES_PER_FLOW) {
            shard.flows.prefetch_next::<3>(begin);
            return;
        }
        let first = (0..Standing::COUNT).find_map(|kind| shard.timers.earliest(kind)).map(|(_, slot)| slot);
        let next = || std::iter::successors(first, |slot| shard.timers.behind(*slot)).take(begin);
        next().for_each(|slot| shard.flows.prefetch::<3>(slot));
        let found = next().filter_map(|slot| {
            let tag = shard.flows.get(slot)?.tag;
            self.index.get(spread(tag), |place| place.0 == tag)
        });
        // Looking is what fetches.
        std::hint::black_box(found.count());
    }

    /// Puts a report into its flow, begun if need be.
    pub(super) fn put(&mut self, report: &mut Report, place: u32, news: &mut News<A>) {
        let (slot, side, is_new) = match self.find(report.tag, &report.ends) {
            Some((slot, side)) => match self.fate(slot, report) {
                None => (slot, side, false),
                Some(EndReason::Active) => (self.renew(slot, side, report, place, news), Side::A, true),
                Some(reason) => {
                    self.end(report.tag, slot, reason, place, news);
                    (self.begin(report, place, news), Side::A, true)
                }
            },
            None => (self.begin(report, place, news), Side::A, true),
        };
        let shard = &mut *self.shard;
        let Some(entry) = shard.flows.get_mut(slot) else { return };
        match entry.take(report, side) {
            Hearing::Merged => shard.stats.merged += 1,
            Hearing::Repeated => shard.stats.repeated += 1,
            Hearing::Uncounted => shard.stats.uncounted += 1,
        }
        if entry.update_standing() || is_new {
            shard.timers.put(entry.standing() as usize, slot, entry.last_received);
        }
        let has_rare = report.rare.is_some();
        if entry.rarely.is_some() || has_rare {
            let is_translated = has_rare && entry.rarely_mut().note(report, side);
            if is_new {
                news.began(place, Head::of(entry));
            } else if is_translated {
                news.translated(place, Head::of(entry));
            }
            self.learn(slot, side, report, place, news);
            self.charge(slot, place, news);
        } else if is_new {
            news.began(place, Head::of(entry));
        }
    }

    /// The slot of the open flow with those ends, and which side sends from the first of them.
    pub(super) fn find(&self, tag: u32, ends: &Ends) -> Option<(u32, Side)> {
        let mut side = None;
        let flows = &self.shard.flows;
        let is_it = |(known, slot): &(u32, SharedValue<u32>)| {
            *known == tag && {
                side = flows.get(*slot.get()).and_then(|entry| entry.ends.sender_of(ends));
                side.is_some()
            }
        };
        let slot = *self.index.get(spread(tag), is_it)?.1.get();
        Some((slot, side?))
    }

    /// The slot of the open flow of that number.
    pub(super) fn find_flow(&self, tag: u32, ends: &Ends, id: FlowId) -> Option<u32> {
        let (slot, _) = self.find(tag, ends)?;
        self.shard.flows.get(slot).filter(|entry| entry.id == id).map(|_| slot)
    }

    /// Why the flow in `slot` ends before this record; `None` when it takes it. Whether records continue a flow depends on when
    /// they were received; whether it is due for another part, on when they began.
    fn fate(&self, slot: u32, report: &Report) -> Option<EndReason> {
        let entry = self.shard.flows.get(slot)?;
        let Limits { quiet, active_timeout, .. } = self.shard.limits;
        if !continues(entry.last_received, entry.last_received, quiet, report.received) {
            return Some(EndReason::Idle);
        }
        (report.times.first > entry.first + active_timeout).then_some(EndReason::Active)
    }

    fn begin(&mut self, report: &Report, place: u32, news: &mut News<A>) -> u32 {
        while self.is_without_room(BYTES_PER_FLOW) && self.evict(NONE, place, news) {}
        let Some(slot) = self.shard.flows.insert(Entry::new(report)) else { return NONE };
        let item = (report.tag, SharedValue::new(slot));
        self.index.insert(spread(report.tag), item, |(tag, _)| spread(*tag));
        self.shard.used += BYTES_PER_FLOW;
        self.shard.stats.begun += 1;
        slot
    }

    /// Ends the flow in `slot` and begins another that continues it; what is known of the conversation stays.
    fn renew(&mut self, slot: u32, side: Side, report: &Report, place: u32, news: &mut News<A>) -> u32 {
        let shard = &mut *self.shard;
        let Some(entry) = shard.flows.get_mut(slot) else { return NONE };
        let mut old = std::mem::replace(entry, Entry::new(report));
        entry.continue_from(&old, side);
        shard.facts_bytes += entry.facts_bytes();
        let attached = shard.detach(old.attached);
        shard.release(&mut old);
        shard.stats.begun += 1;
        shard.stats.ended.count(EndReason::Active);
        news.ended(place, Ended { entry: old, reason: EndReason::Active, attached });
        slot
    }

    /// Ends the flow in `slot`.
    fn end(&mut self, tag: u32, slot: u32, reason: EndReason, place: u32, news: &mut News<A>) {
        if let Some((entry, attached)) = self.remove(tag, slot, reason) {
            news.ended(place, Ended { entry, reason, attached });
        }
    }

    /// Takes the flow in `slot` out of everything.
    pub(super) fn remove(&mut self, tag: u32, slot: u32, reason: EndReason) -> Option<(Entry, Option<A>)> {
        let shard = &mut *self.shard;
        self.index.remove_entry(spread(tag), |(_, known)| *known.get() == slot)?;
        shard.timers.remove(slot);
        let mut entry = shard.flows.remove(slot)?;
        shard.used -= BYTES_PER_FLOW;
        shard.release(&mut entry);
        shard.stats.ended.count(EndedExported::new(&entry, reason).reason());
        let attached = shard.detach(entry.attached);
        Some((entry, attached))
    }

    fn is_without_room(&self, wanted: usize) -> bool {
        let shard = &*self.shard;
        shard.used + shard.timers.list_bytes() + wanted > shard.limits.bytes
    }

    /// Makes room: the flow goes that was silent longest, of those with a few packets from one side as long as there are any.
    /// Not the one in `spared`. Whether one went.
    fn evict(&mut self, spared: u32, place: u32, news: &mut News<A>) -> bool {
        for kind in 0..Standing::COUNT {
            for chance in 0..=MAX_SECOND_CHANCES {
                let Some((tick, slot)) = self.longest_silent(kind, spared) else { break };
                let Some(entry) = self.shard.flows.get(slot) else { break };
                let (last_received, tag) = (entry.last_received, entry.tag);
                if Tick::of(last_received) > tick && chance < MAX_SECOND_CHANCES {
                    self.shard.timers.put(kind, slot, last_received);
                } else {
                    self.end(tag, slot, EndReason::Evicted, place, news);
                    return true;
                }
            }
        }
        false
    }

    fn longest_silent(&self, kind: usize, spared: u32) -> Option<(Tick, u32)> {
        let timers = &self.shard.timers;
        let (tick, slot) = timers.earliest(kind)?;
        if slot == spared { timers.behind(slot).map(|behind| (tick, behind)) } else { Some((tick, slot)) }
    }

    /// Takes up the facts of a report.
    fn learn(&mut self, slot: u32, side: Side, report: &mut Report, place: u32, news: &mut News<A>) {
        let Some(rare) = report.rare.as_mut().filter(|rare| !rare.facts.is_empty()) else { return };
        let shard = &mut *self.shard;
        let Some(entry) = shard.flows.get_mut(slot) else { return };
        let initiator = entry.ends.end(initiator::of(entry).initiator);
        let (source, destination) = (report.ends.end(Side::A), report.ends.end(Side::B));
        let mut observations = Vec::new();
        for fact in rare.facts.drain(..) {
            if entry.rarely_mut().is_known(&fact) {
                continue;
            }
            // Who began said what exporters write of names, whichever direction's record they write it into.
            let is_turned = matches!(fact, Fact::Told(_)) && source != initiator;
            let (source, destination) = if is_turned { (destination, source) } else { (source, destination) };
            let observation =
                Observation { time: report.times.last, packet: report.id.0, source, destination, fact };
            shard.stats.facts += 1;
            if shard.facts_bytes < shard.limits.bytes / FACTS_PART {
                let rarely = entry.rarely_mut();
                if let Fact::Dns(message) = &observation.fact {
                    rarely.count_dns(message);
                }
                let facts = rarely.facts.get_or_insert_default();
                let before = facts.cost;
                shard.stats.names_dropped += facts.fold(&observation).dropped;
                shard.facts_bytes += facts.cost - before;
            } else {
                shard.stats.facts_not_kept += 1;
            }
            observations.push(observation);
        }
        if !observations.is_empty() {
            let from_responder = side == initiator::of(entry).initiator.other();
            news.observed(place, Observed { head: Head::of(entry), observations, from_responder });
        }
    }

    /// Charges what the flow in `slot` holds beside its entry; others make room for it.
    fn charge(&mut self, slot: u32, place: u32, news: &mut News<A>) {
        let shard = &mut *self.shard;
        let Some(entry) = shard.flows.get_mut(slot) else { return };
        let (kind, last_received) = (entry.standing() as usize, entry.last_received);
        let Some(rarely) = entry.rarely.as_mut() else { return };
        let cost = rarely.cost();
        shard.used = shard.used + cost - rarely.charged;
        let has_grown = cost > std::mem::replace(&mut rarely.charged, cost);
        if has_grown && self.is_without_room(0) {
            self.shard.timers.put(kind, slot, last_received);
            while self.is_without_room(0) && self.evict(slot, place, news) {}
        }
    }

    /// Keeps names that passive DNS knew of the flow.
    pub(super) fn keep_names(
        &mut self,
        tag: u32,
        ends: &Ends,
        id: FlowId,
        names: &[PassiveName],
        news: &mut News<A>,
    ) {
        let Some(slot) = self.find_flow(tag, ends, id) else { return };
        if let Some(entry) = self.shard.flows.get_mut(slot) {
            entry.rarely_mut().facts.get_or_insert_default().passive = names.to_vec();
            self.shard.stats.named += 1;
        }
        self.charge(slot, 0, news);
    }

    /// Changes what is attached to the flow in `slot`. Flows that begin later make room for it.
    pub(super) fn change(&mut self, slot: u32, change: impl FnOnce(&mut A)) {
        let shard = &mut *self.shard;
        let Some(entry) = shard.flows.get_mut(slot) else { return };
        if entry.attached == NONE {
            entry.attached = shard.attached.put(A::default());
        }
        if let Some(Some(item)) = shard.attached.items.get_mut(entry.attached as usize) {
            let before = item.held_bytes();
            change(item);
            shard.used = (shard.used + item.held_bytes()).saturating_sub(before);
        }
    }

    /// What is attached to the flow in `slot`.
    pub(super) fn attached(&self, slot: u32) -> Option<&A> {
        let place = self.shard.flows.get(slot)?.attached;
        self.shard.attached.items.get(place as usize)?.as_ref()
    }

    /// Ends a flow that is due, unless records came since.
    pub(super) fn end_due(&mut self, due: &Due, horizon: Tick) -> Option<(Entry, Option<A>)> {
        let entry = self.shard.flows.get(due.slot).filter(|entry| entry.id == due.id)?;
        let is_due = Tick::of(entry.last_received) < horizon;
        let tag = entry.tag;
        if is_due { self.remove(tag, due.slot, EndReason::Idle) } else { None }
    }
}

impl<A: Held> Shard<A> {
    /// Takes what is attached there, and gives back what it was charged for.
    fn detach(&mut self, place: u32) -> Option<A> {
        let item = self.attached.take(place)?;
        self.used = self.used.saturating_sub(item.held_bytes());
        Some(item)
    }
}

impl<A> Shard<A> {
    /// Gives back what an entry that goes was charged for.
    fn release(&mut self, entry: &mut Entry) {
        self.facts_bytes -= entry.facts_bytes();
        if let Some(rarely) = entry.rarely.as_mut() {
            self.used -= std::mem::take(&mut rarely.charged);
        }
    }
}

/// An endpoint pair as a caller names a flow.
pub(super) fn ends_of(protocol: weir_model::Protocol, source: Endpoint, destination: Endpoint) -> Ends {
    Ends::new(protocol, source, destination)
}

/// Times before this are past at `now`.
pub(super) fn horizon(now: Timestamp, quiet: Duration) -> Tick {
    Tick::of(now - quiet)
}
