//! The mutes that there are, to be asked for each alert.

use super::cover::{self, Sizes};
use super::row::Row;
use ipnet::IpNet;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use weir_model::{Alert, IndicatorValue, Timestamp};

/// How long a mute that ended is listed, so that somebody sees why it rings again.
const LISTED_AFTER_END: Duration = Duration::from_hours(30 * 24);

/// What is muted: a value, for all hosts or some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Muted {
    pub value: IndicatorValue,
    /// Only incidents about hosts in it.
    pub host: Option<IpNet>,
}

/// Something that nobody wants to hear for a while.
#[derive(Debug)]
pub(super) struct Mute {
    pub muted: Muted,
    pub since: Timestamp,
    /// Not including.
    pub until: Timestamp,
    pub reason: String,
    /// Who muted it.
    pub by: String,
    /// Notices that were silenced.
    pub count: AtomicU64,
    /// When the last one was, as nanoseconds since 1970; 0 where none was.
    pub last: AtomicU64,
}

impl Mute {
    fn silences(&self, alert: &Alert, now: Timestamp) -> bool {
        now < self.until && self.muted.host.is_none_or(|network| is_about(alert, network))
    }

    /// One more notice.
    pub(super) fn note(&self, now: Timestamp) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.last.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }

    /// What the notices so far were, for the mute that takes its place.
    pub(super) fn take_counts_of(&self, other: &Self) {
        self.count.store(other.count.load(Ordering::Relaxed), Ordering::Relaxed);
        self.last.store(other.last.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn is_listed(&self, now: Timestamp) -> bool {
        now.since(self.until) < LISTED_AFTER_END
    }
}

/// Whether all hosts that an alert is about are in a network: its host, or inbound all those that were touched.
fn is_about(alert: &Alert, network: IpNet) -> bool {
    match alert.host {
        Some(host) => network.contains(&host),
        None => {
            alert.touched_count > 0
                && alert.touched_count == alert.touched.len() as u64
                && alert.touched.iter().all(|host| network.contains(host))
        }
    }
}

/// Mutes by their values. It is never changed, only replaced.
#[derive(Debug, Default)]
pub(super) struct Book {
    by_value: HashMap<IndicatorValue, Vec<Arc<Mute>>>,
    sizes: Sizes,
    /// In the order in which they were made.
    all: Vec<Arc<Mute>>,
}

impl Book {
    pub(super) fn new(all: Vec<Arc<Mute>>) -> Self {
        let mut book = Self::default();
        for mute in &all {
            if let IndicatorValue::Network(network) = &mute.muted.value {
                book.sizes.insert((network.addr().is_ipv4(), network.prefix_len()));
            }
            book.by_value.entry(mute.muted.value.clone()).or_default().push(Arc::clone(mute));
        }
        book.all = all;
        book
    }

    /// The mute by which an alert is silent: that of the indicator that rings, if all others that it met are muted as well.
    pub(super) fn silencing(&self, alert: &Alert, now: Timestamp) -> Option<&Arc<Mute>> {
        if self.all.is_empty() {
            return None;
        }
        let of = |value| self.covering(value).find(|mute| mute.silences(alert, now));
        let ringing = of(&alert.indicator.value)?;
        let is_all = alert.also_matched.iter().all(|indicator| of(&indicator.value).is_some());
        is_all.then_some(ringing)
    }

    /// The mutes that cover a value, also those that ended.
    pub(super) fn covering(&self, value: &IndicatorValue) -> impl Iterator<Item = &Arc<Mute>> {
        let keys = if self.all.is_empty() { Vec::new() } else { cover::covering(value, &self.sizes) };
        keys.into_iter().filter_map(|key| self.by_value.get(&key)).flatten()
    }

    pub(super) fn find(&self, muted: &Muted) -> Option<&Arc<Mute>> {
        self.all.iter().find(|mute| mute.muted == *muted)
    }

    /// With another one in place of what was there for the same.
    pub(super) fn with(&self, mute: Arc<Mute>, now: Timestamp) -> Self {
        let mut all = self.without(&mute.muted, now).all;
        all.push(mute);
        Self::new(all)
    }

    /// Without one, and without those that ended long ago.
    pub(super) fn without(&self, muted: &Muted, now: Timestamp) -> Self {
        let stays = |mute: &&Arc<Mute>| mute.muted != *muted && mute.is_listed(now);
        Self::new(self.all.iter().filter(stays).cloned().collect())
    }

    pub(super) fn all(&self) -> &[Arc<Mute>] {
        &self.all
    }

    pub(super) fn active(&self, now: Timestamp) -> u64 {
        self.all.iter().filter(|mute| now < mute.until).count() as u64
    }

    pub(super) fn rows(&self, now: Timestamp) -> Vec<Row> {
        self.all.iter().filter(|mute| mute.is_listed(now)).map(|mute| Row::of(mute, now)).collect()
    }
}
