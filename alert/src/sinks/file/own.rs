//! A file of lines for whoever writes them without a courier between.

use super::lines::LinesFile;
use super::{FileSettings, Remarks, lines_file};
use crate::sinks::clock::{now, time};
use std::io::{self, Write};
use std::time::Duration;

/// A file that is rotated and kept as its settings say. What is written at once must be whole lines: a file may end behind each.
pub struct RotatedLines {
    file: LinesFile,
    sync_every: Duration,
    remarks: Remarks,
}

impl RotatedLines {
    /// Opens the file, takes its lock, and mends what a crash left of it.
    pub fn open(settings: &FileSettings) -> io::Result<Self> {
        let remarks = Remarks::default();
        let mut file = lines_file(settings, &settings.path, &remarks);
        file.open(time())?;
        Ok(Self { file, sync_every: settings.sync_every, remarks })
    }

    /// What the operator should know of what was met since the last time.
    pub fn remarks(&self) -> Vec<String> {
        self.remarks.take()
    }
}

impl Write for RotatedLines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.file.append(lines, false, time(), now())?;
        Ok(lines.len())
    }

    /// Nothing is held back; what is due is synced and rotated.
    fn flush(&mut self) -> io::Result<()> {
        let time = time();
        self.file.sync_if_due(self.sync_every, time);
        self.file.rotate_if_due(0, time);
        Ok(())
    }
}
