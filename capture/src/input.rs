//! What was named as input, and the files that it comes to.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::problem::{Fault, OpenError};
use crate::reader::Report;

/// Folders within folders. Symbolic links to folders are not followed, so only a real tree gets this deep; what is
/// deeper is skipped and counted.
pub const MAX_FOLDER_DEPTH: usize = 64;

/// Skipped files that are remembered by name; all are counted.
pub const MAX_SKIPPED_LISTED: usize = 1000;

/// Something to read frames from.
pub enum Input {
    /// A file (also a named pipe), or a folder whose files are read, sorted by name, folders in it likewise.
    Path(PathBuf),
    /// Standard input.
    StandardInput,
    /// Any other stream of bytes, and the name that problems with it are reported under.
    Stream {
        /// What to call it.
        name: String,
        /// Its bytes.
        reader: Box<dyn Read + Send>,
    },
}

impl Input {
    /// As named on a command line: `-` is standard input, anything else a path.
    pub fn from_argument(argument: impl AsRef<OsStr>) -> Self {
        match argument.as_ref() {
            dash if dash == "-" => Self::StandardInput,
            path => Self::Path(PathBuf::from(path)),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "Path({})", path.display()),
            Self::StandardInput => write!(f, "StandardInput"),
            Self::Stream { name, .. } => write!(f, "Stream({name})"),
        }
    }
}

/// A file in a folder that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Why it was not read.
    pub reason: SkipReason,
}

/// Why a file in a folder was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// Its first bytes (after decompression) are of no known capture format.
    NotACapture,
    /// It has no bytes.
    Empty,
    /// A device, pipe, socket, or a symbolic link to a folder.
    NotAFile,
    /// A folder deeper than [`MAX_FOLDER_DEPTH`].
    TooDeep,
}

/// One input after folders have been listed.
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) place: Place,
}

pub(crate) enum Place {
    File(PlainFile),
    Stream(Box<dyn Read + Send>),
}

/// A regular file, which can be opened again.
#[derive(Clone, Debug)]
pub(crate) struct PlainFile {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    /// Found in a folder: it may turn out to be no capture.
    pub(crate) in_folder: bool,
}

/// Lists folders; what cannot be read is reported and left out.
pub(crate) fn list(inputs: Vec<Input>, report: &mut Report) -> Result<Vec<Listed>, OpenError> {
    let mut listed = Vec::new();
    let mut standard_input_named = false;
    for input in inputs {
        match input {
            Input::Path(path) => list_path(&path, &mut listed, report),
            Input::StandardInput if standard_input_named => return Err(OpenError::StandardInputTwice),
            Input::StandardInput => {
                standard_input_named = true;
                let place = Place::Stream(Box::new(io::stdin()));
                listed.push(Listed { name: "standard input".to_owned(), place });
            }
            Input::Stream { name, reader } => listed.push(Listed { name, place: Place::Stream(reader) }),
        }
    }
    Ok(listed)
}

fn list_path(path: &Path, listed: &mut Vec<Listed>, report: &mut Report) {
    let name = path.display().to_string();
    let place = fs::metadata(path).and_then(|metadata| {
        if metadata.is_dir() {
            Ok(None)
        } else if metadata.is_file() {
            Ok(Some(Place::File(PlainFile { path: path.to_owned(), size: metadata.len(), in_folder: false })))
        } else {
            Ok(Some(Place::Stream(Box::new(File::open(path)?))))
        }
    });
    match place {
        Ok(Some(place)) => listed.push(Listed { name, place }),
        Ok(None) => list_folder(path, 0, listed, report),
        Err(error) => report.problem(name, Fault::from_io(&error)),
    }
}

fn list_folder(folder: &Path, depth: usize, listed: &mut Vec<Listed>, report: &mut Report) {
    if depth > MAX_FOLDER_DEPTH {
        return report.skip(folder, SkipReason::TooDeep);
    }
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> = match entries {
        Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
        Err(error) => return report.problem(folder.display().to_string(), Fault::from_io(&error)),
    };
    paths.sort_unstable();
    for path in paths {
        list_entry(path, depth, listed, report);
    }
}

fn list_entry(path: PathBuf, depth: usize, listed: &mut Vec<Listed>, report: &mut Report) {
    let metadata = fs::metadata(&path).and_then(|target| Ok((target, fs::symlink_metadata(&path)?)));
    match metadata {
        Ok((target, entry)) if target.is_dir() && !entry.is_symlink() => {
            list_folder(&path, depth + 1, listed, report);
        }
        Ok((target, _)) if target.is_file() => {
            let name = path.display().to_string();
            let file = PlainFile { path, size: target.len(), in_folder: true };
            listed.push(Listed { name, place: Place::File(file) });
        }
        Ok(_) => report.skip(&path, SkipReason::NotAFile),
        Err(error) => report.problem(path.display().to_string(), Fault::from_io(&error)),
    }
}
