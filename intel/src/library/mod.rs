//! What every source says, kept on disk between runs.
//!
//! A [`Library`] takes deliveries ([`Library::deliver`]), each a transaction under the eyes of a [`Guard`], and composes from all that the
//! sources say the one set of what counts at a time ([`Reader::compose`]): each value once, with the contexts of all sources that say it,
//! as their [`Policies`] want it. It remembers what was withdrawn lately and how each source fares.
//!
//! It is a file of SQLite. Segment files of our own, written whole at each delivery, would be faster to compose from, but sources that
//! deliver changes by the minute (MISP: look up by id, replace, remove by event) need an index that can be changed, atomically, beside
//! readers, with a log against crashes; that is a database, and this one is tested better than ours would be.

mod apply;
mod bits;
mod changes;
mod compose;
mod contexts;
mod decay;
mod find;
mod guard;
mod policy;
mod rows;
mod schema;
mod spool;
mod state;
#[cfg(test)]
mod tests;
mod upkeep;
mod values;

pub use apply::Delivered;
pub use changes::{Change, DeliveryLine, Happened};
pub use compose::{Composed, Tally};
pub use decay::Decay;
pub use find::{Said, Standing};
pub use guard::Guard;
pub use policy::{Filter, Filtered, Lifetimes, Policies, Policy, Wanted};
pub use state::{Failure, Held, SourceState};

use crate::{Provider, SyncError, SyncErrorKind};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weir_model::Timestamp;

/// Most entries kept of one source: twice the set that Weir is made for. What is beyond is refused as `too_many`: a hostile or broken source
/// cannot fill the disk.
pub const MAX_ENTRIES_PER_SOURCE: u64 = 20_000_000;
/// Most different things kept that a source says of one value under one name (a list with the same address on many lines). The first
/// count; otherwise a list that repeats one value with a million comments would make one indicator of a million contexts.
pub const MAX_PARTS: i64 = 8;
/// Most refusals of a source that are kept, about 20 MB. Beyond they are counted by reason.
pub const MAX_REFUSALS_KEPT: u64 = 100_000;
/// Longest note, with its key, in bytes; cursors and manifests of a provider are far shorter. Beyond, the delivery fails.
pub const MAX_NOTE_BYTES: usize = 1 << 20;
/// Most things that a provider may do in one delivery; beyond, the delivery fails. Bounds the file that holds them.
pub const MAX_STEPS: u64 = 100_000_000;
/// How long is remembered what was withdrawn and delivered.
pub const MEMORY: Duration = Duration::from_hours(30 * 24);
/// Most withdrawn entries that are remembered, about 100 MB; the oldest are forgotten first.
pub const MAX_WITHDRAWN: u64 = 1_000_000;
/// Most deliveries that are remembered; the oldest are forgotten first.
pub const MAX_DELIVERIES: u64 = 100_000;

/// The library, to write and to read: see [`Reader`] for what can be read.
#[derive(Debug)]
pub struct Library {
    reader: Reader,
    path: PathBuf,
    damage: Option<LibraryError>,
}

/// The library, to read. It sees what was committed, and never waits for a delivery.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// The library was damaged and set aside: a new, empty one was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where the damaged file is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: LibraryError,
}

/// Whoever waits for a delivery.
pub trait Observer {
    /// How far it is: `done` of `total` if that is known, in what `unit` names.
    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        let _ = (done, total, unit);
    }

    /// Whether somebody wants to stop.
    fn is_stopped(&self) -> bool {
        false
    }

    /// The time by our clock, so that it is known how long a delivery took.
    fn now(&self) -> Option<Timestamp> {
        None
    }
}

/// Nobody waits.
impl Observer for () {}

impl Library {
    /// Opens the library of a path, or begins it.
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        Ok(Self { reader: Reader { connection: schema::open(path)? }, path: path.to_owned(), damage: None })
    }

    /// As [`Library::open`], but a file that is damaged, or none of ours, is renamed and another begun, so that the sensor starts.
    pub fn open_or_set_aside(path: &Path) -> Result<(Self, Option<SetAside>), LibraryError> {
        match Self::open(path) {
            Err(error @ (LibraryError::Damaged(_) | LibraryError::Foreign)) => {
                let path_aside =
                    schema::set_aside(path).map_err(|error| LibraryError::Store(error.to_string()))?;
                Ok((Self::open(path)?, Some(SetAside { path: path_aside, error })))
            }
            library => Ok((library?, None)),
        }
    }

    /// Closes a library in which damage was met ([`LibraryError::Damaged`]), renames it and begins another.
    pub fn set_aside(self, error: LibraryError) -> Result<(Self, SetAside), LibraryError> {
        let Self { reader, path, .. } = self;
        drop(reader);
        let aside = schema::set_aside(&path).map_err(|error| LibraryError::Store(error.to_string()))?;
        Ok((Self::open(&path)?, SetAside { path: aside, error }))
    }

    /// Another writer on the same library, for another thread: deliveries of several sources may run at once, as only their last part, that
    /// of applying, waits for others.
    pub fn another(&self) -> Result<Self, LibraryError> {
        Self::open(&self.path)
    }

    /// A reader for another thread.
    pub fn reader(&self) -> Result<Reader, LibraryError> {
        Reader::open(&self.path)
    }

    /// Asks a provider, and keeps what it says: all of it or nothing. What goes wrong is returned, and written into the state of the source.
    /// A delivery that looks wrong to the guard of the policy is an error of the kind [`SyncErrorKind::Held`].
    pub fn deliver(
        &mut self,
        source: &str,
        policy: &Policy,
        provider: &mut dyn Provider,
        now: Timestamp,
        observer: &mut dyn Observer,
    ) -> Result<Delivered, SyncError> {
        let result = self.take(source, policy, provider, now, observer);
        let duration = observer.now().map(|end| end.since(now));
        let recorded =
            self.write(|connection| state::record(connection, source, now, duration, result.as_ref().err()));
        if let Err(Trouble::Library(error @ LibraryError::Damaged(_))) = &result {
            self.damage = Some(error.clone());
        }
        match (result, recorded) {
            (Ok(delivered), Ok(())) => Ok(delivered),
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(trouble), _) => Err(trouble.into()),
        }
    }

    /// The damage that a delivery met, if one did: the library should be set aside.
    pub const fn damage(&self) -> Option<&LibraryError> {
        self.damage.as_ref()
    }

    fn take(
        &mut self,
        source: &str,
        policy: &Policy,
        provider: &mut dyn Provider,
        now: Timestamp,
        observer: &mut dyn Observer,
    ) -> Result<Delivered, Trouble> {
        let before = state::row(&self.reader.connection, source)?;
        let known = before.as_ref().map(|row| row.id);
        let mut spool = spool::Spool::new(&self.reader.connection, known, &self.path, observer);
        let extent = provider.deliver(&mut spool, now)?;
        let spooled = spool.finish()?;
        let deliveries = before.map_or(0, |row| row.deliveries);
        let transaction = self.reader.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let row = state::row_or_new(&transaction, source)?;
        if row.deliveries != deliveries {
            let text =
                "something else was delivered from this source meanwhile; this delivery does not count";
            return Err(SyncError::new(SyncErrorKind::Store, text).into());
        }
        let delivered = apply::apply(&transaction, &row, &spooled, extent, policy, now, observer)?;
        transaction.commit()?;
        Ok(delivered)
    }

    /// Lets the next delivery of a source through, whatever the guard says of it; `false` if there is no such source.
    pub fn release_held(&mut self, source: &str) -> Result<bool, LibraryError> {
        self.write(|connection| {
            Ok(connection.execute("UPDATE source SET released = 1 WHERE name = ?1", [source])? > 0)
        })
    }

    /// Forgets a source and all that it says; what it said is remembered as withdrawn. `false` if there is no such source.
    pub fn forget(&mut self, source: &str, now: Timestamp) -> Result<bool, LibraryError> {
        self.write(|connection| upkeep::forget(connection, source, now))
    }

    fn write<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        let transaction = self.reader.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = change(&transaction)?;
        transaction.commit()?;
        Ok(changed)
    }
}

impl Deref for Library {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl Reader {
    /// Opens the library of a path to read, which must exist.
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        Ok(Self { connection: schema::open_to_read(path)? })
    }

    /// Writes all that is committed into a file that is not there yet, beside whoever writes.
    pub fn copy_to(&self, path: &Path) -> Result<(), LibraryError> {
        let name =
            path.to_str().ok_or_else(|| LibraryError::Store("the path is no Unicode text".to_owned()))?;
        self.connection.execute("VACUUM INTO ?1", [name])?;
        Ok(())
    }

    /// Reads all of it, and says what is wrong with the file.
    pub fn check(&self) -> Result<(), LibraryError> {
        let said: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said == "ok" { Ok(()) } else { Err(LibraryError::Damaged(said)) }
    }
}

/// What can go wrong with the library itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LibraryError {
    /// The file is damaged.
    Damaged(String),
    /// The file is a database, but none of ours.
    Foreign,
    /// A newer Weir made it.
    Newer {
        /// The form of its tables.
        found: i32,
    },
    /// Another process writes, and does not come to an end.
    Busy,
    /// It cannot be read or written: disk, permissions.
    Store(String),
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(text) => write!(f, "the library of indicators is damaged: {text}"),
            Self::Foreign => f.write_str("the file is no library of indicators of Weir"),
            Self::Newer { found } => write!(
                f,
                "the library of indicators was written by a newer Weir (form {found}, this one knows {}): use that one, or move the file away",
                schema::VERSION
            ),
            Self::Busy => {
                f.write_str("another process is writing into the library of indicators: try again later")
            }
            Self::Store(text) => write!(f, "the library of indicators cannot be read or written: {text}"),
        }
    }
}

impl std::error::Error for LibraryError {}

impl From<rusqlite::Error> for LibraryError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            // Without a code: a table or a column is not what it should be.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
                Self::Damaged(error.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(_) => Self::Store(error.to_string()),
        }
    }
}

impl From<LibraryError> for SyncError {
    fn from(error: LibraryError) -> Self {
        Self::new(SyncErrorKind::Store, error.to_string())
    }
}

/// Why nothing came of a delivery.
#[derive(Debug)]
enum Trouble {
    /// The guard holds it.
    Held { was: u64, would_be: u64 },
    /// The source, or what it says.
    Source(SyncError),
    /// The library.
    Library(LibraryError),
}

impl From<Trouble> for SyncError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Held { was, would_be } => Self::new(SyncErrorKind::Held, held_text(was, would_be)),
            Trouble::Source(error) => error,
            Trouble::Library(error) => error.into(),
        }
    }
}

/// What people read of a delivery that is held.
fn held_text(was: u64, would_be: u64) -> String {
    format!(
        "held: was {was} entries, would be {would_be}; what the source said before stays until this is released"
    )
}

impl From<SyncError> for Trouble {
    fn from(error: SyncError) -> Self {
        Self::Source(error)
    }
}

impl From<LibraryError> for Trouble {
    fn from(error: LibraryError) -> Self {
        Self::Library(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Library(error.into())
    }
}
