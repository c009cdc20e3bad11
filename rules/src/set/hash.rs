//! Hashes of what is looked up. Lists and packets are written by strangers: every hash is keyed with secrets drawn when the set
//! is made, so that nobody can prepare values that meet in one place.

use super::key::Key;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;

/// The secrets of one set. What follows from them is part of the snapshot's format: it must not depend on the machine or on a
/// library.
#[derive(Clone, Debug)]
pub(super) struct Hashes {
    start: u64,
    step: u64,
    finish: u64,
    length: u64,
}

impl Default for Hashes {
    fn default() -> Self {
        let random = RandomState::new();
        Self::from_secrets([1, 2, 3, 4].map(|number: u64| random.hash_one(number)))
    }
}

impl Hashes {
    /// From numbers that nobody can guess.
    pub(super) fn from_secrets([start, step, finish, length]: [u64; 4]) -> Self {
        Self { start, step: step | 1, finish, length: length | 1 }
    }

    /// What it was made from, or equal to it.
    pub(super) fn secrets(&self) -> [u64; 4] {
        [self.start, self.step, self.finish, self.length]
    }

    /// The hash of any key. A domain and a host of the same name have the same.
    pub(super) fn key(&self, key: &Key<'_>) -> u64 {
        match *key {
            Key::Address(ip) => self.address(ip),
            Key::AddressPort(ip, port) => self.address_port(ip, port),
            Key::Network(net) => self.part(self.address(net.addr()), &[net.prefix_len()]),
            Key::Domain(name) | Key::Host(name) => self.name(name),
            Key::Url { host, port, path } => {
                let port = port.map_or(0, |port| u64::from(port) + 1);
                self.part(self.part(self.start ^ port, host.as_bytes()), path.as_bytes())
            }
            Key::Ja3(digest) => self.part(self.start, digest),
            Key::Ja4(text) => self.part(self.start, text.as_bytes()),
            Key::Sha1(digest) => self.part(self.start, digest),
            Key::Sha256(digest) => self.part(self.start, digest),
        }
    }

    /// Takes more bytes into a hash, as those of names are made: in words of 8, then the rest and the length.
    fn part(&self, hash: u64, bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks::<8>();
        let mixed = words.iter().fold(hash, |state, word| mix(state ^ u64::from_le_bytes(*word), self.step));
        let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        mix(mixed ^ rest ^ self.finish, self.length ^ (bytes.len() as u64) << 1)
    }

    /// The hash of an address in canonical form.
    #[inline]
    pub(super) fn address(&self, ip: IpAddr) -> u64 {
        match ip {
            IpAddr::V4(ip) => mix(u64::from(ip.to_bits()) ^ self.start, self.step),
            IpAddr::V6(ip) => {
                let bits = ip.to_bits();
                mix(mix((bits >> 64) as u64 ^ self.start, self.step) ^ bits as u64, self.length)
            }
        }
    }

    /// The hash of an address in canonical form, at a port.
    pub(super) fn address_port(&self, ip: IpAddr, port: u16) -> u64 {
        mix(self.address(ip) ^ u64::from(port) ^ self.finish, self.length)
    }

    /// The hashes of a name and of all names above it, shortest first, from one pass over the text.
    #[inline]
    pub(super) fn suffixes<'a>(&'a self, name: &'a str) -> Suffixes<'a> {
        Suffixes::new(self, name.as_bytes())
    }

    /// The hash of a name's last two labels, of the whole name if it has fewer: the same as from [`Self::suffixes`], for most names
    /// without a branch that depends on where the dots are, because such a branch is guessed wrong for every other name.
    #[inline]
    pub(super) fn end(&self, name: &str) -> u64 {
        self.end_of_usual(name.as_bytes()).unwrap_or_else(|| self.end_of_any(name))
    }

    /// `None` for a name of fewer than 8 bytes, one whose last label is empty or longer than 7 bytes, and one whose last two
    /// labels are longer than 23.
    #[inline]
    fn end_of_usual(&self, text: &[u8]) -> Option<u64> {
        let words = [word_before(text, 0)?, word_before(text, 8)?, word_before(text, 16)?];
        let [last, middle, first] = words.map(dots);
        if last == 0 || last >> 63 != 0 {
            return None;
        }
        let last = last ^ (1 << 63) >> last.leading_zeros();
        let near = u128::from(last) << 64 | u128::from(middle);
        let bits = if near != 0 {
            near.leading_zeros()
        } else if first != 0 {
            128 + first.leading_zeros()
        } else {
            8 * text.len() as u32
        };
        let second = mix(self.start ^ words[0], self.step);
        let states = [self.start, second, mix(second ^ words[1], self.step)];
        let whole = bits as usize / 64;
        let (state, word) = (states.get(whole)?, words.get(whole)?);
        let partial = word.checked_shr(64 - bits % 64).unwrap_or(0);
        Some(mix(state ^ partial ^ self.finish, self.length ^ u64::from(bits / 8) << 1))
    }

    fn end_of_any(&self, name: &str) -> u64 {
        let mut suffixes = self.suffixes(name);
        let last_label = suffixes.next();
        suffixes.next().or(last_label).map_or(0, |suffix| suffix.hash)
    }

    fn name(&self, name: &str) -> u64 {
        self.suffixes(name).last().map_or(0, |suffix| suffix.hash)
    }
}

/// A name or one above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suffix {
    /// Where it begins in the text.
    pub(super) start: usize,
    pub(super) hash: u64,
}

/// Goes through a name from its end in words of 8 bytes. A word is mixed into the state when it has been left behind; the hash of a
/// suffix is that of the words behind its first one, and as much of that as belongs to it. So the hash depends on the suffix
/// alone, not on what stands before it.
#[derive(Debug)]
pub(super) struct Suffixes<'a> {
    hashes: &'a Hashes,
    text: &'a [u8],
    /// What has not been loaded yet.
    before: &'a [u8],
    /// The bytes looked at, the last one in the highest place; fewer than 8 of them when they are the first of the text.
    word: u64,
    /// The highest bit of each byte of `word` that is a dot and has not been passed.
    dots: u64,
    /// Bytes behind those in `word`.
    behind: usize,
    state: u64,
    at: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Inside,
    FirstWord,
    Done,
}

impl<'a> Suffixes<'a> {
    #[inline]
    fn new(hashes: &'a Hashes, text: &'a [u8]) -> Self {
        let at = if text.is_empty() { Place::Done } else { Place::Inside };
        let mut suffixes =
            Self { hashes, text, before: text, word: 0, dots: 0, behind: 0, state: hashes.start, at };
        suffixes.load();
        suffixes
    }

    /// The next word to the left.
    #[inline]
    fn load(&mut self) {
        if let Some((before, word)) = self.before.split_last_chunk::<8>() {
            self.before = before;
            self.word = u64::from_le_bytes(*word);
        } else if self.at == Place::Inside {
            self.at = Place::FirstWord;
            self.word = self.first_bytes();
        }
        self.dots = dots(self.word);
    }

    /// The first, fewer than 8, bytes of the text in the highest places.
    #[inline]
    fn first_bytes(&self) -> u64 {
        let missing = 64 - 8 * self.before.len() as u32;
        match self.text.first_chunk::<8>() {
            Some(first) => u64::from_le_bytes(*first).checked_shl(missing).unwrap_or(0),
            None => self.text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)) << missing,
        }
    }

    /// The suffix that begins with the highest `bits` of the word.
    #[inline]
    fn suffix(&self, bits: u32) -> Suffix {
        let length = self.behind + bits as usize / 8;
        let first = self.word.checked_shr(64 - bits).unwrap_or(0);
        let hash = mix(self.state ^ first ^ self.hashes.finish, self.hashes.length ^ (length as u64) << 1);
        Suffix { start: self.text.len() - length, hash }
    }
}

impl Iterator for Suffixes<'_> {
    type Item = Suffix;

    #[inline]
    fn next(&mut self) -> Option<Suffix> {
        loop {
            if self.dots != 0 {
                let bits = self.dots.leading_zeros();
                self.dots ^= (1 << 63) >> bits;
                if self.behind == 0 && bits == 0 {
                    continue; // Nothing stands behind the last dot.
                }
                return Some(self.suffix(bits));
            }
            match self.at {
                Place::Inside => {
                    self.state = mix(self.state ^ self.word, self.hashes.step);
                    self.behind += 8;
                    self.load();
                }
                Place::FirstWord => {
                    self.at = Place::Done;
                    return Some(self.suffix(8 * self.before.len() as u32));
                }
                Place::Done => return None,
            }
        }
    }
}

/// The halves of the product, combined: each bit of the result depends on all of both.
#[inline]
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// The highest bit of each byte that is a dot.
#[inline]
fn dots(word: u64) -> u64 {
    const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differs = word ^ 0x2e2e_2e2e_2e2e_2e2e;
    !(((differs & LOW_BITS) + LOW_BITS) | differs | LOW_BITS)
}

/// The 8 bytes that end so far before the end of a text, zeros standing before its beginning. `None` if it has fewer than 8.
#[inline]
fn word_before(text: &[u8], behind: usize) -> Option<u64> {
    let end = text.len().saturating_sub(behind);
    let before = end.saturating_sub(8);
    let bytes = text.get(before..before + 8)?;
    let missing = 64 - 8 * (end - before) as u32;
    Some(u64::from_le_bytes(bytes.try_into().ok()?).checked_shl(missing).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn every_suffix_has_the_hash_that_it_has_as_a_name(name in "[ab.]{1,40}") {
            let hashes = Hashes::default();
            let found: Vec<Suffix> = hashes.suffixes(&name).collect();
            let mut slow: Vec<usize> =
                name.match_indices('.').map(|(at, _)| at + 1).filter(|start| *start < name.len()).collect();
            slow.insert(0, 0);
            slow.reverse();
            prop_assert_eq!(found.iter().map(|suffix| suffix.start).collect::<Vec<_>>(), slow);
            for suffix in found {
                prop_assert_eq!(hashes.name(name.get(suffix.start..).unwrap()), suffix.hash);
            }
        }

        #[test]
        fn the_end_is_the_last_two_labels(
            name in prop_oneof!["[a.]{1,40}", "[a-z]{0,20}\\.?[a-z]{1,30}\\.[a-z]{1,12}", "[a-z]{0,12}\\.?[a-z]{1,4}\\.[a-z]{1,4}", "[a-z]{1,30}"],
        ) {
            let hashes = Hashes::default();
            prop_assert_eq!(hashes.end(&name), hashes.end_of_any(&name));
        }

        #[test]
        fn different_names_have_different_hashes(names in proptest::collection::hash_set("\\PC{1,30}", 100)) {
            let hashes = Hashes::default();
            let distinct: HashSet<u64> = names.iter().map(|name| hashes.name(name)).collect();
            prop_assert_eq!(distinct.len(), names.len());
        }
    }

    #[test]
    fn two_sets_have_different_secrets() {
        let (one, other) = (Hashes::default(), Hashes::default());
        assert_ne!(one.name("evil.example"), other.name("evil.example"));
        let ip = IpAddr::from([192, 0, 2, 1]);
        assert_ne!(one.address(ip), other.address(ip));
        assert_ne!(one.address(ip), one.address_port(ip, 0));
    }

    /// A snapshot is read by later versions of the program: who changes a hash changes the version of the format.
    #[test]
    fn hashes_are_those_of_the_format() {
        let hashes = Hashes::from_secrets([
            0x0123_4567_89ab_cdef,
            0xfedc_ba98_7654_3211,
            0x1357_9bdf_0246_8ace,
            0xeca8_6420_fdb9_7531,
        ]);
        let keys = [
            Key::Address(IpAddr::from([192, 0, 2, 1])),
            Key::Address("2001:db8::1".parse().unwrap()),
            Key::AddressPort(IpAddr::from([192, 0, 2, 1]), 443),
            Key::Network("192.0.2.0/24".parse().unwrap()),
            Key::Domain("a.somewhat.evil.example"),
            Key::Url { host: "evil.example", port: Some(8080), path: "/a?b" },
            Key::Ja3(&[5; 16]),
            Key::Ja4("t13d1516h2_8daaf6152771_e5627efa2ab1"),
            Key::Sha1(&[7; 20]),
            Key::Sha256(&[9; 32]),
        ];
        let expected = [
            0xc17c_7dc7_0cdd_e056,
            0x882a_fef3_c8e7_f00c,
            0xb6eb_f7f8_bfed_297d,
            0xcefe_f410_1084_aec3,
            0x854e_ab91_c359_6ce4,
            0xacb1_e68b_d622_d649,
            0x614c_3640_a632_c069,
            0xc2ba_d905_fd8d_ee6c,
            0x4be5_9354_2622_a79f,
            0xbbb7_328d_b7e2_4687,
        ];
        assert_eq!(keys.map(|key| hashes.key(&key)), expected);
    }

    #[test]
    fn the_root_has_no_suffixes() {
        assert_eq!(Hashes::default().suffixes("").count(), 0);
    }
}
