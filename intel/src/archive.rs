//! Zip archives: each file in them is read as if it lay in a folder.

use crate::collect::{Collector, Origin};
use crate::file;
use crate::source::Reading;
use crate::{Place, RefusalReason};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How an archive begins that holds at least one file.
pub(crate) const MAGIC: &[u8] = b"PK\x03\x04";
/// Most files in an archive: collections of lists have some hundred. Adversary: an archive of a million empty files. One with more is
/// refused as `too_large`.
const MAX_MEMBERS: usize = 10_000;
/// Most bytes of all files in an archive, unpacked, where nobody says otherwise: a hundred million domains. Adversary: a bomb. What
/// exceeds it is refused as `too_large`.
pub(crate) const MAX_UNPACKED_BYTES: u64 = 4 << 30;

/// Loads all files of an archive in their order there; archives in it are not followed. Their names are only shown.
pub(crate) fn load(
    archive: File,
    reading: &Reading,
    origin: &Origin,
    max_unpacked_bytes: u64,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(archive)?;
    if archive.len() > MAX_MEMBERS {
        let text = format!("an archive of {} files", archive.len());
        collector.refuse(origin, Place::File, &text, RefusalReason::TooLarge);
        return Ok(());
    }
    let mut left = max_unpacked_bytes;
    for at in 0..archive.len() {
        let mut member = archive.by_index(at)?;
        if member.is_dir() {
            continue;
        }
        let name = member.name()?.into_owned();
        let origin = Origin {
            path: format!("{}/{name}", origin.path).into(),
            source: format!("{}/{name}", origin.source).into(),
        };
        let bounded = Bounded { inner: &mut member, left: &mut left };
        let loaded =
            file::load_stream(bounded, Path::new(&name), reading, &origin, max_unpacked_bytes, collector);
        if let Err(error) = loaded {
            collector.refuse(&origin, Place::File, &error.to_string(), file::reason_of(&error));
        }
    }
    Ok(())
}

/// Ends with an error where it would be too much.
pub(crate) struct Bounded<'a, R> {
    pub(crate) inner: R,
    /// How many bytes may come.
    pub(crate) left: &'a mut u64,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(to)?;
        *self.left = self.left.checked_sub(read as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}
