//! What becomes of rotated files, on a thread of its own: compressed, kept for a time, deleted.
//!
//! The folder is all there is to know: whatever a crash interrupted is found there and done again.

use super::Compression;
use super::lines::MODE;
use super::series::{Form, PART, Series, sync_folder};
use crate::sinks::Remarks;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use weir_model::Timestamp;

/// What compressed files end in; the first is that of [`Compression::Gzip`], the second of [`Compression::Zstd`].
pub(super) const ENDINGS: [&str; 2] = [GZIP, ZSTD];
const GZIP: &str = ".gz";
const ZSTD: &str = ".zst";

/// What was rotated grows old while nothing is rotated.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// Bytes compressed between two looks at whether it is time to leave.
const CHUNK: usize = 256 << 10;

/// What is done with rotated files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub compress: Compression,
    pub keep: Duration,
    pub keep_bytes: u64,
}

/// Has a thread from the first rotation, or opening, on.
pub(super) struct Archive {
    jobs: Option<SyncSender<Series>>,
    thread: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Archive {
    pub(super) fn new(rules: Rules, remarks: Remarks) -> Self {
        let (jobs, taken) = sync_channel::<Series>(1);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let look = move || {
            let mut series = None;
            loop {
                match taken.recv_timeout(LOOK_EVERY) {
                    Ok(of) => series = Some(of),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                if let Some(series) = &series {
                    tidy(series, &rules, super::time(), &over, &remarks);
                }
            }
        };
        let thread = thread::Builder::new().name("weir-archive".to_owned()).spawn(look).ok();
        Self { jobs: Some(jobs), thread, is_over }
    }

    /// Has the thread look at the folder. One that is looking looks once more when it is asked meanwhile.
    pub(super) fn look_after(&self, series: &Series) {
        if let Some(jobs) = &self.jobs {
            drop(jobs.try_send(series.clone()));
        }
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Rotated {
    time: Timestamp,
    form: Form,
    path: PathBuf,
    bytes: u64,
}

/// Looks at all that was rotated.
pub(super) fn tidy(series: &Series, rules: &Rules, now: Timestamp, is_over: &AtomicBool, remarks: &Remarks) {
    let complain = |path: &Path, error: &io::Error| {
        remarks.add(&format!("{} cannot be put in order: {error}", path.display()));
    };
    let files = match list(series) {
        Ok(files) => files,
        Err(error) => return complain(series.folder(), &error),
    };
    // Parts first: they stand where others are to be written.
    for part in files.iter().filter(|file| file.form == Form::Part) {
        if let Err(error) = fs::remove_file(&part.path) {
            complain(&part.path, &error);
        }
    }
    for file in files.iter().filter(|file| file.form == Form::Plain && file.bytes > 0) {
        match compress(&file.path, rules.compress, is_over) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return,
            Err(error) => complain(&file.path, &error),
            Ok(()) => {}
        }
    }
    for file in outdated(list(series).unwrap_or_default(), rules, now) {
        if let Err(error) = fs::remove_file(&file) {
            complain(&file, &error);
        }
    }
}

/// What is too old, or too much: then the oldest go. Empty files are names that a rotation takes at this moment, or took when it was
/// interrupted; they go by age.
fn outdated(mut files: Vec<Rotated>, rules: &Rules, now: Timestamp) -> Vec<PathBuf> {
    files.sort_by_key(|file| std::cmp::Reverse(file.time));
    let mut bytes: u64 = 0;
    files.retain(|file| {
        bytes = bytes.saturating_add(file.bytes);
        let is_too_much = file.bytes > 0 && bytes > rules.keep_bytes;
        is_too_much || now.since(file.time) > rules.keep
    });
    files.into_iter().map(|file| file.path).collect()
}

/// The files of a series, oldest first. What only looks like one (a link, a folder) is left alone.
fn list(series: &Series) -> io::Result<Vec<Rotated>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(series.folder())? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(|name| series.read(name)) else { continue };
        // Not followed where it is a link.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            files.push(Rotated {
                time: name.time,
                form: name.form,
                path: entry.path(),
                bytes: metadata.len(),
            });
        }
    }
    files.sort_by(|one, other| (one.time, &one.path).cmp(&(other.time, &other.path)));
    Ok(files)
}

/// Puts a compressed file in the place of one that is not. At every moment one of them is whole and on the disk.
fn compress(path: &Path, how: Compression, is_over: &AtomicBool) -> io::Result<()> {
    let ending = match how {
        Compression::None => return Ok(()),
        Compression::Gzip => GZIP,
        Compression::Zstd => ZSTD,
    };
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let (done, part) = (with(ending), with(&format!("{ending}{PART}")));
    let written = write_compressed(path, &part, how, is_over).and_then(|()| fs::rename(&part, &done));
    if let Err(error) = written {
        drop(fs::remove_file(&part));
        return Err(error);
    }
    sync_folder(path)?;
    fs::remove_file(path)?;
    sync_folder(path)
}

fn write_compressed(path: &Path, part: &Path, how: Compression, is_over: &AtomicBool) -> io::Result<()> {
    let from = File::open(path)?;
    let into = File::options().write(true).create_new(true).mode(MODE).open(part)?;
    let into = match how {
        Compression::Zstd => {
            let mut packer = zstd::Encoder::new(into, 0)?;
            packer.include_checksum(true)?;
            copy(&from, &mut packer, is_over)?;
            packer.finish()?
        }
        Compression::Gzip | Compression::None => {
            let mut packer = GzEncoder::new(into, flate2::Compression::default());
            copy(&from, &mut packer, is_over)?;
            packer.finish()?
        }
    };
    into.sync_all()
}

fn copy(mut from: &File, into: &mut impl Write, is_over: &AtomicBool) -> io::Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        if is_over.load(Ordering::Relaxed) {
            return Err(ErrorKind::Interrupted.into());
        }
        chunk.clear();
        if Read::by_ref(&mut from).take(CHUNK as u64).read_to_end(&mut chunk)? == 0 {
            return Ok(());
        }
        into.write_all(&chunk)?;
    }
}
