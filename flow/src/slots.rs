//! Entries in numbered slots, and queues that run through them, all in memory that is reserved once.

use weir_mem::{Pages, Reserved};

/// Stands for "no slot".
pub(crate) const NONE: u32 = u32::MAX;

/// Values in slots that are reused.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    items: Reserved<Option<T>>,
    free: Reserved<u32>,
}

impl<T> Slots<T> {
    /// Bytes per slot.
    pub(crate) const BYTES: usize = size_of::<Option<T>>() + size_of::<u32>();

    /// Room for so many values; fewer than `u32::MAX`.
    pub(crate) fn new(room: usize) -> Self {
        Self { items: Reserved::new(room, Pages::Huge), free: Reserved::new(room, Pages::Usual) }
    }

    /// Has the memory of the first `slots` slots ready before they are needed.
    pub(crate) fn take_memory(&mut self, slots: usize) {
        self.items.take_memory(slots);
        self.free.take_memory(slots);
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// The slot behind the last that was ever used.
    pub(crate) fn end(&self) -> u32 {
        self.items.len() as u32
    }

    /// Stores `item`; `None` when there is no room.
    pub(crate) fn insert(&mut self, item: T) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            *self.items.get_mut(slot as usize)? = Some(item);
            return Some(slot);
        }
        self.items.push(Some(item)).ok()?;
        Some(self.items.len() as u32 - 1)
    }

    /// Hints that the first `LINES` cache lines of a value will be needed.
    pub(crate) fn prefetch<const LINES: usize>(&self, slot: u32) {
        self.items.prefetch::<LINES>(slot as usize);
    }

    /// The same of the slots that the next `count` values will be stored in.
    pub(crate) fn prefetch_next<const LINES: usize>(&self, count: usize) {
        let used_before = self.free.iter().rev().map(|slot| *slot as usize);
        for slot in used_before.chain(self.items.len()..).take(count) {
            self.items.prefetch::<LINES>(slot);
        }
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.items.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.items.get_mut(slot as usize)?.as_mut()
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let item = self.items.get_mut(slot as usize)?.take()?;
        // There is room: a slot is free at most once.
        let _ = self.free.push(slot);
        Some(item)
    }

    /// As [`Self::remove`], for who does not want the value.
    pub(crate) fn vacate(&mut self, slot: u32) {
        if let Some(item) = self.items.get_mut(slot as usize)
            && item.is_some()
        {
            *item = None;
            // There is room: a slot is free at most once.
            let _ = self.free.push(slot);
        }
    }

    /// All values with their slots, in the order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(self.items.iter()).filter_map(|(slot, item)| Some((slot, item.as_ref()?)))
    }
}

/// `N` queues of slots; a slot stands in at most one of them, with a mark.
#[derive(Debug)]
pub(crate) struct Queues<const N: usize, M> {
    ends: [Ends; N],
    links: Reserved<Links<M>>,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    front: u32,
    back: u32,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Links<M> {
    mark: M,
    queue: Option<u8>,
    before: u32,
    behind: u32,
}

impl<const N: usize, M: Copy + Default> Queues<N, M> {
    /// Bytes per slot.
    pub(crate) const BYTES: usize = size_of::<Links<M>>();

    /// Room for slots below `room`.
    pub(crate) fn new(room: usize) -> Self {
        let ends = [Ends { front: NONE, back: NONE, len: 0 }; N];
        Self { ends, links: Reserved::new(room, Pages::Usual) }
    }

    /// The slot at the front, and its mark.
    pub(crate) fn front(&self, queue: usize) -> Option<(u32, M)> {
        let slot = self.ends.get(queue)?.front;
        Some((slot, self.links.get(slot as usize)?.mark))
    }

    pub(crate) fn len(&self, queue: usize) -> usize {
        self.ends.get(queue).map_or(0, |ends| ends.len)
    }

    /// Puts `slot` at the back of `queue`, taking it out of the queue it stood in.
    pub(crate) fn push_back(&mut self, queue: usize, slot: u32, mark: M) {
        self.remove(slot);
        let position = slot as usize;
        let empty = Links { mark: M::default(), queue: None, before: NONE, behind: NONE };
        while self.links.len() <= position && self.links.push(empty).is_ok() {}
        let Some(ends) = self.ends.get_mut(queue) else {
            return;
        };
        let before = ends.back;
        let Some(links) = self.links.get_mut(position) else {
            return;
        };
        *links = Links { mark, queue: Some(queue as u8), before, behind: NONE };
        ends.back = slot;
        ends.len += 1;
        if before == NONE {
            ends.front = slot;
        } else if let Some(links) = self.links.get_mut(before as usize) {
            links.behind = slot;
        }
    }

    /// Takes `slot` out of the queue it stands in, if any.
    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(links) = self.links.get_mut(slot as usize) else {
            return;
        };
        let Links { queue, before, behind, .. } = *links;
        let Some(ends) = queue.and_then(|queue| self.ends.get_mut(usize::from(queue))) else {
            return;
        };
        links.queue = None;
        ends.len -= 1;
        if before == NONE {
            ends.front = behind;
        }
        if behind == NONE {
            ends.back = before;
        }
        if let Some(links) = self.links.get_mut(before as usize) {
            links.behind = behind;
        }
        if let Some(links) = self.links.get_mut(behind as usize) {
            links.before = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn slots_are_reused() {
        let mut slots = Slots::new(2);
        assert_eq!((slots.insert('a'), slots.insert('b'), slots.insert('x')), (Some(0), Some(1), None));
        assert_eq!(slots.remove(0), Some('a'));
        assert_eq!((slots.remove(0), slots.len()), (None, 1));
        assert_eq!(slots.insert('c'), Some(0));
        assert_eq!(slots.iter().collect::<Vec<_>>(), [(0, &'c'), (1, &'b')]);
    }

    proptest! {
        /// The linked queues do what queues of their own would do.
        #[test]
        fn queues_match_a_model(steps in prop::collection::vec((0usize..4, 0u32..8), 0..200)) {
            let mut queues = Queues::<3, usize>::new(8);
            let mut model: [VecDeque<(u32, usize)>; 3] = Default::default();
            for (step, (queue, slot)) in steps.into_iter().enumerate() {
                for one in &mut model {
                    one.retain(|(other, _)| *other != slot);
                }
                if queue < 3 {
                    queues.push_back(queue, slot, step);
                    model[queue].push_back((slot, step));
                } else {
                    queues.remove(slot);
                }
                for (queue, one) in model.iter().enumerate() {
                    prop_assert_eq!(queues.front(queue), one.front().copied());
                    prop_assert_eq!(queues.len(queue), one.len());
                }
            }
        }
    }
}
