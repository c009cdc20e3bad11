//! Runs of bytes, each stored once: texts, and records that refer to texts and to other records by where those begin.

use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Where a blob may begin at most: the bit above is taken by whoever refers to it.
pub(super) const MAX_OFFSET: u32 = i32::MAX as u32;

/// What is written so far, and an index to find it again.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    bytes: Vec<u8>,
    /// Open addressing with linear probing: where a blob begins, plus one; 0 is free. At most two thirds are used.
    slots: Vec<u32>,
    used: usize,
    secret: RandomState,
}

impl Blobs {
    /// Where a blob is. `None` when there is no room for it.
    pub(super) fn intern(&mut self, blob: &[u8]) -> Option<u32> {
        if (self.used + 1) * 3 > self.slots.len() * 2 {
            self.grow();
        }
        let free = match self.look_for(blob) {
            Ok(known) => return Some(known),
            Err(free) => free,
        };
        let at = u32::try_from(self.bytes.len()).ok().filter(|at| *at <= MAX_OFFSET)?;
        push_number(&mut self.bytes, blob.len() as u64);
        self.bytes.extend_from_slice(blob);
        *self.slots.get_mut(free)? = at + 1;
        self.used += 1;
        Some(at)
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Where the blob is, or else the slot where that belongs.
    fn look_for(&self, blob: &[u8]) -> Result<u32, usize> {
        let count = self.slots.len();
        let home = (self.secret.hash_one(blob) as usize).checked_rem(count).unwrap_or(0);
        for position in (home..count).chain(0..home) {
            let slot = self.slots.get(position).copied().unwrap_or(0);
            match slot.checked_sub(1) {
                None => return Err(position),
                Some(at) if self::blob(&self.bytes, at) == Some(blob) => return Ok(at),
                Some(_) => {}
            }
        }
        Err(home)
    }

    fn grow(&mut self) {
        let doubled = (self.slots.len() * 2).max(16);
        self.slots = Vec::new();
        self.slots = vec![0; doubled];
        let mut rest = Numbers(&self.bytes);
        loop {
            let at = (self.bytes.len() - rest.0.len()) as u32;
            let Some(blob) = rest.next().and_then(|len| rest.take(len)) else { break };
            let home = self.secret.hash_one(blob) as usize % doubled;
            let free = (home..doubled).chain(0..home).find(|position| self.slots.get(*position) == Some(&0));
            if let Some(slot) = free.and_then(|free| self.slots.get_mut(free)) {
                *slot = at + 1;
            }
        }
    }
}

/// The blob that begins there.
pub(super) fn blob(bytes: &[u8], at: u32) -> Option<&[u8]> {
    let mut rest = Numbers(bytes.get(at as usize..)?);
    let len = rest.next()?;
    rest.take(len)
}

/// Appends a number in groups of 7 bits, lowest first, the highest bit saying that more follow (LEB128).
pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads what [`push_number`] wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a>(pub(super) &'a [u8]);

impl<'a> Numbers<'a> {
    pub(super) fn next(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_blobs_are_stored_once(blobs in proptest::collection::vec("[ab]{0,6}", 0..200)) {
            let mut store = Blobs::default();
            let places: Vec<u32> = blobs.iter().map(|blob| store.intern(blob.as_bytes()).unwrap()).collect();
            for (one, at_one) in blobs.iter().zip(&places) {
                prop_assert_eq!(blob(&store.bytes, *at_one), Some(one.as_bytes()));
                prop_assert_eq!(store.intern(one.as_bytes()), Some(*at_one));
                for (other, at_other) in blobs.iter().zip(&places) {
                    prop_assert_eq!(one == other, at_one == at_other);
                }
            }
        }

        #[test]
        fn numbers_come_back(number: u64) {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            prop_assert_eq!(Numbers(&bytes).next(), Some(number));
            prop_assert_eq!(Numbers(&bytes[..bytes.len() - 1]).next(), None);
        }
    }

    #[test]
    fn a_number_of_too_many_bytes_is_none() {
        assert_eq!(Numbers(&[0xff; 20]).next(), None);
        assert_eq!(blob(&[5, 1, 2], 0), None);
        assert_eq!(blob(&[], 0), None);
    }
}
