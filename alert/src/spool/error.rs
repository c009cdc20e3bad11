//! What can go wrong with the spool.

use rusqlite::ErrorCode;
use std::fmt;
use std::io;
use std::path::Path;

/// What went wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolError {
    /// What kind of trouble it is.
    pub kind: SpoolErrorKind,
    /// What was met, in the words of whoever met it.
    pub detail: String,
}

/// The kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpoolErrorKind {
    /// There is no room on the disk. It works again when there is.
    Full,
    /// The file, its directory or its file system may not be written.
    ReadOnly,
    /// The file is damaged, or is no spool.
    Damaged,
    /// A later version of Weir made it.
    Later,
    /// Another process has it open, or another part of this one the cursor.
    InUse,
    /// A message that is not made to be stored.
    NotStored,
    /// Anything else: a disk that fails, a directory that is not there.
    Other,
}

impl SpoolErrorKind {
    /// As written in metrics.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Damaged => "damaged",
            Self::Later => "later_version",
            Self::InUse => "in_use",
            Self::NotStored => "not_stored",
            Self::Other => "other",
        }
    }

    /// What is the matter and what to do.
    const fn advice(self) -> &'static str {
        match self {
            Self::Full => {
                "there is no room for the spool of messages: make room on the disk of the state directory (what is to be told waits until then)"
            }
            Self::ReadOnly => {
                "the spool of messages may not be written: the state directory must be writable for Weir, on a file system that is"
            }
            Self::Damaged => {
                "the spool of messages is damaged: stop Weir, move spool.sqlite away (with spool.sqlite-wal) and start it again"
            }
            Self::Later => {
                "the spool of messages was made by a later version of Weir: use that one, or move spool.sqlite away"
            }
            Self::InUse => {
                "the spool of messages is in use: is another Weir running with this state directory?"
            }
            Self::NotStored => "a message cannot be stored",
            Self::Other => "the spool of messages cannot be read or written",
        }
    }
}

impl SpoolError {
    pub(super) fn new(kind: SpoolErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => SpoolErrorKind::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SpoolErrorKind::Full,
            _ => SpoolErrorKind::Other,
        };
        Self::new(kind, format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind.advice(), self.detail)
    }
}

impl std::error::Error for SpoolError {}

impl From<rusqlite::Error> for SpoolError {
    fn from(error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => SpoolErrorKind::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                SpoolErrorKind::ReadOnly
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SpoolErrorKind::InUse,
            // Without a code: a table or a column is not what it should be.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => SpoolErrorKind::Damaged,
            Some(_) => SpoolErrorKind::Other,
        };
        Self::new(kind, error.to_string())
    }
}
