//! Flows, names and the ledger: they go the same way without the spool, by a bounded queue. What it has no room for is counted and gone.
//! What a sink wants spooled goes through its [`Depot`] instead.

use super::round::Went;
use crate::sinks::{Kind, Outcome, Parcel};
use crate::spool::{Depot, DepotCounts, SpoolError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use weir_model::Timestamp;

/// Bundles in the queue of a sink, of a thousand parcels at most: some 30 MB of flows while the receiver is away. The adversary opens
/// flows; what finds the queue full is lost, and counted.
const BUNDLES: usize = 32;

/// What became of parcels of a kind. What is left of them waits. Of what is spooled all is counted since the sink first asked for it, but for
/// what was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreightCounts {
    /// Put in, or lost for want of room.
    pub offered: u64,
    /// Lost in this run, because the queue was full, or the disk.
    pub lost: u64,
    /// Taken by the sink.
    pub delivered: u64,
    /// Refused by the receiver.
    pub refused: u64,
    /// Fell off the end of the depot.
    pub expired: u64,
    /// In this run.
    pub expired_in_run: u64,
}

impl FreightCounts {
    /// In the queue or the depot, or under way.
    pub const fn waiting(&self) -> u64 {
        self.offered.saturating_sub(self.lost + self.delivered + self.refused + self.expired)
    }

    const fn spooled(counts: DepotCounts, before: DepotCounts) -> Self {
        let DepotCounts { spooled, delivered, refused, expired } = counts;
        let expired_in_run = expired.saturating_sub(before.expired);
        Self { offered: spooled, lost: 0, delivered, refused, expired, expired_in_run }
    }
}

/// Parcels that were rendered once, for all sinks that want them so.
pub type Bundle = Arc<[Parcel]>;

type Counts = Arc<Mutex<BTreeMap<Kind, FreightCounts>>>;

/// What of a sink's freight waits on the disk.
#[derive(Clone, Debug)]
pub struct Spooling {
    /// Where.
    pub depot: Depot,
    /// Of these kinds; what is there of others is delivered as well.
    pub kinds: Vec<Kind>,
}

/// The end at which parcels are put in.
#[derive(Clone, Debug)]
pub struct Hatch {
    queue: SyncSender<Bundle>,
    counts: Counts,
    spooled: Option<Spooled>,
}

#[derive(Clone, Debug)]
struct Spooled {
    depot: Depot,
    kinds: Vec<Kind>,
    /// When this run began.
    before: BTreeMap<Kind, DepotCounts>,
    /// What was lost since the depot last took anything; nothing while it does.
    trouble: Arc<Mutex<Option<u64>>>,
}

/// The courier's end.
#[derive(Debug)]
pub struct Freight {
    queue: Receiver<Bundle>,
    depot: Option<Depot>,
    /// What failed, in its order; it goes before all else.
    again: VecDeque<Parcel>,
    /// The bundle of the depot that is under way, or part of which failed.
    under_way: Option<UnderWay>,
    /// Whether the depot was asked first the last time; the queue and it take turns.
    is_depots_turn: bool,
    counts: Counts,
}

#[derive(Debug)]
struct UnderWay {
    number: i64,
    delivered: u64,
    refused: u64,
}

/// A queue for a sink, and what of its freight waits on the disk.
pub fn hatch(spooling: Option<Spooling>) -> (Hatch, Freight) {
    let (sender, receiver) = sync_channel(BUNDLES);
    let counts = Counts::default();
    let freight = Freight {
        queue: receiver,
        depot: spooling.as_ref().map(|spooling| spooling.depot.clone()),
        again: VecDeque::new(),
        under_way: None,
        is_depots_turn: false,
        counts: Arc::clone(&counts),
    };
    let spooled = spooling.map(|Spooling { depot, kinds }| {
        let before = depot.counts();
        Spooled { depot, kinds, before, trouble: Arc::default() }
    });
    (Hatch { queue: sender, counts, spooled }, freight)
}

impl Hatch {
    /// Puts parcels in, all of one kind, if there is room. Gives what is to be complained of, once.
    pub fn put(&self, bundle: &Bundle, now: Timestamp) -> Option<String> {
        let kind = bundle.first()?.kind;
        if let Some(spooled) = self.spooled.as_ref().filter(|spooled| spooled.kinds.contains(&kind)) {
            let put = spooled.put(bundle, now);
            if put.is_lost {
                self.count(kind, bundle.len() as u64, true);
            }
            return put.said;
        }
        let is_lost = self.queue.try_send(Arc::clone(bundle)).is_err();
        self.count(kind, bundle.len() as u64, is_lost);
        None
    }

    fn count(&self, kind: Kind, parcels: u64, is_lost: bool) {
        let mut counts = lock(&self.counts);
        let count = counts.entry(kind).or_default();
        count.offered += parcels;
        count.lost += if is_lost { parcels } else { 0 };
    }

    /// What became of parcels of a kind.
    pub fn counts(&self, kind: Kind) -> FreightCounts {
        let queued = lock(&self.counts).get(&kind).copied().unwrap_or_default();
        let spooled = self.spooled.as_ref().map(|spooled| spooled.counts(kind)).unwrap_or_default();
        FreightCounts {
            offered: queued.offered + spooled.offered,
            lost: queued.lost,
            delivered: queued.delivered + spooled.delivered,
            refused: queued.refused + spooled.refused,
            expired: spooled.expired,
            expired_in_run: spooled.expired_in_run,
        }
    }
}

/// What came of putting parcels into the depot.
struct Put {
    is_lost: bool,
    said: Option<String>,
}

impl Spooled {
    /// The disk is asked each time, because there is nothing to wait for with: what it does not take is lost.
    fn put(&self, bundle: &Bundle, now: Timestamp) -> Put {
        let appended = self.depot.append(bundle, now);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match appended {
            Ok(_) => {
                let said = trouble.take().map(|lost| {
                    format!(
                        "what is spooled besides messages is kept again; {lost} lines were lost meanwhile"
                    )
                });
                Put { is_lost: false, said }
            }
            Err(error) => {
                let is_first = trouble.is_none();
                *trouble.get_or_insert(0) += bundle.len() as u64;
                let said = is_first.then(|| {
                    format!("flows, names or ledgers cannot be spooled and are lost for now: {error}")
                });
                Put { is_lost: true, said }
            }
        }
    }

    fn counts(&self, kind: Kind) -> FreightCounts {
        let before = self.before.get(&kind).copied().unwrap_or_default();
        let counts = self.depot.counts().get(&kind).copied().unwrap_or_default();
        FreightCounts::spooled(counts, before)
    }
}

impl Freight {
    /// What is to be handed over next, if anything is.
    pub(super) fn bundle(&mut self) -> Result<Option<Bundle>, SpoolError> {
        if !self.again.is_empty() {
            return Ok(Some(self.again.drain(..).collect()));
        }
        self.is_depots_turn = !self.is_depots_turn;
        if self.is_depots_turn
            && let Some(held) = self.front_of_depot()?
        {
            return Ok(Some(held));
        }
        match self.queue.try_recv() {
            Ok(bundle) => Ok(Some(bundle)),
            Err(_) => self.front_of_depot(),
        }
    }

    fn front_of_depot(&mut self) -> Result<Option<Bundle>, SpoolError> {
        let Some(held) = self.depot.as_ref().map(Depot::front).transpose()?.flatten() else {
            return Ok(None);
        };
        self.under_way = Some(UnderWay { number: held.number, delivered: 0, refused: 0 });
        Ok(Some(held.parcels))
    }

    /// Keeps what failed.
    pub(super) fn settle(&mut self, parcels: &[Parcel], outcomes: &[Outcome]) -> Result<Went, SpoolError> {
        let mut went = Went::default();
        let silent = Outcome::Failed("the sink did not say what became of it".to_owned());
        for (parcel, outcome) in parcels.iter().zip(outcomes.iter().chain(std::iter::repeat(&silent))) {
            went.add(outcome);
            match outcome {
                Outcome::Failed(_) => self.again.push_back(parcel.clone()),
                Outcome::Taken => self.count(parcel.kind, 1, 0),
                Outcome::Refused(_) => self.count(parcel.kind, 0, 1),
            }
        }
        if self.again.is_empty()
            && let Some((UnderWay { number, delivered, refused }, depot)) =
                self.under_way.take().zip(self.depot.as_ref())
        {
            depot.pass(number, delivered, refused)?;
        }
        Ok(went)
    }

    fn count(&mut self, kind: Kind, delivered: u64, refused: u64) {
        if let Some(under_way) = &mut self.under_way {
            under_way.delivered += delivered;
            under_way.refused += refused;
            return;
        }
        let mut counts = lock(&self.counts);
        let count = counts.entry(kind).or_default();
        count.delivered += delivered;
        count.refused += refused;
    }
}

fn lock(counts: &Mutex<BTreeMap<Kind, FreightCounts>>) -> MutexGuard<'_, BTreeMap<Kind, FreightCounts>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
