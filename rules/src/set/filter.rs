//! A blocked Bloom filter: tells at the cost of one memory access that a key is not there, which is what most questions end with.

use weir_mem::{Pages, Reserved};

/// Bits per key, at least; rounding up to a power of two makes it up to twice as many. With three bits set per key in a word
/// of 64, about 1 question of 100 passes without reason, and a million keys still fit near the cores.
const BITS_PER_KEY: usize = 12;

/// Which of two sets in the same filter a key belongs to. Both are asked with one memory access.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Member,
    /// A name below which there are members.
    Ancestor,
}

/// The word in which a key's bits are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    bits: u64,
    hash: u64,
}

impl Word {
    /// Whether the key may be of this kind; never `false` when it is.
    #[inline]
    pub(super) fn may_be(self, kind: Kind) -> bool {
        let mask = mask(self.hash, kind);
        self.bits & mask == mask
    }
}

/// On huge pages if it is as large: questions go all over it.
#[derive(Debug)]
pub(super) struct Filter {
    /// A power of two, at least two.
    words: Reserved<u64>,
    shift: u32,
}

impl Default for Filter {
    fn default() -> Self {
        Self::for_keys(0)
    }
}

impl Filter {
    /// An empty filter for so many keys.
    pub(super) fn for_keys(count: usize) -> Self {
        Self::of((count.saturating_mul(BITS_PER_KEY) / 64 + 2).next_power_of_two())
    }

    fn of(words: usize) -> Self {
        Self { words: Reserved::zeros(words, Pages::Huge), shift: 64 - words.trailing_zeros() }
    }

    /// From what [`Self::to_bytes`] gave. `None` when that cannot be.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() || words.len() < 2 || !words.len().is_power_of_two() {
            return None;
        }
        let mut filter = Self::of(words.len());
        for (place, word) in filter.words.iter_mut().zip(words) {
            *place = u64::from_le_bytes(*word);
        }
        Some(filter)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    pub(super) fn insert(&mut self, hash: u64, kind: Kind) {
        if let Some(word) = self.words.get_mut((hash >> self.shift) as usize) {
            *word |= mask(hash, kind);
        }
    }

    #[inline]
    pub(super) fn word(&self, hash: u64) -> Word {
        Word { bits: self.words.get((hash >> self.shift) as usize).copied().unwrap_or(0), hash }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }
}

/// Three bits, from the lower end of the hash; the upper end says in which word.
#[inline]
fn mask(hash: u64, kind: Kind) -> u64 {
    let bits = match kind {
        Kind::Member => hash,
        Kind::Ancestor => hash >> 18,
    };
    1 << (bits & 63) | 1 << (bits >> 6 & 63) | 1 << (bits >> 12 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use foldhash::quality::FixedState;
    use std::hash::BuildHasher;

    #[test]
    fn forgets_nothing_and_seldom_invents() {
        let hash = |number: u64| FixedState::with_seed(7).hash_one(number);
        let mut filter = Filter::for_keys(10_000);
        (0..10_000).for_each(|number| filter.insert(hash(number), Kind::Member));
        assert!((0..10_000).all(|number| filter.word(hash(number)).may_be(Kind::Member)));
        let invented =
            (10_000..110_000).filter(|number| filter.word(hash(*number)).may_be(Kind::Member)).count();
        assert!(invented < 4_000, "{invented} of 100000");
        let ancestors =
            (0..10_000).filter(|number| filter.word(hash(*number)).may_be(Kind::Ancestor)).count();
        assert!(ancestors < 500, "{ancestors} of 10000 are taken for the other kind");
        assert!(!Filter::default().word(u64::MAX).may_be(Kind::Member));
        let copy = Filter::from_bytes(&filter.to_bytes()).unwrap();
        assert!((0..10_000).all(|number| copy.word(hash(number)).may_be(Kind::Member)));
        assert_eq!(copy.to_bytes(), filter.to_bytes());
        assert!([0, 8, 17, 24].iter().all(|len| Filter::from_bytes(&vec![0; *len]).is_none()));
    }
}
