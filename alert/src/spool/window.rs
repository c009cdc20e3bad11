//! What a cursor has under way: given out, and not passed yet.

use super::{Lane, Settled};
use std::collections::BTreeMap;

/// Most messages that a cursor has given out without passing them. Of those behind a message that fails again and again, so many may be
/// settled; then it gives no further ones until that one is settled or falls off the end.
pub const MAX_UNDER_WAY: usize = 16_384;

/// All messages between what the cursor passed and the last one that it gave out, by lane, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Window {
    lanes: [BTreeMap<u64, Option<Settled>>; Lane::ALL.len()],
}

impl Window {
    fn lane(&self, lane: Lane) -> Option<&BTreeMap<u64, Option<Settled>>> {
        self.lanes.get(lane as usize)
    }

    /// Notes that a message is given out; `false` if too many are.
    pub(super) fn give(&mut self, lane: Lane, sequence: u64) -> bool {
        let under_way: usize = self.lanes.iter().map(BTreeMap::len).sum();
        let Some(lane) = self.lanes.get_mut(lane as usize) else { return false };
        if under_way >= MAX_UNDER_WAY && !lane.contains_key(&sequence) {
            return false;
        }
        lane.entry(sequence).or_default();
        true
    }

    /// Notes what became of a message. One that is not under way (it fell off the end meanwhile), or was settled, stays as it is.
    pub(super) fn settle(&mut self, sequence: u64, settled: Settled) {
        let mut found = self.lanes.iter_mut().filter_map(|lane| lane.get_mut(&sequence));
        if let Some(place) = found.next() {
            place.get_or_insert(settled);
        }
    }

    pub(super) fn is_settled(&self, lane: Lane, sequence: u64) -> bool {
        self.settled(lane, sequence).is_some()
    }

    /// What became of a message that is not passed.
    pub(super) fn settled(&self, lane: Lane, sequence: u64) -> Option<Settled> {
        self.lane(lane)?.get(&sequence).copied().flatten()
    }

    /// Whether a lane begins with something settled.
    pub(super) fn can_pass(&self) -> bool {
        Lane::ALL.into_iter().any(|lane| self.passable(lane).next().is_some())
    }

    /// What can be passed: settled, and all before it is.
    pub(super) fn passable(&self, lane: Lane) -> impl Iterator<Item = (u64, Settled)> {
        let given = self.lane(lane).into_iter().flatten();
        given.map_while(|(sequence, settled)| settled.map(|settled| (*sequence, settled)))
    }

    /// Forgets what is passed.
    pub(super) fn forget_passed(&mut self, passed: impl Fn(Lane) -> u64) {
        for (lane, given) in Lane::ALL.into_iter().zip(&mut self.lanes) {
            let upto = passed(lane);
            while given.first_entry().is_some_and(|first| *first.key() <= upto) {
                given.pop_first();
            }
        }
    }
}
