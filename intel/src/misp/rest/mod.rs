//! One instance of MISP, asked over its REST API.
//!
//! First everything, then what changed: attributes that changed, attributes of events that changed, attributes of events that were
//! published, each since a little before the newest change that is known. Nothing is filtered there but by time, because what leaves a
//! filter would never be heard of again. Once a day all UUIDs are compared.
//!
//! Sources: MISP, `app/Model/MispAttribute.php` (`restSearch`, `fetchAttributes`), `app/Lib/Export/CsvExport.php`; docs/INTELLIGENCE.md.

mod answer;
mod api;
mod memory;
mod pages;
mod row;
mod settings;
#[cfg(test)]
mod tests;

pub use settings::MispSettings;

use super::Categories;
use super::attribute;
use crate::{Delivery, Entry, Extent, Place, Provider, Refusal, RefusalReason, SyncError, SyncErrorKind};
use api::{About, Api, Remote};
use memory::{EventState, Memory};
use pages::Page;
use row::{Row, Standing};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use weir_model::Timestamp;
use weir_model::text::printable;

/// Largest page: five thousand attributes have some ten MiB. Adversary: a server that would like us to run out of memory. A larger one
/// is an error, and nothing counts.
const MAX_PAGE_BYTES: u64 = 256 * 1024 * 1024;
/// Most attributes of a delta of which is known that they were met, so that each is handed on once though three questions have it.
/// Further ones are handed on again.
const MAX_MET: usize = 1_000_000;
/// How far the instance's clock may be behind ours. If it is farther, what changes at a quiet instance may be found only by comparing.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_hours(1);
/// A key that is not shown deletions finds them by comparing UUIDs, at least so often.
const RECONCILE_WITHOUT_DELETIONS: Duration = Duration::from_hours(1);
/// After a comparison that failed, deltas go on without for so long.
const RECONCILE_AGAIN: Duration = Duration::from_hours(1);
/// Rows per page when only UUIDs are asked for, as a multiple of `page_size`.
const IDS_PER_ATTRIBUTE: u64 = 4;

/// Asks one instance of MISP. Lives as long as the program: it knows what it could not do lately.
pub struct MispProvider {
    source: Arc<str>,
    settings: MispSettings,
    api: Box<dyn Api>,
    about: Option<About>,
    /// When UUIDs could not be compared.
    not_reconciled: Option<u64>,
}

impl MispProvider {
    /// The instance that `settings` name, called `source` in alerts. Relative paths of files begin at `base`; the key is read at each delivery.
    pub fn new(source: &str, settings: MispSettings, base: &Path) -> Result<Self, SyncError> {
        let api = Box::new(Remote::new(&settings, base)?);
        Self::with_api(source, settings, api)
    }

    fn with_api(source: &str, settings: MispSettings, api: Box<dyn Api>) -> Result<Self, SyncError> {
        settings.check()?;
        Ok(Self { source: source.into(), settings, api, about: None, not_reconciled: None })
    }

    /// How often UUIDs are compared.
    fn reconcile_interval(&self, about: &About) -> Duration {
        let interval = self.settings.reconcile;
        if about.perm_sync { interval } else { interval.min(RECONCILE_WITHOUT_DELETIONS) }
    }

    fn is_due(&self, about: &About, memory: &Memory, now: u64) -> bool {
        let passed = |since: u64, interval: Duration| now.saturating_sub(since) >= interval.as_secs();
        passed(memory.reconciled, self.reconcile_interval(about))
            && self.not_reconciled.is_none_or(|failed| passed(failed, RECONCILE_AGAIN))
    }
}

impl Provider for MispProvider {
    fn deliver(&mut self, delivery: &mut dyn Delivery, now: Timestamp) -> Result<Extent, SyncError> {
        let now = now.as_nanos() / 1_000_000_000;
        self.api.begin()?;
        let about = match &self.about {
            Some(about) => about.clone(),
            None => self.about.insert(About::ask(&mut *self.api)?).clone(),
        };
        let mut memory = Memory::recall(delivery, &self.settings.url)?;
        let is_whole = memory.cursor.is_none();
        if is_whole {
            memory.reconciled = now;
        }
        let reconciles = self.is_due(&about, &memory, now);
        let mut sync = Sync {
            source: &self.source,
            settings: &self.settings,
            api: &mut *self.api,
            delivery,
            now,
            newest: memory.cursor.unwrap_or(0),
            is_whole,
            memory,
            met: HashMap::new(),
            categories: Categories::default(),
            rows: 0,
            has_changed: false,
        };
        sync.read_changes()?;
        if reconciles || sync.memory.reconciled == 0 {
            sync.reconcile().inspect_err(|_| self.not_reconciled = Some(now))?;
            self.not_reconciled = None;
            // By now the key may be allowed something else.
            self.about = None;
        }
        sync.finish()
    }
}

/// One delivery.
struct Sync<'a> {
    source: &'a Arc<str>,
    settings: &'a MispSettings,
    api: &'a mut dyn Api,
    delivery: &'a mut dyn Delivery,
    now: u64,
    is_whole: bool,
    /// The newest change that was met.
    newest: u64,
    memory: Memory,
    /// What was met in this delta, and how it stood.
    met: HashMap<Uuid, Standing>,
    categories: Categories,
    rows: u64,
    has_changed: bool,
}

impl Sync<'_> {
    /// Everything, or what changed since the last delivery.
    fn read_changes(&mut self) -> Result<(), SyncError> {
        let Some(cursor) = self.memory.cursor else { return self.read(None) };
        let since = json!(cursor.saturating_sub(self.settings.overlap.as_secs()).to_string());
        for window in ["attribute_timestamp", "event_timestamp", "publish_timestamp"] {
            self.read(Some((window, &since)))?;
        }
        Ok(())
    }

    /// What is found only by comparing: what is gone without a trace, and events that were taken out of publication without a change.
    fn reconcile(&mut self) -> Result<(), SyncError> {
        self.read(Some(("published", &json!(0))))?;
        let largest = u64::from(self.settings.page_size) * IDS_PER_ATTRIBUTE;
        let ids = answer::all_ids(self.api, largest, self.delivery)?;
        self.delivery.keep_only(&mut |id| ids.binary_search(&id).is_ok())?;
        self.memory.reconciled = self.now;
        self.has_changed = true;
        Ok(())
    }

    /// What follows from the time that it is, and what is to be remembered.
    fn finish(mut self) -> Result<Extent, SyncError> {
        for event in self.memory.take_withdrawn(self.now, self.settings.grace) {
            self.delivery.remove_group(event)?;
            self.has_changed = true;
        }
        // A change in the future (a clock that is wrong somewhere) must not hide those until then; and where nothing changes, the
        // newest event is not read for ever.
        let oldest = self.now.saturating_sub(MAX_CLOCK_DIFFERENCE.as_secs());
        self.memory.cursor = Some(self.newest.clamp(oldest, self.now));
        self.memory.remember(self.delivery, &self.settings.url)?;
        Ok(match (self.is_whole, self.has_changed) {
            (true, _) => Extent::Whole,
            (false, true) => Extent::Changes,
            (false, false) => Extent::Nothing,
        })
    }

    /// Takes in all attributes that pass a filter.
    fn read(&mut self, filter: Option<(&str, &Value)>) -> Result<(), SyncError> {
        let largest = u64::from(self.settings.page_size);
        if pages::read_all(largest, &mut |page| self.read_page(filter, page))? {
            // What went away meanwhile may have been taken in before.
            self.memory.reconciled = 0;
        }
        Ok(())
    }

    fn read_page(&mut self, filter: Option<(&str, &Value)>, page: Page) -> Result<Vec<Uuid>, SyncError> {
        stop_if_wanted(self.delivery)?;
        let mut question = json!({
            "returnFormat": "json", "page": page.number, "limit": page.limit, "order": "Attribute.id asc",
            "deleted": [0, 1], "includeEventTags": 1, "includeContext": 1,
            "includeDecayScore": u8::from(self.settings.decay_scores),
        });
        if let (Some((name, value)), Some(question)) = (filter, question.as_object_mut()) {
            question.insert(name.to_owned(), value.clone());
        }
        let answer = self.api.ask("attributes/restSearch", Some(&question))?;
        let mut ids = Vec::new();
        answer::each_attribute(&answer, &mut |members| {
            let row = Row::new(members)?;
            let id = row.attribute.id.unwrap_or_default();
            ids.push(id);
            self.take(id, &row)
        })?;
        self.rows += ids.len() as u64;
        self.delivery.progress(self.rows, None, "attributes");
        Ok(ids)
    }

    fn take(&mut self, id: Uuid, row: &Row) -> Result<(), SyncError> {
        let standing = row.standing;
        self.newest =
            self.newest.max(standing.changed).max(standing.event_changed).max(standing.published_at);
        let state = self.memory.note(row.event_id, standing, self.now, self.settings.grace);
        if !self.is_whole {
            match self.met.get(&id) {
                Some(known) if *known == standing => return Ok(()),
                // It changed while we read: both would count.
                Some(_) => self.delivery.remove(id)?,
                None => {}
            }
            if self.met.len() < MAX_MET {
                self.met.insert(id, standing);
            }
        }
        match row.attribute.unwanted {
            Some(RefusalReason::Deleted) => self.remove(id),
            Some(reason) => self.refuse(id, row, reason),
            None if state == EventState::Draft => self.refuse(id, row, RefusalReason::Unpublished),
            None if state == EventState::Published || self.counts_meanwhile(state, standing) => {
                self.put(id, row)
            }
            None => Ok(()),
        }
    }

    /// In a first delivery, what an event that is being edited said when it was published: what did not change since.
    fn counts_meanwhile(&self, state: EventState, standing: Standing) -> bool {
        self.is_whole && state == EventState::Edited && standing.changed < standing.published_at
    }

    fn remove(&mut self, id: Uuid) -> Result<(), SyncError> {
        self.has_changed = true;
        self.delivery.remove(id)
    }

    fn put(&mut self, id: Uuid, row: &Row) -> Result<(), SyncError> {
        let types = self.categories.types(&row.attribute.category);
        let about = attribute::About { source: self.source, types };
        for value in row.attribute.values(&row.event, &about) {
            match value {
                Ok((value, context)) => {
                    self.has_changed = true;
                    let modified = Some(Timestamp::new(row.standing.changed, 0));
                    let (id, group) = (Some(id), Some(row.event_id));
                    self.delivery.put(Entry { id, group, modified, value, context })?;
                }
                Err(reason) => self.refuse(id, row, reason)?,
            }
        }
        Ok(())
    }

    fn refuse(&mut self, id: Uuid, row: &Row, reason: RefusalReason) -> Result<(), SyncError> {
        self.has_changed = true;
        let refusal = Refusal {
            file: Arc::clone(self.source),
            place: Place::Pointer(format!("/attributes/view/{id}")),
            text: printable(row.attribute.shown().trim(), crate::MAX_REFUSED_TEXT_BYTES),
            reason,
        };
        self.delivery.refuse(Some(id), refusal)
    }
}

fn stop_if_wanted(delivery: &dyn Delivery) -> Result<(), SyncError> {
    if delivery.is_stopped() {
        return Err(SyncError::new(SyncErrorKind::Stopped, "stopped; nothing of it counts"));
    }
    Ok(())
}
