//! How a set is made.

use super::contexts::Gathering;
use super::filter::{self, Filter};
use super::hash::Hashes;
use super::index::{self, Index};
use super::key::{Key, with_key};
use super::members::Members;
use super::names::Names;
use super::networks::Networks;
use super::values::{IndicatorId, Values};
use super::{IndicatorSet, Stored};
use std::fmt;
use std::ops::Deref;
use weir_model::{Context, Indicator, IndicatorValue};

/// Most indicators held: half a gigabyte and what is said of each. Adversary: the publisher of a list, or whoever sits between;
/// further ones are refused as [`SetFull`].
pub const MAX_INDICATORS: usize = 16_000_000;

/// Contexts kept of one indicator. A list that repeats one value with ever new comments would otherwise make its alerts
/// unreadable and adding to it quadratic; further contexts are counted and left out.
pub const MAX_CONTEXTS_PER_INDICATOR: usize = 16;

/// Makes an [`IndicatorSet`]. What is added is stored at once as the set will have it.
#[derive(Debug)]
pub struct SetBuilder {
    values: Values<Vec<u8>>,
    index: Index,
    contexts: Gathering,
    hashes: Hashes,
    contexts_left_out: u64,
    max_indicators: usize,
}

impl Default for SetBuilder {
    fn default() -> Self {
        Self::with_limit(MAX_INDICATORS)
    }
}

/// What became of a value that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// Its indicator.
    pub id: IndicatorId,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// The set cannot hold the indicator: [`MAX_INDICATORS`] or 4 GiB of text are reached, or a name is longer than 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetFull;

impl fmt::Display for SetFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the indicator set is full")
    }
}

impl std::error::Error for SetFull {}

impl SetBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing yet, and room for fewer than [`MAX_INDICATORS`].
    pub fn with_limit(max_indicators: usize) -> Self {
        Self {
            values: Values::default(),
            index: Index::default(),
            contexts: Gathering::default(),
            hashes: Hashes::default(),
            contexts_left_out: 0,
            max_indicators: max_indicators.min(MAX_INDICATORS),
        }
    }

    /// Adds an indicator. One that is there already gets the contexts it does not have yet; contexts that differ only in their
    /// line are the same. Warnings, if there are any, replace those it had.
    pub fn add(&mut self, indicator: Indicator) -> Result<Added, SetFull> {
        let added = self.add_value(&indicator.value)?;
        for context in indicator.contexts {
            self.add_context(added.id, context);
        }
        if !indicator.warnings.is_empty() {
            self.contexts.set_warnings(added.id, &indicator.warnings);
        }
        Ok(added)
    }

    /// Number of indicators so far.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Contexts left out because of [`MAX_CONTEXTS_PER_INDICATOR`], or because 2 GiB are said of all indicators.
    pub fn contexts_left_out(&self) -> u64 {
        self.contexts_left_out
    }

    /// The set.
    pub fn build(self) -> IndicatorSet {
        let Self { values, index, contexts, hashes, .. } = self;
        let stored = Stored {
            values: Values { values: values.values.into(), wide: values.wide.into() },
            index: index.into_slots().into(),
            contexts: contexts.finish(),
        };
        IndicatorSet::assemble(stored, hashes, None)
    }

    fn add_value(&mut self, value: &IndicatorValue) -> Result<Added, SetFull> {
        with_key(value, |key| self.add_key(key)).ok_or(SetFull)
    }

    fn add_key(&mut self, key: &Key<'_>) -> Option<Added> {
        let Self { values, index, hashes, .. } = self;
        index.make_room();
        let hash = hashes.key(key);
        let same = |number| values.key(IndicatorId(number)).is_some_and(|stored| stored == *key);
        let free = match index::look_for(index.slots(), hash, same) {
            Ok(known) => return Some(Added { id: IndicatorId(known), is_new: false }),
            Err(free) => free,
        };
        if values.len() >= self.max_indicators {
            return None;
        }
        let id = values.push(key)?;
        index.insert(free, hash);
        self.contexts.push();
        Some(Added { id, is_new: true })
    }

    fn add_context(&mut self, id: IndicatorId, context: Context) {
        let kept = self.contexts.add(id, context, MAX_CONTEXTS_PER_INDICATOR);
        self.contexts_left_out += u64::from(!kept);
    }
}

impl IndicatorSet {
    /// Puts what answers quickly in front of what is stored; of which only some may be meant.
    pub(super) fn assemble(stored: Stored, hashes: Hashes, only: Option<Members>) -> Self {
        let keys = || chosen_keys(&stored.values, only.as_ref());
        let overview = Overview::of(keys());
        let mut addresses = Filter::for_keys(overview.addresses());
        for (_, key) in keys() {
            if matches!(key, Key::Address(_) | Key::AddressPort(..)) {
                addresses.insert(hashes.key(&key), filter::Kind::Member);
            }
        }
        let names = Names::new(
            keys().filter_map(|(_, key)| match key {
                Key::Domain(name) | Key::Host(name) => Some(name),
                _ => None,
            }),
            &hashes,
        );
        let Overview { kinds, networks } = overview;
        Self { addresses, names, networks: Networks::new(networks), kinds, stored, hashes, only }
    }
}

/// The values that are meant, with their numbers.
pub(super) fn chosen_keys<'a, B: Deref<Target = [u8]>>(
    values: &'a Values<B>,
    only: Option<&'a Members>,
) -> impl Iterator<Item = (IndicatorId, Key<'a>)> + Clone {
    let is_meant = move |id: &IndicatorId| only.is_none_or(|only| only.contains(*id));
    values.ids().filter(is_meant).filter_map(|id| Some((id, values.key(id)?)))
}

/// What one walk over all values tells.
#[derive(Debug, Default)]
pub(super) struct Overview {
    /// How many there are of each of [`IndicatorValue::KINDS`].
    pub(super) kinds: [u64; IndicatorValue::KINDS.len()],
    pub(super) networks: Vec<(ipnet::IpNet, IndicatorId)>,
}

impl Overview {
    pub(super) fn of<'a>(keys: impl Iterator<Item = (IndicatorId, Key<'a>)>) -> Self {
        let mut overview = Self::default();
        for (id, key) in keys {
            if let Some(count) = overview.kinds.get_mut(key.kind() as usize) {
                *count += 1;
            }
            if let Key::Network(net) = key {
                overview.networks.push((net, id));
            }
        }
        overview
    }

    /// How many are addresses, with or without a port.
    fn addresses(&self) -> usize {
        let [address, address_port, ..] = self.kinds;
        (address + address_port) as usize
    }
}
