//! Entries in numbered slots, and queues that run through them without allocation.

/// Stands for "no slot".
const NONE: u32 = u32::MAX;

/// Values in slots that are reused.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// Stores `item`; the caller keeps the number of slots under `u32::MAX`.
    pub(crate) fn insert(&mut self, item: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            if let Some(place) = self.items.get_mut(slot as usize) {
                *place = Some(item);
            }
            return slot;
        }
        self.items.push(Some(item));
        self.items.len() as u32 - 1
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.items.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.items.get_mut(slot as usize)?.as_mut()
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let item = self.items.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(item)
    }

    /// All values with their slots, in the order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.items).filter_map(|(slot, item)| Some((slot, item.as_ref()?)))
    }
}

/// `N` queues of slots; a slot stands in at most one of them.
#[derive(Debug)]
pub(crate) struct Queues<const N: usize> {
    ends: [Ends; N],
    links: Vec<Links>,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    front: u32,
    back: u32,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Links {
    queue: Option<u8>,
    before: u32,
    behind: u32,
}

impl<const N: usize> Queues<N> {
    pub(crate) const fn new() -> Self {
        Self { ends: [Ends { front: NONE, back: NONE, len: 0 }; N], links: Vec::new() }
    }

    pub(crate) fn front(&self, queue: usize) -> Option<u32> {
        self.ends.get(queue).map(|ends| ends.front).filter(|slot| *slot != NONE)
    }

    pub(crate) fn len(&self, queue: usize) -> usize {
        self.ends.get(queue).map_or(0, |ends| ends.len)
    }

    /// Puts `slot` at the back of `queue`, taking it out of the queue it stood in.
    pub(crate) fn push_back(&mut self, queue: usize, slot: u32) {
        self.remove(slot);
        let position = slot as usize;
        if self.links.len() <= position {
            self.links.resize(position + 1, Links { queue: None, before: NONE, behind: NONE });
        }
        let Some(ends) = self.ends.get_mut(queue) else {
            return;
        };
        let before = ends.back;
        ends.back = slot;
        ends.len += 1;
        if before == NONE {
            ends.front = slot;
        } else if let Some(links) = self.links.get_mut(before as usize) {
            links.behind = slot;
        }
        if let Some(links) = self.links.get_mut(position) {
            *links = Links { queue: Some(queue as u8), before, behind: NONE };
        }
    }

    /// Takes `slot` out of the queue it stands in, if any.
    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(links) = self.links.get_mut(slot as usize) else {
            return;
        };
        let Links { queue, before, behind } = *links;
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
        let mut slots = Slots::new();
        assert_eq!((slots.insert('a'), slots.insert('b')), (0, 1));
        assert_eq!(slots.remove(0), Some('a'));
        assert_eq!((slots.remove(0), slots.len()), (None, 1));
        assert_eq!(slots.insert('c'), 0);
        assert_eq!(slots.iter().collect::<Vec<_>>(), [(0, &'c'), (1, &'b')]);
    }

    proptest! {
        /// The linked queues do what queues of their own would do.
        #[test]
        fn queues_match_a_model(steps in prop::collection::vec((0usize..4, 0u32..8), 0..200)) {
            let mut queues = Queues::<3>::new();
            let mut model: [VecDeque<u32>; 3] = Default::default();
            for (queue, slot) in steps {
                for one in &mut model {
                    one.retain(|other| *other != slot);
                }
                if queue < 3 {
                    queues.push_back(queue, slot);
                    model[queue].push_back(slot);
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
