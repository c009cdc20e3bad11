//! How rotated files are called: `alerts-20261123T021400123Z.json`, by the time of their rotation, so that they sort by it.

use super::archive::ENDINGS;
use super::lines::MODE;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weir_model::Timestamp;

/// Names that are tried for one rotation: a millisecond apart, so this many rotations in a second.
const MAX_TRIES: u32 = 1000;

/// What begins the name of a file that is not whole yet ends so.
pub(super) const PART: &str = ".part";

/// The files that came of one by rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    folder: PathBuf,
    stem: String,
    /// With its point, or empty.
    extension: String,
}

/// One of them, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub time: Timestamp,
    pub form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Compressed,
    /// What was begun to be compressed.
    Part,
}

impl Series {
    /// What comes of the file at `path`; `None` if its name is no text.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (stem, extension) = match name.rfind('.').filter(|at| *at > 0) {
            Some(at) => name.split_at_checked(at)?,
            None => (name, ""),
        };
        Some(Self { folder: folder(path), stem: stem.to_owned(), extension: extension.to_owned() })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes a name for what is rotated at this time, or right after it, by an empty file.
    pub(super) fn reserve(&self, now: Timestamp) -> io::Result<PathBuf> {
        for later in 0..MAX_TRIES {
            let time = now + Duration::from_millis(later.into());
            let name = format!("{}-{}{}", self.stem, compact(time), self.extension);
            let path = self.folder.join(&name);
            let is_taken = ENDINGS
                .iter()
                .any(|ending| self.folder.join(format!("{name}{ending}")).symlink_metadata().is_ok());
            if is_taken {
                continue;
            }
            match File::options().write(true).create_new(true).mode(MODE).open(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "all names for what is rotated in this second are taken",
        ))
    }

    /// Reads a name; `None` for one that is not of this series.
    pub(super) fn read(&self, name: &str) -> Option<Name> {
        let rest = name.strip_prefix(&*self.stem)?.strip_prefix('-')?;
        let (time, rest) = rest.split_at_checked(COMPACT)?;
        let rest = rest.strip_prefix(&*self.extension)?;
        let form = match rest.strip_suffix(PART) {
            None if rest.is_empty() => Form::Plain,
            None if ENDINGS.contains(&rest) => Form::Compressed,
            Some(rest) if ENDINGS.contains(&rest) => Form::Part,
            _ => return None,
        };
        Some(Name { time: parse(time)?, form })
    }
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Has names in a file's folder outlive a power cut. A folder that may be written but not read cannot be synced; then they mostly do.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(folder(path)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        opened => opened?.sync_all(),
    }
}

/// `20261123T021400123Z`
const COMPACT: usize = 19;

fn compact(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_nanosecond(time.as_nanos().into()).unwrap_or_default();
    format!("{time:.3}").replace(['-', ':', '.'], "")
}

fn parse(text: &str) -> Option<Timestamp> {
    let digits = |range: std::ops::Range<usize>| text.get(range);
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let (hour, minute, second, millis) = (digits(9..11)?, digits(11..13)?, digits(13..15)?, digits(15..18)?);
    let time: jiff::Timestamp =
        format!("{year}-{month}-{day}T{hour}:{minute}:{second}.{millis}Z").parse().ok()?;
    let time = Timestamp::from_nanos(u64::try_from(time.as_nanosecond()).ok()?);
    // Only what is written like this is ours.
    (compact(time) == text).then_some(time)
}
