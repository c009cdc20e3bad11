//! One delivery from a collection.

use super::TaxiiSettings;
use super::api::{Collection, Query};
use super::context::{self, Context};
use crate::collect::Origin;
use crate::feed::Intake;
use crate::stix::{self, Bundle};
use crate::{Delivery, Extent, SyncError, SyncErrorKind, json, text};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;
use weir_model::Timestamp;

/// What is remembered: which collection this is of, up to when (by the server's clock) its context and its indicators were read, and
/// when (by ours) manifests were compared.
const PLACE: &str = "place";
const CONTEXT: &str = "cursor/context";
const INDICATORS: &str = "cursor/indicators";
const COMPARED: &str = "compared";
/// Indicators that are asked for by name in one request: their names fill four KiB of its URL, which servers take.
const NAMES_PER_REQUEST: usize = 80;
/// Most indicators that are asked for again because something else was said of them. Adversary: a report that refers to everything. The
/// rest has the old context until the indicator itself changes.
const MAX_ASKED_AGAIN: usize = 4000;

pub(super) struct Sync<'a> {
    settings: &'a TaxiiSettings,
    collection: &'a Collection,
    delivery: &'a mut dyn Delivery,
    source: Arc<str>,
    origin: Origin,
    context: Context,
    /// Indicators of this delivery, each with the version that was taken.
    taken: HashMap<Uuid, Timestamp>,
    objects: u64,
}

impl<'a> Sync<'a> {
    pub(super) fn new(
        source: &Arc<str>,
        settings: &'a TaxiiSettings,
        collection: &'a Collection,
        delivery: &'a mut dyn Delivery,
    ) -> Result<Self, SyncError> {
        let place = collection.url().as_str();
        if delivery.recall(PLACE)?.is_none_or(|before| before != place) {
            for key in [CONTEXT, INDICATORS, COMPARED] {
                delivery.remember(key, None)?;
            }
            delivery.remember(PLACE, Some(place))?;
        }
        let context = Context::recall(delivery)?;
        let origin = Origin { path: place.into(), source: Arc::clone(source) };
        let (source, taken) = (Arc::clone(source), HashMap::new());
        Ok(Self { settings, collection, delivery, source, origin, context, taken, objects: 0 })
    }

    pub(super) fn run(mut self, now: Timestamp) -> Result<Extent, SyncError> {
        let cursor = self.delivery.recall(INDICATORS)?;
        let Some(cursor) = cursor else {
            return self.read_whole(now);
        };
        self.read_context()?;
        let last = self.read_indicators(Some(&cursor))?;
        self.advance(INDICATORS, last)?;
        self.ask_again()?;
        let compared = self.delivery.recall(COMPARED)?.and_then(|nanos| nanos.parse().ok());
        let is_due =
            compared.is_none_or(|nanos| now.since(Timestamp::from_nanos(nanos)) >= self.settings.compare);
        if is_due {
            return self.compare(now);
        }
        Ok(if self.objects == 0 { Extent::Nothing } else { Extent::Changes })
    }

    fn read_whole(mut self, now: Timestamp) -> Result<Extent, SyncError> {
        self.delivery.remember(CONTEXT, None)?;
        let there = self.read_context()?;
        self.context.keep_only(&|id| there.contains(id), self.delivery)?;
        let last = self.read_indicators(None)?;
        // A server that does not tell times is read whole each time.
        self.advance(INDICATORS, last)?;
        self.note_comparison(now)?;
        Ok(Extent::Whole)
    }

    /// Reads what gives context, as far as it is new; the identifiers of what came.
    fn read_context(&mut self) -> Result<BTreeSet<String>, SyncError> {
        let cursor = self.delivery.recall(CONTEXT)?;
        let mut there = BTreeSet::new();
        let filter = ["match[type]", context::TYPES];
        let query = Query { of: "objects", filter, added_after: cursor.as_deref() };
        let last = self.collection.read(&query, &mut |objects| {
            self.objects += objects.len() as u64;
            look_up(self.delivery, self.objects)?;
            for object in objects.iter().filter_map(Value::as_object) {
                self.context.take(object, self.delivery)?;
                let id = json::text(object, "id").filter(|id| self.context.has(id));
                there.extend(id.map(str::to_owned));
            }
            Ok(())
        })?;
        self.advance(CONTEXT, last)?;
        Ok(there)
    }

    fn read_indicators(&mut self, added_after: Option<&str>) -> Result<Option<String>, SyncError> {
        let query = Query { of: "objects", filter: ["match[type]", "indicator"], added_after };
        self.take_indicators(&query)
    }

    fn take_indicators(&mut self, query: &Query<'_>) -> Result<Option<String>, SyncError> {
        let mut bundle = None;
        self.collection.read(query, &mut |objects| {
            self.objects += objects.len() as u64;
            look_up(self.delivery, self.objects)?;
            let bundle = bundle.get_or_insert_with(|| self.context.bundle());
            let page = newest(objects);
            for object in &page {
                self.add(object, bundle)?;
            }
            let mut intake = Intake::new(&self.source, &mut *self.delivery);
            intake.read(|collector| stix::emit(bundle, &self.origin, collector));
            intake.finish()
        })
    }

    /// Adds an indicator to what is handed on next, unless this delivery has had that version or a newer one.
    fn add(&mut self, object: &Map<String, Value>, bundle: &mut Bundle) -> Result<(), SyncError> {
        let Some((id, modified)) = version(object) else { return Ok(()) };
        match self.taken.insert(id, modified) {
            Some(before) if before >= modified => {
                self.taken.insert(id, before);
                return Ok(());
            }
            Some(_) => self.delivery.remove(id)?,
            None => {}
        }
        bundle.add(format!("/{}", json::text(object, "id").unwrap_or_default()), object);
        Ok(())
    }

    /// Indicators that did not change themselves, but of which something else is said, are read again.
    fn ask_again(&mut self) -> Result<(), SyncError> {
        let is_old = |id: &&String| stix::uuid(id).is_some_and(|uuid| !self.taken.contains_key(&uuid));
        let ids: Vec<String> =
            self.context.touched.iter().filter(is_old).take(MAX_ASKED_AGAIN).cloned().collect();
        for names in ids.chunks(NAMES_PER_REQUEST) {
            let names = names.join(",");
            self.take_indicators(&Query { of: "objects", filter: ["match[id]", &names], added_after: None })?;
        }
        Ok(())
    }

    /// Removes what is in the manifest no more. Servers without manifests are read whole instead.
    fn compare(mut self, now: Timestamp) -> Result<Extent, SyncError> {
        let (mut there, mut named) = (HashSet::new(), BTreeSet::new());
        let types = format!("indicator,{}", context::TYPES);
        let query = Query { of: "manifest", filter: ["match[type]", &types], added_after: None };
        let mut objects = 0;
        let read = self.collection.read(&query, &mut |listed| {
            objects += listed.len() as u64;
            look_up(self.delivery, objects)?;
            let ids = listed.iter().filter_map(|entry| entry.get("id")).filter_map(Value::as_str);
            for id in ids {
                match stix::uuid(id) {
                    Some(uuid) if id.starts_with("indicator--") => drop(there.insert(uuid)),
                    _ => named.extend(self.context.has(id).then(|| id.to_owned())),
                }
            }
            Ok(())
        });
        match read {
            Ok(_) => {}
            Err(SyncError { kind: SyncErrorKind::Server | SyncErrorKind::Unauthorized, .. }) => {
                return self.read_whole(now);
            }
            Err(error) => return Err(error),
        }
        self.delivery.keep_only(&mut |id| there.contains(&id) || self.taken.contains_key(&id))?;
        self.context.keep_only(&|id| named.contains(id), self.delivery)?;
        self.note_comparison(now)?;
        Ok(Extent::Changes)
    }

    fn note_comparison(&mut self, now: Timestamp) -> Result<(), SyncError> {
        self.delivery.remember(COMPARED, Some(&now.as_nanos().to_string()))
    }

    /// Nothing that came in between is passed over: the server says up to when it has told.
    fn advance(&mut self, cursor: &str, last: Option<String>) -> Result<(), SyncError> {
        last.map_or(Ok(()), |last| self.delivery.remember(cursor, Some(&last)))
    }
}

/// The indicators of a page, of several versions of one the newest.
fn newest(objects: Vec<Value>) -> Vec<Map<String, Value>> {
    let mut newest: Vec<Map<String, Value>> = Vec::with_capacity(objects.len());
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    for object in objects {
        let Value::Object(object) = object else { continue };
        let Some((id, modified)) = version(&object) else { continue };
        match places.get(&id).and_then(|place| newest.get_mut(*place)) {
            Some(known) if version(known).is_some_and(|(_, before)| before < modified) => *known = object,
            Some(_) => {}
            None => {
                places.insert(id, newest.len());
                newest.push(object);
            }
        }
    }
    newest
}

/// Which indicator, and when it was changed last; `None`: it is something else.
fn version(object: &Map<String, Value>) -> Option<(Uuid, Timestamp)> {
    let id = json::text(object, "id").filter(|id| id.starts_with("indicator--"))?;
    let modified = json::text(object, "modified").or(json::text(object, "created")).and_then(text::time);
    Some((stix::uuid(id)?, modified.unwrap_or_default()))
}

fn look_up(delivery: &mut dyn Delivery, objects: u64) -> Result<(), SyncError> {
    delivery.progress(objects, None, "objects");
    if delivery.is_stopped() { Err(SyncError::new(SyncErrorKind::Stopped, "stopped")) } else { Ok(()) }
}
