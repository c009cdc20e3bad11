//! Plain files, read: how far they have come, and whether they are still as long as they were.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use crate::progress::FileProgress;

/// A file that is read from its beginning.
pub(crate) struct PlainReader {
    file: File,
    /// Its length when it was opened. A file may grow while it is read.
    len: u64,
    read: u64,
    progress: Option<FileProgress>,
}

impl PlainReader {
    /// What is read counts as progress if that is given.
    pub(crate) fn new(file: File, progress: Option<FileProgress>) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len, read: 0, progress })
    }
}

impl Read for PlainReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        if read == 0 && !out.is_empty() && self.read < self.len {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, Shrunk));
        }
        self.read += read as u64;
        if let Some(progress) = &mut self.progress {
            progress.reach(self.read);
        }
        Ok(read)
    }
}

/// The file ended before what was its end.
#[derive(Debug)]
pub(crate) struct Shrunk;

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file shrank while it was read; what was behind its new end is missing")
    }
}

impl std::error::Error for Shrunk {}
