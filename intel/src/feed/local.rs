//! A file or a folder.

use super::{Intake, manner};
use crate::file;
use crate::source::{Reading, Source};
use crate::{Delivery, Extent, Provider, SyncError};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;
use weir_model::Timestamp;

/// What is remembered: of which files, and how they were.
const SEEN: &str = "seen";

pub(super) struct Local {
    name: Arc<str>,
    source: Source,
}

impl Local {
    pub(super) fn new(name: Arc<str>, path: &Path, reading: Reading) -> Self {
        Self { name, source: Source::of_path(path).read_as(reading) }
    }

    /// How the files are: their names, times, sizes and inodes, and how they are read. What is written while they are read changes the
    /// time, so that they are read again.
    fn look(&self) -> String {
        let mut text = manner(&self.source.reading);
        for path in file::files_of(&self.source) {
            let _ = write!(text, "\n{}", path.display());
            if let Ok(is) = fs::metadata(&path) {
                let _ = write!(text, " {} {} {} {}", is.mtime(), is.mtime_nsec(), is.size(), is.ino());
            }
        }
        Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).to_string()
    }
}

impl Provider for Local {
    fn deliver(&mut self, delivery: &mut dyn Delivery, _now: Timestamp) -> Result<Extent, SyncError> {
        let seen = self.look();
        if delivery.recall(SEEN)?.is_some_and(|before| before == seen) {
            return Ok(Extent::Nothing);
        }
        let mut intake = Intake::new(&self.name, &mut *delivery);
        if self.source.path().is_dir() {
            intake.be_one_of_many();
        }
        intake.read(|collector| file::load(&self.source, collector));
        intake.finish()?;
        delivery.remember(SEEN, Some(&seen))?;
        Ok(Extent::Whole)
    }
}
