//! How a set is made.

use super::filter::{self, Filter};
use super::hash::Hashes;
use super::index::Index;
use super::key::{Key, with_key};
use super::names::Names;
use super::networks::Networks;
use super::store::{IndicatorId, Store};
use super::{IndicatorSet, Present, find};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use weir_model::{Context, Indicator, IndicatorValue};

/// Most indicators held: about 1 GB. Adversary: the publisher of a list, or whoever sits between; further ones are refused as
/// [`SetFull`].
pub const MAX_INDICATORS: usize = 16_000_000;

/// Contexts kept of one indicator. A list that repeats one value with ever new comments would otherwise make its alerts
/// unreadable and adding to it quadratic; further contexts are counted and left out.
pub const MAX_CONTEXTS_PER_INDICATOR: usize = 16;

/// Makes an [`IndicatorSet`].
#[derive(Debug)]
pub struct SetBuilder {
    store: Store,
    index: Index,
    hashes: Hashes,
    shared: HashMap<Arc<Context>, u32, RandomState>,
    /// The context that was added last: in most lists the next one is the same but for its line.
    last_shared: Option<(Arc<Context>, u32)>,
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
            store: Store::default(),
            index: Index::default(),
            hashes: Hashes::default(),
            shared: HashMap::default(),
            last_shared: None,
            contexts_left_out: 0,
            max_indicators: max_indicators.min(MAX_INDICATORS),
        }
    }

    /// Adds an indicator. One that is there already gets the contexts it does not have yet; contexts that differ only in their
    /// line are the same. Warnings, if there are any, replace those it had.
    pub fn add(&mut self, indicator: Indicator) -> Result<IndicatorId, SetFull> {
        let id = self.add_value(&indicator.value)?.id;
        for context in indicator.contexts {
            self.add_context(id, context);
        }
        if !indicator.warnings.is_empty() {
            self.store.set_warnings(id, indicator.warnings);
        }
        Ok(id)
    }

    /// As [`Self::add`], for a value as one source has it.
    pub fn add_from(&mut self, value: &IndicatorValue, context: Context) -> Result<Added, SetFull> {
        let added = self.add_value(value)?;
        self.add_context(added.id, context);
        Ok(added)
    }

    fn add_value(&mut self, value: &IndicatorValue) -> Result<Added, SetFull> {
        with_key(value, |key| self.key(key)).ok_or(SetFull)
    }

    /// Number of indicators so far.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Contexts left out because of [`MAX_CONTEXTS_PER_INDICATOR`].
    pub fn contexts_left_out(&self) -> u64 {
        self.contexts_left_out
    }

    /// The set.
    pub fn build(mut self) -> IndicatorSet {
        self.store.shrink();
        let Self { store, index, hashes, .. } = self;
        let keys = || store.ids().filter_map(|id| Some((store.key(id)?, id)));
        let networks = Networks::new(keys().filter_map(|(key, id)| match key {
            Key::Network(net) => Some((net, id)),
            _ => None,
        }));
        let mut addresses = Filter::for_keys(store.addresses());
        let mut present = Present::default();
        for (key, _) in keys() {
            present.note(&key);
            if matches!(key, Key::Address(_) | Key::AddressPort(..)) {
                addresses.insert(hashes.key(&key), filter::Kind::Member);
            }
        }
        let texts = store.ids().filter_map(|id| match store.key(id) {
            Some(Key::Domain(name) | Key::Host(name)) => Some(name),
            _ => None,
        });
        let names = Names::new(texts, &hashes);
        IndicatorSet { addresses, names, networks, present, store, index, hashes }
    }

    fn key(&mut self, key: &Key<'_>) -> Option<Added> {
        let hash = self.hashes.key(key);
        if let Some(id) = find(&self.store, &self.index, hash, key) {
            return Some(Added { id, is_new: false });
        }
        if self.len() >= self.max_indicators {
            return None;
        }
        let id = self.store.push(key)?;
        self.index.insert(hash, id.0);
        Some(Added { id, is_new: true })
    }

    fn add_context(&mut self, id: IndicatorId, mut context: Context) {
        let line = context.line.take();
        let shared = self.shared(context);
        let kept =
            shared.is_some_and(|shared| self.store.add_context(id, shared, line, MAX_CONTEXTS_PER_INDICATOR));
        self.contexts_left_out += u64::from(!kept);
    }

    fn shared(&mut self, context: Context) -> Option<u32> {
        if let Some((last, number)) = &self.last_shared
            && **last == context
        {
            return Some(*number);
        }
        let (context, number) = if let Some((known, number)) = self.shared.get_key_value(&context) {
            (Arc::clone(known), *number)
        } else {
            let context = Arc::new(context);
            let number = self.store.push_shared(Arc::clone(&context))?;
            self.shared.insert(Arc::clone(&context), number);
            (context, number)
        };
        self.last_shared = Some((context, number));
        Some(number)
    }
}
