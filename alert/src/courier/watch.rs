//! What a courier says of itself while it works.

use std::sync::{Mutex, MutexGuard, PoisonError};
use weir_model::Timestamp;

/// Where a courier says how it goes, and others look.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Watched>);

/// How it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Since when nothing works; `None` while it does.
    pub failing_since: Option<Timestamp>,
    /// What went wrong last, and when. It may be over.
    pub last_error: Option<(Timestamp, String)>,
    /// When the oldest message that the sink wants and does not have was spooled.
    pub waits_since: Option<Timestamp>,
    /// How often the sink panicked.
    pub breakdowns: u64,
    /// Nobody will ever take anything there again.
    pub is_over: bool,
}

impl Watch {
    /// How it goes at this moment.
    pub fn look(&self) -> Watched {
        self.lock().clone()
    }

    /// Something works.
    pub fn worked(&self) {
        self.lock().failing_since = None;
    }

    /// Nothing works, for this reason.
    pub fn failed(&self, now: Timestamp, why: &str) {
        let mut watched = self.lock();
        watched.failing_since.get_or_insert(now);
        watched.last_error = Some((now, why.to_owned()));
    }

    pub(super) fn refused(&self, now: Timestamp, why: &str) {
        self.lock().last_error = Some((now, why.to_owned()));
    }

    pub(super) fn waits_since(&self, oldest: Option<Timestamp>) {
        self.lock().waits_since = oldest;
    }

    pub(super) fn broke_down(&self) {
        self.lock().breakdowns += 1;
    }

    pub(super) fn over(&self, is_over: bool) {
        self.lock().is_over = is_over;
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
