//! An open-addressing hash index from keys that are stored elsewhere to their numbers: slots of 32 bits, linear probing.
//!
//! A slot holds the number plus one (0: free) and, above it, a tag of as many bits of the hash as are left, so that another key
//! seldom has to be read. Home is the hash scaled to the number of slots, which can be any.

use super::bytes::{set_word, word};

/// Bits of a slot for the number: enough for [`super::MAX_INDICATORS`]. The other 8 are the tag.
const NUMBER_BITS: u32 = 24;
const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;

/// An index that grows: at most two thirds full, which makes it 5 slots to learn that something is not there.
///
/// While it grows it keeps the hashes of all numbers, 8 bytes each: reading keys again and hashing them was a quarter of the work of loading
/// a million names.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Vec<u8>,
    hashes: Vec<u64>,
}

impl Index {
    /// Makes room for one more; never holds two tables.
    pub(super) fn make_room(&mut self) {
        let slots = self.slots.len() / 4;
        if (self.hashes.len() + 1) * 3 <= slots * 2 {
            return;
        }
        self.slots = Vec::new();
        self.slots = vec![0; (slots * 2).max(16) * 4];
        for (hash, number_plus_one) in self.hashes.iter().zip(1..) {
            if let Err(free) = look_for(&self.slots, *hash, |_| false) {
                set_word(&mut self.slots, free, tag(*hash) | number_plus_one);
            }
        }
    }

    /// Adds the next number under a hash, at the free slot that [`look_for`] gave for it after room was made.
    pub(super) fn insert(&mut self, free: usize, hash: u64) {
        self.hashes.push(hash);
        set_word(&mut self.slots, free, tag(hash) | self.hashes.len() as u32);
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
    look_for(slots, hash, same).ok()
}

/// As [`find`]; if there is none, the slot where it belongs.
#[inline]
pub(super) fn look_for(slots: &[u8], hash: u64, same: impl Fn(u32) -> bool) -> Result<u32, usize> {
    let count = slots.len() / 4;
    let mut position = home(hash, count);
    for _ in 0..count {
        let slot = word(slots, position).unwrap_or(0);
        if slot == 0 {
            return Err(position);
        }
        let number = (slot & NUMBER_MASK).wrapping_sub(1);
        if slot & !NUMBER_MASK == tag(hash) && same(number) {
            return Ok(number);
        }
        position = if position + 1 == count { 0 } else { position + 1 };
    }
    Err(count)
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
            index.make_room();
            let free = look_for(index.slots(), u64::MAX, |_| false).unwrap_err();
            index.insert(free, u64::MAX);
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
        let mut index = Index { slots: vec![0; 4], hashes: vec![0; MAX_INDICATORS - 1] };
        index.insert(0, u64::MAX);
        assert_eq!(find(index.slots(), u64::MAX, |_| true), Some(MAX_INDICATORS as u32 - 1));
    }
}
