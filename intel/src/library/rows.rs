//! Rows of the table of entries.

use super::contexts::Own;
use rusqlite::types::Value;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use uuid::Uuid;
use weir_model::Timestamp;

/// What the source of a row says of a value.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Of the value.
    pub(super) key: Vec<u8>,
    pub(super) id: Option<Uuid>,
    pub(super) part: i64,
    pub(super) number: u64,
    pub(super) group: Option<Uuid>,
    pub(super) context: i64,
    /// When the source said it first.
    pub(super) since: Timestamp,
    /// When what it says changed last.
    pub(super) changed: Timestamp,
    pub(super) own: Own,
}

/// The columns that [`Row::read`] expects.
macro_rules! columns {
    () => {
        "value, id, part, number, group_id, context, since, changed, \
         line, further_id, first_seen, last_seen, valid_from, valid_until, modified"
    };
}
pub(super) use columns;

impl Row {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> Result<Self, rusqlite::Error> {
        let id = id(row.get_ref(1)?.as_blob()?);
        let further_id = match row.get_ref(9)?.as_blob_or_null()? {
            Some([]) => id,
            Some(blob) => self::id(blob),
            None => None,
        };
        let time = |column| row.get::<_, Option<i64>>(column).map(|time| time.map(time_of));
        Ok(Self {
            key: row.get_ref(0)?.as_blob()?.to_vec(),
            id,
            part: row.get(2)?,
            number: row.get::<_, i64>(3)?.cast_unsigned(),
            group: row.get_ref(4)?.as_blob_or_null()?.and_then(self::id),
            context: row.get(5)?,
            since: time_of(row.get(6)?),
            changed: time_of(row.get(7)?),
            own: Own {
                line: row.get(8)?,
                further_id,
                first_seen: time(10)?,
                last_seen: time(11)?,
                valid_from: time(12)?,
                valid_until: time(13)?,
                modified: time(14)?,
            },
        })
    }
}

/// An id as its column has it: none is empty, so that it can be part of a key.
pub(super) fn id_bytes(id: Option<&Uuid>) -> &[u8] {
    id.map_or(&[], |id| id.as_bytes())
}

/// [`Own::further_id`] as its column has it: empty where it is the id of the entry, as it nearly always is.
pub(super) fn further_id(own: &Own, id: Option<Uuid>) -> Value {
    match own.further_id {
        None => Value::Null,
        further if further == id => Value::Blob(Vec::new()),
        Some(further) => Value::Blob(further.as_bytes().to_vec()),
    }
}

pub(super) fn id(blob: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(blob).ok()
}

/// All times keep their bits: what is later than the year 2262 is negative, which matters to no query.
pub(super) const fn nanos(time: Timestamp) -> i64 {
    time.as_nanos().cast_signed()
}

pub(super) const fn time_of(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos.cast_unsigned())
}

/// By which the body of a context is found. Bodies with the same digest are compared.
pub(super) fn digest(body: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish().cast_signed()
}
