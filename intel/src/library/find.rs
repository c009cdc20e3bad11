//! What the sources say of one value, whether it counts or not, and what each source says.

use super::compose::{self, Judge, Verdict, damaged};
use super::policy::{Filtered, Policies};
use super::rows::{self, Row, columns, time_of};
use super::state::{self, SourceRow};
use super::{LibraryError, Reader, values};
use crate::{Place, Refusal, RefusalReason};
use rusqlite::{Statement, ToSql, params};
use uuid::Uuid;
use weir_model::{Context, IndicatorValue, Timestamp};

/// What a source says of a value, or said lately.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The name of the source.
    pub source: String,
    /// What the source calls it.
    pub id: Option<Uuid>,
    /// What it is a part of.
    pub group: Option<Uuid>,
    /// The value.
    pub value: IndicatorValue,
    /// What is said, with the end of its time if it counts. Of what was withdrawn, only what it shares with other values.
    pub context: Context,
    /// When the source said it first.
    pub since: Timestamp,
    /// When what it says changed last.
    pub changed: Timestamp,
    /// Whether it counts.
    pub standing: Standing,
}

/// Whether an entry counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Counts,
    /// Its time is over.
    Expired {
        /// Since when.
        at: Timestamp,
    },
    /// The filter of the policy holds it back.
    Filtered(Filtered),
    /// The source says it no longer.
    Withdrawn {
        /// Since when.
        at: Timestamp,
    },
}

/// Most bytes of bodies of contexts that are held while listing.
const MAX_HELD_BYTES: usize = 8 << 20;

impl Reader {
    /// What every source says of this very value, ordered by source and id, then what was withdrawn within [`super::MEMORY`], latest first.
    pub fn find(
        &self,
        policies: &Policies,
        value: &IndicatorValue,
        now: Timestamp,
    ) -> Result<Vec<Said>, LibraryError> {
        let transaction = self.connection.unchecked_transaction()?;
        let key = values::key(value);
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM entry WHERE source = ?1 AND value = ?2 ORDER BY value, id, part"
        );
        let mut said = Vec::new();
        for source in state::all(&transaction)? {
            let mut judge = Judge::new(&transaction, &source, policies.of(&source.name), now, MAX_HELD_BYTES);
            let mut statement = transaction.prepare_cached(sql)?;
            each(&mut statement, &[&source.id, &key], &source, &mut judge, &mut |one| {
                said.push(one);
                true
            })?;
        }
        said.extend(self.withdrawn(&key)?);
        Ok(said)
    }

    /// What a source says, in the order of values, until `take` returns `false`.
    pub fn list(
        &self,
        policies: &Policies,
        source: &str,
        now: Timestamp,
        take: &mut dyn FnMut(Said) -> bool,
    ) -> Result<(), LibraryError> {
        let transaction = self.connection.unchecked_transaction()?;
        let Some(source) = state::row(&transaction, source)? else { return Ok(()) };
        let mut judge = Judge::new(&transaction, &source, policies.of(&source.name), now, MAX_HELD_BYTES);
        let sql = concat!("SELECT ", columns!(), " FROM entry WHERE source = ?1 ORDER BY value, id, part");
        let mut statement = transaction.prepare_cached(sql)?;
        each(&mut statement, &[&source.id], &source, &mut judge, take)
    }

    /// What of a source was refused, in the order in which it came, until `take` returns `false`.
    pub fn refusals(&self, source: &str, take: &mut dyn FnMut(Refusal) -> bool) -> Result<(), LibraryError> {
        let Some(source) = state::row(&self.connection, source)? else { return Ok(()) };
        let sql = "SELECT reason, file, line, pointer, text FROM refusal WHERE source = ?1 ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([source.id])?;
        while let Some(row) = rows.next()? {
            if !take(refusal(row)?) {
                break;
            }
        }
        Ok(())
    }

    /// Refusals whose text holds this text, whatever the case of letters, with their source; as many as `most`.
    pub fn find_refused(&self, text: &str, most: u32) -> Result<Vec<(String, Refusal)>, LibraryError> {
        let sql = "SELECT reason, file, line, pointer, text, name FROM refusal
                   JOIN source ON source.id = refusal.source
                   WHERE instr(lower(text), lower(?1)) > 0 ORDER BY name, number LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![text, most])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((row.get(5)?, refusal(row)?));
        }
        Ok(found)
    }

    fn withdrawn(&self, key: &[u8]) -> Result<Vec<Said>, LibraryError> {
        let sql =
            "SELECT source, id, since, at, context FROM withdrawn WHERE value = ?1 ORDER BY number DESC";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        let mut said = Vec::new();
        while let Some(row) = rows.next()? {
            let at = time_of(row.get(3)?);
            said.push(Said {
                source: row.get(0)?,
                id: rows::id(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?),
                group: None,
                value: values::value(key).ok_or_else(|| damaged("a value"))?,
                context: compose::read(&self.connection, row.get(4)?)?.0,
                since: time_of(row.get(2)?),
                changed: at,
                standing: Standing::Withdrawn { at },
            });
        }
        Ok(said)
    }
}

fn each(
    statement: &mut Statement<'_>,
    parameters: &[&dyn ToSql],
    source: &SourceRow,
    judge: &mut Judge<'_>,
    take: &mut dyn FnMut(Said) -> bool,
) -> Result<(), LibraryError> {
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        let row = Row::read(row)?;
        let value = values::value(&row.key).ok_or_else(|| damaged("a value"))?;
        let verdict = judge.judge(&value, &row)?;
        let (standing, until) = match verdict {
            Verdict::Counts { until } => (Standing::Counts, until),
            Verdict::Expired { at } => (Standing::Expired { at }, Some(at)),
            Verdict::Filtered(reason) => (Standing::Filtered(reason), row.own.valid_until),
        };
        let said = Said {
            source: source.name.clone(),
            id: row.id,
            group: row.group,
            value,
            context: judge.context(&row, until)?,
            since: row.since,
            changed: row.changed,
            standing,
        };
        if !take(said) {
            break;
        }
    }
    Ok(())
}

fn refusal(row: &rusqlite::Row<'_>) -> Result<Refusal, LibraryError> {
    let reason: String = row.get(0)?;
    let place = match (row.get::<_, Option<u32>>(2)?, row.get::<_, Option<String>>(3)?) {
        (Some(line), _) => Place::Line(line),
        (None, Some(pointer)) => Place::Pointer(pointer),
        (None, None) => Place::File,
    };
    Ok(Refusal {
        file: row.get::<_, String>(1)?.into(),
        place,
        text: row.get(4)?,
        reason: RefusalReason::parse(&reason).ok_or_else(|| damaged("a reason"))?,
    })
}
