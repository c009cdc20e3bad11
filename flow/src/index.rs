//! Where an entry is: a hash table of eight bytes per place.
//!
//! Open addressing with linear probing: a place is a *tag* (32 bits of the flow's hash) and the entry's slot. Home is the
//! tag scaled to the number of places, so the table can be of any size, and grow and close holes without looking at an
//! entry. A look costs one cache line, nearly always, and that line can be fetched ahead.

use weir_mem::{Pages, Reserved};

/// Places to begin with; a small capture needs no more.
const FIRST_PLACES: usize = 1 << 12;

/// Tags and slots; see the head of this module.
#[derive(Debug)]
pub(crate) struct Index {
    /// The tag in the upper half, slot + 1 in the lower; zero where nothing is.
    places: Reserved<u64>,
    len: usize,
    most_places: usize,
}

impl Index {
    /// An empty index for at most `room` flows.
    pub(crate) fn new(room: usize) -> Self {
        let most_places = Self::places_for(room);
        Self { places: Reserved::zeros(FIRST_PLACES.min(most_places), Pages::Huge), len: 0, most_places }
    }

    /// Bytes of the index when it holds `room` flows: three quarters of the places are used then, at most.
    pub(crate) const fn bytes_for(room: usize) -> usize {
        Self::places_for(room) * size_of::<u64>()
    }

    const fn places_for(room: usize) -> usize {
        room + room / 3 + 2
    }

    /// Hints that [`Self::find`] will be called with this tag.
    pub(crate) fn prefetch(&self, tag: u32) {
        self.places.prefetch::<1>(self.home(tag));
    }

    /// The slot that has the tag and is the right one.
    pub(crate) fn find(&self, tag: u32, mut is_right: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut place = self.home(tag);
        loop {
            let (found, slot) = self.read(place)?;
            if found == tag && is_right(slot) {
                return Some(slot);
            }
            place = self.behind(place);
        }
    }

    /// Adds a slot. The caller adds no more than the index was made for, and none twice.
    pub(crate) fn insert(&mut self, tag: u32, slot: u32) {
        if (self.len + 1) * 4 > self.places.len() * 3 && self.places.len() < self.most_places {
            self.grow();
        }
        self.put(tag, slot);
        self.len += 1;
    }

    /// Takes a slot out, and moves up what stands behind it as far as it then is nearer to its home.
    pub(crate) fn remove(&mut self, tag: u32, slot: u32) {
        let mut hole = self.home(tag);
        loop {
            match self.read(hole) {
                None => return,
                Some(found) if found == (tag, slot) => break,
                Some(_) => hole = self.behind(hole),
            }
        }
        let mut place = self.behind(hole);
        while let Some((other, other_slot)) = self.read(place) {
            if self.way(self.home(other), place) >= self.way(hole, place) {
                self.write(hole, pack(other, other_slot));
                hole = place;
            }
            place = self.behind(place);
        }
        self.write(hole, 0);
        self.len -= 1;
    }

    fn grow(&mut self) {
        let places = (self.places.len() * 2).min(self.most_places);
        let old = std::mem::replace(&mut self.places, Reserved::zeros(places, Pages::Huge));
        // All of it is about to be used. A page that is read before it is written is mapped twice, and the second time each core
        // is interrupted.
        self.places.take_memory(places);
        for (tag, slot) in old.iter().copied().filter_map(unpack) {
            self.put(tag, slot);
        }
    }

    fn put(&mut self, tag: u32, slot: u32) {
        let mut place = self.home(tag);
        while self.read(place).is_some() {
            place = self.behind(place);
        }
        self.write(place, pack(tag, slot));
    }

    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.places.len() as u64) >> 32) as usize
    }

    fn behind(&self, place: usize) -> usize {
        if place + 1 < self.places.len() { place + 1 } else { 0 }
    }

    /// How many steps lead from one place to another.
    fn way(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.places.len() - from }
    }

    fn read(&self, place: usize) -> Option<(u32, u32)> {
        self.places.get(place).copied().and_then(unpack)
    }

    fn write(&mut self, place: usize, value: u64) {
        if let Some(old) = self.places.get_mut(place) {
            *old = value;
        }
    }
}

const fn pack(tag: u32, slot: u32) -> u64 {
    (tag as u64) << 32 | (slot as u64 + 1)
}

const fn unpack(place: u64) -> Option<(u32, u32)> {
    match place as u32 {
        0 => None,
        slot_and_one => Some(((place >> 32) as u32, slot_and_one - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grows_to_its_room_and_finds_everything() {
        let tag = |slot: u32| slot.wrapping_mul(0x9e37_79b9);
        let mut index = Index::new(10_000);
        for slot in 0..10_000 {
            index.insert(tag(slot), slot);
        }
        assert_eq!(index.places.len() * size_of::<u64>(), Index::bytes_for(10_000));
        for slot in 0..10_000 {
            assert_eq!(index.find(tag(slot), |found| found == slot), Some(slot));
        }
        assert_eq!(index.find(tag(10_000), |_| true), None);
    }

    proptest! {
        /// Against a plain list, with tags that collide and wrap around.
        #[test]
        fn matches_a_model(
            steps in prop::collection::vec((prop_oneof![0u32..4, u32::MAX - 2..=u32::MAX, any::<u32>()], any::<bool>()), 0..200),
        ) {
            let mut index = Index::new(30);
            let mut model: Vec<(u32, u32)> = Vec::new();
            for (slot, (tag, adds)) in (0..).zip(steps) {
                if adds && model.len() < 30 {
                    index.insert(tag, slot);
                    model.push((tag, slot));
                } else if let Some(at) = model.iter().position(|(other, _)| *other == tag || !adds) {
                    let (tag, slot) = model.swap_remove(at);
                    index.remove(tag, slot);
                }
                prop_assert_eq!(index.len, model.len());
                for (tag, slot) in &model {
                    prop_assert_eq!(index.find(*tag, |found| found == *slot), Some(*slot));
                }
                prop_assert_eq!(index.places.iter().filter(|place| **place != 0).count(), model.len());
            }
        }
    }
}
