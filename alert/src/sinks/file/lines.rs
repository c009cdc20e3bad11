//! The file that grows: whole lines or none.

use super::archive::Archive;
use super::series::{Series, sync_folder};
use super::torn::{self, Mended};
use crate::sinks::{Remarks, clock};
use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use weir_model::Timestamp;

/// Who may read what is written: owner and group.
pub(super) const MODE: u32 = 0o640;

/// How long a pipe that is full is left alone before it is tried again.
const PIPE_PAUSE: Duration = Duration::from_millis(20);

/// After a rotation that failed (a full disk), the file goes on growing for so long.
const ROTATION_PAUSE: Duration = Duration::from_mins(1);

/// A file of lines, opened when it is needed.
pub(super) struct LinesFile {
    path: PathBuf,
    rotation: Option<Rotation>,
    remarks: Remarks,
    open: Option<Open>,
    /// Since when something is written that is not synced.
    unsynced: Option<Timestamp>,
    /// No rotation before this time.
    not_before: Timestamp,
}

/// When a file is put away, and where to.
pub(super) struct Rotation {
    /// Before it becomes larger than that.
    pub bytes: u64,
    /// When another such span of time has begun.
    pub span: Duration,
    /// Who looks after what was put away.
    pub archive: Archive,
}

struct Open {
    file: File,
    kind: Opened,
}

enum Opened {
    /// A file that can be rotated, synced and cut: which one it is, and in which span of time its last line was written.
    Regular { device: u64, inode: u64, span: u128 },
    /// A pipe or a device: what of a line it has not taken yet must go before all else.
    Other { rest: Vec<u8> },
}

impl LinesFile {
    pub(super) fn new(path: &Path, rotation: Option<Rotation>, remarks: Remarks) -> Self {
        // A link stays where it is: what it leads to is rotated.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let not_before = Timestamp::EPOCH;
        Self { path, rotation, remarks, open: None, unsynced: None, not_before }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines: all of them or, where it fails, none. With `sync` they are on the disk when it comes back.
    pub(super) fn append(
        &mut self,
        lines: &[u8],
        sync: bool,
        now: Timestamp,
        until: Instant,
    ) -> io::Result<()> {
        self.close_if_moved();
        self.rotate_if_due(lines.len() as u64, now);
        let span = self.span_of(now);
        let open = self.opened(now)?;
        let written = match &mut open.kind {
            Opened::Other { rest } => return write_patiently(&mut open.file, rest, lines, until),
            Opened::Regular { span: last, .. } => {
                *last = span;
                write_or_take_back(&mut open.file, lines, sync)
            }
        };
        match written {
            Ok(()) => {
                self.unsynced = if sync { None } else { self.unsynced.or(Some(now)) };
                Ok(())
            }
            Err(Failure { error, is_clean }) => {
                if !is_clean {
                    // It is mended when it is opened again.
                    self.open = None;
                }
                Err(error)
            }
        }
    }

    /// Opens it, if it is not: takes the lock, and mends what a crash left.
    pub(super) fn open(&mut self, now: Timestamp) -> io::Result<()> {
        self.opened(now).map(|_| ())
    }

    fn opened(&mut self, now: Timestamp) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.open_anew(now)?,
        };
        Ok(self.open.insert(open))
    }

    fn open_anew(&self, now: Timestamp) -> io::Result<Open> {
        let found = fs::metadata(&self.path);
        if found.as_ref().is_ok_and(|found| !found.is_file()) {
            return open_other(&self.path);
        }
        let is_there = found.is_ok();
        let mut file = File::options().read(true).append(true).create(true).mode(MODE).open(&self.path)?;
        lock(&file)?;
        if !is_there {
            file.sync_all()?;
            sync_folder(&self.path)?;
        }
        if let Some(mended) = torn::mend(&mut file)? {
            self.remarks.add(&mended.said_of(&self.path));
        }
        if let Some((rotation, series)) = self.rotation.as_ref().zip(Series::of(&self.path)) {
            rotation.archive.look_after(&series);
        }
        let metadata = file.metadata()?;
        let last = if metadata.len() == 0 { now } else { written_last(&metadata).min(now) };
        let kind =
            Opened::Regular { device: metadata.dev(), inode: metadata.ino(), span: self.span_of(last) };
        Ok(Open { file, kind })
    }

    /// Somebody may have moved the file away, or deleted it: what comes goes into another.
    fn close_if_moved(&mut self) {
        let Some(Open { file, kind: Opened::Regular { device, inode, .. } }) = &self.open else { return };
        let is_there =
            fs::metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == (*device, *inode));
        if !is_there {
            // What was moved away is still read by whoever moved it.
            if let Err(error) = file.sync_data() {
                self.remarks.add(&format!("{}: {error}", self.path.display()));
            }
            self.open = None;
        }
    }

    /// Syncs what was written so long ago.
    pub(super) fn sync_if_due(&mut self, every: Duration, now: Timestamp) {
        let is_due = self.unsynced.is_some_and(|since| now.since(since) >= every || now < since);
        let Some(Open { file, kind: Opened::Regular { .. } }) = &self.open else { return };
        if is_due {
            self.unsynced = None;
            if let Err(error) = file.sync_data() {
                self.remarks.add(&format!("{}: {error}", self.path.display()));
            }
        }
    }

    /// Puts the file away if so many bytes more would be too many, or if another span of time has begun.
    pub(super) fn rotate_if_due(&mut self, more: u64, now: Timestamp) {
        let Some(rotation) = &self.rotation else { return };
        let Some(Open { file, kind: Opened::Regular { span, .. } }) = &self.open else { return };
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let is_due = length > 0 && (length + more > rotation.bytes || self.span_of(now) > *span);
        if !is_due || now < self.not_before {
            return;
        }
        if let Err(error) = self.rotate(now) {
            self.not_before = now + ROTATION_PAUSE;
            let path = self.path.display();
            self.remarks.add(&format!("{path} cannot be rotated, and goes on growing: {error}"));
        }
    }

    fn rotate(&mut self, now: Timestamp) -> io::Result<()> {
        let (Some(open), Some(rotation)) = (&self.open, &self.rotation) else { return Ok(()) };
        let series = Series::of(&self.path)
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "its name is no text"))?;
        open.file.sync_all()?;
        // The name is taken by an empty file first, so that the rename can only hit that.
        let target = series.reserve(now)?;
        if let Err(error) = fs::rename(&self.path, &target) {
            drop(fs::remove_file(&target));
            return Err(error);
        }
        rotation.archive.look_after(&series);
        self.open = None;
        self.unsynced = None;
        sync_folder(&self.path)
    }

    fn span_of(&self, time: Timestamp) -> u128 {
        let span = self.rotation.as_ref().map_or(0, |rotation| rotation.span.as_nanos());
        u128::from(time.as_nanos()).checked_div(span).unwrap_or(0)
    }
}

/// Whether it is a pipe with a name.
pub(super) fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

/// A pipe or a device. A pipe without a reader fails here, instead of waiting for one.
fn open_other(path: &Path) -> io::Result<Open> {
    let file =
        File::options().write(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(|error| {
            if error.raw_os_error() == Some(libc::ENXIO) { nobody_reads() } else { error }
        })?;
    Ok(Open { file, kind: Opened::Other { rest: Vec::new() } })
}

fn nobody_reads() -> io::Error {
    io::Error::new(ErrorKind::BrokenPipe, "nobody reads the pipe")
}

/// Two that write the same file would tear each other's lines. Where a file system has no locks, it goes without.
fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(ErrorKind::ResourceBusy, "another process, or another sink, writes it"))
        }
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
        _ => Ok(()),
    }
}

fn written_last(metadata: &Metadata) -> Timestamp {
    let time = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Timestamp::EPOCH + time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

struct Failure {
    error: io::Error,
    /// The file ends where it did before.
    is_clean: bool,
}

/// Writes lines; where that fails (a full disk), what was written of them is cut off again.
fn write_or_take_back(file: &mut File, lines: &[u8], sync: bool) -> Result<(), Failure> {
    let before = file.metadata().map_err(|error| Failure { error, is_clean: true })?.len();
    let written = file.write_all(lines).and_then(|()| if sync { file.sync_data() } else { Ok(()) });
    written.map_err(|error| {
        let cut = file.set_len(before).and_then(|()| file.sync_data());
        Failure { error, is_clean: cut.is_ok() }
    })
}

/// Writes into what may take a part and then no more for a while. A line that was begun is ended before another begins.
fn write_patiently(file: &mut File, rest: &mut Vec<u8>, lines: &[u8], until: Instant) -> io::Result<()> {
    let begun = rest.len();
    rest.extend_from_slice(lines);
    let mut written = 0;
    let result = loop {
        let Some(left) = rest.get(written..).filter(|left| !left.is_empty()) else { break Ok(()) };
        match file.write(left) {
            Ok(0) => break Err(ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && clock::now() < until => {
                std::thread::sleep(PIPE_PAUSE);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                break Err(io::Error::new(ErrorKind::TimedOut, "whoever reads the pipe is too slow"));
            }
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break Err(nobody_reads()),
            Err(error) => break Err(error),
        }
    };
    keep_rest(rest, begun, written);
    result
}

/// Keeps what is missing of the line that was begun; all lines behind it come again.
fn keep_rest(rest: &mut Vec<u8>, begun: usize, written: usize) {
    let line_end = |from: usize| {
        let found = rest.iter().skip(from).position(|byte| *byte == b'\n');
        found.map_or(rest.len(), |at| from + at + 1)
    };
    let is_between_lines = written.checked_sub(1).is_none_or(|last| rest.get(last) == Some(&b'\n'));
    let end = if written < begun {
        begun
    } else if is_between_lines {
        written
    } else {
        line_end(written)
    };
    rest.truncate(end);
    rest.drain(..written.min(end));
}

impl Mended {
    fn said_of(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Cut { bytes } => {
                format!("{path} ended in part of a line, as a crash leaves it: {bytes} bytes are cut off")
            }
            Self::Ended => {
                format!("{path} ended in something without a line end, which is not ours: it got one")
            }
        }
    }
}
