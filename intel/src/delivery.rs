//! What a source of intelligence delivers, and to whom: a [`Provider`] asks the source and hands what it says to a [`Delivery`], which
//! keeps it.
//!
//! A delivery is a transaction. If the provider fails half-way, nothing of it counts, and what the source said before stays.

use crate::Refusal;
use std::{fmt, io};
use uuid::Uuid;
use weir_model::{Context, IndicatorValue, Timestamp};
use weir_net::{NetError, NetErrorKind};

/// One thing that a source says of one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What the source calls it: of a MISP attribute its UUID, of a STIX object the UUID in its identifier. Several values may have the
    /// same (a pattern with `OR`, a composite attribute): they are replaced and removed together. Where the source has no names,
    /// the value is the name.
    pub id: Option<Uuid>,
    /// What it is a part of and may be removed with: a MISP event.
    pub group: Option<Uuid>,
    /// When the source says that it last changed this (of a MISP attribute its `timestamp`, of a STIX object `modified`): its age is
    /// counted from there where nothing says when it was last seen.
    pub modified: Option<Timestamp>,
    /// The value.
    pub value: IndicatorValue,
    /// What is said of it.
    pub context: Context,
}

impl Entry {
    /// What a source says that has neither names nor groups nor times of change: a list.
    pub fn new(value: IndicatorValue, context: Context) -> Self {
        Self { id: None, group: None, modified: None, value, context }
    }
}

/// How much of a source a delivery was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that the source has: what was not put is gone.
    Whole,
    /// What changed: what was neither put nor removed stays.
    Changes,
    /// The source says that nothing changed: what it said before stands, as if it had said it again. Nothing is put or removed, but
    /// notes may be.
    Nothing,
}

/// Takes what a source says, in one transaction.
pub trait Delivery {
    /// Takes an entry. What was said under its id before this delivery is replaced by all entries of this delivery that have it.
    /// Where it has no id, the same holds for its value.
    fn put(&mut self, entry: Entry) -> Result<(), SyncError>;

    /// Takes note of what cannot be used, and replaces what was said under that id before.
    fn refuse(&mut self, id: Option<Uuid>, refusal: Refusal) -> Result<(), SyncError>;

    /// Removes all that is said under an id.
    fn remove(&mut self, id: Uuid) -> Result<(), SyncError>;

    /// Removes all that is part of a group.
    fn remove_group(&mut self, group: Uuid) -> Result<(), SyncError>;

    /// Removes all entries and refusals that have an id which `is_there` does not know: what was deleted at the source without a trace.
    fn keep_only(&mut self, is_there: &mut dyn FnMut(Uuid) -> bool) -> Result<(), SyncError>;

    /// What the provider remembered under a key when this source was last delivered from.
    fn recall(&mut self, key: &str) -> Result<Option<String>, SyncError>;

    /// All keys that begin so, with their values, in order.
    fn recall_all(&mut self, prefix: &str) -> Result<Vec<(String, String)>, SyncError>;

    /// Remembers something until the next delivery (a cursor, an `ETag`), or forgets it; part of the transaction.
    fn remember(&mut self, key: &str, value: Option<&str>) -> Result<(), SyncError>;

    /// Says how far the provider is, for people who wait: `done` of `total` if that is known, in what `unit` names.
    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        let _ = (done, total, unit);
    }

    /// Whether somebody wants to stop; the provider then gives up soon with [`SyncErrorKind::Stopped`].
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Asks one source.
pub trait Provider: Send {
    /// Hands what the source says to `delivery`, and tells how much of it that was. `now` is the time by our clock.
    fn deliver(&mut self, delivery: &mut dyn Delivery, now: Timestamp) -> Result<Extent, SyncError>;
}

/// Why nothing came of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncError {
    /// Of which kind.
    pub kind: SyncErrorKind,
    /// For people: what happened, and what to do about it. Holds no secrets.
    pub text: String,
}

/// Kinds of failure, as metrics and tables name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SyncErrorKind {
    /// Nobody answers: name, connection, TLS, time-out.
    Unreachable,
    /// Credentials are missing or wrong (HTTP 401, 403).
    Unauthorized,
    /// The source answers with another error.
    Server,
    /// The answer is not what it should be.
    Malformed,
    /// The answer is larger than allowed, or took longer.
    TooLarge,
    /// What came looks wrong (empty, shrunk, grown): the set before stays.
    Held,
    /// It cannot be kept: disk, database.
    Store,
    /// The settings of the source are wrong.
    Settings,
    /// Somebody wanted to stop.
    Stopped,
}

impl SyncErrorKind {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Unreachable,
        Self::Unauthorized,
        Self::Server,
        Self::Malformed,
        Self::TooLarge,
        Self::Held,
        Self::Store,
        Self::Settings,
        Self::Stopped,
    ];

    /// From its keyword.
    pub fn parse(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.keyword() == keyword)
    }

    /// As written in tables and metrics.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
            Self::Server => "server",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Held => "held",
            Self::Store => "store",
            Self::Settings => "settings",
            Self::Stopped => "stopped",
        }
    }
}

impl SyncError {
    /// An error of a kind.
    pub fn new(kind: SyncErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl SyncError {
    /// What an error of reading was, where it comes from an answer that broke off or was too large.
    pub(crate) fn of_reading(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<NetError>().map(|error| error.clone().into())
    }
}

impl From<NetError> for SyncError {
    fn from(error: NetError) -> Self {
        let kind = match error.kind {
            NetErrorKind::Unreachable => SyncErrorKind::Unreachable,
            NetErrorKind::Unauthorized => SyncErrorKind::Unauthorized,
            NetErrorKind::Server => SyncErrorKind::Server,
            NetErrorKind::Malformed => SyncErrorKind::Malformed,
            NetErrorKind::TooLarge => SyncErrorKind::TooLarge,
            NetErrorKind::Settings => SyncErrorKind::Settings,
        };
        Self { kind, text: error.text }
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SyncError {}
