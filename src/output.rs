//! Where lines go: standard output or files; and what is said to the person at the terminal, or to the journal of a service.

use crate::journal;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use weir_alert::sinks::{FileSettings, RotatedLines};

/// A sink of bytes that another thread may own.
pub(crate) type Sink = Box<dyn Write + Send>;

/// Opens `path` for writing, `-` being standard output. Who writes lines to it holds them back until they are whole.
pub(crate) fn open(path: &Path) -> Result<Sink> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdout()));
    }
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Box::new(file))
}

/// Opens `path` likewise, for a program that runs for years: behind what is there, rotated, and what was rotated is kept so long.
/// A pipe or a device is written to, and no more.
pub(crate) fn open_to_keep(path: &Path, keep: Duration) -> Result<Sink> {
    let is_file = std::fs::metadata(path).map_or(true, |found| found.is_file());
    if path.as_os_str() == "-" || !is_file {
        return open(path);
    }
    let lines = RotatedLines::open(&FileSettings::kept(path, keep));
    Ok(Box::new(Kept(lines.with_context(|| format!("cannot write {}", path.display()))?)))
}

/// A file that is rotated, and says what it met.
struct Kept(RotatedLines);

impl Kept {
    fn tell(&self) {
        self.0.remarks().iter().for_each(|remark| complain(remark));
    }
}

impl Write for Kept {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let written = self.0.write(lines);
        self.tell();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        self.tell();
        Ok(())
    }
}

/// Says what went wrong, on stderr; in a journal it is a warning.
pub(crate) fn complain(message: &str) {
    if journal::is_used() {
        tracing::warn!(target: journal::SAID, "{message}");
    } else {
        write(&format!("weir: {message}\n"));
    }
}

/// Says why the program ends, on stderr; in a journal it is an error.
pub(crate) fn give_up(message: &str) {
    if journal::is_used() {
        tracing::error!(target: journal::SAID, "{message}");
    } else {
        write(&format!("weir: {message}\n"));
    }
}

/// Says what happened and is no mistake, on stderr; in a journal it is a notice.
pub(crate) fn note(message: &str) {
    if journal::is_used() {
        tracing::info!(target: journal::SAID, "{message}");
    } else {
        write(&format!("weir: {message}\n"));
    }
}

/// Writes text to stderr, a summary for instance; in a journal it is a notice.
pub(crate) fn say(text: &str) {
    if journal::is_used() {
        tracing::info!(target: journal::SAID, "{}", text.trim_end());
    } else {
        write(text);
    }
}

/// Nobody can be told when that fails.
fn write(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}
