//! What keeps the file small: old history goes, sources that are forgotten, contexts that nothing refers to.

use super::bits::Bits;
use super::rows::nanos;
use super::state;
use super::{LibraryError, MAX_DELIVERIES, MAX_WITHDRAWN, MEMORY};
use rusqlite::{Connection, params};
use weir_model::Timestamp;

/// Removes a source. What it said is remembered as withdrawn.
pub(super) fn forget(connection: &Connection, name: &str, now: Timestamp) -> Result<bool, LibraryError> {
    let Some(source) = state::row(connection, name)? else { return Ok(false) };
    connection.execute(
        "INSERT INTO withdrawn (at, source, value, id, since, context)
         SELECT ?2, ?3, value, id, since, context FROM entry WHERE source = ?1 LIMIT ?4",
        params![source.id, nanos(now), name, MAX_WITHDRAWN.cast_signed()],
    )?;
    for table in ["entry", "refusal", "refused", "note"] {
        connection.execute(&format!("DELETE FROM {table} WHERE source = ?1"), [source.id])?;
    }
    connection.execute("DELETE FROM source WHERE id = ?1", [source.id])?;
    prune(connection, now)?;
    Ok(true)
}

/// Forgets what is too old, and the oldest of what is too much. Numbers grow with time: what is old is at the beginning.
pub(super) fn prune(connection: &Connection, now: Timestamp) -> Result<(), LibraryError> {
    for (table, most) in [("withdrawn", MAX_WITHDRAWN), ("delivery", MAX_DELIVERIES)] {
        let sql = format!(
            "DELETE FROM {table} WHERE number < coalesce(
                 (SELECT number FROM {table} WHERE at >= ?1 ORDER BY number LIMIT 1),
                 (SELECT max(number) + 1 FROM {table}))
             OR number <= (SELECT max(number) FROM {table}) - ?2"
        );
        connection.prepare_cached(&sql)?.execute(params![nanos(now - MEMORY), most.cast_signed()])?;
    }
    Ok(())
}

/// Deletes contexts that nothing refers to, when so many were made that it is worth to read all entries.
pub(super) fn sweep(connection: &Connection, added: u64) -> Result<(), LibraryError> {
    const WORTH: i64 = 100_000;
    let sql =
        "UPDATE counter SET contexts_since_sweep = contexts_since_sweep + ?1 RETURNING contexts_since_sweep";
    let made: i64 = connection.query_row(sql, [added.cast_signed()], |row| row.get(0))?;
    if made < WORTH {
        return Ok(());
    }
    let mut used = Bits::default();
    for table in ["entry", "withdrawn"] {
        let mut statement = connection.prepare(&format!("SELECT context FROM {table}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            used.set(row.get::<_, i64>(0)?.cast_unsigned());
        }
    }
    let mut statement = connection.prepare("SELECT id FROM context")?;
    let mut rows = statement.query([])?;
    let mut unused = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        unused.extend((!used.has(id.cast_unsigned())).then_some(id));
    }
    drop(rows);
    for id in unused {
        connection.prepare_cached("DELETE FROM context WHERE id = ?1")?.execute([id])?;
    }
    connection.execute("UPDATE counter SET contexts_since_sweep = 0", [])?;
    Ok(())
}
