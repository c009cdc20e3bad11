//! JSON lines into anything that can be written to.

use crate::Event;
use std::io::{self, BufWriter, ErrorKind, Write};

/// Bytes held back before they are written on: many lines a call, and few enough to lose when the machine fails.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes events, each as one whole line: never part of a line without the rest, unless the sink itself fails midway.
///
/// A reader that goes away (a broken pipe: `weir read ... | head`) is an orderly end: what follows is counted as unread and
/// not written. Every other error is returned.
pub struct JsonLines<W: Write> {
    sink: BufWriter<W>,
    line: Vec<u8>,
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
}

impl<W: Write> JsonLines<W> {
    /// Writes into `sink`.
    pub fn new(sink: W) -> Self {
        let sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
        Self { sink, line: Vec::new(), reader_left: false, stats: WriteStats::default() }
    }

    /// Writes one event as a line.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        if self.reader_left {
            self.stats.unread += 1;
            return Ok(());
        }
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        // The buffer is emptied before a line that does not fit, so that it always holds whole lines.
        if self.line.len() > self.sink.capacity() - self.sink.buffer().len() {
            self.flush()?;
        }
        let written = self.sink.write_all(&self.line);
        self.note(written)?;
        if self.reader_left {
            self.stats.unread += 1;
        } else {
            self.stats.lines += 1;
            self.stats.bytes += self.line.len() as u64;
        }
        Ok(())
    }

    /// Writes on what is held back.
    pub fn flush(&mut self) -> io::Result<()> {
        let flushed = if self.reader_left { Ok(()) } else { self.sink.flush() };
        self.note(flushed)
    }

    /// Whether the reader has gone away.
    pub fn reader_left(&self) -> bool {
        self.reader_left
    }

    /// What was written so far.
    pub fn stats(&self) -> WriteStats {
        self.stats
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

    fn event(length: usize) -> Event {
        let mut event = Event::default();
        event.set("message", "x".repeat(length));
        event
    }

    #[test]
    fn every_write_holds_whole_lines_and_all_are_counted() {
        let sink = Sink::default();
        let mut lines = JsonLines::new(sink.clone());
        for n in 0..1000 {
            lines.write(&event(n)).unwrap();
        }
        lines.write(&event(2 * BUFFER_BYTES)).unwrap();
        lines.flush().unwrap();
        let writes = sink.writes.borrow();
        assert!(writes.len() > 2 && writes.iter().all(|write| write.ends_with(b"}\n")));
        let written = writes.concat();
        assert_eq!(lines.stats(), WriteStats { lines: 1001, bytes: written.len() as u64, unread: 0 });
        assert_eq!(written.split(|byte| *byte == b'\n').count(), 1002);
    }

    #[test]
    fn a_broken_pipe_ends_in_order_and_other_errors_are_told() {
        let mut lines = JsonLines::new(Sink { fails: Some((1, ErrorKind::BrokenPipe)), ..Sink::default() });
        for _ in 0..4 {
            lines.write(&event(BUFFER_BYTES)).unwrap();
        }
        assert!(lines.reader_left());
        assert_eq!((lines.stats().lines, lines.stats().unread), (1, 3));
        let mut lines = JsonLines::new(Sink { fails: Some((0, ErrorKind::StorageFull)), ..Sink::default() });
        lines.write(&event(1)).unwrap();
        assert_eq!(lines.flush().unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
