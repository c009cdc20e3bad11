//! A stream of bytes that can be looked at before it is consumed: read through a buffer, or mapped.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek as _, SeekFrom};
use std::sync::Arc;

use crate::mapped::{MappedFile, Window};
use crate::problem::{Fault, ProblemKind};
use crate::progress::FileProgress;

/// How much is asked of the source at once. Large enough that system calls do not count, small enough that
/// [`crate::MAX_OPEN_INPUTS`] sources with two streams each (compressed and plain) stay under 20 MiB.
const READ_BYTES: usize = 128 * 1024;

/// How far ahead of the walk a mapped file is fetched into the cache. Where a record ends is only known from the one before,
/// so that without this every record is a wait for memory (97 against 15 ns, measured).
const FETCH_AHEAD_BYTES: usize = 4096;

/// Bytes from a file, a pipe or a decoder. Its buffer grows only to what [`ByteStream::fill`] is asked for, which
/// the formats cap.
pub(crate) struct ByteStream {
    origin: Origin,
    buffer: Buffer,
    start: usize,
    end: usize,
    /// Up to where in the buffer the cache was told to fetch.
    fetched: usize,
    offset: u64,
    ended: bool,
    failure: Option<io::Error>,
}

/// Where bytes come from.
enum Origin {
    Read(Box<dyn Read + Send>),
    Mapped(Mapped),
}

/// A file that is mapped.
struct Mapped {
    file: MappedFile,
    progress: Option<FileProgress>,
}

/// What is at hand of them.
enum Buffer {
    Owned(Vec<u8>),
    Window(Arc<Window>),
}

/// Bytes of a record, and the window that holds them, if they are mapped.
#[derive(Clone, Copy)]
pub(crate) struct Data<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) window: Option<Place<'a>>,
}

/// Where in a window bytes are.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) window: &'a Arc<Window>,
    pub(crate) start: usize,
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Window(window) => window.bytes(),
        }
    }
}

impl ByteStream {
    /// Reads.
    pub(crate) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self::with_origin(Origin::Read(inner))
    }

    /// Maps a file; what is mapped counts as progress if that is given.
    pub(crate) fn mapped(file: MappedFile, progress: Option<FileProgress>) -> Self {
        Self::with_origin(Origin::Mapped(Mapped { file, progress }))
    }

    const fn with_origin(origin: Origin) -> Self {
        Self {
            origin,
            buffer: Buffer::Owned(Vec::new()),
            start: 0,
            end: 0,
            fetched: 0,
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
        self.buffer.bytes().get(self.start..self.end).unwrap_or_default()
    }

    /// A part of what is available, and what keeps it where it is.
    #[inline]
    pub(crate) fn data(&self, start: usize, len: usize) -> Data<'_> {
        let start = self.start + start;
        let bytes = self.buffer.bytes().get(start..start + len).unwrap_or_default();
        let window = match &self.buffer {
            Buffer::Owned(_) => None,
            Buffer::Window(window) => Some(Place { window, start }),
        };
        Data { bytes, window }
    }

    /// Leaves `count` bytes of the window behind.
    #[inline]
    pub(crate) fn pass(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
        if let Buffer::Window(window) = &self.buffer {
            let (from, to) = (self.fetched.max(self.start), (self.start + FETCH_AHEAD_BYTES).min(self.end));
            weir_mem::fetch(window.bytes().get(from..to).unwrap_or_default());
            self.fetched = to.max(from);
        }
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

    /// Whether a page of what is at hand could not be read, and zeros stand for it.
    #[inline]
    pub(crate) fn is_torn(&self) -> bool {
        matches!(&self.buffer, Buffer::Window(window) if window.is_torn())
    }

    /// What became of a mapped file that no longer has what it had.
    pub(crate) fn damage(&self) -> Option<Fault> {
        let Origin::Mapped(mapped) = &self.origin else {
            return None;
        };
        match &self.buffer {
            Buffer::Window(window) => mapped.file.damage(window.end(), Some(window)),
            Buffer::Owned(_) => mapped.file.damage(self.offset, None),
        }
    }

    /// Makes more available, or finds that there is no more.
    fn read_more(&mut self, count: usize) {
        match &mut self.origin {
            Origin::Mapped(mapped) => match mapped.next(self.offset, count) {
                Ok(Some((window, start))) => {
                    let end = window.bytes().len();
                    // A window is cut short only by the end of its file.
                    self.ended = end - start < count;
                    (self.start, self.end, self.fetched) = (start, end, start);
                    self.buffer = Buffer::Window(window);
                }
                Ok(None) => self.ended = true,
                Err(_) => self.read_instead(),
            },
            Origin::Read(_) => self.read_on(count),
        }
    }

    /// Reads what cannot be mapped: some file systems cannot, and address space may be short.
    fn read_instead(&mut self) {
        let opened = match &mut self.origin {
            Origin::Mapped(mapped) => mapped.unmapped(self.offset),
            Origin::Read(_) => return,
        };
        self.buffer = Buffer::Owned(Vec::new());
        (self.start, self.end) = (0, 0);
        match opened {
            Ok(reader) => self.origin = Origin::Read(reader),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.failure = Some(error);
        self.ended = true;
    }

    fn read_on(&mut self, count: usize) {
        let (Origin::Read(inner), Buffer::Owned(buffer)) = (&mut self.origin, &mut self.buffer) else {
            self.ended = true;
            return;
        };
        if self.start > 0 {
            buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let wanted = count.max(READ_BYTES);
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
        let Some(room) = buffer.get_mut(self.end..) else {
            self.ended = true;
            return;
        };
        match inner.read(room) {
            Ok(0) => self.ended = true,
            Ok(read) => self.end += read.min(room.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.fail(error),
        }
    }
}

impl Mapped {
    /// The window with the bytes at `offset` and where they are in it; `None` behind the end.
    fn next(&mut self, offset: u64, count: usize) -> io::Result<Option<(Arc<Window>, usize)>> {
        let found = self.file.map(offset, count)?;
        if let (Some((window, _)), Some(progress)) = (&found, &mut self.progress) {
            progress.reach(window.end());
        }
        Ok(found)
    }

    /// The same bytes, read.
    fn unmapped(&mut self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = self.file.file()?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(Unmapped { file, progress: self.progress.take(), offset }))
    }
}

/// A file that could not be mapped.
struct Unmapped {
    file: File,
    progress: Option<FileProgress>,
    offset: u64,
}

impl Read for Unmapped {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.offset += read as u64;
        if let Some(progress) = &mut self.progress {
            progress.reach(self.offset);
        }
        Ok(read)
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
