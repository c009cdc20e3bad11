//! An open-addressing hash index from keys that are stored elsewhere to their numbers: slots of 32 bits, linear probing.
//!
//! A slot holds the number plus one (0: free) and, above it, a tag of as many bits of the hash as are left, so that another key
//! seldom has to be read. Home is the hash scaled to the number of slots, which can be any.

use super::bytes::{set_word, word};

/// Bits of a slot for the number: enough for [`super::MAX_INDICATORS`]. The other 8 are the tag.
const NUMBER_BITS: u32 = 24;
const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;

/// An index that grows: at most four fifths full, which makes it 13 slots (mostly one cache line) to learn that something is not
/// there.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Vec<u8>,
    used: usize,
}

impl Index {
    /// Makes room for one more. When that takes a larger table, `hash_of` is asked for the hashes of all numbers so far, which
    /// are those from 0 on, instead of holding two tables.
    pub(super) fn make_room(&mut self, hash_of: impl Fn(u32) -> u64) {
        let slots = self.slots.len() / 4;
        if (self.used + 1) * 5 <= slots * 4 {
            return;
        }
        self.slots = Vec::new();
        self.slots = vec![0; (slots * 2).max(16) * 4];
        for number in 0..self.used as u32 {
            place(&mut self.slots, hash_of(number), number);
        }
    }

    /// Adds the next number under a hash; the caller has made room, and looked that its key is not there yet.
    pub(super) fn insert(&mut self, hash: u64) {
        place(&mut self.slots, hash, self.used as u32);
        self.used += 1;
    }

    pub(super) fn slots(&self) -> &[u8] {
        &self.slots
    }

    pub(super) fn into_slots(self) -> Vec<u8> {
        self.slots
    }
}

/// The number under this hash for which `same` says that its key is the one looked for.
#[inline]
pub(super) fn find(slots: &[u8], hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
    let count = slots.len() / 4;
    let mut position = home(hash, count);
    for _ in 0..count {
        let slot = word(slots, position).filter(|slot| *slot != 0)?;
        let number = (slot & NUMBER_MASK).wrapping_sub(1);
        if slot & !NUMBER_MASK == tag(hash) && same(number) {
            return Some(number);
        }
        position = if position + 1 == count { 0 } else { position + 1 };
    }
    None
}

fn place(slots: &mut [u8], hash: u64, number: u32) {
    let count = slots.len() / 4;
    let home = home(hash, count);
    let free = (home..count).chain(0..home).find(|position| word(slots, *position) == Some(0));
    if let Some(free) = free {
        set_word(slots, free, tag(hash) | (number + 1));
    }
}

/// The upper half of the hash, scaled.
#[inline]
fn home(hash: u64, slots: usize) -> usize {
    (((hash >> 32) * slots as u64) >> 32) as usize
}

/// Bits of the lower half, of which the filter uses others.
#[inline]
fn tag(hash: u64) -> u32 {
    hash as u32 & !NUMBER_MASK
}

#[cfg(test)]
mod tests {
    use super::super::MAX_INDICATORS;
    use super::*;

    #[test]
    fn finds_all_also_when_every_hash_is_the_same() {
        let mut index = Index::default();
        for _ in 0..100 {
            index.make_room(|_| u64::MAX);
            index.insert(u64::MAX);
        }
        let find = |hash, wanted| find(index.slots(), hash, |number| number == wanted);
        assert!((0..100).all(|wanted| find(u64::MAX, wanted) == Some(wanted)));
        assert_eq!(find(u64::MAX, 100), None);
        assert_eq!(find(7 << 32, 0), None);
        assert_eq!(super::find(&[], 0, |_| true), None);
    }

    #[test]
    fn slots_that_are_all_taken_end_the_search() {
        assert_eq!(find(&[0xff; 64], u64::MAX, |_| false), None);
    }

    #[test]
    fn a_number_fits_beside_its_tag() {
        assert!(MAX_INDICATORS < NUMBER_MASK as usize);
        let mut slots = vec![0; 4];
        place(&mut slots, u64::MAX, MAX_INDICATORS as u32 - 1);
        assert_eq!(find(&slots, u64::MAX, |_| true), Some(MAX_INDICATORS as u32 - 1));
    }
}
