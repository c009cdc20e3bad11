//! JSON lines: rendered into memory, where several threads may do so, and written into anything that can be written to.

use crate::json::{Object, Text, object};
use std::io::{self, ErrorKind, Write};

/// Bytes held back before they are written on: a few hundred lines a call, and few enough to lose when the machine fails.
const BUFFER_BYTES: usize = 256 * 1024;

/// Whole lines in memory.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    text: Text,
    count: u64,
}

impl Lines {
    /// Adds a line: an object with the members that `fill` sets.
    pub(crate) fn add(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        object(&mut self.text, fill);
        self.text.bytes.push(b'\n');
        self.count += 1;
    }

    /// The lines, each with its end.
    pub fn bytes(&self) -> &[u8] {
        &self.text.bytes
    }

    /// How many they are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forgets them, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.text.bytes.clear();
        self.count = 0;
    }
}

/// Writes lines, many at once: never part of a line without the rest, unless the sink itself fails midway. What is held back
/// when it is dropped is written, but nobody is told how that went.
///
/// A reader that goes away (a broken pipe: `weir read ... | head`) is an orderly end: what is not written by then is counted
/// as unread. Every other error is returned.
pub struct JsonLines<W: Write> {
    sink: W,
    held: Lines,
    reader_left: bool,
    stats: WriteStats,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteStats {
    /// Lines handed to the sink.
    pub lines: u64,
    /// Their bytes, line ends included.
    pub bytes: u64,
    /// Lines that nobody read, because the reader had left.
    pub unread: u64,
    /// Lines that the sink did not take, for another reason.
    pub failed: u64,
}

impl<W: Write> JsonLines<W> {
    /// Writes into `sink`.
    pub fn new(sink: W) -> Self {
        Self { sink, held: Lines::default(), reader_left: false, stats: WriteStats::default() }
    }

    /// Writes the lines that `render` adds, as what is in [`crate::ecs`] does.
    pub fn write(&mut self, render: impl FnOnce(&mut Lines)) -> io::Result<()> {
        render(&mut self.held);
        self.hand_on_from(BUFFER_BYTES)
    }

    /// Writes one of the [`Lines`] that were rendered elsewhere, with its end.
    pub fn append_line(&mut self, line: &[u8]) -> io::Result<()> {
        self.held.text.bytes.extend_from_slice(line);
        self.held.count += 1;
        self.hand_on_from(BUFFER_BYTES)
    }

    /// Writes on what is held back.
    pub fn flush(&mut self) -> io::Result<()> {
        self.hand_on_from(1)?;
        let flushed = if self.reader_left { Ok(()) } else { self.sink.flush() };
        self.note(flushed)
    }

    /// Whether the reader has gone away.
    pub fn reader_left(&self) -> bool {
        self.reader_left
    }

    /// What was written so far, without what is held back.
    pub fn stats(&self) -> WriteStats {
        self.stats
    }

    /// Hands what is held to the sink, if it is at least so many bytes.
    fn hand_on_from(&mut self, least: usize) -> io::Result<()> {
        if self.held.bytes().len() < least {
            return Ok(());
        }
        let written = if self.reader_left { Ok(()) } else { self.sink.write_all(self.held.bytes()) };
        let noted = self.note(written);
        if self.reader_left {
            self.stats.unread += self.held.count;
        } else if noted.is_ok() {
            self.stats.lines += self.held.count;
            self.stats.bytes += self.held.bytes().len() as u64;
        } else {
            self.stats.failed += self.held.count;
        }
        self.held.clear();
        noted
    }

    fn note(&mut self, result: io::Result<()>) -> io::Result<()> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_left = true;
                Ok(())
            }
            other => other,
        }
    }
}

impl<W: Write> Drop for JsonLines<W> {
    fn drop(&mut self) {
        drop(self.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Keeps each write, and fails from some write on.
    #[derive(Clone, Default)]
    struct Sink {
        writes: Rc<RefCell<Vec<Vec<u8>>>>,
        fails: Option<(usize, ErrorKind)>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut writes = self.writes.borrow_mut();
            match self.fails {
                Some((after, kind)) if writes.len() >= after => Err(kind.into()),
                _ => {
                    writes.push(bytes.to_vec());
                    Ok(bytes.len())
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(length: usize) -> impl Fn(&mut Lines) {
        move |lines| lines.add(|event| event.set("x", &*"x".repeat(length)))
    }

    #[test]
    fn every_write_holds_whole_lines_and_all_are_counted() {
        let sink = Sink::default();
        let mut lines = JsonLines::new(sink.clone());
        for length in 1..=1000 {
            lines.write(line(length)).unwrap();
        }
        lines.write(|_| ()).unwrap();
        lines.write(line(2 * BUFFER_BYTES)).unwrap();
        let mut others = Lines::default();
        line(7)(&mut others);
        line(8)(&mut others);
        for line in others.bytes().split_inclusive(|byte| *byte == b'\n') {
            lines.append_line(line).unwrap();
        }
        lines.flush().unwrap();
        let writes = sink.writes.borrow();
        assert!(writes.len() > 2 && writes.iter().all(|write| write.ends_with(b"}\n")));
        let written = writes.concat();
        assert_eq!(
            lines.stats(),
            WriteStats { lines: 1003, bytes: written.len() as u64, ..WriteStats::default() }
        );
        assert_eq!(written.split(|byte| *byte == b'\n').count(), 1004);
        assert!(written.ends_with(b"{\"x\":\"xxxxxxx\"}\n{\"x\":\"xxxxxxxx\"}\n"));
    }

    #[test]
    fn what_is_held_back_is_written_when_nobody_flushes() {
        let sink = Sink::default();
        JsonLines::new(sink.clone()).write(line(1)).unwrap();
        assert_eq!(sink.writes.borrow().concat(), b"{\"x\":\"x\"}\n");
    }

    #[test]
    fn a_broken_pipe_ends_in_order_and_other_errors_are_told() {
        let mut lines = JsonLines::new(Sink { fails: Some((1, ErrorKind::BrokenPipe)), ..Sink::default() });
        for _ in 0..4 {
            lines.write(line(BUFFER_BYTES)).unwrap();
        }
        lines.write(line(1)).unwrap();
        lines.flush().unwrap();
        assert!(lines.reader_left());
        assert_eq!((lines.stats().lines, lines.stats().unread), (1, 4));
        let mut lines = JsonLines::new(Sink { fails: Some((0, ErrorKind::StorageFull)), ..Sink::default() });
        lines.write(line(1)).unwrap();
        assert_eq!(lines.flush().unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(lines.stats(), WriteStats { failed: 1, ..WriteStats::default() });
    }
}
