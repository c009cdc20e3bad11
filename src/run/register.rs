//! Where the clerk writes lines: a disk that is full loses lines, which are counted, and ends nothing.

use crate::output::{Sink, complain, note};
use std::io;
use std::time::{Duration, Instant};
use weir_alert::{JsonLines, Lines};

/// How often it is said again that nothing can be written.
const AGAIN: Duration = Duration::from_mins(5);

/// Lines of one kind, on their way into a file or to standard output.
pub(super) struct Register {
    lines: JsonLines<Sink>,
    /// What is written, for people: `flows`.
    what: &'static str,
    trouble: Option<Trouble>,
    /// Lines that were lost in troubles that are over.
    lost_before: u64,
}

/// What is known of a time in which nothing can be written.
struct Trouble {
    said: Instant,
    /// Lines that were written until now.
    written: u64,
}

impl Register {
    pub(super) fn new(sink: Sink, what: &'static str) -> Self {
        Self { lines: JsonLines::new(sink), what, trouble: None, lost_before: 0 }
    }

    /// Writes the lines that `render` adds, now or with others.
    pub(super) fn write(&mut self, render: impl FnOnce(&mut Lines)) {
        let written = self.lines.write(render);
        self.look_at(written);
    }

    /// Writes on what is held back.
    pub(super) fn flush(&mut self) {
        let written = self.lines.flush();
        self.look_at(written);
    }

    /// Lines that could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lines.stats().failed
    }

    #[expect(clippy::disallowed_methods, reason = "how often people are told is by the clock")]
    fn look_at(&mut self, written: io::Result<()>) {
        let stats = self.lines.stats();
        let (what, lost) = (self.what, stats.failed - self.lost_before);
        match (written, &mut self.trouble) {
            (Ok(()), None) => {}
            (Ok(()), Some(trouble)) => {
                if stats.lines > trouble.written {
                    note(&format!("{what} are written again; {lost} were lost"));
                    self.trouble = None;
                    self.lost_before = stats.failed;
                }
            }
            (Err(error), Some(trouble)) => {
                trouble.written = stats.lines;
                if trouble.said.elapsed() >= AGAIN {
                    trouble.said = Instant::now();
                    complain(&format!("still cannot write {what}: {error}; {lost} are lost"));
                }
            }
            (Err(error), None) => {
                let until = "they are lost, and counted, until they can be written again";
                complain(&format!("cannot write {what}: {error}; {until}"));
                self.trouble = Some(Trouble { said: Instant::now(), written: stats.lines });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Disk {
        is_full: Arc<AtomicBool>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.is_full.load(Ordering::Relaxed) {
                Err(ErrorKind::StorageFull.into())
            } else {
                Ok(bytes.len())
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_cannot_be_written_is_counted_until_it_can_again() {
        let is_full = Arc::new(AtomicBool::new(true));
        let mut register = Register::new(Box::new(Disk { is_full: Arc::clone(&is_full) }), "flows");
        let add = |register: &mut Register| {
            register.lines.append_line(b"{}\n").unwrap();
            register.flush();
        };
        add(&mut register);
        add(&mut register);
        assert!(register.lost() == 2 && register.trouble.is_some());
        is_full.store(false, Ordering::Relaxed);
        register.flush();
        assert!(register.trouble.is_some(), "nothing was written yet");
        add(&mut register);
        assert!(register.lost() == 2 && register.trouble.is_none());
        is_full.store(true, Ordering::Relaxed);
        add(&mut register);
        assert!((register.lost(), register.lost_before) == (3, 2) && register.trouble.is_some());
    }
}
