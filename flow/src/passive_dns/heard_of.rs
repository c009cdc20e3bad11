//! Which addresses were ever named: most that are asked for never were.

use foldhash::fast::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// A Bloom filter of the addresses that were ever named, so that asking for others (clients, scanners, floods) costs one load and
/// no lock. It only ever says "not named": two bits of one word per address, 1 % of false hits with 100,000 addresses.
#[derive(Debug)]
pub(super) struct HeardOf {
    seed: RandomState,
    words: Box<[AtomicU64]>,
}

/// 256 KiB, which caches hold.
const HEARD_OF_WORDS: usize = 1 << 15;

impl HeardOf {
    pub(super) fn new() -> Self {
        Self { seed: RandomState::default(), words: (0..HEARD_OF_WORDS).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(super) fn add(&self, address: IpAddr) {
        let (word, bits) = self.place(address);
        if let Some(word) = self.words.get(word) {
            word.fetch_or(bits, Ordering::Relaxed);
        }
    }

    pub(super) fn has(&self, address: IpAddr) -> bool {
        let (word, bits) = self.place(address);
        self.words.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bits == bits)
    }

    fn place(&self, address: IpAddr) -> (usize, u64) {
        let hash = self.seed.hash_one(address);
        let bits = 1 << (hash >> 58) | 1 << (hash >> 52 & 63);
        (hash as usize % HEARD_OF_WORDS, bits)
    }
}
