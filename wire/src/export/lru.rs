//! A map that knows which of its entries was used longest ago.

use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::Hash;

/// No slot.
const NONE: u32 = u32::MAX;

/// Looking up, touching, inserting and removing take constant time.
#[derive(Debug)]
pub(super) struct Lru<K, V> {
    index: HashMap<K, u32, RandomState>,
    slots: Vec<Slot<K, V>>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
}

#[derive(Debug)]
struct Slot<K, V> {
    entry: Option<(K, V)>,
    newer: u32,
    older: u32,
}

impl<K: Hash + Eq + Copy, V> Lru<K, V> {
    pub(super) fn new() -> Self {
        Self { index: HashMap::default(), slots: Vec::new(), free: Vec::new(), newest: NONE, oldest: NONE }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.index.contains_key(key)
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let slot = self.slots.get(*self.index.get(key)? as usize)?;
        slot.entry.as_ref().map(|(_, value)| value)
    }

    /// The value, which is from here on the newest.
    pub(super) fn touch(&mut self, key: &K) -> Option<&mut V> {
        let at = *self.index.get(key)?;
        if at != self.newest {
            self.unlink(at);
            self.link(at);
        }
        self.slots.get_mut(at as usize)?.entry.as_mut().map(|(_, value)| value)
    }

    pub(super) fn oldest(&self) -> Option<(&K, &V)> {
        self.slots.get(self.oldest as usize)?.entry.as_ref().map(|(key, value)| (key, value))
    }

    /// Puts in a key that is not there, as the newest.
    pub(super) fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        let slot = Slot { entry: Some((key, value)), newer: NONE, older: NONE };
        let at = self.free.pop().unwrap_or(self.slots.len() as u32);
        match self.slots.get_mut(at as usize) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.index.insert(key, at);
        self.link(at);
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.index.remove(key)?;
        self.unlink(at);
        self.free.push(at);
        self.slots.get_mut(at as usize)?.entry.take().map(|(_, value)| value)
    }

    /// In no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().filter_map(|slot| slot.entry.as_ref()).map(|(key, value)| (key, value))
    }

    /// In no order that means anything.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.slots.iter_mut().filter_map(|slot| slot.entry.as_mut()).map(|(_, value)| value)
    }

    fn link(&mut self, at: u32) {
        let older = self.newest;
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.older = older;
            slot.newer = NONE;
        }
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }

    fn unlink(&mut self, at: u32) {
        let Some((newer, older)) = self.slots.get(at as usize).map(|slot| (slot.newer, slot.older)) else {
            return;
        };
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_what_was_not_touched_longest() {
        let mut lru = Lru::new();
        for key in 0..4 {
            lru.insert(key, key * 10);
        }
        assert_eq!(lru.touch(&0), Some(&mut 0));
        assert_eq!(lru.oldest(), Some((&1, &10)));
        assert_eq!(lru.remove(&1), Some(10));
        assert_eq!(lru.oldest(), Some((&2, &20)));
        lru.insert(5, 50);
        lru.touch(&2);
        let mut order = Vec::new();
        while let Some((key, _)) = lru.oldest() {
            let key = *key;
            order.push(key);
            lru.remove(&key);
        }
        assert_eq!(order, [3, 0, 5, 2]);
        assert_eq!((lru.len(), lru.slots.len()), (0, 4), "slots are used again");
    }
}
