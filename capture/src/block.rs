//! Blocks: what is read at a time. Frames borrow from the block they were read into, so that their bytes are not copied again.
//!
//! A block is used again as soon as nobody borrows from it. One worker has two of them under way, which stay in its cache: the
//! kernel puts the bytes of a file there, and walking, decoding and reading payloads find them.

use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of a block. Large enough that system calls do not count, small enough that two of them stay in the cache of a core and
/// that [`crate::MAX_OPEN_INPUTS`] inputs with two streams each (compressed and plain) take a few dozen MiB.
pub(crate) const BLOCK_BYTES: usize = 256 * 1024;

/// Bytes of an input's first block: of many inputs only the first frame is looked at before their turn comes.
pub(crate) const FIRST_BLOCK_BYTES: usize = 16 * 1024;

/// Blocks of one stream that are kept to be used again, 8 MiB: as many as several workers have under way, unless one of them is far
/// behind; further blocks are made anew.
const MAX_KEPT: usize = 32;

/// Bytes that were read, and room for more.
pub(crate) type Block = Arc<[u8]>;

/// Blocks that were filled, and may or may not be done with.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    kept: VecDeque<Block>,
}

impl Blocks {
    /// A block of so many bytes at least, from which nobody borrows.
    pub(crate) fn free(&mut self, bytes: usize) -> Block {
        let is_free = |block: &Block| block.len() >= bytes && Arc::strong_count(block) == 1;
        let free = self.kept.iter().position(is_free).and_then(|position| self.kept.remove(position));
        free.unwrap_or_else(|| new(bytes))
    }

    /// Takes a block that somebody may still borrow from.
    pub(crate) fn keep(&mut self, block: Block) {
        if block.len() == BLOCK_BYTES {
            if self.kept.len() >= MAX_KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back(block);
        }
    }
}

/// A block of zeros.
pub(crate) fn new(bytes: usize) -> Block {
    std::iter::repeat_n(0, bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_used_again_once_nobody_borrows_from_it() {
        let mut blocks = Blocks::default();
        let block = blocks.free(BLOCK_BYTES);
        let (lent, place) = (Arc::clone(&block), block.as_ptr());
        blocks.keep(block);
        let other = blocks.free(BLOCK_BYTES);
        assert_ne!(other.as_ptr(), place);
        drop(lent);
        let mut again = blocks.free(BLOCK_BYTES);
        assert_eq!(again.as_ptr(), place);
        assert!(Arc::get_mut(&mut again).is_some());
    }

    #[test]
    fn only_so_many_are_kept_and_none_of_another_size() {
        let mut blocks = Blocks::default();
        blocks.keep(new(BLOCK_BYTES + 1));
        assert_eq!(blocks.kept.len(), 0);
        for _ in 0..2 * MAX_KEPT {
            blocks.keep(new(BLOCK_BYTES));
        }
        assert_eq!(blocks.kept.len(), MAX_KEPT);
        assert_eq!(blocks.free(BLOCK_BYTES + 1).len(), BLOCK_BYTES + 1);
    }
}
