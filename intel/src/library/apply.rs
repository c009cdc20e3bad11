//! Applies what a provider said to the tables.
//!
//! Rows that stand as before are only read: a bit in memory says that they were said again. What was not said again goes at the end, so that
//! an entry that is removed and put again in one delivery, or put under an id with several values, keeps its history.

use super::bits::Bits;
use super::contexts::Own;
use super::rows::{self, Row, columns, id_bytes, nanos};
use super::spool::{Put, Spooled, Step, Steps};
use super::state::{self, SourceRow};
use super::{
    LibraryError, MAX_ENTRIES_PER_SOURCE, MAX_PARTS, MAX_REFUSALS_KEPT, MAX_WITHDRAWN, Observer, Policy,
    Trouble, upkeep,
};
use crate::{Extent, Place, Refusal, RefusalReason, SyncError, SyncErrorKind};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use uuid::Uuid;
use weir_model::Timestamp;

/// What came of a delivery. Entries are counted, not values: a value that two ids say is two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// How much of the source it was.
    pub extent: Extent,
    /// Entries that are new.
    pub added: u64,
    /// Entries of which something else is said than before.
    pub changed: u64,
    /// Entries that are gone.
    pub removed: u64,
    /// Entries that the source has.
    pub entries: u64,
    /// What was put, but said nothing that was not said in the same delivery, or more of one value than is kept.
    pub repeated: u64,
    /// What was refused in this delivery.
    pub refused: u64,
}

/// Applies a delivery within a transaction, and asks the guard.
pub(super) fn apply(
    connection: &Connection,
    source: &SourceRow,
    spooled: &Spooled,
    extent: Extent,
    policy: &Policy,
    now: Timestamp,
    observer: &mut dyn Observer,
) -> Result<Delivered, Trouble> {
    let extent = if extent == Extent::Nothing && spooled.count > 0 { Extent::Changes } else { extent };
    let mut applier = Applier::new(connection, source, extent, now)?;
    applier.play(spooled, observer)?;
    applier.finish()?;
    let (was, would_be) = (source.entries, applier.entries());
    if !source.is_released && policy.guard.holds(was, would_be, extent == Extent::Whole) {
        return Err(Trouble::Held { was, would_be });
    }
    applier.record(&spooled.notes)?;
    Ok(Delivered {
        extent,
        added: applier.added,
        changed: applier.changed,
        removed: applier.removed,
        entries: would_be,
        repeated: applier.repeated,
        refused: applier.refused_here,
    })
}

/// By what an entry is called.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Id(Uuid),
    Value(Vec<u8>),
}

/// What was put, until it is worth to be applied in the order of the table: pages of a large table are then met once in a batch, not once
/// for each entry. What is put under one name stays in its order; between names, and between what is put and what is refused, none matters.
#[derive(Default)]
struct Batch {
    puts: Vec<Put>,
    bytes: usize,
}

/// Most bytes of a batch, about two hundred thousand entries.
const MAX_BATCH_BYTES: usize = 48 << 20;

impl Batch {
    /// Adds to the batch; says whether it is full.
    fn push(&mut self, put: Put) -> bool {
        self.bytes += size_of::<Put>() + put.key.len();
        self.puts.push(put);
        self.bytes >= MAX_BATCH_BYTES
    }

    fn sorted(&mut self) -> impl Iterator<Item = Put> {
        self.bytes = 0;
        self.puts.sort_by(|one, other| (&one.key, one.id).cmp(&(&other.key, other.id)));
        self.puts.drain(..)
    }
}

struct Applier<'a> {
    connection: &'a Connection,
    source: &'a SourceRow,
    extent: Extent,
    /// The number of this delivery.
    delivery: i64,
    now: Timestamp,
    /// Steps of the delivery, and how many of them are applied.
    steps: u64,
    done: u64,
    /// The rows of the contexts of the delivery, in its order.
    contexts: Vec<i64>,
    contexts_added: u64,
    /// Rows that were said in this delivery.
    seen: Bits,
    /// Of changes: rows that go unless they are said again.
    doomed: Bits,
    /// Where the doomed are found.
    names: Vec<Name>,
    /// The first row number of this delivery, and the next.
    first: u64,
    next: u64,
    added: u64,
    changed: u64,
    removed: u64,
    repeated: u64,
    refused_here: u64,
    refused: BTreeMap<RefusalReason, u64>,
    refusals_kept: u64,
}

impl<'a> Applier<'a> {
    fn new(
        connection: &'a Connection,
        source: &'a SourceRow,
        extent: Extent,
        now: Timestamp,
    ) -> Result<Self, LibraryError> {
        let first = connection.query_row("SELECT next_entry FROM counter", [], |row| row.get::<_, i64>(0))?;
        let mut applier = Self {
            connection,
            source,
            extent,
            delivery: source.deliveries + 1,
            now,
            steps: 0,
            done: 0,
            contexts: Vec::new(),
            contexts_added: 0,
            seen: Bits::default(),
            doomed: Bits::default(),
            names: Vec::new(),
            first: first.cast_unsigned(),
            next: first.cast_unsigned(),
            added: 0,
            changed: 0,
            removed: 0,
            repeated: 0,
            refused_here: 0,
            refused: BTreeMap::new(),
            refusals_kept: 0,
        };
        if extent == Extent::Whole {
            connection.execute("DELETE FROM refusal WHERE source = ?1", [source.id])?;
        } else {
            applier.refused = state::refused(connection, source.id)?;
            let sql = "SELECT count(*) FROM refusal WHERE source = ?1";
            let kept: i64 = connection.query_row(sql, [source.id], |row| row.get(0))?;
            applier.refusals_kept = kept.cast_unsigned();
        }
        Ok(applier)
    }

    fn is_whole(&self) -> bool {
        self.extent == Extent::Whole
    }

    /// How many entries the source has so far.
    const fn entries(&self) -> u64 {
        self.source.entries + self.added - self.removed
    }

    fn play(&mut self, spooled: &Spooled, observer: &mut dyn Observer) -> Result<(), Trouble> {
        let Some(file) = &spooled.steps else { return Ok(()) };
        let failed = |error: std::io::Error| SyncError::new(SyncErrorKind::Store, error.to_string());
        let mut steps = Steps::new(file);
        let mut batch = Batch::default();
        self.steps = spooled.count;
        while let Some(step) = steps.next().map_err(failed)? {
            match step {
                Step::Put(put) => {
                    if batch.push(put) {
                        self.put_all(&mut batch, observer)?;
                    }
                    continue;
                }
                Step::Context(body) => self.context(&body)?,
                Step::Refuse(id, refusal) => self.refuse(id, &refusal)?,
                Step::Remove(id) => {
                    self.put_all(&mut batch, observer)?;
                    self.remove(id)?;
                }
                Step::RemoveGroup(group) => {
                    self.put_all(&mut batch, observer)?;
                    self.remove_group(group)?;
                }
            }
            self.count(observer)?;
        }
        self.put_all(&mut batch, observer)
    }

    fn put_all(&mut self, batch: &mut Batch, observer: &mut dyn Observer) -> Result<(), Trouble> {
        for put in batch.sorted() {
            self.put(&put)?;
            self.count(observer)?;
        }
        Ok(())
    }

    /// Counts a step that was applied.
    fn count(&mut self, observer: &mut dyn Observer) -> Result<(), Trouble> {
        self.done += 1;
        if self.done.is_multiple_of(10_000) {
            observer.progress(self.done, Some(self.steps), "kept");
            if observer.is_stopped() {
                return Err(SyncError::new(SyncErrorKind::Stopped, "stopped").into());
            }
        }
        Ok(())
    }

    /// Finds or makes the row of a context.
    fn context(&mut self, body: &str) -> Result<(), LibraryError> {
        let digest = rows::digest(body);
        let sql = "SELECT id FROM context WHERE digest = ?1 AND body = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row(params![digest, body], |row| row.get(0)).optional()?;
        let row = if let Some(row) = found {
            row
        } else {
            let sql = "INSERT INTO context (digest, body) VALUES (?1, ?2)";
            self.contexts_added += 1;
            self.connection.prepare_cached(sql)?.insert(params![digest, body])?
        };
        self.contexts.push(row);
        Ok(())
    }

    fn put(&mut self, put: &Put) -> Result<(), LibraryError> {
        let context = self.contexts.get(put.context as usize).copied();
        let context =
            context.ok_or_else(|| LibraryError::Store("the delivery names an unknown context".into()))?;
        let named = self.named(put)?;
        let rows = || named.iter().filter(|row| row.key == put.key);
        let says = |row: &&Row| row.context == context && row.group == put.group && row.own.says(&put.own);
        if let Some(row) = rows().find(says) {
            if self.seen.set(row.number) {
                self.line(row, put)?;
            } else {
                self.repeated += 1;
            }
        } else if let Some(row) = rows().find(|row| !self.seen.has(row.number)) {
            self.change(row, put, context)?;
        } else {
            let free = (0..MAX_PARTS).find(|part| rows().all(|row| row.part != *part));
            self.add(put, free, context)?;
        }
        if !self.is_whole() {
            self.doom(&named, put.id, &put.key);
            self.forget_refusals(put.id)?;
        }
        Ok(())
    }

    /// What was said so far under the name of an entry. In a whole delivery only of its value, as what is not said again goes anyway.
    fn named(&self, put: &Put) -> Result<Vec<Row>, LibraryError> {
        match put.id {
            Some(id) if !self.is_whole() => self.rows_of_id(id),
            _ => self.rows_of_value(&put.key, put.id),
        }
    }

    fn rows_of_value(&self, key: &[u8], id: Option<Uuid>) -> Result<Vec<Row>, LibraryError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry WHERE source = ?1 AND value = ?2 AND id = ?3 ORDER BY part"
        );
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![self.source.id, key, id_bytes(id.as_ref())], Row::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn rows_of_id(&self, id: Uuid) -> Result<Vec<Row>, LibraryError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry WHERE source = ?1 AND id = ?2 AND id <> x'' ORDER BY value, part"
        );
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![self.source.id, id.as_bytes()], Row::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The rows among these that were not said in this delivery go, unless they still are.
    fn doom(&mut self, rows: &[Row], id: Option<Uuid>, key: &[u8]) {
        let mut is_any = false;
        for row in rows.iter().filter(|row| !self.seen.has(row.number)) {
            self.doomed.set(row.number);
            is_any = true;
        }
        if is_any {
            self.names.push(id.map_or_else(|| Name::Value(key.to_vec()), Name::Id));
        }
    }

    /// Lists shift: the line is kept up to date, but is no change of what is said.
    fn line(&self, row: &Row, put: &Put) -> Result<(), LibraryError> {
        if row.own.line != put.own.line {
            let sql = "UPDATE entry SET line = ?5 WHERE source = ?1 AND value = ?2 AND id = ?3 AND part = ?4";
            let mut statement = self.connection.prepare_cached(sql)?;
            let id = id_bytes(row.id.as_ref());
            statement.execute(params![self.source.id, row.key, id, row.part, put.own.line])?;
        }
        Ok(())
    }

    fn change(&mut self, row: &Row, put: &Put, context: i64) -> Result<(), LibraryError> {
        self.seen.set(row.number);
        self.changed += u64::from(row.number < self.first);
        self.write(put, row.part, row.number, context, row.since)
    }

    fn add(&mut self, put: &Put, free: Option<i64>, context: i64) -> Result<(), LibraryError> {
        let Some(part) = free else {
            self.repeated += 1;
            return Ok(());
        };
        let entries = if self.is_whole() { self.seen.count() } else { self.entries() };
        if entries >= MAX_ENTRIES_PER_SOURCE {
            self.refused_here += 1;
            *self.refused.entry(RefusalReason::TooMany).or_default() += 1;
            return Ok(());
        }
        let number = self.next;
        self.next += 1;
        self.seen.set(number);
        self.added += 1;
        self.write(put, part, number, context, self.now)
    }

    fn write(
        &self,
        put: &Put,
        part: i64,
        number: u64,
        context: i64,
        since: Timestamp,
    ) -> Result<(), LibraryError> {
        let sql = "INSERT OR REPLACE INTO entry (source, value, id, part, number, group_id, context, since, changed,
                       line, further_id, first_seen, last_seen, valid_from, valid_until, modified)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
        let Own { line, first_seen, last_seen, valid_from, valid_until, modified, .. } = &put.own;
        let time = |time: &Option<Timestamp>| time.map(nanos);
        self.connection.prepare_cached(sql)?.execute(params![
            self.source.id,
            put.key,
            id_bytes(put.id.as_ref()),
            part,
            number.cast_signed(),
            put.group.as_ref().map(|group| &group.as_bytes()[..]),
            context,
            nanos(since),
            nanos(self.now),
            line,
            rows::further_id(&put.own, put.id),
            time(first_seen),
            time(last_seen),
            time(valid_from),
            time(valid_until),
            time(modified),
        ])?;
        Ok(())
    }

    fn refuse(&mut self, id: Option<Uuid>, refusal: &Refusal) -> Result<(), LibraryError> {
        if let Some(id) = id.filter(|_| !self.is_whole()) {
            let rows = self.rows_of_id(id)?;
            self.doom(&rows, Some(id), &[]);
            self.forget_refusals(Some(id))?;
        }
        self.refused_here += 1;
        *self.refused.entry(refusal.reason).or_default() += 1;
        if self.refusals_kept >= MAX_REFUSALS_KEPT {
            return Ok(());
        }
        self.refusals_kept += 1;
        let (line, pointer) = match &refusal.place {
            Place::File => (None, None),
            Place::Line(line) => (Some(*line), None),
            Place::Pointer(pointer) => (None, Some(pointer)),
        };
        let sql = "INSERT INTO refusal (source, id, delivery, reason, file, line, pointer, text)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.connection.prepare_cached(sql)?.execute(params![
            self.source.id,
            id_bytes(id.as_ref()),
            self.delivery,
            refusal.reason.keyword(),
            &*refusal.file,
            line,
            pointer,
            refusal.text,
        ])?;
        Ok(())
    }

    /// Forgets what was refused under an id before this delivery.
    fn forget_refusals(&mut self, id: Option<Uuid>) -> Result<(), LibraryError> {
        id.map_or(Ok(()), |id| self.delete_refusals(id, self.delivery))
    }

    /// Deletes what was refused under an id before a delivery.
    fn delete_refusals(&mut self, id: Uuid, before: i64) -> Result<(), LibraryError> {
        let sql = "DELETE FROM refusal WHERE source = ?1 AND id = ?2 AND delivery < ?3 RETURNING reason";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.source.id, id.as_bytes(), before])?;
        while let Some(row) = rows.next()? {
            self.refusals_kept = self.refusals_kept.saturating_sub(1);
            let reason: String = row.get(0)?;
            if let Some(count) =
                RefusalReason::parse(&reason).and_then(|reason| self.refused.get_mut(&reason))
            {
                *count = count.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn remove(&mut self, id: Uuid) -> Result<(), LibraryError> {
        let rows = self.rows_of_id(id)?;
        for row in &rows {
            self.seen.clear(row.number);
        }
        self.doom(&rows, Some(id), &[]);
        self.delete_refusals(id, i64::MAX)
    }

    fn remove_group(&mut self, group: Uuid) -> Result<(), LibraryError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry WHERE source = ?1 AND group_id = ?2 AND group_id IS NOT NULL"
        );
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.source.id, group.as_bytes()])?;
        while let Some(row) = rows.next()? {
            let row = Row::read(row)?;
            self.seen.clear(row.number);
            self.doomed.set(row.number);
            self.names.push(row.id.map_or_else(|| Name::Value(row.key), Name::Id));
        }
        Ok(())
    }

    /// Deletes what was not said again.
    fn finish(&mut self) -> Result<(), LibraryError> {
        if self.is_whole() {
            return if self.seen.count() < self.entries() { self.delete_unseen() } else { Ok(()) };
        }
        let mut names = std::mem::take(&mut self.names);
        names.sort_unstable();
        names.dedup();
        for name in names {
            let rows = match &name {
                Name::Id(id) => self.rows_of_id(*id)?,
                Name::Value(key) => self.rows_of_value(key, None)?,
            };
            for row in rows {
                if self.doomed.has(row.number) && !self.seen.has(row.number) {
                    self.delete(&row)?;
                }
            }
        }
        Ok(())
    }

    /// Reads through the source and deletes in batches: a table is not changed while it is read.
    fn delete_unseen(&mut self) -> Result<(), LibraryError> {
        const BATCH: usize = 10_000;
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry WHERE source = ?1 AND (value, id, part) > (?2, ?3, ?4) ORDER BY value, id, part"
        );
        let mut last = (Vec::new(), None, -1);
        loop {
            let mut unseen = Vec::new();
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows =
                statement.query(params![self.source.id, last.0, id_bytes(last.1.as_ref()), last.2])?;
            while unseen.len() < BATCH
                && let Some(row) = rows.next()?
            {
                if !self.seen.has(row.get::<_, i64>(3)?.cast_unsigned()) {
                    unseen.push(Row::read(row)?);
                }
            }
            drop(rows);
            let Some(end) = unseen.last() else { return Ok(()) };
            last = (end.key.clone(), end.id, end.part);
            unseen.iter().try_for_each(|row| self.delete(row))?;
        }
    }

    fn delete(&mut self, row: &Row) -> Result<(), LibraryError> {
        let id = id_bytes(row.id.as_ref());
        let sql = "DELETE FROM entry WHERE source = ?1 AND value = ?2 AND id = ?3 AND part = ?4";
        self.connection.prepare_cached(sql)?.execute(params![self.source.id, row.key, id, row.part])?;
        if row.number >= self.first {
            self.added -= 1;
            return Ok(());
        }
        self.removed += 1;
        if self.removed > MAX_WITHDRAWN {
            return Ok(());
        }
        let sql =
            "INSERT INTO withdrawn (at, source, value, id, since, context) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![
            nanos(self.now),
            self.source.name,
            row.key,
            id,
            nanos(row.since),
            row.context
        ])?;
        Ok(())
    }

    /// Writes down what came of it.
    fn record(&mut self, notes: &BTreeMap<String, Option<String>>) -> Result<(), LibraryError> {
        self.keep_notes(notes)?;
        self.keep_counts()?;
        let listed = match self.extent {
            Extent::Whole => Some(self.now),
            Extent::Changes => None,
            Extent::Nothing => self.source.listed.map(|_| self.now),
        };
        self.connection.execute(
            "UPDATE source SET entries = ?2, deliveries = ?3, listed = ?4, succeeded = ?5, held = NULL, released = 0
             WHERE id = ?1",
            params![
                self.source.id,
                self.entries().cast_signed(),
                self.delivery,
                listed.map(nanos),
                nanos(self.now)
            ],
        )?;
        let extent = match self.extent {
            Extent::Whole => "whole",
            Extent::Changes => "changes",
            Extent::Nothing => "nothing",
        };
        if self.added + self.changed + self.removed > 0 {
            let counts = [self.added, self.changed, self.removed].map(u64::cast_signed);
            self.connection.execute(
                "INSERT INTO delivery (at, source, extent, added, changed, removed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![nanos(self.now), self.source.name, extent, counts[0], counts[1], counts[2]],
            )?;
        }
        upkeep::prune(self.connection, self.now)?;
        upkeep::sweep(self.connection, self.contexts_added)
    }

    fn keep_notes(&self, notes: &BTreeMap<String, Option<String>>) -> Result<(), LibraryError> {
        for (key, value) in notes {
            if let Some(value) = value {
                let sql = "INSERT OR REPLACE INTO note (source, key, value) VALUES (?1, ?2, ?3)";
                self.connection.prepare_cached(sql)?.execute(params![self.source.id, key, value])?;
            } else {
                let sql = "DELETE FROM note WHERE source = ?1 AND key = ?2";
                self.connection.prepare_cached(sql)?.execute(params![self.source.id, key])?;
            }
        }
        Ok(())
    }

    fn keep_counts(&self) -> Result<(), LibraryError> {
        self.connection.execute("UPDATE counter SET next_entry = ?1", [self.next.cast_signed()])?;
        self.connection.execute("DELETE FROM refused WHERE source = ?1", [self.source.id])?;
        for (reason, count) in self.refused.iter().filter(|(_, count)| **count > 0) {
            let sql = "INSERT INTO refused (source, reason, count) VALUES (?1, ?2, ?3)";
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.execute(params![self.source.id, reason.keyword(), count.cast_signed()])?;
        }
        Ok(())
    }
}
