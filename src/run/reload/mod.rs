//! The configuration is read again while packets flow: at SIGHUP, when its file changed, and when somebody asks for it (`weir reload`).
//!
//! ```text
//!   SIGHUP, changed file, order ──> read and checked as at a start ──> compared ──> what is new is opened ──> all of it counts
//! ```
//!
//! Up to the last arrow nothing has changed, so that a mistake anywhere leaves everything as it is. What only counts after a restart stays as it
//! was and is said, with the reason ([`keys`]). A thread of its own does it: reading lists takes time, and a file system may hang.

mod command;
mod file;
pub(crate) mod keys;
mod reloader;
#[cfg(test)]
mod tests;

pub(crate) use command::run as command;
pub(super) use reloader::{Read, Reloader, Tools};

use crate::config::RunSettings;
use crate::status::ReloadStatus;
use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What others see of it.
pub(super) struct Reloading {
    settings: ArcSwap<RunSettings>,
    status: Mutex<ReloadStatus>,
    /// Orders given, and orders carried out.
    ordered: AtomicU64,
    done: AtomicU64,
    /// Somebody carries orders out.
    is_served: AtomicBool,
    is_over: AtomicBool,
}

/// How far an order is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct OrderState {
    pub is_done: bool,
    /// What came of it, when it is done.
    pub reload: ReloadStatus,
}

impl Reloading {
    /// Nothing was read again.
    pub(super) fn new(settings: RunSettings) -> Arc<Self> {
        Arc::new(Self {
            settings: ArcSwap::from_pointee(settings),
            status: Mutex::default(),
            ordered: AtomicU64::new(0),
            done: AtomicU64::new(0),
            is_served: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        })
    }

    /// What counts at this moment.
    pub(super) fn settings(&self) -> Arc<RunSettings> {
        self.settings.load_full()
    }

    /// What came of reading it last.
    pub(super) fn status(&self) -> ReloadStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Orders that the configuration be read; gives a ticket by which to ask for it. `None` where nothing is read again.
    pub(super) fn order(&self) -> Option<u64> {
        let is_served = self.is_served.load(Ordering::Relaxed) && !self.is_over();
        is_served.then(|| self.ordered.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// How far an order is; `None` if nobody gave it.
    pub(super) fn order_state(&self, ticket: &str) -> Option<OrderState> {
        let ticket: u64 = ticket.parse().ok()?;
        let is_done = self.done.load(Ordering::Acquire) >= ticket;
        let is_known = (1..=self.ordered.load(Ordering::Relaxed)).contains(&ticket);
        is_known.then(|| OrderState {
            is_done,
            reload: if is_done { self.status() } else { ReloadStatus::default() },
        })
    }

    /// Nothing is to change any more.
    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}
