//! Which of many are meant.

use super::values::IndicatorId;

/// A bit for each indicator.
#[derive(Debug)]
pub(super) struct Members {
    bits: Vec<u64>,
}

impl Members {
    /// None of so many.
    pub(super) fn none(count: usize) -> Self {
        Self { bits: vec![0; count.div_ceil(64)] }
    }

    pub(super) fn insert(&mut self, id: IndicatorId) {
        if let Some(word) = self.bits.get_mut(id.0 as usize / 64) {
            *word |= 1 << (id.0 % 64);
        }
    }

    pub(super) fn contains(&self, id: IndicatorId) -> bool {
        self.bits.get(id.0 as usize / 64).is_some_and(|word| word >> (id.0 % 64) & 1 == 1)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.bits.len() * size_of::<u64>()
    }
}
