//! One set of all sources: each value once, with what all of them say of it, streamed in the order of values.

use super::contexts::{self, Own};
use super::policy::{Age, End, Filtered, Policies, Policy};
use super::rows::{Row, columns};
use super::state::{self, SourceRow};
use super::{LibraryError, Reader, values};
use rusqlite::{Connection, OptionalExtension, Rows, Statement};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use weir_model::{Context, Further, Indicator, IndicatorValue, Timestamp};

/// What came of a composition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composed {
    /// Values that count.
    pub values: u64,
    /// What is said of them.
    pub contexts: u64,
    /// When the first of them counts no longer, and the set should be made anew.
    pub next_expiry: Option<Timestamp>,
    /// By the name of the source.
    pub sources: BTreeMap<String, Tally>,
}

/// What of a source counts: `entries` = `counting` + `expired` + all of `filtered`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries that it has.
    pub entries: u64,
    /// Entries that count.
    pub counting: u64,
    /// Values that count because of it.
    pub values: u64,
    /// Entries whose time is over.
    pub expired: u64,
    /// Entries that the filter holds back, by reason.
    pub filtered: BTreeMap<Filtered, u64>,
}

/// Most bytes of bodies of contexts that are held while composing, of all sources together, about two hundred thousand usual ones; beyond,
/// they are read again.
const MAX_HELD_BYTES: usize = 64 << 20;

impl Reader {
    /// Every value that counts at `now`, each once, in a fixed order, with the contexts of all sources that say it, ordered by the name of
    /// the source and by id. Until when each counts is in [`Further::valid_until`], as the policies want it.
    pub fn compose(
        &self,
        policies: &Policies,
        now: Timestamp,
        take: &mut dyn FnMut(Indicator),
    ) -> Result<Composed, LibraryError> {
        let transaction = self.connection.unchecked_transaction()?;
        let sources = state::all(&transaction)?;
        let sql = concat!("SELECT ", columns!(), " FROM entry WHERE source = ?1 ORDER BY value, id, part");
        let mut statements = Vec::new();
        for _ in &sources {
            statements.push(transaction.prepare(sql)?);
        }
        let mut composer = Composer::new(&transaction, &sources, &mut statements, policies, now)?;
        while composer.next_value(take)? {}
        Ok(composer.finish())
    }

    /// When the first of what counts at `now` counts no longer. As much work as composing, which tells it, too.
    pub fn next_expiry(
        &self,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LibraryError> {
        Ok(self.compose(policies, now, &mut |_| ())?.next_expiry)
    }
}

/// Merges the sources, each of which is read in the order of values.
struct Composer<'a> {
    sources: Vec<Cursor<'a>>,
    /// The next value of each source that has one, least first; of the same value the source first that comes first.
    heads: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    composed: Composed,
}

impl<'a> Composer<'a> {
    fn new(
        connection: &'a Connection,
        sources: &'a [SourceRow],
        statements: &'a mut [Statement<'_>],
        policies: &'a Policies,
        now: Timestamp,
    ) -> Result<Self, LibraryError> {
        let mut composer =
            Self { sources: Vec::new(), heads: BinaryHeap::new(), composed: Composed::default() };
        let each = MAX_HELD_BYTES / sources.len().max(1);
        for (index, (source, statement)) in sources.iter().zip(statements).enumerate() {
            let judge = Judge::new(connection, source, policies.of(&source.name), now, each);
            let rows = statement.query([source.id])?;
            let mut cursor = Cursor { rows, head: None, judge, tally: Tally::default(), name: &source.name };
            cursor.advance()?;
            composer.heads.extend(cursor.head.as_ref().map(|row| Reverse((row.key.clone(), index))));
            composer.sources.push(cursor);
        }
        Ok(composer)
    }

    /// Hands on the next value, if it counts; `false` at the end.
    fn next_value(&mut self, take: &mut dyn FnMut(Indicator)) -> Result<bool, LibraryError> {
        let Some(Reverse((key, first))) = self.heads.pop() else { return Ok(false) };
        let value = values::value(&key).ok_or_else(|| damaged("a value"))?;
        let mut said = Vec::new();
        let mut next = Some(first);
        while let Some(index) = next {
            let Some(cursor) = self.sources.get_mut(index) else { break };
            let until = cursor.take(&key, &value, &mut said)?;
            let earlier = [self.composed.next_expiry, until].into_iter().flatten().min();
            self.composed.next_expiry = earlier;
            self.heads.extend(cursor.head.as_ref().map(|row| Reverse((row.key.clone(), index))));
            let is_same = self.heads.peek().is_some_and(|Reverse((other, _))| *other == key);
            next = if is_same { self.heads.pop().map(|Reverse((_, index))| index) } else { None };
        }
        if !said.is_empty() {
            self.composed.values += 1;
            self.composed.contexts += said.len() as u64;
            take(Indicator::new(value, said));
        }
        Ok(true)
    }

    fn finish(mut self) -> Composed {
        self.composed.sources =
            self.sources.into_iter().map(|cursor| (cursor.name.to_owned(), cursor.tally)).collect();
        self.composed
    }
}

/// A source that is being read.
struct Cursor<'a> {
    name: &'a str,
    rows: Rows<'a>,
    head: Option<Row>,
    judge: Judge<'a>,
    tally: Tally,
}

impl Cursor<'_> {
    fn advance(&mut self) -> Result<(), LibraryError> {
        self.head = self.rows.next()?.map(Row::read).transpose()?;
        Ok(())
    }

    /// Takes all that counts of what the source says of a value; says when the first of it counts no longer.
    fn take(
        &mut self,
        key: &[u8],
        value: &IndicatorValue,
        said: &mut Vec<Context>,
    ) -> Result<Option<Timestamp>, LibraryError> {
        let before = said.len();
        let mut first_end: Option<Timestamp> = None;
        let mut id_begins = (None, before);
        while let Some(row) = self.head.take_if(|row| row.key == key) {
            self.tally.entries += 1;
            let verdict = self.judge.judge(value, &row)?;
            match verdict {
                Verdict::Counts { until } => {
                    first_end = first_end.into_iter().chain(until).min();
                    if id_begins.0 != row.id {
                        id_begins = (row.id, said.len());
                    }
                    said.push(self.judge.context(&row, until)?);
                    if row.part > 0 {
                        order_parts(said.get_mut(id_begins.1..).unwrap_or_default());
                    }
                }
                Verdict::Expired { .. } => self.tally.expired += 1,
                Verdict::Filtered(reason) => *self.tally.filtered.entry(reason).or_default() += 1,
            }
            self.advance()?;
        }
        let counting = (said.len() - before) as u64;
        self.tally.counting += counting;
        self.tally.values += u64::from(counting > 0);
        Ok(first_end)
    }
}

/// In which part of a name something stands depends on what was said before; their order shall not.
fn order_parts(parts: &mut [Context]) {
    parts.sort_by_cached_key(|context| (Own::of(context, None), format!("{context:?}")));
}

/// Whether an entry counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Counts { until: Option<Timestamp> },
    Expired { at: Timestamp },
    Filtered(Filtered),
}

/// Judges what a source says by its policy.
pub(super) struct Judge<'a> {
    connection: &'a Connection,
    policy: &'a Policy,
    listed: Option<Timestamp>,
    name: &'a str,
    now: Timestamp,
    /// What contexts say without what is the entry's own, marked, and what the filter says of that.
    contexts: HashMap<i64, Shared>,
    held_bytes: usize,
    most_bytes: usize,
    /// The context, the end and what was made of it last: lists whose entries all live as long share it.
    last: Option<(i64, Timestamp, Arc<Further>)>,
}

#[derive(Clone)]
struct Shared {
    context: Context,
    filtered: Option<Filtered>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        source: &'a SourceRow,
        policy: &'a Policy,
        now: Timestamp,
        most_bytes: usize,
    ) -> Self {
        Self {
            connection,
            policy,
            listed: source.listed,
            name: &source.name,
            now,
            contexts: HashMap::new(),
            held_bytes: 0,
            most_bytes,
            last: None,
        }
    }

    pub(super) fn judge(&mut self, value: &IndicatorValue, row: &Row) -> Result<Verdict, LibraryError> {
        let (policy, now) = (self.policy, self.now);
        let shared = self.shared(row.context)?;
        if let Some(reason) = shared.filtered.or_else(|| policy.filter.judge_value(value)) {
            return Ok(Verdict::Filtered(reason));
        }
        let confidence = shared.context.confidence;
        let End { filtered, expires } = self.end(value, row, confidence);
        if let Some(at) = expires.filter(|at| *at <= now) {
            return Ok(Verdict::Expired { at });
        }
        if filtered.is_some_and(|at| at <= now) {
            return Ok(Verdict::Filtered(Filtered::Age));
        }
        Ok(Verdict::Counts { until: End { filtered, expires }.at() })
    }

    fn end(&self, value: &IndicatorValue, row: &Row, confidence: Option<u8>) -> End {
        let age = Age {
            last_seen: row.own.last_seen,
            modified: row.own.modified,
            first_seen: row.own.first_seen,
            told: self.listed.unwrap_or(row.changed),
        };
        self.policy.end(value, confidence, row.own.valid_until, age)
    }

    /// What an entry says, with the end of its time.
    pub(super) fn context(&mut self, row: &Row, until: Option<Timestamp>) -> Result<Context, LibraryError> {
        let shared = self.shared(row.context)?.context.clone();
        let is_shared = row.own.further_id.is_none() && row.own.valid_from.is_none();
        let Some(until) = until.filter(|_| is_shared) else {
            return Ok(contexts::whole(&shared, &row.own, until));
        };
        let further = match &self.last {
            Some((context, end, further)) if (*context, *end) == (row.context, until) => Arc::clone(further),
            _ => {
                let rest = shared.further.as_deref().cloned().unwrap_or_default();
                Arc::new(Further { valid_until: Some(until), ..rest })
            }
        };
        self.last = Some((row.context, until, Arc::clone(&further)));
        let Own { line, first_seen, last_seen, .. } = row.own;
        Ok(Context { line, first_seen, last_seen, further: Some(further), ..shared })
    }

    fn shared(&mut self, id: i64) -> Result<&Shared, LibraryError> {
        if !self.contexts.contains_key(&id) {
            let (mut context, bytes) = read(self.connection, id)?;
            self.held_bytes += bytes;
            if self.held_bytes > self.most_bytes {
                self.contexts.clear();
                self.held_bytes = bytes;
            }
            if context.source.is_empty() {
                context.source = self.name.into();
            }
            context.tlp = context.tlp.or(Some(self.policy.unmarked));
            let filtered = self.policy.filter.judge(&context);
            self.contexts.insert(id, Shared { context, filtered });
        }
        self.contexts.get(&id).ok_or_else(|| damaged("a context"))
    }
}

/// What a context says, without what is the entry's own, and about how many bytes it takes.
pub(super) fn read(connection: &Connection, id: i64) -> Result<(Context, usize), LibraryError> {
    let mut statement = connection.prepare_cached("SELECT body FROM context WHERE id = ?1")?;
    let body: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
    let body = body.ok_or_else(|| damaged("a context"))?;
    let context = contexts::context(&body).ok_or_else(|| damaged("a context"))?;
    Ok((context, body.len() + 256))
}

pub(super) fn damaged(what: &str) -> LibraryError {
    LibraryError::Damaged(format!("{what} is not what was written"))
}
