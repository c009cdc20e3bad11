//! How each source fares.

use super::rows::{nanos, time_of};
use super::{LibraryError, Reader, Trouble, held_text};
use crate::{RefusalReason, SyncErrorKind};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::time::Duration;
use weir_model::Timestamp;

/// How a source fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// Entries: what it says of values, whether they count or not. [`super::Composed`] tells how many do.
    pub entries: u64,
    /// What of it could not be used, by reason. Where more than [`super::MAX_REFUSALS_KEPT`] are refused and it delivers changes, a
    /// refusal beyond counts until the next whole delivery.
    pub refused: BTreeMap<RefusalReason, u64>,
    /// When it was last asked.
    pub attempted: Option<Timestamp>,
    /// When it last delivered.
    pub succeeded: Option<Timestamp>,
    /// Since when all that it says is known to stand: a whole list, or the word that nothing changed. `None` where changes came.
    pub listed: Option<Timestamp>,
    /// What last went wrong; it is over if it is older than `succeeded`.
    pub failure: Option<Failure>,
    /// How long the last delivery or attempt took.
    pub duration: Option<Duration>,
    /// What is held, until a delivery succeeds.
    pub held: Option<Held>,
    /// Whether the next delivery is let through, whatever the guard says.
    pub is_released: bool,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// Of which kind.
    pub kind: SyncErrorKind,
    /// For people.
    pub text: String,
}

/// A delivery that looked wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// When it came last.
    pub at: Timestamp,
    /// How many entries the source has.
    pub was: u64,
    /// How many it would have.
    pub would_be: u64,
}

impl Reader {
    /// All sources, by name.
    pub fn sources(&self) -> Result<Vec<SourceState>, LibraryError> {
        let sql =
            "SELECT id, name, entries, attempted, succeeded, listed, failed, error, error_text, duration,
                          held, held_was, held_would_be, released FROM source ORDER BY name";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut sources = Vec::new();
        while let Some(row) = rows.next()? {
            let refused = refused(&self.connection, row.get(0)?)?;
            sources.push(state(row, refused)?);
        }
        Ok(sources)
    }
}

fn state(
    row: &rusqlite::Row<'_>,
    refused: BTreeMap<RefusalReason, u64>,
) -> Result<SourceState, LibraryError> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|time| time.map(time_of));
    let count = |column| row.get::<_, Option<i64>>(column).map(|count| count.unwrap_or(0).cast_unsigned());
    let kind = row.get::<_, Option<String>>(7)?.and_then(|kind| SyncErrorKind::parse(&kind));
    let text: Option<String> = row.get(8)?;
    let held_counts = (count(11)?, count(12)?);
    Ok(SourceState {
        name: row.get(1)?,
        entries: count(2)?,
        refused,
        attempted: time(3)?,
        succeeded: time(4)?,
        listed: time(5)?,
        failure: time(6)?.zip(kind).map(|(at, kind)| Failure { at, kind, text: text.unwrap_or_default() }),
        duration: row.get::<_, Option<i64>>(9)?.map(|nanos| Duration::from_nanos(nanos.cast_unsigned())),
        held: time(10)?.map(|at| Held { at, was: held_counts.0, would_be: held_counts.1 }),
        is_released: row.get(13)?,
    })
}

/// What of a source was refused, by reason.
pub(super) fn refused(
    connection: &Connection,
    source: i64,
) -> Result<BTreeMap<RefusalReason, u64>, LibraryError> {
    let mut statement = connection.prepare_cached("SELECT reason, count FROM refused WHERE source = ?1")?;
    let mut rows = statement.query([source])?;
    let mut refused = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let Some(reason) = RefusalReason::parse(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?) {
            refused.insert(reason, row.get::<_, i64>(1)?.cast_unsigned());
        }
    }
    Ok(refused)
}

/// What deliveries need to know of a source.
#[derive(Clone, Debug)]
pub(super) struct SourceRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) entries: u64,
    /// How many deliveries were applied.
    pub(super) deliveries: i64,
    pub(super) listed: Option<Timestamp>,
    pub(super) is_released: bool,
}

pub(super) fn row(connection: &Connection, name: &str) -> Result<Option<SourceRow>, LibraryError> {
    let sql = "SELECT id, name, entries, deliveries, listed, released FROM source WHERE name = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([name], source_row).optional()?)
}

/// All sources, by name.
pub(super) fn all(connection: &Connection) -> Result<Vec<SourceRow>, LibraryError> {
    let sql = "SELECT id, name, entries, deliveries, listed, released FROM source ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map([], source_row)?.collect::<Result<_, _>>()?)
}

fn source_row(row: &rusqlite::Row<'_>) -> Result<SourceRow, rusqlite::Error> {
    Ok(SourceRow {
        id: row.get(0)?,
        name: row.get(1)?,
        entries: row.get::<_, i64>(2)?.cast_unsigned(),
        deliveries: row.get(3)?,
        listed: row.get::<_, Option<i64>>(4)?.map(time_of),
        is_released: row.get(5)?,
    })
}

pub(super) fn row_or_new(connection: &Connection, name: &str) -> Result<SourceRow, LibraryError> {
    connection.execute("INSERT OR IGNORE INTO source (name) VALUES (?1)", [name])?;
    row(connection, name)?.ok_or_else(|| LibraryError::Damaged("the table of sources loses rows".into()))
}

/// Writes down how a delivery ended. What it changed, and that it succeeded, is part of its own transaction.
pub(super) fn record(
    connection: &Connection,
    name: &str,
    now: Timestamp,
    duration: Option<Duration>,
    trouble: Option<&Trouble>,
) -> Result<(), LibraryError> {
    let source = row_or_new(connection, name)?.id;
    let duration =
        duration.map(|duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).cast_signed());
    let sql = "UPDATE source SET attempted = ?2, duration = ?3 WHERE id = ?1";
    connection.execute(sql, params![source, nanos(now), duration])?;
    let Some(trouble) = trouble else { return Ok(()) };
    let (kind, text) = match trouble {
        Trouble::Held { was, would_be } => {
            let sql = "UPDATE source SET held = ?2, held_was = ?3, held_would_be = ?4 WHERE id = ?1";
            connection
                .execute(sql, params![source, nanos(now), was.cast_signed(), would_be.cast_signed()])?;
            (SyncErrorKind::Held, held_text(*was, *would_be))
        }
        Trouble::Source(error) => (error.kind, error.text.clone()),
        Trouble::Library(error) => (SyncErrorKind::Store, error.to_string()),
    };
    let sql = "UPDATE source SET failed = ?2, error = ?3, error_text = ?4 WHERE id = ?1";
    connection.execute(sql, params![source, nanos(now), kind.keyword(), text])?;
    Ok(())
}
