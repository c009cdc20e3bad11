//! The library as a whole: a day of life against an oracle, crashes, readers beside writers, damage.

mod crash;
mod day;
mod keeping;
mod oracle;
mod size;

use super::{Library, Policies, Policy};
use crate::{Delivery, Entry, Extent, Provider, SyncError};
use std::path::PathBuf;
use tempfile::TempDir;
use weir_model::{Context, Indicator, IndicatorValue, Name, Timestamp};

/// A provider that does what a closure does.
struct Says<F>(F);

impl<F: FnMut(&mut dyn Delivery) -> Result<Extent, SyncError> + Send> Provider for Says<F> {
    fn deliver(&mut self, delivery: &mut dyn Delivery, _: Timestamp) -> Result<Extent, SyncError> {
        (self.0)(delivery)
    }
}

/// A provider of a whole list.
fn whole(entries: Vec<Entry>) -> impl Provider {
    Says(move |delivery: &mut dyn Delivery| {
        entries.iter().cloned().try_for_each(|entry| delivery.put(entry))?;
        Ok(Extent::Whole)
    })
}

/// A library in a folder of its own, which is gone with it.
struct Shelf {
    folder: TempDir,
    library: Library,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(&folder.path().join("library")).unwrap();
        Self { folder, library }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("library")
    }

    fn composed(&self, policies: &Policies, now: Timestamp) -> Vec<Indicator> {
        let mut set = Vec::new();
        self.library.compose(policies, now, &mut |indicator| set.push(indicator)).unwrap();
        set
    }

    /// The values that count, as text.
    fn values(&self, now: Timestamp) -> Vec<String> {
        let set = self.composed(&Policies::default(), now);
        set.into_iter().map(|indicator| indicator.value.to_string()).collect()
    }

    fn list(&mut self, source: &str, names: &[&str], now: Timestamp) -> Result<super::Delivered, SyncError> {
        let entries = names.iter().map(|name| entry(name)).collect();
        self.library.deliver(source, &Policy::default(), &mut whole(entries), now, &mut ())
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::new(1_700_000_000 + seconds, 0)
}

fn domain(name: &str) -> IndicatorValue {
    IndicatorValue::Domain(Name::from_text_form(name))
}

fn entry(name: &str) -> Entry {
    Entry::new(domain(name), Context { source: "list".into(), ..Context::default() })
}
