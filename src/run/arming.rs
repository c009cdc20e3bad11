//! Which set of indicators counts, and which networks are ours: they are armed together, because what is screened out of a set depends on
//! what is ours.
//!
//! Whoever has a new set arms it; all threads look here between batches ([`Follower::news`]), which costs one load while nothing has
//! changed. A thread then answers what it was asked with the old set, takes the new one, and goes over its open flows with what the
//! new one has more. Sets that were replaced are kept until nobody uses them and freed by [`Arming::tidy`]: giving back hundreds
//! of megabytes takes longer than a thread on the way of packets may take.

use arc_swap::ArcSwap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use weir_rules::{IndicatorSet, SetBuilder, Site};

/// What all threads look at.
pub(crate) struct Arming {
    current: ArcSwap<Armed>,
    /// How far each thread is.
    followers: Vec<Follows>,
    /// Held by whoever arms.
    arms: Mutex<()>,
    /// Sets that were replaced and may still be in use. Whoever holds this replaces what is current.
    retired: Mutex<Vec<Arc<IndicatorSet>>>,
}

/// A set that counts.
pub(crate) struct Armed {
    /// The first is 0.
    pub generation: u64,
    pub set: Arc<IndicatorSet>,
    /// What `taken` does not have ([`IndicatorSet::without`]): flows that were open then are compared with it. Empty when all threads have done so.
    pub added: Arc<IndicatorSet>,
    /// The last set that all threads took: one that is replaced within moments is skipped by some.
    taken: Arc<IndicatorSet>,
    /// What is inside, and what hosts are for.
    pub site: Arc<Site>,
}

/// The generations that one thread compares with, and has gone over its open flows with.
#[derive(Default)]
struct Follows {
    taken: AtomicU64,
    swept: AtomicU64,
}

impl Arming {
    /// With the first set, for so many threads.
    pub(crate) fn new(set: Arc<IndicatorSet>, site: Site, threads: usize) -> Arc<Self> {
        let taken = Arc::clone(&set);
        let armed = Armed { generation: 0, set, added: Arc::new(nothing()), taken, site: Arc::new(site) };
        Arc::new(Self {
            current: ArcSwap::from_pointee(armed),
            followers: std::iter::repeat_with(Follows::default).take(threads).collect(),
            arms: Mutex::default(),
            retired: Mutex::default(),
        })
    }

    /// Has a set count in place of the one that did.
    #[cfg(test)]
    pub(crate) fn arm(&self, set: Arc<IndicatorSet>) -> u64 {
        self.arm_both(Some(set), None)
    }

    /// Has another set, another site, or both at once count; gives the generation. What the set has more is found out first, on the caller's
    /// thread: for millions of indicators this takes a second. Then it waits for nobody: threads take the set within a tenth of a
    /// second (`is_taken`).
    pub(crate) fn arm_both(&self, set: Option<Arc<IndicatorSet>>, site: Option<Arc<Site>>) -> u64 {
        let arms = self.arms.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current();
        let taken = Arc::clone(if self.is_taken() { &before.set } else { &before.taken });
        let set = set.unwrap_or_else(|| Arc::clone(&before.set));
        let added = Arc::new(if Arc::ptr_eq(&set, &taken) { nothing() } else { set.without(&taken) });
        let site = site.unwrap_or_else(|| Arc::clone(&before.site));
        let generation = before.generation + 1;
        {
            let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
            retire(&mut retired, &self.current());
            self.current.store(Arc::new(Armed { generation, set, added, taken, site }));
        }
        drop(before);
        drop(arms);
        self.tidy();
        generation
    }

    /// What counts.
    pub(crate) fn current(&self) -> Arc<Armed> {
        self.current.load_full()
    }

    /// Whether all threads compare with the current set: of what it lacks, nothing is met any more.
    pub(crate) fn is_taken(&self) -> bool {
        self.have_all(self.current.load().generation, |follows| &follows.taken)
    }

    /// Whether all threads have gone over the flows that were open when the current set came.
    pub(crate) fn is_swept(&self) -> bool {
        self.have_all(self.current.load().generation, |follows| &follows.swept)
    }

    /// Frees what nobody uses any more. For threads that may take their time.
    pub(crate) fn tidy(&self) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load_full();
        let is_added_done = !current.added.is_empty() && self.is_swept();
        let is_before_done = !Arc::ptr_eq(&current.taken, &current.set) && self.is_taken();
        if is_added_done || is_before_done {
            retire(&mut retired, &current);
            let added = if is_added_done { Arc::new(nothing()) } else { Arc::clone(&current.added) };
            let taken = Arc::clone(if is_before_done { &current.set } else { &current.taken });
            let (generation, set, site) =
                (current.generation, Arc::clone(&current.set), Arc::clone(&current.site));
            self.current.store(Arc::new(Armed { generation, set, added, taken, site }));
        }
        drop(current);
        // Held here alone, there is nobody who could hand out another.
        let (free, used) =
            std::mem::take(&mut *retired).into_iter().partition(|set| Arc::strong_count(set) == 1);
        *retired = used;
        drop(retired);
        drop::<Vec<Arc<IndicatorSet>>>(free);
    }

    fn have_all(&self, generation: u64, of: impl Fn(&Follows) -> &AtomicU64) -> bool {
        self.followers.iter().all(|follows| of(follows).load(Ordering::Acquire) >= generation)
    }
}

fn nothing() -> IndicatorSet {
    SetBuilder::new().build()
}

/// Keeps the sets of what is replaced, each once.
fn retire(retired: &mut Vec<Arc<IndicatorSet>>, armed: &Armed) {
    for set in [&armed.set, &armed.added, &armed.taken] {
        if !retired.iter().any(|known| Arc::ptr_eq(known, set)) {
            retired.push(Arc::clone(set));
        }
    }
}

/// One thread's look at what counts. When it is dropped, also because the thread broke down, nobody waits for it.
pub(crate) struct Follower {
    arming: Arc<Arming>,
    place: usize,
    generation: u64,
}

impl Follower {
    /// For the thread of that place; and what to begin with.
    pub(crate) fn new(arming: &Arc<Arming>, place: usize) -> (Self, Arc<Armed>) {
        let current = arming.current();
        let follower = Self { arming: Arc::clone(arming), place, generation: current.generation };
        follower.tell(|follows| &follows.taken, current.generation);
        follower.tell(|follows| &follows.swept, current.generation);
        (follower, current)
    }

    /// What counts, if that is something else than when this was last asked. [`Self::has_taken`] and [`Self::has_swept`] are to follow.
    pub(crate) fn news(&mut self) -> Option<Arc<Armed>> {
        if self.arming.current.load().generation == self.generation {
            return None;
        }
        let armed = self.arming.current();
        self.generation = armed.generation;
        Some(armed)
    }

    /// The thread compares with the last news.
    pub(crate) fn has_taken(&self) {
        self.tell(|follows| &follows.taken, self.generation);
    }

    /// Whether all threads do, or have had news since.
    pub(crate) fn have_all_taken(&self) -> bool {
        self.arming.have_all(self.generation, |follows| &follows.taken)
    }

    /// The thread has gone over its open flows with the last news.
    pub(crate) fn has_swept(&self) {
        self.tell(|follows| &follows.swept, self.generation);
    }

    fn tell(&self, of: impl Fn(&Follows) -> &AtomicU64, generation: u64) {
        if let Some(follows) = self.arming.followers.get(self.place) {
            of(follows).store(generation, Ordering::Release);
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.tell(|follows| &follows.taken, u64::MAX);
        self.tell(|follows| &follows.swept, u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::{Indicator, IndicatorValue};

    fn set(names: &[&str]) -> Arc<IndicatorSet> {
        let mut builder = SetBuilder::new();
        for text in names {
            let value = IndicatorValue::Address(text.parse().unwrap());
            builder.add(Indicator::new(value, Vec::new())).unwrap();
        }
        Arc::new(builder.build())
    }

    #[test]
    fn threads_take_what_is_armed_and_only_then_the_old_one_is_freed() {
        let first = set(&["192.0.2.1"]);
        let freed = Arc::downgrade(&first);
        let arming = Arming::new(first, Site::private_ranges(), 2);
        let (mut one, began_with) = Follower::new(&arming, 0);
        let (mut other, _) = Follower::new(&arming, 1);
        assert!(one.news().is_none() && arming.is_taken() && arming.is_swept());
        assert_eq!(arming.arm(set(&["192.0.2.1", "192.0.2.2"])), 1);
        let armed = one.news().unwrap();
        assert_eq!((armed.generation, armed.set.len(), armed.added.len()), (1, 2, 1));
        drop(armed);
        assert!(one.news().is_none());
        one.has_taken();
        assert!(!one.have_all_taken() && !arming.is_taken());
        other.news().unwrap();
        other.has_taken();
        assert!(one.have_all_taken() && arming.is_taken() && !arming.is_swept());
        arming.tidy();
        assert!(freed.upgrade().is_some(), "a thread still has it");
        drop(began_with);
        arming.tidy();
        assert!(freed.upgrade().is_none());
    }

    /// One that is replaced within a moment, before a thread looked, is not lost on the flows that are open.
    #[test]
    fn what_threads_did_not_see_is_in_the_next_difference() {
        let arming = Arming::new(set(&[]), Site::private_ranges(), 1);
        let (mut one, _) = Follower::new(&arming, 0);
        arming.arm(set(&["192.0.2.1"]));
        let site = Arc::new(Site { home: Vec::new(), roles: Vec::new() });
        arming.arm_both(None, Some(Arc::clone(&site)));
        arming.arm(set(&["192.0.2.1", "192.0.2.2"]));
        let armed = one.news().unwrap();
        assert_eq!((armed.generation, armed.added.len(), &armed.site), (3, 2, &site));
        one.has_taken();
        one.has_swept();
        arming.tidy();
        arming.arm_both(None, Some(site));
        assert!(one.news().unwrap().added.is_empty());
    }

    #[test]
    fn the_difference_goes_when_all_have_gone_over_their_flows() {
        let arming = Arming::new(set(&[]), Site::private_ranges(), 2);
        let (mut one, _) = Follower::new(&arming, 0);
        let (other, _) = Follower::new(&arming, 1);
        arming.arm(set(&["192.0.2.1"]));
        let freed = Arc::downgrade(&arming.current().added);
        one.news().unwrap();
        one.has_taken();
        one.has_swept();
        arming.tidy();
        assert!(!arming.current().added.is_empty());
        drop(other);
        arming.tidy();
        assert!(arming.current().added.is_empty() && arming.current().set.len() == 1);
        assert!(one.news().is_none(), "the set is the same");
        arming.arm(set(&[]));
        assert!(freed.upgrade().is_none());
    }
}
