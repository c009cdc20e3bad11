//! A stream of bytes that can be looked at before it is consumed, read block by block.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use crate::block::{self, BLOCK_BYTES, Block, Blocks, FIRST_BLOCK_BYTES};
use crate::problem::{Fault, ProblemKind};

/// A block is lent when it is full to this part at least: who dribbles bytes must not make a batch hold a block for each
/// of its frames. Frames of others are copied.
const LENT_WHEN_FULL_TO: usize = 4;

/// Bytes from a file, a pipe or a decoder. Its block is larger than usual only where [`ByteStream::fill`] is asked for
/// more, which the formats cap.
pub(crate) struct ByteStream {
    inner: Box<dyn Read + Send>,
    block: Block,
    blocks: Blocks,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    failure: Option<io::Error>,
}

/// Bytes of a record, and the block that holds them, if that is lent.
#[derive(Clone, Copy)]
pub(crate) struct Data<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) place: Option<Place<'a>>,
}

/// Where in a block bytes are.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) block: &'a Block,
    pub(crate) start: usize,
}

impl ByteStream {
    pub(crate) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self {
            inner,
            block: block::new(FIRST_BLOCK_BYTES),
            blocks: Blocks::default(),
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            failure: None,
        }
    }

    /// Makes `count` bytes available and gives what there is: fewer when the stream ends or fails before.
    #[inline]
    pub(crate) fn fill(&mut self, count: usize) -> &[u8] {
        while self.end - self.start < count && !self.ended {
            self.read_more(count);
        }
        self.window()
    }

    /// What is available without reading more.
    #[inline]
    pub(crate) fn window(&self) -> &[u8] {
        self.block.get(self.start..self.end).unwrap_or_default()
    }

    /// A part of what is available, and what keeps it where it is.
    #[inline]
    pub(crate) fn data(&self, start: usize, len: usize) -> Data<'_> {
        let start = self.start + start;
        let bytes = self.block.get(start..start + len).unwrap_or_default();
        Data { bytes, place: self.is_lent().then_some(Place { block: &self.block, start }) }
    }

    /// Where what is available is, if that is lent.
    pub(crate) fn place(&self) -> Option<Place<'_>> {
        self.is_lent().then_some(Place { block: &self.block, start: self.start })
    }

    fn is_lent(&self) -> bool {
        self.end >= self.block.len() / LENT_WHEN_FULL_TO
    }

    /// Leaves `count` bytes of the window behind.
    #[inline]
    pub(crate) fn pass(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Leaves `count` bytes behind that need not be in the window; `false` when the stream ends before.
    pub(crate) fn skip(&mut self, mut count: u64) -> bool {
        while count > 0 {
            let available = self.fill(1).len();
            if available == 0 {
                return false;
            }
            let step = usize::try_from(count).map_or(available, |count| count.min(available));
            self.pass(step);
            count -= step as u64;
        }
        true
    }

    /// Bytes consumed so far.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Why the stream gave fewer bytes than `what` needed.
    pub(crate) fn shortage(&mut self, what: &str) -> Fault {
        self.take_failure()
            .unwrap_or_else(|| Fault::new(ProblemKind::Truncated, format!("the input ends inside {what}")))
    }

    /// The error that ended the stream, if it was not its natural end.
    pub(crate) fn take_failure(&mut self) -> Option<Fault> {
        self.failure.take().map(|error| Fault::from_io(&error))
    }

    /// Makes more available, or finds that there is no more.
    #[cold]
    fn read_more(&mut self, count: usize) {
        self.make_room(count);
        let Some(room) = Arc::get_mut(&mut self.block).and_then(|block| block.get_mut(self.end..)) else {
            self.ended = true;
            return;
        };
        match self.inner.read(room) {
            Ok(0) => self.ended = true,
            Ok(read) => self.end += read.min(room.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.failure = Some(error);
                self.ended = true;
            }
        }
    }

    /// Moves what is available to the front of a block that nobody borrows from, and that has room for `count` bytes.
    fn make_room(&mut self, count: usize) {
        let rest = self.start..self.end;
        let usual = if self.offset == 0 { FIRST_BLOCK_BYTES } else { BLOCK_BYTES };
        let wanted = count.max(usual);
        let present = Arc::get_mut(&mut self.block).filter(|block| block.len() >= wanted);
        if let Some(block) = present {
            block.copy_within(rest.clone(), 0);
        } else {
            let mut next = self.blocks.free(wanted);
            let room = Arc::get_mut(&mut next).and_then(|block| block.get_mut(..rest.len()));
            if let (Some(room), Some(rest)) = (room, self.block.get(rest.clone())) {
                room.copy_from_slice(rest);
            }
            let last = std::mem::replace(&mut self.block, next);
            self.blocks.keep(last);
        }
        (self.start, self.end) = (0, rest.len());
    }
}

/// For the decoders, which take a stream and give another.
impl Read for ByteStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for ByteStream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.fill(1).is_empty()
            && let Some(error) = self.failure.take()
        {
            return Err(error);
        }
        Ok(self.window())
    }

    fn consume(&mut self, count: usize) {
        self.pass(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, then fails.
    struct Dripping(u8);

    impl Read for Dripping {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0 == 10 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "corrupt"));
            }
            if self.0 == 5 {
                self.0 += 1;
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            out[0] = self.0;
            self.0 += 1;
            Ok(1)
        }
    }

    #[test]
    fn gives_what_came_before_a_failure_and_then_the_failure() {
        let mut stream = ByteStream::new(Box::new(Dripping(0)));
        assert_eq!(stream.fill(3), [0, 1, 2]);
        stream.pass(2);
        assert_eq!(stream.fill(4), [2, 3, 4, 6]);
        assert!(stream.skip(3));
        assert_eq!(stream.offset(), 5);
        assert_eq!(stream.fill(100), [6, 7, 8, 9]);
        assert!(!stream.skip(5));
        let fault = stream.shortage("a record");
        assert_eq!((fault.kind, fault.message.as_str()), (ProblemKind::Malformed, "corrupt"));
        assert_eq!(stream.shortage("a record").kind, ProblemKind::Truncated);
    }
}
