//! The simplest place where intelligence is kept: what the library must agree with.

use crate::{Delivery, Entry, Extent, Provider, Refusal, SyncError};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use weir_model::Timestamp;

#[derive(Clone, Default)]
pub(super) struct Shelf {
    pub(super) kept: Kept,
    /// What the last delivery put, in order.
    pub(super) put: Vec<Entry>,
}

#[derive(Clone, Default)]
pub(super) struct Kept {
    pub(super) entries: Vec<Entry>,
    pub(super) refusals: BTreeMap<Uuid, Vec<Refusal>>,
    notes: BTreeMap<String, String>,
}

/// A provider of whose delivery an order is taken, too.
pub(super) struct Noted<'a> {
    provider: &'a mut dyn Provider,
    order: Order,
    extent: Option<Extent>,
}

struct Order {
    kept: Kept,
    said: BTreeSet<Uuid>,
    put: Vec<Entry>,
}

/// What both are told, and the order is asked.
struct Both<'a>(&'a mut dyn Delivery, &'a mut Order);

impl Shelf {
    pub(super) fn noted<'a>(&self, provider: &'a mut dyn Provider) -> Noted<'a> {
        let order = Order { kept: self.kept.clone(), said: BTreeSet::new(), put: Vec::new() };
        Noted { provider, order, extent: None }
    }

    /// What was delivered well.
    pub(super) fn commit(&mut self, noted: Noted<'_>) -> Extent {
        let (mut order, extent) = (noted.order, noted.extent.unwrap());
        if extent == Extent::Whole {
            let said = &order.said;
            order.kept.entries.retain(|entry| entry.id.is_some_and(|id| said.contains(&id)));
            order.kept.refusals.retain(|id, _| said.contains(id));
        }
        assert!(extent != Extent::Nothing || order.put.is_empty(), "nothing, but something was put");
        *self = Self { kept: order.kept, put: order.put };
        extent
    }

    /// All values, in order.
    pub(super) fn values(&self) -> Vec<String> {
        let mut values: Vec<_> = self.kept.entries.iter().map(|entry| entry.value.to_string()).collect();
        values.sort();
        values
    }

    pub(super) fn refusal(&self, id: u128) -> Option<&'static str> {
        self.kept.refusals.get(&Uuid::from_u128(id))?.first().map(|refusal| refusal.reason.keyword())
    }

    pub(super) fn notes(&self) -> Vec<(&str, &str)> {
        self.kept.notes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }
}

impl Order {
    fn replaces(&mut self, id: Uuid) {
        if self.said.insert(id) {
            self.kept.entries.retain(|entry| entry.id != Some(id));
            self.kept.refusals.remove(&id);
        }
    }
}

impl Provider for Noted<'_> {
    fn deliver(&mut self, delivery: &mut dyn Delivery, now: Timestamp) -> Result<Extent, SyncError> {
        let extent = self.provider.deliver(&mut Both(delivery, &mut self.order), now)?;
        self.extent = Some(extent);
        Ok(extent)
    }
}

impl Delivery for Both<'_> {
    fn put(&mut self, entry: Entry) -> Result<(), SyncError> {
        self.1.put.push(entry.clone());
        self.1.replaces(entry.id.unwrap());
        let is_same = |kept: &Entry| kept.id == entry.id && kept.value == entry.value;
        self.1.kept.entries.retain(|kept| !is_same(kept));
        self.1.kept.entries.push(entry.clone());
        self.0.put(entry)
    }

    fn refuse(&mut self, id: Option<Uuid>, refusal: Refusal) -> Result<(), SyncError> {
        self.1.replaces(id.unwrap());
        self.1.kept.refusals.entry(id.unwrap()).or_default().push(refusal.clone());
        self.0.refuse(id, refusal)
    }

    fn remove(&mut self, id: Uuid) -> Result<(), SyncError> {
        self.1.said.remove(&id);
        self.1.kept.entries.retain(|entry| entry.id != Some(id));
        self.1.kept.refusals.remove(&id);
        self.0.remove(id)
    }

    fn remove_group(&mut self, group: Uuid) -> Result<(), SyncError> {
        self.1.kept.entries.retain(|entry| entry.group != Some(group));
        self.0.remove_group(group)
    }

    fn keep_only(&mut self, is_there: &mut dyn FnMut(Uuid) -> bool) -> Result<(), SyncError> {
        self.1.kept.entries.retain(|entry| is_there(entry.id.unwrap()));
        self.1.kept.refusals.retain(|id, _| is_there(*id));
        self.0.keep_only(is_there)
    }

    fn recall(&mut self, key: &str) -> Result<Option<String>, SyncError> {
        let known = self.0.recall(key)?;
        assert_eq!(known.as_ref(), self.1.kept.notes.get(key));
        Ok(known)
    }

    fn recall_all(&mut self, prefix: &str) -> Result<Vec<(String, String)>, SyncError> {
        let notes = self.1.kept.notes.iter().filter(|(key, _)| key.starts_with(prefix));
        let notes: Vec<_> = notes.map(|(key, value)| (key.clone(), value.clone())).collect();
        assert_eq!(self.0.recall_all(prefix)?, notes);
        Ok(notes)
    }

    fn remember(&mut self, key: &str, value: Option<&str>) -> Result<(), SyncError> {
        match value {
            Some(value) => self.1.kept.notes.insert(key.to_owned(), value.to_owned()),
            None => self.1.kept.notes.remove(key),
        };
        self.0.remember(key, value)
    }
}
