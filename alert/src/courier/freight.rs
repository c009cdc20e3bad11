//! Flows, names and the ledger: they go the same way without the spool, by a bounded queue. What it has no room for is counted and gone.

use super::round::Went;
use crate::sinks::{Kind, Outcome, Parcel};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bundles in the queue of a sink, of a thousand parcels at most: some 30 MB of flows while the receiver is away. The adversary opens
/// flows; what finds the queue full is lost, and counted.
const BUNDLES: usize = 32;

/// What became of parcels of a kind. What is left of them waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreightCounts {
    /// Put in, or lost for want of room.
    pub offered: u64,
    /// Lost, because the queue was full.
    pub lost: u64,
    /// Taken by the sink.
    pub delivered: u64,
    /// Refused by the receiver.
    pub refused: u64,
}

impl FreightCounts {
    /// In the queue, or under way.
    pub const fn waiting(&self) -> u64 {
        self.offered.saturating_sub(self.lost + self.delivered + self.refused)
    }
}

/// Parcels that were rendered once, for all sinks that want them so.
pub type Bundle = Arc<[Parcel]>;

type Counts = Arc<Mutex<BTreeMap<Kind, FreightCounts>>>;

/// The end at which parcels are put in.
#[derive(Clone, Debug)]
pub struct Hatch {
    queue: SyncSender<Bundle>,
    counts: Counts,
}

/// The courier's end.
#[derive(Debug)]
pub struct Freight {
    queue: Receiver<Bundle>,
    /// What failed, in its order; it goes before all else.
    again: VecDeque<Parcel>,
    counts: Counts,
}

/// A queue for a sink.
pub fn hatch() -> (Hatch, Freight) {
    let (sender, receiver) = sync_channel(BUNDLES);
    let counts = Counts::default();
    let freight = Freight { queue: receiver, again: VecDeque::new(), counts: Arc::clone(&counts) };
    (Hatch { queue: sender, counts }, freight)
}

impl Hatch {
    /// Puts parcels in, if there is room.
    pub fn put(&self, bundle: &Bundle) {
        let is_in = self.queue.try_send(Arc::clone(bundle)).is_ok();
        let mut counts = lock(&self.counts);
        for parcel in bundle.iter() {
            let count = counts.entry(parcel.kind).or_default();
            count.offered += 1;
            count.lost += u64::from(!is_in);
        }
    }

    /// What became of parcels of a kind.
    pub fn counts(&self, kind: Kind) -> FreightCounts {
        lock(&self.counts).get(&kind).copied().unwrap_or_default()
    }
}

impl Freight {
    /// What is to be handed over next, if anything is.
    pub(super) fn bundle(&mut self) -> Option<Bundle> {
        if self.again.is_empty() { self.queue.try_recv().ok() } else { Some(self.again.drain(..).collect()) }
    }

    /// Keeps what failed.
    pub(super) fn settle(&mut self, parcels: &[Parcel], outcomes: &[Outcome]) -> Went {
        let mut went = Went::default();
        let silent = Outcome::Failed("the sink did not say what became of it".to_owned());
        let mut counts = lock(&self.counts);
        for (parcel, outcome) in parcels.iter().zip(outcomes.iter().chain(std::iter::repeat(&silent))) {
            went.add(outcome);
            let count = counts.entry(parcel.kind).or_default();
            match outcome {
                Outcome::Taken => count.delivered += 1,
                Outcome::Refused(_) => count.refused += 1,
                Outcome::Failed(_) => self.again.push_back(parcel.clone()),
            }
        }
        went
    }
}

fn lock(counts: &Mutex<BTreeMap<Kind, FreightCounts>>) -> MutexGuard<'_, BTreeMap<Kind, FreightCounts>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
