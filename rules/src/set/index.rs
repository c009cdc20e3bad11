//! An open-addressing hash index from keys that are stored elsewhere to their numbers.

/// A slot: a tag of 32 hash bits, and the number plus one (0: free), so that a miss seldom has to read a key.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    tag: u32,
    number_plus_one: u32,
}

/// Linear probing over a power of two of slots, at most half of them used.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Vec<Slot>,
    used: usize,
}

impl Index {
    /// The number under this hash for which `same` says that its key is the one looked for.
    pub(super) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        self.probe(tag)
            .map_while(|(_, slot)| slot.number_plus_one.checked_sub(1).map(|number| (slot.tag, number)))
            .find(|(other, number)| *other == tag && same(*number))
            .map(|(_, number)| number)
    }

    /// Adds a number under a hash; the caller has looked that its key is not there yet.
    pub(super) fn insert(&mut self, hash: u64, number: u32) {
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow();
        }
        self.place(Slot { tag: tag(hash), number_plus_one: number.saturating_add(1) });
        self.used += 1;
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    fn place(&mut self, slot: Slot) {
        let free =
            self.probe(slot.tag).find(|(_, other)| other.number_plus_one == 0).map(|(position, _)| position);
        if let Some(free) = free.and_then(|position| self.slots.get_mut(position)) {
            *free = slot;
        }
    }

    fn grow(&mut self) {
        let doubled = (self.slots.len() * 2).max(16);
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); doubled]);
        old.into_iter().filter(|slot| slot.number_plus_one != 0).for_each(|slot| self.place(slot));
    }

    /// The slots from the tag's own on, each once.
    fn probe(&self, tag: u32) -> impl Iterator<Item = (usize, Slot)> {
        let mask = self.slots.len().wrapping_sub(1);
        (0..self.slots.len()).filter_map(move |step| {
            let position = (tag as usize).wrapping_add(step) & mask;
            self.slots.get(position).map(|slot| (position, *slot))
        })
    }
}

/// The upper half of the hash, which foldhash mixes best.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_also_when_every_hash_is_the_same() {
        let mut index = Index::default();
        for number in 0..100 {
            index.insert(u64::MAX, number);
        }
        assert!((0..100).all(|wanted| index.find(u64::MAX, |number| number == wanted) == Some(wanted)));
        assert_eq!(index.find(u64::MAX, |_| false), None);
        assert_eq!(index.find(7 << 32, |_| true), None);
        assert_eq!(Index::default().find(0, |_| true), None);
    }
}
