//! A set of row numbers, as small as the numbers are close together.

use std::collections::HashMap;

/// One bit for each number, in blocks of which only those exist that hold a bit. Row numbers grow for ever, but those of one delivery lie
/// together: ten million take little more than a megabyte.
#[derive(Debug, Default)]
pub(super) struct Bits {
    blocks: HashMap<u64, Box<[u64; WORDS]>>,
    count: u64,
}

const WORDS: usize = 64;

impl Bits {
    /// How many numbers are in it.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn has(&self, number: u64) -> bool {
        let (block, word, bit) = place(number);
        self.blocks.get(&block).and_then(|words| words.get(word)).is_some_and(|word| word & bit != 0)
    }

    /// Puts a number in; says whether it was not there.
    pub(super) fn set(&mut self, number: u64) -> bool {
        let (block, word, bit) = place(number);
        let words = self.blocks.entry(block).or_insert_with(|| Box::new([0; WORDS]));
        let Some(word) = words.get_mut(word) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    pub(super) fn clear(&mut self, number: u64) {
        let (block, word, bit) = place(number);
        if let Some(word) = self.blocks.get_mut(&block).and_then(|words| words.get_mut(word)) {
            self.count -= u64::from(*word & bit != 0);
            *word &= !bit;
        }
    }
}

/// The block of a number, the word in it and the bit in that.
const fn place(number: u64) -> (u64, usize, u64) {
    (number / 4096, (number / 64 % WORDS as u64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let mut bits = Bits::default();
        assert!(bits.set(0) && bits.set(63) && bits.set(64) && bits.set(u64::MAX) && !bits.set(64));
        bits.clear(63);
        bits.clear(5);
        assert_eq!(
            [0, 1, 63, 64, 4096, u64::MAX].map(|number| bits.has(number)),
            [true, false, false, true, false, true]
        );
        assert_eq!(bits.count(), 3);
    }
}
