//! Where lines go: standard output or files; and what is said to the person at the terminal, or to the journal of a service.

use crate::journal;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

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

/// Opens `path` likewise, behind what is there: a program that is started again shall not wipe out what it told.
pub(crate) fn open_to_append(path: &Path) -> Result<Sink> {
    if path.as_os_str() == "-" {
        return open(path);
    }
    let file = File::options().create(true).append(true).open(path);
    Ok(Box::new(file.with_context(|| format!("cannot write {}", path.display()))?))
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
