//! The file of the spool: opened, made, recognised.

use super::{SpoolError, SpoolErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What makes a file one of a kind.
pub(super) struct Form {
    /// In the header of the file, so that `file` and we recognise it.
    pub(super) application: i32,
    /// The form of the tables. A file with a higher one was made by a later Weir and is not touched.
    pub(super) version: i32,
    /// How they are made.
    pub(super) tables: &'static str,
}

/// Messages: "Weis".
pub(super) const MESSAGES: Form = Form { application: 0x5765_6973, version: 1, tables: TABLES };

/// How a transaction is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    /// It stays, whatever happens to the power.
    Synced,
    /// It stays if the process is killed. If the power goes, it may be as if it had not been, and what is synced later comes after it.
    Lazy,
}

impl Commit {
    /// Has the next transactions of a connection committed so; `current` is how they were, and as which a file is opened synced.
    pub(super) fn apply(self, connection: &Connection, current: &mut Self) -> Result<(), SpoolError> {
        if *current != self {
            let word = if self == Self::Synced { "full" } else { "normal" };
            connection.pragma_update(None, "synchronous", word)?;
            *current = self;
        }
        Ok(())
    }
}

/// Pages of the file held in memory, in KiB. What is appended is read again soon, by each sink.
const CACHE_KIB: i32 = 16 * 1024;

/// What of the log stays on the disk when all in it is in the tables: what 1,000 pages of 4 KiB take, after which SQLite moves them.
const MAX_IDLE_LOG_BYTES: i64 = 4 << 20;

/// A message's place tells its lane and its sequence ([`super::store::place`]), so that a lane is read on, oldest first, without an index.
/// Notes outlive the messages that they came with. Times are nanoseconds since 1970.
const TABLES: &str = "
CREATE TABLE message (
    place INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    id BLOB NOT NULL,
    key BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE note (
    sequence INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE totals (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    forgotten INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0);
CREATE TABLE cursor (
    number INTEGER PRIMARY KEY,
    sink TEXT NOT NULL,
    part TEXT NOT NULL,
    began INTEGER NOT NULL,
    held INTEGER NOT NULL,
    openings INTEGER NOT NULL,
    rest INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    in_part INTEGER NOT NULL,
    stripped INTEGER NOT NULL,
    filtered INTEGER NOT NULL,
    withheld INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    unreadable INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    UNIQUE (sink, part)
) STRICT;
";

pub(super) fn open(path: &Path, form: &Form) -> Result<Connection, SpoolError> {
    // SQLite says "unable to open database file" to everything, and would make a file that all may read.
    let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    made.and_then(|_| sync_directory(path)).map_err(|error| SpoolError::io(path, &error))?;
    let mut connection = Connection::open(path)?;
    // One process has it, alone: two would both tell what is in it. So the index of the log needs no file either.
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    recognise(&connection, form)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "journal_size_limit", MAX_IDLE_LOG_BYTES)?;
    prepare(&mut connection, form)?;
    Ok(connection)
}

/// Without it a file that was just made may be gone after a power cut, with all that was synced into it. SQLite does this for its log.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory =
        path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

pub(super) fn open_in_memory(form: &Form) -> Result<Connection, SpoolError> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&mut connection, form)?;
    Ok(connection)
}

/// Renames a file that cannot be read, and its log: one that stayed would be applied to the next file of that name. At most one damaged
/// file is kept.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, SpoolError> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::rename(with(suffix), with(&format!(".damaged{suffix}"))) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(SpoolError::io(path, &error)),
            _ => {}
        }
    }
    Ok(with(".damaged"))
}

/// Makes the tables where there are none. A file that was tampered with shall not reach further than its tables: no triggers, views or
/// functions that it may bring along.
fn prepare(connection: &mut Connection, form: &Form) -> Result<(), SpoolError> {
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Otherwise statements are planned anew for each value that is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "synchronous", "full")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if marks(&transaction)? == (0, 0) {
        transaction.execute_batch(form.tables)?;
        transaction.pragma_update(None, "application_id", form.application)?;
        transaction.pragma_update(None, "user_version", form.version)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Whether it is ours, or empty.
fn recognise(connection: &Connection, form: &Form) -> Result<(), SpoolError> {
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match marks(connection)? {
        (application, version) if (application, version) == (form.application, form.version) => Ok(()),
        (0, 0) if tables == 0 => Ok(()),
        (application, found) if application == form.application && found > form.version => {
            let known = form.version;
            Err(SpoolError::new(SpoolErrorKind::Later, format!("form {found}, this one knows {known}")))
        }
        _ => Err(SpoolError::new(SpoolErrorKind::Damaged, "the file is no spool of Weir")),
    }
}

/// Whose file it is, and of which form.
fn marks(connection: &Connection) -> Result<(i32, i32), SpoolError> {
    let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((application, version))
}

/// Bytes of the file that hold something; pages that are free are used again.
pub(super) fn used_bytes(connection: &Connection) -> Result<u64, SpoolError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (pages, free, size) = (number("page_count")?, number("freelist_count")?, number("page_size")?);
    Ok(u64::try_from((pages - free) * size).unwrap_or_default())
}

/// Reads all of a file and says what is wrong with it.
pub(super) fn check(path: &Path, form: &Form) -> Result<(), SpoolError> {
    let connection = open(path, form)?;
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(SpoolError::new(SpoolErrorKind::Damaged, said)) }
}

/// Writes what is committed into a file that is not there yet, as one without a log.
pub(super) fn copy_to(connection: &Connection, path: &Path) -> Result<(), SpoolError> {
    let name = path.to_str().ok_or_else(|| {
        SpoolError::new(SpoolErrorKind::Other, format!("the path {} is no Unicode text", path.display()))
    })?;
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}
