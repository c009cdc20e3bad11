//! What is done with the file of a depot, each step in one transaction with the counts.

use super::bundle::{Packed, kind};
use super::{DepotCounts, Limits, SpoolError};
use crate::sinks::Kind;
use crate::spool::books::as_integer;
use crate::spool::file::{self, Commit, Form, used_bytes};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::Path;
use weir_model::Timestamp;

/// Most bundles that one transaction takes out for their age, so that whoever appends waits for milliseconds.
const STEP: u32 = 64;

/// "Weif" in the header of the file. Numbers are never used again: one that is under way may fall off the end meanwhile.
pub(super) const FORM: Form = Form {
    application: 0x5765_6966,
    version: 1,
    tables: "
CREATE TABLE bundle (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    format TEXT NOT NULL,
    parcels INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE account (
    kind TEXT PRIMARY KEY,
    spooled INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    expired INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
};

type Accounts = BTreeMap<Kind, DepotCounts>;

/// The connection, and what was committed by it.
pub(super) struct Store {
    connection: Connection,
    pub(super) limits: Limits,
    accounts: Accounts,
    commit: Commit,
}

/// A bundle as it lies there.
pub(super) struct Row {
    pub(super) number: i64,
    pub(super) kind: String,
    pub(super) format: String,
    pub(super) parcels: u64,
    pub(super) bytes: u64,
    pub(super) body: Vec<u8>,
}

impl Store {
    pub(super) fn new(connection: Connection, limits: Limits) -> Result<Self, SpoolError> {
        let accounts = read_accounts(&connection)?;
        Ok(Self { connection, limits, accounts, commit: Commit::Synced })
    }

    pub(super) const fn counts(&self) -> &Accounts {
        &self.accounts
    }

    /// Appends all bundles or none, and takes out of the end what there is no room for. Gives how many parcels that were.
    pub(super) fn append(&mut self, bundles: &[Packed], now: Timestamp) -> Result<u64, SpoolError> {
        let max_bytes = self.limits.max_bytes;
        self.write(Commit::Synced, |connection, accounts| {
            insert(connection, accounts, bundles, now)?;
            let mut expired = 0;
            while used_bytes(connection)? > max_bytes {
                match drop_oldest(connection, accounts, Timestamp::from_nanos(u64::MAX))? {
                    0 => break,
                    parcels => expired += parcels,
                }
            }
            Ok(expired)
        })
    }

    /// Takes out what is too old.
    pub(super) fn expire(&mut self, now: Timestamp) -> Result<u64, SpoolError> {
        let before = now - self.limits.max_age;
        let mut expired = 0;
        loop {
            let step = self.write(Commit::Lazy, |connection, accounts| {
                let mut parcels = 0;
                for _ in 0..STEP {
                    match drop_oldest(connection, accounts, before)? {
                        0 => break,
                        gone => parcels += gone,
                    }
                }
                Ok(parcels)
            })?;
            if step == 0 {
                return Ok(expired);
            }
            expired += step;
        }
    }

    pub(super) fn front(&self) -> Result<Option<Row>, SpoolError> {
        if self.accounts.values().all(|counts| counts.waiting() == 0) {
            return Ok(None);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT number, kind, format, parcels, bytes, body FROM bundle ORDER BY number LIMIT 1",
        )?;
        let row = statement.query_row([], |row| {
            Ok(Row {
                number: row.get(0)?,
                kind: row.get(1)?,
                format: row.get(2)?,
                parcels: row.get::<_, u32>(3)?.into(),
                bytes: row.get::<_, u32>(4)?.into(),
                body: row.get(5)?,
            })
        });
        Ok(row.optional()?)
    }

    /// Takes a bundle out and counts what became of it, unless it is gone.
    pub(super) fn pass(&mut self, number: i64, became: DepotCounts) -> Result<(), SpoolError> {
        self.write(Commit::Lazy, |connection, accounts| {
            if let Some((counts, _)) = remove(connection, accounts, number)? {
                counts.delivered += became.delivered;
                counts.refused += became.refused;
            }
            Ok(())
        })
    }

    /// Writes all of it into a file that is not there yet.
    pub(super) fn copy_to(&self, path: &Path) -> Result<(), SpoolError> {
        file::copy_to(&self.connection, path)
    }

    pub(super) fn used_bytes(&self) -> Result<u64, SpoolError> {
        used_bytes(&self.connection)
    }

    /// When the oldest bundle that is there was appended.
    pub(super) fn oldest(&self) -> Result<Option<Timestamp>, SpoolError> {
        let sql = "SELECT time FROM bundle ORDER BY number LIMIT 1";
        let time = self.connection.query_row(sql, [], |row| row.get(0)).optional()?;
        Ok(time.map(time_of))
    }

    /// Does something in one transaction with the counts: all of it or nothing.
    fn write<T>(
        &mut self,
        commit: Commit,
        change: impl FnOnce(&Connection, &mut Accounts) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        commit.apply(&self.connection, &mut self.commit)?;
        let mut accounts = self.accounts.clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = change(&transaction, &mut accounts)?;
        if accounts != self.accounts {
            write_accounts(&transaction, &accounts)?;
        }
        transaction.commit()?;
        self.accounts = accounts;
        Ok(changed)
    }
}

fn insert(
    connection: &Connection,
    accounts: &mut Accounts,
    bundles: &[Packed],
    now: Timestamp,
) -> Result<(), SpoolError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO bundle (time, kind, format, parcels, bytes, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for Packed { kind, format, parcels, bytes, body } in bundles {
        let (time, parcels_written) = (as_integer(now.as_nanos()), as_integer(*parcels));
        let (kind_written, format) = (kind.plural(), format.keyword());
        statement.execute(params![time, kind_written, format, parcels_written, as_integer(*bytes), body])?;
        accounts.entry(*kind).or_default().spooled += parcels;
    }
    Ok(())
}

/// Takes out the oldest bundle if it came before a time, and gives how many parcels it had.
fn drop_oldest(
    connection: &Connection,
    accounts: &mut Accounts,
    before: Timestamp,
) -> Result<u64, SpoolError> {
    let mut oldest = connection.prepare_cached("SELECT number, time FROM bundle ORDER BY number LIMIT 1")?;
    let found = oldest.query_row([], |row| Ok((row.get(0)?, time_of(row.get(1)?)))).optional()?;
    let Some((number, _)) = found.filter(|(_, time)| *time < before) else { return Ok(0) };
    let Some((counts, parcels)) = remove(connection, accounts, number)? else { return Ok(0) };
    counts.expired += parcels;
    Ok(parcels)
}

/// Takes a bundle out; gives where it is counted, and how many parcels it had.
fn remove<'a>(
    connection: &Connection,
    accounts: &'a mut Accounts,
    number: i64,
) -> Result<Option<(&'a mut DepotCounts, u64)>, SpoolError> {
    let mut statement =
        connection.prepare_cached("DELETE FROM bundle WHERE number = ?1 RETURNING kind, parcels")?;
    let removed: Option<(String, u32)> =
        statement.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    // Of a kind that a later Weir has nothing is counted here.
    let Some((kind, parcels)) = removed.and_then(|(name, parcels)| Some((kind(&name)?, parcels))) else {
        return Ok(None);
    };
    Ok(Some((accounts.entry(kind).or_default(), parcels.into())))
}

fn read_accounts(connection: &Connection) -> Result<Accounts, SpoolError> {
    let mut statement =
        connection.prepare("SELECT kind, spooled, delivered, refused, expired FROM account")?;
    let rows = statement.query_map([], |row| {
        let number = |column: usize| row.get(column).map(|number: i64| u64::try_from(number).unwrap_or(0));
        let counts = DepotCounts {
            spooled: number(1)?,
            delivered: number(2)?,
            refused: number(3)?,
            expired: number(4)?,
        };
        Ok((row.get::<_, String>(0)?, counts))
    })?;
    let mut accounts = Accounts::new();
    for row in rows {
        let (name, counts) = row?;
        accounts.extend(kind(&name).map(|kind| (kind, counts)));
    }
    Ok(accounts)
}

fn write_accounts(connection: &Connection, accounts: &Accounts) -> Result<(), SpoolError> {
    let mut statement = connection.prepare_cached(
        "REPLACE INTO account (kind, spooled, delivered, refused, expired) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (kind, counts) in accounts {
        let DepotCounts { spooled, delivered, refused, expired } = *counts;
        let [spooled, delivered, refused, expired] = [spooled, delivered, refused, expired].map(as_integer);
        statement.execute(params![kind.plural(), spooled, delivered, refused, expired])?;
    }
    Ok(())
}

fn time_of(written: i64) -> Timestamp {
    Timestamp::from_nanos(u64::try_from(written).unwrap_or_default())
}
