//! When flows are to be looked at again: a list of flows per quarter second of packet time and standing.
//!
//! A flow stands in the list of the time of its last packet when it was put there. Packets do not touch the lists; when the
//! time of a list comes up, its flows are looked at, and those that had packets since are put where they belong by then. So
//! which flows are found does not depend on which others are there, and nothing scans. Lists are kept in the order of
//! their times, whatever these are: a frame from the year 2100 makes a list that is far from all others.

use crate::slots::NONE;
use std::collections::BTreeMap;
use weir_mem::{Pages, Reserved};
use weir_model::Timestamp;

/// Times are told apart as far as this many bits of nanoseconds: 0.27 s. Lists are that coarse, and so are the ends of flows.
const TICK_BITS: u32 = 28;

/// Lists that are not charged to the budget of the table, half a megabyte: as many as five standings and timeouts of some
/// minutes need.
const LISTS_FOR_FREE: usize = 1 << 13;

/// Packet time, in the steps in which flows are ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

impl Tick {
    pub(crate) const fn of(time: Timestamp) -> Self {
        Self(time.as_nanos() >> TICK_BITS)
    }
}

/// `N` kinds of lists of slots; a slot stands in at most one list.
#[derive(Debug)]
pub(crate) struct Timers<const N: usize> {
    /// The list of each tick that has one.
    lists: [BTreeMap<Tick, u32>; N],
    /// The list last used, by kind: nearly always the next one.
    recent: [Option<(Tick, u32)>; N],
    pool: Vec<List>,
    free: Vec<u32>,
    links: Reserved<Links>,
}

#[derive(Clone, Copy, Debug)]
struct List {
    tick: Tick,
    kind: usize,
    front: u32,
    back: u32,
}

#[derive(Clone, Copy, Debug)]
struct Links {
    list: u32,
    before: u32,
    behind: u32,
}

impl<const N: usize> Timers<N> {
    /// Bytes per slot.
    pub(crate) const BYTES: usize = size_of::<Links>();

    /// Bytes per list: itself, its number among the free ones, and its place in the tree, whose nodes are half full at least.
    const BYTES_PER_LIST: usize = size_of::<List>() + size_of::<u32>() + 2 * (size_of::<(Tick, u32)>() + 8);

    /// Room for slots below `room`.
    pub(crate) fn new(room: usize) -> Self {
        Self {
            lists: [const { BTreeMap::new() }; N],
            recent: [None; N],
            pool: Vec::new(),
            free: Vec::new(),
            links: Reserved::new(room, Pages::Usual),
        }
    }

    /// Has the memory of the first `slots` slots ready before they are needed.
    pub(crate) fn take_memory(&mut self, slots: usize) {
        self.links.take_memory(slots);
    }

    /// Bytes that lists take beyond the few that packets with sane times need: who sends wild times pays for it.
    pub(crate) const fn list_bytes(&self) -> usize {
        self.pool.len().saturating_sub(LISTS_FOR_FREE) * Self::BYTES_PER_LIST
    }

    /// Puts `slot` at the back of the list of `time`, taking it out of the one it stood in, unless it stands there already.
    pub(crate) fn put(&mut self, kind: usize, slot: u32, time: Timestamp) {
        let tick = Tick::of(time);
        let Some(list) = self.list_of(kind, tick) else {
            return;
        };
        let position = slot as usize;
        let empty = Links { list: NONE, before: NONE, behind: NONE };
        while self.links.len() <= position && self.links.push(empty).is_ok() {}
        if self.links.get(position).is_none_or(|links| links.list == list) {
            return;
        }
        self.remove(slot);
        let Some(ends) = self.pool.get_mut(list as usize) else {
            return;
        };
        let before = std::mem::replace(&mut ends.back, slot);
        if before == NONE {
            ends.front = slot;
        }
        if let Some(links) = self.links.get_mut(before as usize) {
            links.behind = slot;
        }
        if let Some(links) = self.links.get_mut(position) {
            *links = Links { list, before, behind: NONE };
        }
    }

    /// Takes `slot` out of the list it stands in, if any.
    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(links) = self.links.get_mut(slot as usize) else {
            return;
        };
        let Links { list, before, behind } = *links;
        links.list = NONE;
        let Some(ends) = self.pool.get_mut(list as usize) else {
            return;
        };
        if before == NONE {
            ends.front = behind;
        }
        if behind == NONE {
            ends.back = before;
        }
        let List { tick, kind, front, .. } = *ends;
        if let Some(links) = self.links.get_mut(before as usize) {
            links.behind = behind;
        }
        if let Some(links) = self.links.get_mut(behind as usize) {
            links.before = before;
        }
        if front == NONE && self.recent.get(kind).is_some_and(|recent| *recent != Some((tick, list))) {
            self.drop_list(kind, tick, list);
        }
    }

    /// The first slot in the list of the earliest time, and that time.
    pub(crate) fn earliest(&self, kind: usize) -> Option<(Tick, u32)> {
        self.lists.get(kind)?.iter().find_map(|(tick, list)| self.front(*tick, *list))
    }

    /// The first slot in the list of the latest time, and that time.
    pub(crate) fn latest(&self, kind: usize) -> Option<(Tick, u32)> {
        self.lists.get(kind)?.iter().rev().find_map(|(tick, list)| self.front(*tick, *list))
    }

    /// The slot behind this one in its list.
    pub(crate) fn behind(&self, slot: u32) -> Option<u32> {
        self.links.get(slot as usize).map(|links| links.behind).filter(|behind| *behind != NONE)
    }

    /// Of all lists only the recent one of a kind may be empty.
    fn front(&self, tick: Tick, list: u32) -> Option<(Tick, u32)> {
        self.pool.get(list as usize).filter(|list| list.front != NONE).map(|list| (tick, list.front))
    }

    /// The list of that time, made if need be.
    fn list_of(&mut self, kind: usize, tick: Tick) -> Option<u32> {
        let recent = *self.recent.get(kind)?;
        if let Some((_, list)) = recent.filter(|recent| recent.0 == tick) {
            return Some(list);
        }
        let list = match self.lists.get(kind)?.get(&tick) {
            Some(list) => *list,
            None => self.make_list(kind, tick)?,
        };
        *self.recent.get_mut(kind)? = Some((tick, list));
        if let Some((tick, list)) = recent
            && self.pool.get(list as usize).is_some_and(|list| list.front == NONE)
        {
            self.drop_list(kind, tick, list);
        }
        Some(list)
    }

    fn make_list(&mut self, kind: usize, tick: Tick) -> Option<u32> {
        let made = List { tick, kind, front: NONE, back: NONE };
        let list = self.free.pop().unwrap_or(self.pool.len() as u32);
        match self.pool.get_mut(list as usize) {
            Some(place) => *place = made,
            None => self.pool.push(made),
        }
        self.lists.get_mut(kind)?.insert(tick, list);
        Some(list)
    }

    fn drop_list(&mut self, kind: usize, tick: Tick, list: u32) {
        if let Some(lists) = self.lists.get_mut(kind) {
            lists.remove(&tick);
            self.free.push(list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The linked lists do what a sorted list of all would do.
        #[test]
        fn match_a_model(steps in prop::collection::vec((0usize..4, 0u32..8, 0u64..5), 0..300)) {
            let mut timers = Timers::<3>::new(8);
            let mut model: [Vec<(u64, u32)>; 3] = Default::default();
            for (kind, slot, tick) in steps {
                let stands_there = kind < 3 && model[kind].contains(&(tick, slot));
                if !stands_there {
                    for one in &mut model {
                        one.retain(|(_, other)| *other != slot);
                    }
                }
                if kind == 3 {
                    timers.remove(slot);
                } else {
                    timers.put(kind, slot, Timestamp::from_nanos(tick << TICK_BITS));
                    if !stands_there {
                        model[kind].push((tick, slot));
                        model[kind].sort_by_key(|(tick, _)| *tick);
                    }
                }
                for (kind, one) in model.iter().enumerate() {
                    let place = |(tick, slot): (u64, u32)| (Tick(tick), slot);
                    prop_assert_eq!(timers.earliest(kind), one.first().copied().map(place));
                    let last = one.last().map(|last| last.0);
                    let latest = one.iter().find(|(tick, _)| Some(*tick) == last).copied();
                    prop_assert_eq!(timers.latest(kind), latest.map(place));
                    let mut ticks: Vec<_> = one.iter().map(|(tick, _)| tick).collect();
                    ticks.dedup();
                    prop_assert!(timers.lists[kind].len() <= ticks.len() + 1, "empty lists are dropped");
                }
                for pair in model.iter().flat_map(|one| one.windows(2)) {
                    let behind = (pair[0].0 == pair[1].0).then_some(pair[1].1);
                    prop_assert_eq!(timers.behind(pair[0].1), behind);
                }
            }
            prop_assert!(timers.pool.len() <= 8 + 3 + 1);
        }
    }
}
