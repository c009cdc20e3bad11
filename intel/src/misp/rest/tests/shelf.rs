//! The simplest place where intelligence is kept.

use crate::{Delivery, Entry, Extent, Refusal, SyncError};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

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

struct Order {
    kept: Kept,
    said: BTreeSet<Uuid>,
    put: Vec<Entry>,
}

impl Shelf {
    /// One transaction.
    pub(super) fn deliver(
        &mut self,
        run: impl FnOnce(&mut dyn Delivery) -> Result<Extent, SyncError>,
    ) -> Result<Extent, SyncError> {
        let mut order = Order { kept: self.kept.clone(), said: BTreeSet::new(), put: Vec::new() };
        let extent = run(&mut order)?;
        if extent == Extent::Whole {
            let said = &order.said;
            order.kept.entries.retain(|entry| entry.id.is_some_and(|id| said.contains(&id)));
            order.kept.refusals.retain(|id, _| said.contains(id));
        }
        assert!(extent != Extent::Nothing || order.put.is_empty(), "nothing, but something was put");
        *self = Self { kept: order.kept, put: order.put };
        Ok(extent)
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

impl Delivery for Order {
    fn put(&mut self, entry: Entry) -> Result<(), SyncError> {
        self.replaces(entry.id.unwrap());
        self.put.push(entry.clone());
        let is_same = |kept: &Entry| kept.id == entry.id && kept.value == entry.value;
        self.kept.entries.retain(|kept| !is_same(kept));
        self.kept.entries.push(entry);
        Ok(())
    }

    fn refuse(&mut self, id: Option<Uuid>, refusal: Refusal) -> Result<(), SyncError> {
        self.replaces(id.unwrap());
        self.kept.refusals.entry(id.unwrap()).or_default().push(refusal);
        Ok(())
    }

    fn remove(&mut self, id: Uuid) -> Result<(), SyncError> {
        self.said.remove(&id);
        self.kept.entries.retain(|entry| entry.id != Some(id));
        self.kept.refusals.remove(&id);
        Ok(())
    }

    fn remove_group(&mut self, group: Uuid) -> Result<(), SyncError> {
        self.kept.entries.retain(|entry| entry.group != Some(group));
        Ok(())
    }

    fn keep_only(&mut self, is_there: &mut dyn FnMut(Uuid) -> bool) -> Result<(), SyncError> {
        self.kept.entries.retain(|entry| is_there(entry.id.unwrap()));
        self.kept.refusals.retain(|id, _| is_there(*id));
        Ok(())
    }

    fn recall(&mut self, key: &str) -> Result<Option<String>, SyncError> {
        Ok(self.kept.notes.get(key).cloned())
    }

    fn recall_all(&mut self, prefix: &str) -> Result<Vec<(String, String)>, SyncError> {
        let notes = self.kept.notes.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(notes.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn remember(&mut self, key: &str, value: Option<&str>) -> Result<(), SyncError> {
        match value {
            Some(value) => self.kept.notes.insert(key.to_owned(), value.to_owned()),
            None => self.kept.notes.remove(key),
        };
        Ok(())
    }
}
