//! What changed, and when.

use super::compose::damaged;
use super::rows::{self, nanos, time_of};
use super::{LibraryError, Reader, values};
use crate::Extent;
use uuid::Uuid;
use weir_model::{IndicatorValue, Timestamp};

/// Something that a source began to say, says otherwise, or says no longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub happened: Happened,
    /// The name of the source.
    pub source: String,
    /// What the source calls it.
    pub id: Option<Uuid>,
    /// Of which value.
    pub value: IndicatorValue,
}

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Happened {
    /// It is new.
    Added,
    /// Something else is said of the value.
    Changed,
    /// It is gone.
    Removed,
}

impl Happened {
    /// As written in tables.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// A delivery that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLine {
    /// When.
    pub at: Timestamp,
    /// The name of the source.
    pub source: String,
    /// How much of the source it was.
    pub extent: Extent,
    /// Entries that were new.
    pub added: u64,
    /// Entries of which something else was said.
    pub changed: u64,
    /// Entries that were gone.
    pub removed: u64,
}

/// What was added is told by the entries themselves, as is what changed, the last time that it did; what is gone by what was withdrawn,
/// of which its beginning is told, too, if it is recent enough.
const CHANGES: &str = "
    SELECT since, 0, name, entry.id, value FROM entry JOIN source ON source.id = entry.source WHERE since >= ?1
    UNION ALL
    SELECT changed, 1, name, entry.id, value FROM entry JOIN source ON source.id = entry.source
        WHERE changed >= ?1 AND changed > since
    UNION ALL
    SELECT since, 0, source, id, value FROM withdrawn WHERE since >= ?1
    UNION ALL
    SELECT at, 2, source, id, value FROM withdrawn WHERE at >= ?1
    ORDER BY 1, 3, 5, 4, 2";

impl Reader {
    /// What was added, changed and removed since then, oldest first, until `take` returns `false`. What was removed is known for
    /// [`super::MEMORY`]; of what changed several times, the last time. Reads all entries.
    pub fn changes(
        &self,
        since: Timestamp,
        take: &mut dyn FnMut(Change) -> bool,
    ) -> Result<(), LibraryError> {
        let mut statement = self.connection.prepare_cached(CHANGES)?;
        let mut rows = statement.query([nanos(since)])?;
        while let Some(row) = rows.next()? {
            let blob = |column| row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from);
            let change = Change {
                at: time_of(row.get(0)?),
                happened: match row.get(1)? {
                    0 => Happened::Added,
                    1 => Happened::Changed,
                    _ => Happened::Removed,
                },
                source: row.get(2)?,
                id: rows::id(blob(3)?),
                value: values::value(blob(4)?).ok_or_else(|| damaged("a value"))?,
            };
            if !take(change) {
                break;
            }
        }
        Ok(())
    }

    /// The deliveries since then that changed something, oldest first.
    pub fn deliveries(&self, since: Timestamp) -> Result<Vec<DeliveryLine>, LibraryError> {
        let sql =
            "SELECT at, source, extent, added, changed, removed FROM delivery WHERE at >= ?1 ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([nanos(since)])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            lines.push(DeliveryLine {
                at: time_of(row.get(0)?),
                source: row.get(1)?,
                extent: match &*row.get::<_, String>(2)? {
                    "whole" => Extent::Whole,
                    "changes" => Extent::Changes,
                    _ => Extent::Nothing,
                },
                added: count(3)?,
                changed: count(4)?,
                removed: count(5)?,
            });
        }
        Ok(lines)
    }
}
