//! Repeatable chance.

/// SplitMix64: small, fast, and the same on every machine. Not for secrets.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The sequence that belongs to a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        ((self.next() as u128 * end as u128) >> 64) as u64
    }

    /// Whether something of a likelihood of `per_mille` in a thousand happens.
    pub const fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// A number from 1 to `most` whose likelihood of being `n` or more is `1 / n`: few are large, and those hold most of
    /// the sum (Zipf's law with exponent 1 for sizes, 2 for their density).
    pub fn zipf(&mut self, most: u64) -> u64 {
        // 53 bits are as many as a float has; the half keeps it above zero.
        let uniform = ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        #[expect(clippy::cast_sign_loss, reason = "the quotient of two positive numbers")]
        let drawn = (1.0 / uniform) as u64;
        drawn.clamp(1, most)
    }

    /// One of `all`; the default where there are none.
    pub fn one_of<T: Copy + Default>(&mut self, all: &[T]) -> T {
        let position = self.below(all.len() as u64) as usize;
        all.get(position).copied().unwrap_or_default()
    }

    /// Fills with bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, drawn) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = drawn;
            }
        }
    }

    /// An array of bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// Mixes a number so that neighbours have nothing in common; a bijection.
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_published_sequence() {
        // The first outputs of SplitMix64 for seed 1234567 (Vigna's splitmix64.c).
        let mut chance = Chance::new(1_234_567);
        let drawn = [chance.next(), chance.next(), chance.next()];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn zipf_is_one_half_of_the_time_and_stays_in_its_bounds() {
        let mut chance = Chance::new(1);
        let drawn: Vec<_> = (0..10_000).map(|_| chance.zipf(1000)).collect();
        let ones = drawn.iter().filter(|number| **number == 1).count();
        assert!((4800..5200).contains(&ones), "{ones}");
        assert_eq!(drawn.iter().max(), Some(&1000));
        assert_eq!(drawn.iter().min(), Some(&1));
    }
}
