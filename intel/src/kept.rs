//! A delivery for tests: keeps in memory what a provider says, in the simplest way.

use crate::{Delivery, Entry, Extent, Provider, Refusal, SyncError};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use weir_model::Timestamp;

#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) entries: Vec<Entry>,
    pub(crate) refused: Vec<(Option<Uuid>, Refusal)>,
    pub(crate) notes: BTreeMap<String, String>,
    /// How many were put by the last delivery.
    pub(crate) puts: usize,
    pub(crate) stops_after: Option<usize>,
    pub(crate) replaced: BTreeSet<Uuid>,
}

impl Kept {
    /// Runs a provider; on an error all is as it was before.
    pub(crate) fn deliver(
        &mut self,
        provider: &mut dyn Provider,
        now: Timestamp,
    ) -> Result<Extent, SyncError> {
        let mut next = self.clone();
        (next.puts, next.replaced) = (0, BTreeSet::new());
        let before = (next.entries.len(), next.refused.len());
        // What was there stands first, so that what a whole delivery did not put can be told.
        let marks = (std::mem::take(&mut next.entries), std::mem::take(&mut next.refused));
        let mut run = Run { kept: &mut next, older: marks };
        let extent = provider.deliver(&mut run, now)?;
        let (mut entries, mut refused) = run.older;
        if extent == Extent::Nothing {
            assert_eq!((entries.len(), refused.len()), before, "nothing changed");
            assert!(next.entries.is_empty(), "nothing changed");
        }
        if extent != Extent::Whole {
            entries.append(&mut next.entries);
            refused.append(&mut next.refused);
            (next.entries, next.refused) = (entries, refused);
        }
        *self = next;
        Ok(extent)
    }

    /// The values, sorted.
    pub(crate) fn values(&self) -> Vec<String> {
        let mut values: Vec<_> = self.entries.iter().map(|entry| entry.value.to_string()).collect();
        values.sort();
        values
    }

    pub(crate) fn entry(&self, value: &str) -> &Entry {
        self.entries.iter().find(|entry| entry.value.to_string() == value).expect("this value is kept")
    }

    /// The reasons, sorted.
    pub(crate) fn reasons(&self) -> Vec<&'static str> {
        let mut reasons: Vec<_> = self.refused.iter().map(|(_, refusal)| refusal.reason.keyword()).collect();
        reasons.sort_unstable();
        reasons
    }
}

struct Run<'a> {
    kept: &'a mut Kept,
    older: (Vec<Entry>, Vec<(Option<Uuid>, Refusal)>),
}

impl Run<'_> {
    fn retain(&mut self, keep: &mut dyn FnMut(Option<Uuid>, Option<Uuid>) -> bool) {
        for entries in [&mut self.kept.entries, &mut self.older.0] {
            entries.retain(|entry| keep(entry.id, entry.group));
        }
        for refused in [&mut self.kept.refused, &mut self.older.1] {
            refused.retain(|(id, _)| keep(*id, None));
        }
    }

    fn replace(&mut self, id: Option<Uuid>) {
        let Some(id) = id.filter(|id| self.kept.replaced.insert(*id)) else { return };
        self.older.0.retain(|entry| entry.id != Some(id));
        self.older.1.retain(|(known, _)| *known != Some(id));
    }
}

impl Delivery for Run<'_> {
    fn put(&mut self, entry: Entry) -> Result<(), SyncError> {
        self.kept.puts += 1;
        self.replace(entry.id);
        self.kept.entries.push(entry);
        Ok(())
    }

    fn refuse(&mut self, id: Option<Uuid>, refusal: Refusal) -> Result<(), SyncError> {
        self.replace(id);
        self.kept.refused.push((id, refusal));
        Ok(())
    }

    fn remove(&mut self, id: Uuid) -> Result<(), SyncError> {
        self.retain(&mut |known, _| known != Some(id));
        Ok(())
    }

    fn remove_group(&mut self, group: Uuid) -> Result<(), SyncError> {
        self.retain(&mut |_, known| known != Some(group));
        Ok(())
    }

    fn keep_only(&mut self, is_there: &mut dyn FnMut(Uuid) -> bool) -> Result<(), SyncError> {
        self.retain(&mut |id, _| id.is_none_or(&mut *is_there));
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

    fn is_stopped(&self) -> bool {
        self.kept.stops_after.is_some_and(|after| self.kept.puts >= after)
    }
}
