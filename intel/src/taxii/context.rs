//! What gives context to indicators: remembered between deliveries, because an indicator may come days after the malware that it
//! indicates.

use crate::stix::Bundle;
use crate::{Delivery, SyncError, json, text};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Types of objects that say something of indicators.
pub(super) const TYPES: &str = "attack-pattern,campaign,grouping,identity,infrastructure,intrusion-set,malware,marking-definition,\
                                relationship,report,sighting,threat-actor,tool,vulnerability";
/// Begins what is remembered of each object.
const KEY: &str = "context/";
/// Most objects that are remembered, and most bytes of them: they are read again at every delivery that brings indicators. The largest
/// public collections have some ten thousand. Adversary: a server that would like to fill the disk. What comes later is
/// passed over, and alerts say less.
const MAX_OBJECTS: usize = 200_000;
const MAX_BYTES: usize = 64 << 20;

/// The members of objects that are of use; the rest is not kept.
const MEMBERS: [&str; 16] = [
    "type",
    "id",
    "name",
    "created",
    "modified",
    "revoked",
    "relationship_type",
    "source_ref",
    "target_ref",
    "sighting_of_ref",
    "first_seen",
    "last_seen",
    "object_refs",
    "definition_type",
    "definition",
    "extensions",
];

/// All that is known, by the identifiers of the objects.
#[derive(Default)]
pub(super) struct Context {
    objects: BTreeMap<String, String>,
    bytes: usize,
    /// Indicators of which something was said that was not known.
    pub(super) touched: BTreeSet<String>,
}

impl Context {
    /// What was remembered.
    pub(super) fn recall(delivery: &mut dyn Delivery) -> Result<Self, SyncError> {
        let known = delivery.recall_all(KEY)?;
        let bytes = known.iter().map(|(_, object)| object.len()).sum();
        let objects = known.into_iter().map(|(key, object)| (key.trim_start_matches(KEY).to_owned(), object));
        Ok(Self { objects: objects.collect(), bytes, touched: BTreeSet::new() })
    }

    /// Takes an object, unless a newer version of it is known.
    pub(super) fn take(
        &mut self,
        object: &Map<String, Value>,
        delivery: &mut dyn Delivery,
    ) -> Result<(), SyncError> {
        let Some(id) = json::text(object, "id").filter(|id| !id.starts_with("indicator--")) else {
            return Ok(());
        };
        let known = self.objects.get(id).and_then(|known| serde_json::from_str::<Map<_, _>>(known).ok());
        if known.is_some_and(|known| modified(&known) > modified(object)) {
            return Ok(());
        }
        let reduced: Map<String, Value> = object
            .iter()
            .filter(|(name, _)| MEMBERS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let touched = touched(&reduced);
        let reduced = Value::Object(reduced).to_string();
        let before = self.objects.get(id).map_or(0, String::len);
        let bytes = self.bytes - before + reduced.len();
        if bytes > MAX_BYTES || (before == 0 && self.objects.len() >= MAX_OBJECTS) {
            return Ok(());
        }
        delivery.remember(&format!("{KEY}{id}"), Some(&reduced))?;
        self.touched.extend(touched);
        self.bytes = bytes;
        self.objects.insert(id.to_owned(), reduced);
        Ok(())
    }

    /// Whether the object of this identifier is known.
    pub(super) fn has(&self, id: &str) -> bool {
        self.objects.contains_key(id)
    }

    /// Forgets what is not there any more.
    pub(super) fn keep_only(
        &mut self,
        is_there: &dyn Fn(&str) -> bool,
        delivery: &mut dyn Delivery,
    ) -> Result<(), SyncError> {
        let gone: Vec<_> = self.objects.keys().filter(|id| !is_there(id)).cloned().collect();
        for id in gone {
            delivery.remember(&format!("{KEY}{id}"), None)?;
            self.bytes -= self.objects.remove(&id).map_or(0, |object| object.len());
        }
        Ok(())
    }

    /// All of it, for indicators to be understood.
    pub(super) fn bundle(&self) -> Bundle {
        let mut bundle = Bundle::default();
        for object in self.objects.values() {
            if let Ok(Value::Object(object)) = serde_json::from_str(object) {
                bundle.add(String::new(), &object);
            }
        }
        bundle
    }
}

/// The indicators of which an object says something.
fn touched(object: &Map<String, Value>) -> Vec<String> {
    let ends = ["source_ref", "sighting_of_ref"].into_iter().filter_map(|name| json::text(object, name));
    let parts = json::list(object, "object_refs").iter().filter_map(Value::as_str);
    ends.chain(parts).filter(|id| id.starts_with("indicator--")).map(str::to_owned).collect()
}

fn modified(object: &Map<String, Value>) -> Option<weir_model::Timestamp> {
    json::text(object, "modified").or(json::text(object, "created")).and_then(text::time)
}
