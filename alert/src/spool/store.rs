//! What is done with the file, each step in one transaction with the books.

use super::books::{Account, Books, as_integer};
use super::file::{self, Commit, used_bytes};
use super::window::Window;
use super::{Beginning, Lane, Limits, SpoolError, SpoolErrorKind};
use crate::Message;
use crate::stored;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use uuid::Uuid;
use weir_model::Timestamp;

/// Most messages that one transaction takes out, so that whoever appends waits for milliseconds.
const STEP: u64 = 1024;

/// Most notes held: 50 MB or so. Whoever keeps incidents says about once a minute which of them are no longer needed; where that fails for
/// long, the oldest are given up: an incident of theirs would ring again, as another one, if Weir crashed then.
pub const MAX_NOTES: u64 = 250_000;

/// So many bytes of the budget are needed for another note, so that notes, of some 200 bytes, leave most of it to messages.
const BUDGET_PER_NOTE: u64 = 1024;

/// What of a place tells the lane; the rest is the sequence, which counts from 1.
const LANE_SHIFT: u32 = 61;

/// The connection, and what was committed by it.
pub(super) struct Store {
    connection: Connection,
    pub(super) limits: Limits,
    pub(super) books: Books,
    /// What is under way of cursors that are open.
    pub(super) windows: BTreeMap<i64, Window>,
    /// Notes up to this one are not needed any more.
    notes_done: u64,
    commit: Commit,
}

/// A message, ready to be appended.
pub(super) struct Entry {
    pub(super) lane: Lane,
    pub(super) id: Uuid,
    pub(super) key: Uuid,
    pub(super) body: Vec<u8>,
    pub(super) note: Option<String>,
}

/// A message as it lies there.
pub(super) struct Row {
    pub(super) sequence: u64,
    pub(super) lane: Lane,
    pub(super) time: Timestamp,
    pub(super) body: Vec<u8>,
}

impl Entry {
    pub(super) fn new(message: &Message, note: Option<String>) -> Result<Self, SpoolError> {
        let mut body = Vec::new();
        let encoded = stored::encode(message, &mut body);
        encoded.map_err(|error| SpoolError::new(SpoolErrorKind::NotStored, error.to_string()))?;
        Ok(Self { lane: message.lane(), id: message.id(), key: message.key(), body, note })
    }
}

impl Store {
    pub(super) fn new(connection: Connection, limits: Limits) -> Result<Self, SpoolError> {
        let books = Books::read(&connection)?;
        Ok(Self {
            connection,
            limits,
            books,
            windows: BTreeMap::new(),
            notes_done: 0,
            commit: Commit::Synced,
        })
    }

    /// Appends all entries or none, and takes out of the end what there is no room for. Gives how many of those were not settled.
    pub(super) fn append(&mut self, entries: &[Entry], now: Timestamp) -> Result<u64, SpoolError> {
        let limits = self.limits;
        self.write(Commit::Synced, |connection, books, windows| {
            insert(connection, books, entries, now)?;
            let before = books.totals.expired;
            while used_bytes(connection)? > limits.max_bytes && drop_oldest(connection, books, windows)? > 0 {
            }
            Ok(books.totals.expired - before)
        })
    }

    /// One step of what age and budget take; gives how many messages it took out.
    pub(super) fn expire(&mut self, now: Timestamp) -> Result<u64, SpoolError> {
        let limits = self.limits;
        self.write(Commit::Lazy, |connection, books, windows| {
            let mut removed = 0;
            for lane in Lane::ALL {
                removed += remove_settled(connection, books, lane)?;
                removed += drop_aged(connection, books, windows, lane, now - limits.max_age)?;
            }
            if used_bytes(connection)? > limits.max_bytes {
                removed += drop_oldest(connection, books, windows)?;
            }
            Ok(removed)
        })
    }

    /// Opens the cursor of this sink and part; `None` if somebody has it.
    pub(super) fn open_cursor(
        &mut self,
        sink: &str,
        part: &str,
        beginning: Beginning,
    ) -> Result<Option<i64>, SpoolError> {
        let known = self.books.number_of(sink, part);
        if known.is_some_and(|number| self.windows.contains_key(&number)) {
            return Ok(None);
        }
        let number = match known {
            Some(number) => number,
            None => self.write(Commit::Synced, |connection, books, _| {
                // What all others are done with is not held for the one that begins, either.
                for lane in Lane::ALL {
                    while remove_settled(connection, books, lane)? > 0 {}
                }
                let last = books.totals.last;
                let (settled, held) = match beginning {
                    Beginning::First => (0, books.totals.held()),
                    Beginning::Next => (last, 0),
                };
                let account = Account {
                    sink: sink.into(),
                    part: part.into(),
                    began: last,
                    held,
                    settled: [settled; 2],
                    counts: super::Counts::default(),
                };
                Ok(books.begin(account))
            })?,
        };
        self.windows.insert(number, Window::default());
        Ok(Some(number))
    }

    /// Forgets a cursor that nobody has open, and gives what waited for it.
    pub(super) fn forget(&mut self, number: i64) -> Result<u64, SpoolError> {
        self.write(Commit::Synced, |_, books, _| {
            let account = books.accounts.remove(&number);
            let waited = account.map_or(0, |account| account.counts(&books.totals).waiting());
            books.totals.forgotten += waited;
            Ok(waited)
        })
    }

    /// What a cursor has not settled, in the order of lanes: the beginning of it.
    pub(super) fn read(
        &mut self,
        number: i64,
        most: usize,
        most_bytes: usize,
    ) -> Result<Vec<Row>, SpoolError> {
        let Some((account, window)) = self.books.accounts.get(&number).zip(self.windows.get_mut(&number))
        else {
            return Ok(Vec::new());
        };
        let mut rows = Vec::new();
        let mut bytes = 0_usize;
        for lane in Lane::ALL {
            let mut statement = self.connection.prepare_cached(
                "SELECT place, time, length(body), body FROM message WHERE place > ?1 AND place < ?2 ORDER BY place",
            )?;
            let mut found = statement.query(params![place(lane, account.settled(lane)), end(lane)])?;
            while let Some(row) = found.next()? {
                let sequence = sequence_of(row.get(0)?);
                if window.is_settled(lane, sequence) {
                    continue;
                }
                bytes = bytes.saturating_add(row.get::<_, u32>(2)? as usize);
                let is_full = rows.len() >= most || (bytes > most_bytes && !rows.is_empty());
                if is_full || !window.give(lane, sequence) {
                    return Ok(rows);
                }
                rows.push(Row { sequence, lane, time: time_of(row.get(1)?), body: row.get(3)? });
            }
        }
        Ok(rows)
    }

    /// Moves a cursor past what it has settled, and takes out what all have.
    pub(super) fn pass(&mut self, number: i64) -> Result<(), SpoolError> {
        if self.windows.get(&number).is_none_or(|window| !window.can_pass()) {
            return Ok(());
        }
        self.write(Commit::Lazy, |connection, books, windows| {
            if let Some((account, window)) = books.accounts.get_mut(&number).zip(windows.get(&number)) {
                for lane in Lane::ALL {
                    for (sequence, settled) in window.passable(lane) {
                        account.settle_to(lane, sequence);
                        account.counts.count(settled);
                    }
                }
            }
            for lane in Lane::ALL {
                remove_settled(connection, books, lane)?;
            }
            Ok(())
        })
    }

    /// Notes up to this one are not needed any more; they go with the next thing that is written.
    pub(super) fn keep_from(&mut self, sequence: u64) {
        self.notes_done = self.notes_done.max(sequence);
    }

    pub(super) fn notes_after(&self, sequence: u64) -> Result<Vec<String>, SpoolError> {
        let mut statement =
            self.connection.prepare_cached("SELECT text FROM note WHERE sequence > ?1 ORDER BY sequence")?;
        let notes = statement.query_map([as_integer(sequence)], |row| row.get(0))?;
        Ok(notes.collect::<Result<_, _>>()?)
    }

    /// Writes all of it into a file that is not there yet.
    pub(super) fn copy_to(&self, path: &Path) -> Result<(), SpoolError> {
        file::copy_to(&self.connection, path)
    }

    pub(super) fn used_bytes(&self) -> Result<u64, SpoolError> {
        used_bytes(&self.connection)
    }

    /// When the oldest message that is there was appended.
    pub(super) fn oldest(&self) -> Result<Option<Timestamp>, SpoolError> {
        let mut oldest = None;
        for lane in Lane::ALL {
            let mut statement = self.connection.prepare_cached(
                "SELECT time FROM message WHERE place > ?1 AND place < ?2 ORDER BY place LIMIT 1",
            )?;
            let mut rows = statement.query([place(lane, 0), end(lane)])?;
            if let Some(row) = rows.next()? {
                let time = time_of(row.get(0)?);
                oldest = Some(oldest.map_or(time, |oldest: Timestamp| oldest.min(time)));
            }
        }
        Ok(oldest)
    }

    /// Does something in one transaction with the books: all of it or nothing.
    fn write<T>(
        &mut self,
        commit: Commit,
        change: impl FnOnce(&Connection, &mut Books, &BTreeMap<i64, Window>) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        commit.apply(&self.connection, &mut self.commit)?;
        let mut books = self.books.clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = change(&transaction, &mut books, &self.windows)?;
        let most_notes = MAX_NOTES.min(self.limits.max_bytes / BUDGET_PER_NOTE);
        let notes_done = self.notes_done.max(books.totals.last.saturating_sub(most_notes));
        if notes_done > 0 {
            let mut statement = transaction.prepare_cached("DELETE FROM note WHERE sequence <= ?1")?;
            statement.execute([as_integer(notes_done)])?;
        }
        books.write(&self.books, &transaction)?;
        transaction.commit()?;
        self.books = books;
        for (number, window) in &mut self.windows {
            if let Some(account) = self.books.accounts.get(number) {
                window.forget_passed(|lane| account.settled(lane));
            }
        }
        Ok(changed)
    }
}

fn insert(
    connection: &Connection,
    books: &mut Books,
    entries: &[Entry],
    now: Timestamp,
) -> Result<(), SpoolError> {
    let mut message = connection
        .prepare_cached("INSERT INTO message (place, time, id, key, body) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut note = connection.prepare_cached("INSERT INTO note (sequence, text) VALUES (?1, ?2)")?;
    for entry in entries {
        books.totals.last += 1;
        let sequence = books.totals.last;
        let (id, key) = (entry.id.as_bytes(), entry.key.as_bytes());
        message.execute(params![
            place(entry.lane, sequence),
            as_integer(now.as_nanos()),
            id.as_slice(),
            key.as_slice(),
            entry.body
        ])?;
        if let Some(text) = &entry.note {
            note.execute(params![as_integer(sequence), text])?;
        }
    }
    Ok(())
}

/// Takes out what all cursors have settled, the oldest first, one step at most.
fn remove_settled(connection: &Connection, books: &mut Books, lane: Lane) -> Result<u64, SpoolError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM message WHERE place IN (SELECT place FROM message WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3)",
    )?;
    let upto = place(lane, books.settled_by_all(lane));
    let removed = statement.execute(params![place(lane, 0), upto, as_integer(STEP)])? as u64;
    books.totals.removed += removed;
    Ok(removed)
}

/// Takes out what was appended before a time, one step at most.
fn drop_aged(
    connection: &Connection,
    books: &mut Books,
    windows: &BTreeMap<i64, Window>,
    lane: Lane,
    before: Timestamp,
) -> Result<u64, SpoolError> {
    let is_aged = |time: Timestamp| time < before;
    drop_front(connection, books, windows, lane, is_aged)
}

/// Takes out the oldest because there is no room, one step at most: of the rest as long as there is any, because that an incident began is
/// worth more than how it went on; then of the openings. A step is small, so that no more goes than must.
fn drop_oldest(
    connection: &Connection,
    books: &mut Books,
    windows: &BTreeMap<i64, Window>,
) -> Result<u64, SpoolError> {
    for lane in Lane::ALL.into_iter().rev() {
        let mut left = DROPPED_AT_ONCE;
        let may_go = |_| {
            left -= 1;
            left >= 0
        };
        let dropped = drop_front(connection, books, windows, lane, may_go)?;
        if dropped > 0 {
            return Ok(dropped);
        }
    }
    Ok(0)
}

/// Messages that go at once where there is no room.
const DROPPED_AT_ONCE: i32 = 16;

/// Takes out the oldest of a lane as long as they may go, one step at most, and counts them with every cursor that had not settled them.
fn drop_front(
    connection: &Connection,
    books: &mut Books,
    windows: &BTreeMap<i64, Window>,
    lane: Lane,
    mut may_go: impl FnMut(Timestamp) -> bool,
) -> Result<u64, SpoolError> {
    let mut select = connection.prepare_cached(
        "SELECT place, time FROM message WHERE place > ?1 AND place < ?2 ORDER BY place LIMIT ?3",
    )?;
    let mut rows = select.query(params![place(lane, 0), end(lane), as_integer(STEP)])?;
    let mut going = Vec::new();
    while let Some(row) = rows.next()? {
        if !may_go(time_of(row.get(1)?)) {
            break;
        }
        going.push(sequence_of(row.get(0)?));
    }
    let Some(last) = going.last().copied() else { return Ok(0) };
    connection
        .prepare_cached("DELETE FROM message WHERE place > ?1 AND place <= ?2")?
        .execute([place(lane, 0), place(lane, last)])?;
    books.totals.removed += going.len() as u64;
    books.totals.expired += expire_unsettled(books, windows, lane, &going);
    Ok(going.len() as u64)
}

/// Moves all cursors past messages that go, and gives how many of them were lost to some cursor; where there is none, all were.
fn expire_unsettled(books: &mut Books, windows: &BTreeMap<i64, Window>, lane: Lane, going: &[u64]) -> u64 {
    let Some(last) = going.last().copied() else { return 0 };
    if books.accounts.is_empty() {
        return going.len() as u64;
    }
    let mut lost = BTreeSet::new();
    for (number, account) in &mut books.accounts {
        let settled = account.settled(lane);
        for &sequence in going.iter().filter(|sequence| **sequence > settled) {
            let window = windows.get(number);
            if let Some(settled) = window.and_then(|window| window.settled(lane, sequence)) {
                account.counts.count(settled);
            } else {
                account.counts.expired += 1;
                lost.insert(sequence);
            }
        }
        account.settle_to(lane, last);
    }
    lost.len() as u64
}

/// Where a message lies: lanes one after the other, each in the order of sequence.
fn place(lane: Lane, sequence: u64) -> i64 {
    ((lane as i64) << LANE_SHIFT) | as_integer(sequence)
}

/// Behind the last place of a lane.
fn end(lane: Lane) -> i64 {
    (lane as i64 + 1) << LANE_SHIFT
}

const fn sequence_of(place: i64) -> u64 {
    (place & ((1 << LANE_SHIFT) - 1)).cast_unsigned()
}

fn time_of(written: i64) -> Timestamp {
    Timestamp::from_nanos(u64::try_from(written).unwrap_or_default())
}
