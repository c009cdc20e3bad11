//! A buffered stream of bytes that can be looked at before it is consumed.

use std::io::{self, BufRead, Read};

use crate::problem::{Fault, ProblemKind};

/// How much is asked of the source at once. Large enough that system calls do not count, small enough that
/// [`crate::MAX_OPEN_INPUTS`] sources with two streams each (compressed and plain) stay under 20 MiB.
const READ_BYTES: usize = 128 * 1024;

/// Bytes from a file, a pipe or a decoder. Its buffer grows only to what [`ByteStream::fill`] is asked for, which
/// the formats cap.
pub(crate) struct ByteStream {
    inner: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    failure: Option<io::Error>,
}

impl ByteStream {
    pub(crate) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self { inner, buffer: Vec::new(), start: 0, end: 0, offset: 0, ended: false, failure: None }
    }

    /// Makes `count` bytes available and gives what there is: fewer when the stream ends or fails before.
    pub(crate) fn fill(&mut self, count: usize) -> &[u8] {
        while self.end - self.start < count && !self.ended {
            self.read_more(count);
        }
        self.window()
    }

    /// What is available without reading more.
    pub(crate) fn window(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Leaves `count` bytes of the window behind.
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

    fn read_more(&mut self, count: usize) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let wanted = count.max(READ_BYTES);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let Some(room) = self.buffer.get_mut(self.end..) else {
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
