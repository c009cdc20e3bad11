//! The file of the library: opened, made, recognised.

use super::LibraryError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The form of the tables. A file with a higher one was made by a newer Weir and is not touched.
pub(super) const VERSION: i32 = 1;

/// "Weir" in the header of the file, so that `file` and we recognise it.
const APPLICATION: i32 = 0x5765_6972;

/// How long we wait for another process that writes. Writing takes seconds (what a provider says is spooled before); a first delivery of
/// ten million entries takes longer, and whoever wants to write meanwhile tries again later.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pages of the file held in memory by a connection, in KiB: the tables of about a million entries stay there while they are written.
const CACHE_KIB: i32 = 64 * 1024;

/// What of the log stays when all in it is in the tables; the log of a first delivery is as large as what it delivers.
const MAX_IDLE_LOG_BYTES: i64 = 16 << 20;

/// `entry` is clustered by source and value: a whole list is compared and a set composed by reading on, not by seeking. `id` is empty where
/// the source has none; `part` counts what is said several times of one value under one name. `number` is the row's own and never used
/// again; bits stand for it while a delivery is applied. Times are nanoseconds since 1970.
const TABLES: &str = "
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    entries INTEGER NOT NULL DEFAULT 0,
    deliveries INTEGER NOT NULL DEFAULT 0,
    listed INTEGER,
    attempted INTEGER,
    succeeded INTEGER,
    failed INTEGER,
    error TEXT,
    error_text TEXT,
    duration INTEGER,
    held INTEGER,
    held_was INTEGER,
    held_would_be INTEGER,
    released INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE context (
    id INTEGER PRIMARY KEY,
    digest INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX context_by_digest ON context (digest);
CREATE TABLE entry (
    source INTEGER NOT NULL,
    value BLOB NOT NULL,
    id BLOB NOT NULL,
    part INTEGER NOT NULL,
    number INTEGER NOT NULL,
    group_id BLOB,
    context INTEGER NOT NULL,
    since INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    line INTEGER,
    further_id BLOB,
    first_seen INTEGER,
    last_seen INTEGER,
    valid_from INTEGER,
    valid_until INTEGER,
    modified INTEGER,
    PRIMARY KEY (source, value, id, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_by_id ON entry (source, id) WHERE id <> x'';
CREATE INDEX entry_by_group ON entry (source, group_id) WHERE group_id IS NOT NULL;
CREATE TABLE refusal (
    number INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    id BLOB NOT NULL,
    delivery INTEGER NOT NULL,
    reason TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER,
    pointer TEXT,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX refusal_by_id ON refusal (source, id);
CREATE TABLE refused (
    source INTEGER NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (source, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE note (
    source INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE withdrawn (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    value BLOB NOT NULL,
    id BLOB NOT NULL,
    since INTEGER NOT NULL,
    context INTEGER NOT NULL
) STRICT;
CREATE INDEX withdrawn_by_value ON withdrawn (value);
CREATE TABLE delivery (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    extent TEXT NOT NULL,
    added INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    removed INTEGER NOT NULL
) STRICT;
CREATE TABLE counter (
    next_entry INTEGER NOT NULL,
    contexts_since_sweep INTEGER NOT NULL
) STRICT;
INSERT INTO counter VALUES (1, 0);
";

/// Opens the file, or makes it.
///
/// Write-ahead logging: who reads sees the state before a delivery until it is committed, and never waits for it; a process that is killed
/// leaves a log whose end is no commit and is ignored. `synchronous = NORMAL` does not wait for the disk at each commit: after a power
/// failure the last deliveries may be missing, but the file is whole, and as their cursors are missing with them, they are fetched again.
pub(super) fn open(path: &Path) -> Result<Connection, LibraryError> {
    // SQLite would make a file that all may read, and those beside it after its example.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path);
    drop(made);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "journal_size_limit", MAX_IDLE_LOG_BYTES)?;
    prepare(&connection)?;
    if marks(&connection)? == (0, 0) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        if marks(&transaction)? == (0, 0) {
            make(&transaction)?;
        }
        transaction.commit()?;
    }
    recognise(&connection)?;
    Ok(connection)
}

fn make(connection: &Connection) -> Result<(), LibraryError> {
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        return Err(LibraryError::Foreign);
    }
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// Whose file it is, and of which form.
fn marks(connection: &Connection) -> Result<(i32, i32), LibraryError> {
    let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((application, version))
}

fn recognise(connection: &Connection) -> Result<(), LibraryError> {
    match marks(connection)? {
        (APPLICATION, VERSION) => Ok(()),
        (APPLICATION, found) => Err(LibraryError::Newer { found }),
        _ => Err(LibraryError::Foreign),
    }
}

/// Opens the file for reading beside whoever writes.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, LibraryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    prepare(&connection)?;
    recognise(&connection)?;
    Ok(connection)
}

/// What holds for every connection. A file that was tampered with shall not reach further than its tables: no triggers, views or functions
/// that it may bring along.
fn prepare(connection: &Connection) -> Result<(), LibraryError> {
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Otherwise statements are planned anew for each value that is bound, which takes four times as long as what they do.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Renames a file that cannot be read, and what SQLite keeps beside it: a log that stayed would be applied to the next file of that name.
/// At most one damaged file is kept.
pub(super) fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = with(".damaged");
    std::fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        if with(suffix).exists() {
            std::fs::rename(with(suffix), with(&format!(".damaged{suffix}")))?;
        }
    }
    Ok(aside)
}
