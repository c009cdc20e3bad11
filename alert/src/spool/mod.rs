//! Where messages wait until every sink has them: on the disk, and synced before anybody acts on them.
//!
//! [`Spool::append`] takes messages, all of a batch or none; when it comes back they survive the loss of power. Each sink has a [`Cursor`]
//! (several, if it has several ways out), which gives it messages ([`Cursor::next`]) and moves past what it says it is done with
//! ([`Cursor::settle`]). So a message reaches every sink at least once: what was settled within the last moments before a crash may come again,
//! with the same identifier.
//!
//! **Order.** A cursor gives what it has not settled, [`Lane::Openings`] first, then [`Lane::Rest`], each oldest first. So it gives a message
//! only behind all messages with the same key that were appended earlier and are not settled: those in the same lane are older, and an
//! incident's opening, which is in the other, goes first whenever it was appended. What is appended must hold to one thing for it: that the
//! opening of an incident is appended before its other notices. If a message of a batch fails and later ones with other keys are settled,
//! the next batch begins with the one that failed, and those that were settled do not come again (unless there is a crash).
//!
//! **Room.** What all cursors have settled is taken out. What grows older than [`Limits::max_age`], or has no room in [`Limits::max_bytes`],
//! falls off the end and is counted with each cursor that had not settled it: of the rest as long as there is any, the oldest first; then of the openings.
//! The bytes are those of pages of the file that are in use. Free pages are used again, so the file stays as large as it once was: the
//! budget, one batch, and beside it a log of 4 MiB or the largest batch.
//!
//! **Counts** of each cursor are changed in the same transaction as its place, so that they balance whatever happens, across restarts.
//!
//! Flows, names and ledgers of a sink that asks for it wait in a [`Depot`], a file of its own with limits of its own, so that they never push
//! messages out, and whoever appends a message never waits for them.
//!
//! It is a file of SQLite, as the library of intelligence is; docs/ARCHITECTURE.md says why.

mod books;
mod cursor;
mod depot;
mod error;
mod file;
mod store;
#[cfg(test)]
mod tests;
mod window;

pub use books::Counts;
pub use cursor::{Cursor, Settled, Spooled};
pub use depot::{Depot, DepotCounts, DepotState, HeldBundle};
pub use error::{SpoolError, SpoolErrorKind};
pub use store::MAX_NOTES;
pub use window::MAX_UNDER_WAY;

use crate::{Lane, Message};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::{Entry, Store};
use weir_model::Timestamp;

/// How much waits, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in use in the file.
    pub max_bytes: u64,
    /// Age of a message.
    pub max_age: Duration,
}

/// Where a cursor begins that was not there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// With the first message that is held.
    First,
    /// With the next one that is appended.
    Next,
}

/// A message to be appended.
#[derive(Clone, Debug)]
pub struct SpoolEntry<'a> {
    /// The message.
    pub message: &'a Message,
    /// What must be known again of it after a crash, see [`Spool::notes_after`].
    pub note: Option<String>,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Sequence of the last message that is in the spool; those of the batch are the last ones.
    pub last: u64,
    /// Messages that fell off the end for want of room before all sinks had them.
    pub expired: u64,
}

/// How the spool stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpoolState {
    /// Bytes in use.
    pub bytes: u64,
    /// Bytes that may be, see [`Limits::max_bytes`].
    pub limit_bytes: u64,
    /// Messages that are there.
    pub entries: u64,
    /// When the oldest of them was appended.
    pub oldest: Option<Timestamp>,
    /// Messages that were ever appended.
    pub appended: u64,
    /// Messages that fell off the end before all sinks had them.
    pub expired: u64,
    /// What waited for sinks that were forgotten.
    pub forgotten: u64,
    /// How each cursor stands, by sink and part.
    pub cursors: Vec<CursorState>,
}

/// How a cursor stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorState {
    /// Whose it is.
    pub sink: Arc<str>,
    /// Which of the sink's.
    pub part: Arc<str>,
    /// Whether somebody has it.
    pub is_open: bool,
    /// What became of the messages for it.
    pub counts: Counts,
}

/// A spool that was damaged, or no spool, was renamed and another begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: SpoolError,
}

/// A handle on the spool. All handles are of one connection, which one thread uses at a time.
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
}

struct Shared {
    store: Mutex<Store>,
    last: Mutex<u64>,
    appended: Condvar,
}

impl Spool {
    /// Opens the spool of a path, or begins it. One process may have it open.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, SpoolError> {
        Ok(Self::new(Store::new(file::open(path, &file::MESSAGES)?, limits)?))
    }

    /// As [`Spool::open`], but a file that is damaged, or none of ours, is renamed and another begun, so that the sensor starts.
    pub fn open_or_set_aside(path: &Path, limits: Limits) -> Result<(Self, Option<SetAside>), SpoolError> {
        match Self::open(path, limits) {
            Err(error) if error.kind == SpoolErrorKind::Damaged => {
                let aside = file::set_aside(path)?;
                Ok((Self::open(path, limits)?, Some(SetAside { path: aside, error })))
            }
            opened => Ok((opened?, None)),
        }
    }

    /// Reads all of a file that nobody has open, and says what is wrong with it.
    pub fn check(path: &Path) -> Result<(), SpoolError> {
        file::check(path, &file::MESSAGES)
    }

    /// A spool in memory, for a run without a state directory: it is as durable as the process.
    pub fn in_memory(limits: Limits) -> Result<Self, SpoolError> {
        Ok(Self::new(Store::new(file::open_in_memory(&file::MESSAGES)?, limits)?))
    }

    fn new(store: Store) -> Self {
        let last = Mutex::new(store.books.totals.last);
        Self { shared: Arc::new(Shared { store: Mutex::new(store), last, appended: Condvar::new() }) }
    }

    /// Other limits count from here on; what there is no room for then falls off with the next message or the next [`Spool::expire`].
    pub fn set_limits(&self, limits: Limits) {
        self.shared.store().limits = limits;
    }

    /// Appends messages in their order, in one synced transaction: all of them or, with an error, none. It can be called again with the same.
    pub fn append(&self, entries: &[SpoolEntry<'_>], now: Timestamp) -> Result<Appended, SpoolError> {
        let prepared = entries.iter().map(|entry| Entry::new(entry.message, entry.note.clone()));
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let mut store = self.shared.store();
        if prepared.is_empty() {
            return Ok(Appended { last: store.books.totals.last, expired: 0 });
        }
        let expired = store.append(&prepared, now)?;
        let last = store.books.totals.last;
        drop(store);
        let mut appended = self.shared.last();
        *appended = last.max(*appended);
        drop(appended);
        self.shared.appended.notify_all();
        Ok(Appended { last, expired })
    }

    /// The cursor of a sink and one of its parts, which goes on where it was; one that was not there begins as said. One holder has it, until
    /// it is dropped.
    pub fn cursor(&self, sink: &str, part: &str, beginning: Beginning) -> Result<Cursor, SpoolError> {
        let number = self.shared.store().open_cursor(sink, part, beginning)?;
        let Some(number) = number else {
            return Err(SpoolError::new(
                SpoolErrorKind::InUse,
                format!("the sink {sink} {part} is open already"),
            ));
        };
        Ok(Cursor::new(Arc::clone(&self.shared), number))
    }

    /// Forgets the cursor of a sink that is not configured any more, so that nothing waits for it; gives what did. `None` if there is no such
    /// cursor, or somebody has it.
    pub fn forget(&self, sink: &str, part: &str) -> Result<Option<u64>, SpoolError> {
        let mut store = self.shared.store();
        let number = store.books.number_of(sink, part);
        match number.filter(|number| !store.windows.contains_key(number)) {
            Some(number) => store.forget(number).map(Some),
            None => Ok(None),
        }
    }

    /// Notes of messages behind this sequence, oldest first, also where the messages themselves are gone.
    pub fn notes_after(&self, sequence: u64) -> Result<Vec<String>, SpoolError> {
        self.shared.store().notes_after(sequence)
    }

    /// Notes up to and including this sequence are not needed any more: what they say is kept elsewhere.
    pub fn keep_from(&self, sequence: u64) {
        self.shared.store().keep_from(sequence);
    }

    /// Sequence of the last message appended; they count from 1, and none is used twice.
    pub fn last_sequence(&self) -> u64 {
        *self.shared.last()
    }

    /// Takes out what is too old or has no room; gives how many of these messages not all sinks had. To be called now and then, as age has no
    /// other occasion; it lets others in between its steps.
    pub fn expire(&self, now: Timestamp) -> Result<u64, SpoolError> {
        let before = self.shared.store().books.totals.expired;
        while self.shared.store().expire(now)? > 0 {}
        Ok(self.shared.store().books.totals.expired - before)
    }

    /// Writes all of it into a file that is not there yet, and then does something else before anything further is appended: so that both
    /// are of one moment. Whoever appends waits meanwhile.
    pub fn copy_to<T>(&self, path: &Path, then: impl FnOnce() -> T) -> Result<T, SpoolError> {
        let store = self.shared.store();
        store.copy_to(path)?;
        let done = then();
        drop(store);
        Ok(done)
    }

    /// How it stands.
    pub fn state(&self) -> SpoolState {
        let store = self.shared.store();
        let totals = &store.books.totals;
        let mut cursors: Vec<_> = store
            .books
            .accounts
            .iter()
            .map(|(number, account)| CursorState {
                sink: Arc::clone(&account.sink),
                part: Arc::clone(&account.part),
                is_open: store.windows.contains_key(number),
                counts: account.counts(totals),
            })
            .collect();
        cursors.sort_by(|one, other| (&one.sink, &one.part).cmp(&(&other.sink, &other.part)));
        SpoolState {
            bytes: store.used_bytes().unwrap_or_default(),
            limit_bytes: store.limits.max_bytes,
            entries: totals.held(),
            oldest: store.oldest().ok().flatten(),
            appended: totals.last,
            expired: totals.expired,
            forgotten: totals.forgotten,
            cursors,
        }
    }

    /// Waits until something behind `after` is appended, at most until then; gives the last sequence.
    #[expect(clippy::disallowed_methods, reason = "it waits by the clock, and decides nothing by it")]
    pub fn wait(&self, after: u64, until: Instant) -> u64 {
        let mut last = self.shared.last();
        while *last <= after {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                break;
            };
            let waited = self.shared.appended.wait_timeout(last, left);
            last = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *last
    }
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, u64> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
