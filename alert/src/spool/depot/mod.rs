//! Where flows, names and ledgers of one sink wait on the disk, if it asks for that: in bundles, compressed, in the order in which they came.
//!
//! [`Depot::append`] takes parcels; when it comes back they survive the loss of power. [`Depot::front`] gives the oldest bundle, again and again
//! until [`Depot::pass`] says what became of it. So parcels reach the sink at least once, in order; a bundle that was under way when the
//! process ended comes again, with the same identifiers.
//!
//! Each sink has a file of its own, so that one whose receiver is away takes no room from others, and none from messages. What grows
//! older than [`Limits::max_age`], or has no room in [`Limits::max_bytes`], falls off the end, the oldest first, and is counted. The adversary opens
//! flows; the disk is as safe as the limit says, and what is lost is the oldest.

mod bundle;
mod store;
#[cfg(test)]
pub(super) mod tests;

use super::{Limits, SetAside, SpoolError, SpoolErrorKind, file};
use crate::sinks::{Kind, Parcel};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Store;
use weir_model::Timestamp;

/// A handle on the file of a sink. All handles are of one connection, which one thread uses at a time.
#[derive(Clone)]
pub struct Depot(Arc<Mutex<Store>>);

/// The oldest parcels that wait.
#[derive(Clone, Debug)]
pub struct HeldBundle {
    /// What [`Depot::pass`] knows it by.
    pub number: i64,
    /// All of one kind.
    pub parcels: Arc<[Parcel]>,
}

/// What became of parcels of a kind since the sink first asked for it. What is left of them waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DepotCounts {
    /// Put in.
    pub spooled: u64,
    /// Taken by the sink.
    pub delivered: u64,
    /// Refused by the receiver, or not readable in the file.
    pub refused: u64,
    /// Too old, or no room: fell off the end.
    pub expired: u64,
}

impl DepotCounts {
    /// Parcels that are there.
    pub const fn waiting(&self) -> u64 {
        self.spooled.saturating_sub(self.delivered + self.refused + self.expired)
    }
}

/// How a depot stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepotState {
    /// Bytes in use.
    pub bytes: u64,
    /// When the oldest parcels that are there came.
    pub oldest: Option<Timestamp>,
    /// What became of parcels, by kind.
    pub counts: BTreeMap<Kind, DepotCounts>,
}

impl Depot {
    /// Opens the file of a sink, or begins it. One process may have it open. One that is damaged is renamed and another begun.
    pub fn open_or_set_aside(path: &Path, limits: Limits) -> Result<(Self, Option<SetAside>), SpoolError> {
        match Self::open(path, limits) {
            Err(error) if error.kind == SpoolErrorKind::Damaged => {
                let aside = file::set_aside(path)?;
                Ok((Self::open(path, limits)?, Some(SetAside { path: aside, error })))
            }
            opened => Ok((opened?, None)),
        }
    }

    /// The same; one that is damaged is an error.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, SpoolError> {
        let store = Store::new(file::open(path, &store::FORM)?, limits)?;
        Ok(Self(Arc::new(Mutex::new(store))))
    }

    /// Other limits count from here on; what there is no room for then falls off with the next parcels or the next [`Depot::expire`].
    pub fn set_limits(&self, limits: Limits) {
        self.store().limits = limits;
    }

    /// Reads all of a file that nobody has open, and says what is wrong with it.
    pub fn check(path: &Path) -> Result<(), SpoolError> {
        file::check(path, &store::FORM)
    }

    /// Keeps parcels in their order, in one synced transaction: all of them or, with an error, none. Gives how many fell off the end for it.
    pub fn append(&self, parcels: &[Parcel], now: Timestamp) -> Result<u64, SpoolError> {
        let bundles = bundle::pack(parcels)?;
        self.store().append(&bundles, now)
    }

    /// The oldest bundle. What cannot be read is counted as refused and passed.
    pub fn front(&self) -> Result<Option<HeldBundle>, SpoolError> {
        let mut store = self.store();
        while let Some(row) = store.front()? {
            if let Some(parcels) = bundle::unpack(&row) {
                return Ok(Some(HeldBundle { number: row.number, parcels }));
            }
            store.pass(row.number, DepotCounts { refused: row.parcels, ..DepotCounts::default() })?;
        }
        Ok(None)
    }

    /// Takes a bundle out, of which so much was delivered and refused. One that fell off the end meanwhile is counted as that.
    pub fn pass(&self, number: i64, delivered: u64, refused: u64) -> Result<(), SpoolError> {
        self.store().pass(number, DepotCounts { delivered, refused, ..DepotCounts::default() })
    }

    /// Takes out what is too old; gives how many parcels that were.
    pub fn expire(&self, now: Timestamp) -> Result<u64, SpoolError> {
        self.store().expire(now)
    }

    /// Writes all of it into a file that is not there yet.
    pub fn copy_to(&self, path: &Path) -> Result<(), SpoolError> {
        self.store().copy_to(path)
    }

    /// What became of parcels, by kind.
    pub fn counts(&self) -> BTreeMap<Kind, DepotCounts> {
        self.store().counts().clone()
    }

    /// How it stands.
    pub fn state(&self) -> DepotState {
        let store = self.store();
        DepotState {
            bytes: store.used_bytes().unwrap_or_default(),
            oldest: store.oldest().ok().flatten(),
            counts: store.counts().clone(),
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Depot").finish_non_exhaustive()
    }
}
