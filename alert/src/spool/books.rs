//! The books of the spool: where each cursor is, and what became of what it passed. They are changed in one transaction with what they count.

use super::{Lane, Settled, SpoolError};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All that is counted. A transaction changes a copy, which takes the place of the original when it is committed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Books {
    pub(super) totals: Totals,
    pub(super) accounts: BTreeMap<i64, Account>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Sequence of the last message appended, also where it is gone.
    pub(super) last: u64,
    /// Messages that are gone.
    pub(super) removed: u64,
    /// Those of them that fell off the end before all cursors had settled them.
    pub(super) expired: u64,
    /// What cursors that were forgotten had not settled.
    pub(super) forgotten: u64,
}

impl Totals {
    /// Messages that are there.
    pub(super) const fn held(&self) -> u64 {
        self.last.saturating_sub(self.removed)
    }
}

/// What the spool knows of a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) sink: Arc<str>,
    pub(super) part: Arc<str>,
    /// The last message that was appended before the cursor began.
    pub(super) began: u64,
    /// Messages held then that it was to have as well.
    pub(super) held: u64,
    /// The last message settled, per lane.
    pub(super) settled: [u64; Lane::ALL.len()],
    pub(super) counts: Counts,
}

/// What became of the messages that were spooled for a sink since its cursor began. What is left of them waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages spooled since the cursor began, and those that it found.
    pub spooled: u64,
    /// Delivered, also in part or stripped.
    pub delivered: u64,
    /// Those delivered of which a part was left out for its marking.
    pub in_part: u64,
    /// Those delivered that were stripped of what their marking does not let out.
    pub stripped: u64,
    /// Not wanted by the sink's filter.
    pub filtered: u64,
    /// Withheld for their marking.
    pub withheld: u64,
    /// Refused by the receiver, or not readable in the spool.
    pub refused: u64,
    /// Those refused that could not be read: damaged, or of a later version.
    pub unreadable: u64,
    /// Fell off the end of the spool.
    pub expired: u64,
}

impl Counts {
    /// Messages that are neither delivered nor given up: spooled = delivered + filtered + withheld + refused + expired + waiting.
    pub const fn waiting(&self) -> u64 {
        self.spooled
            .saturating_sub(self.delivered + self.filtered + self.withheld + self.refused + self.expired)
    }

    pub(super) const fn count(&mut self, settled: Settled) {
        match settled {
            Settled::Delivered => self.delivered += 1,
            Settled::DeliveredInPart => {
                (self.delivered, self.in_part) = (self.delivered + 1, self.in_part + 1);
            }
            Settled::DeliveredStripped => {
                (self.delivered, self.stripped) = (self.delivered + 1, self.stripped + 1);
            }
            Settled::Filtered => self.filtered += 1,
            Settled::Withheld => self.withheld += 1,
            Settled::Refused => self.refused += 1,
            Settled::Unreadable => (self.refused, self.unreadable) = (self.refused + 1, self.unreadable + 1),
        }
    }
}

impl Account {
    /// Its counts, as of the last message appended.
    pub(super) const fn counts(&self, totals: &Totals) -> Counts {
        Counts { spooled: totals.last.saturating_sub(self.began) + self.held, ..self.counts }
    }

    pub(super) fn is_of(&self, sink: &str, part: &str) -> bool {
        *self.sink == *sink && *self.part == *part
    }

    pub(super) fn settled(&self, lane: Lane) -> u64 {
        self.settled.get(lane as usize).copied().unwrap_or_default()
    }

    pub(super) fn settle_to(&mut self, lane: Lane, sequence: u64) {
        if let Some(settled) = self.settled.get_mut(lane as usize) {
            *settled = sequence.max(*settled);
        }
    }
}

impl Books {
    pub(super) fn read(connection: &Connection) -> Result<Self, SpoolError> {
        let totals =
            connection.query_row("SELECT last, removed, expired, forgotten FROM totals", [], |row| {
                Ok(Totals {
                    last: number(row, 0)?,
                    removed: number(row, 1)?,
                    expired: number(row, 2)?,
                    forgotten: number(row, 3)?,
                })
            })?;
        let mut statement = connection.prepare(
            "SELECT number, sink, part, began, held, openings, rest, delivered, in_part, stripped, filtered, withheld, refused, unreadable, \
             expired FROM cursor",
        )?;
        let accounts = statement.query_map([], account)?.collect::<Result<_, _>>()?;
        Ok(Self { totals, accounts })
    }

    /// Writes what is not as it was.
    pub(super) fn write(&self, before: &Self, connection: &Connection) -> Result<(), SpoolError> {
        if self.totals != before.totals {
            let Totals { last, removed, expired, forgotten } = self.totals;
            let mut statement = connection
                .prepare_cached("UPDATE totals SET last = ?1, removed = ?2, expired = ?3, forgotten = ?4")?;
            statement.execute([last, removed, expired, forgotten].map(as_integer))?;
        }
        for number in before.accounts.keys().filter(|number| !self.accounts.contains_key(number)) {
            connection.execute("DELETE FROM cursor WHERE number = ?1", [number])?;
        }
        for (number, account) in &self.accounts {
            if before.accounts.get(number) != Some(account) {
                write_account(connection, *number, account)?;
            }
        }
        Ok(())
    }

    pub(super) fn number_of(&self, sink: &str, part: &str) -> Option<i64> {
        let mut accounts = self.accounts.iter();
        accounts.find(|(_, account)| account.is_of(sink, part)).map(|(number, _)| *number)
    }

    /// Begins an account.
    pub(super) fn begin(&mut self, account: Account) -> i64 {
        let number = self.accounts.last_key_value().map_or(1, |(last, _)| last + 1);
        self.accounts.insert(number, account);
        number
    }

    /// What all cursors have settled in a lane; nothing while there is no cursor.
    pub(super) fn settled_by_all(&self, lane: Lane) -> u64 {
        self.accounts.values().map(|account| account.settled(lane)).min().unwrap_or_default()
    }
}

/// SQLite's integers have a sign.
pub(super) fn as_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    row.get(column).map(|number: i64| u64::try_from(number).unwrap_or_default())
}

fn account(row: &Row<'_>) -> Result<(i64, Account), rusqlite::Error> {
    let counts = Counts {
        spooled: 0,
        delivered: number(row, 7)?,
        in_part: number(row, 8)?,
        stripped: number(row, 9)?,
        filtered: number(row, 10)?,
        withheld: number(row, 11)?,
        refused: number(row, 12)?,
        unreadable: number(row, 13)?,
        expired: number(row, 14)?,
    };
    let account = Account {
        sink: row.get(1)?,
        part: row.get(2)?,
        began: number(row, 3)?,
        held: number(row, 4)?,
        settled: [number(row, 5)?, number(row, 6)?],
        counts,
    };
    Ok((row.get(0)?, account))
}

fn write_account(connection: &Connection, number: i64, account: &Account) -> Result<(), SpoolError> {
    let mut statement = connection.prepare_cached(
        "REPLACE INTO cursor (number, sink, part, began, held, openings, rest, delivered, in_part, stripped, filtered, withheld, refused, \
         unreadable, expired) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    let Account { sink, part, began, held, settled: [openings, rest], counts } = account;
    statement.execute(params![
        number,
        sink,
        part,
        as_integer(*began),
        as_integer(*held),
        as_integer(*openings),
        as_integer(*rest),
        as_integer(counts.delivered),
        as_integer(counts.in_part),
        as_integer(counts.stripped),
        as_integer(counts.filtered),
        as_integer(counts.withheld),
        as_integer(counts.refused),
        as_integer(counts.unreadable),
        as_integer(counts.expired),
    ])?;
    Ok(())
}
