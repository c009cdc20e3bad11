//! STIX objects, as far as indicators need them.

use super::marking;
use crate::{json, text};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;
use weir_model::indicator::{Report, Threat};
use weir_model::{Timestamp, Tlp};

/// Most threats kept of one indicator, and of the steps on the way to them. A bundle that relates everything with everything would
/// otherwise be quadratic; further ones are left out.
const MAX_THREATS: usize = 16;

/// The objects of a file.
#[derive(Default)]
pub(crate) struct Bundle {
    /// In the order of the file, all versions.
    indicators: Vec<IndicatorObject>,
    newest: HashMap<String, Timestamp>,
    names: HashMap<String, Threat>,
    identities: HashMap<String, Arc<str>>,
    /// From what a relationship begins at to what it points to.
    relations: HashMap<String, Vec<String>>,
    reports: Vec<Arc<Report>>,
    /// The first report that refers to an object, by its position.
    reported: HashMap<String, usize>,
    markings: HashMap<String, Tlp>,
    sightings: HashMap<String, Seen>,
}

/// When an indicator was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

/// An indicator, and where it stands.
#[derive(Debug)]
pub(super) struct IndicatorObject {
    pub(super) pointer: String,
    pub(super) id: String,
    pub(super) pattern: String,
    pub(super) is_foreign_language: bool,
    pub(super) revoked: bool,
    pub(super) description: Option<Arc<str>>,
    pub(super) labels: Vec<Arc<str>>,
    pub(super) types: Vec<Arc<str>>,
    pub(super) reference: Option<Arc<str>>,
    pub(super) confidence: Option<u8>,
    pub(super) valid_from: Option<Timestamp>,
    pub(super) valid_until: Option<Timestamp>,
    created: Option<Timestamp>,
    pub(super) modified: Timestamp,
    created_by: Option<String>,
    markings: Vec<String>,
}

impl IndicatorObject {
    /// `indicator_types` of STIX 2.1 section 6.4, `labels` of STIX 2.0.
    pub(super) fn is_benign(&self) -> bool {
        self.types.iter().chain(&self.labels).any(|word| &**word == "benign")
    }
}

impl Bundle {
    /// Notes an object; its kind is of no interest where it says nothing of indicators.
    pub(crate) fn add(&mut self, pointer: String, object: &Map<String, Value>) {
        let id = json::text(object, "id").unwrap_or_default();
        let name = json::text(object, "name").and_then(text::shared);
        match json::text(object, "type").unwrap_or_default() {
            "indicator" => self.add_indicator(pointer, id, object),
            "relationship" => self.add_relation(object),
            "sighting" => self.add_sighting(object),
            "report" | "grouping" => self.add_report(id, name, object),
            "identity" => {
                name.and_then(|name| self.identities.insert(id.to_owned(), name));
            }
            "marking-definition" => {
                marking::defined(object).and_then(|tlp| self.markings.insert(id.to_owned(), tlp));
            }
            kind @ ("malware" | "threat-actor" | "intrusion-set" | "campaign" | "tool" | "attack-pattern"
            | "infrastructure" | "vulnerability") => {
                let threat = name.map(|name| Threat { kind: kind.into(), name });
                threat.and_then(|threat| self.names.insert(id.to_owned(), threat));
            }
            _ => {}
        }
    }

    /// The indicators, in their order.
    pub(super) fn take_indicators(&mut self) -> Vec<IndicatorObject> {
        std::mem::take(&mut self.indicators)
    }

    /// Which versions there were is of no interest any more.
    pub(super) fn forget_versions(&mut self) {
        self.newest.clear();
    }

    /// Whether the file has a newer version of the object.
    pub(super) fn is_superseded(&self, indicator: &IndicatorObject) -> bool {
        self.newest.get(&indicator.id).is_some_and(|newest| indicator.modified < *newest)
    }

    /// When it was seen: by its sightings; it was known when it was created.
    pub(super) fn seen(&self, indicator: &IndicatorObject) -> Seen {
        let sighted = self.sightings.get(&indicator.id).copied().unwrap_or_default();
        let first = [sighted.first, indicator.created].into_iter().flatten().min();
        Seen { first, last: sighted.last }
    }

    /// The strictest marking.
    pub(super) fn tlp(&self, indicator: &IndicatorObject) -> Option<Tlp> {
        let tlp = |id: &String| marking::fixed(id).or_else(|| self.markings.get(id).copied());
        indicator.markings.iter().filter_map(tlp).max()
    }

    pub(super) fn report_of(&self, indicator: &IndicatorObject) -> Option<Arc<Report>> {
        self.reported.get(&indicator.id).and_then(|report| self.reports.get(*report)).cloned()
    }

    pub(super) fn organisation_of(&self, indicator: &IndicatorObject) -> Option<Arc<str>> {
        indicator.created_by.as_ref().and_then(|creator| self.identities.get(creator)).cloned()
    }

    /// What it indicates, and to whom or what that is attributed.
    pub(super) fn threats_of(&self, indicator: &IndicatorObject) -> Arc<[Threat]> {
        let mut reached: Vec<&str> = vec![&indicator.id];
        let mut at = 0;
        while let Some(id) = reached.get(at).filter(|_| reached.len() <= MAX_THREATS) {
            let next = self.relations.get(*id).map(Vec::as_slice).unwrap_or_default();
            for target in next.iter().take(MAX_THREATS) {
                if !reached.contains(&target.as_str()) {
                    reached.push(target);
                }
            }
            at += 1;
        }
        reached.iter().filter_map(|id| self.names.get(*id)).take(MAX_THREATS).cloned().collect()
    }

    fn add_indicator(&mut self, pointer: String, id: &str, object: &Map<String, Value>) {
        let time = |name| json::text(object, name).and_then(text::time);
        let words = |name| {
            let words = json::list(object, name).iter().filter_map(Value::as_str);
            words.filter_map(text::shared).take(text::MAX_TAGS).collect::<Vec<_>>()
        };
        let created = time("created");
        let modified = time("modified").or(created).unwrap_or_default();
        let newest = self.newest.entry(id.to_owned()).or_insert(modified);
        *newest = modified.max(*newest);
        let is_foreign_language =
            json::text(object, "pattern_type").is_some_and(|language| language != "stix");
        self.indicators.push(IndicatorObject {
            pointer,
            id: id.to_owned(),
            pattern: json::text(object, "pattern").unwrap_or_default().to_owned(),
            is_foreign_language,
            revoked: json::is_true(object.get("revoked")),
            description: description(object),
            labels: words("labels"),
            types: words("indicator_types"),
            reference: json::objects(object, "external_references")
                .find_map(|reference| json::text(reference, "url"))
                .and_then(text::shared),
            confidence: object
                .get("confidence")
                .and_then(Value::as_u64)
                .and_then(|number| u8::try_from(number).ok())
                .filter(|number| *number <= 100),
            valid_from: time("valid_from"),
            valid_until: time("valid_until"),
            created,
            modified,
            created_by: json::text(object, "created_by_ref").map(str::to_owned),
            markings: marking::references(object),
        });
    }

    /// `indicates`, and of what is indicated, `attributed-to` and the like.
    fn add_relation(&mut self, object: &Map<String, Value>) {
        let kind = json::text(object, "relationship_type").unwrap_or_default();
        let says_who = matches!(kind, "indicates" | "attributed-to" | "variant-of" | "uses" | "based-on");
        let ends = json::text(object, "source_ref").zip(json::text(object, "target_ref"));
        let from_indicator = |source: &str| source.starts_with("indicator--");
        if let Some((source, target)) = ends
            && says_who
            && !json::is_true(object.get("revoked"))
            // What an actor uses elsewhere is not what this indicates.
            && (kind != "uses" || from_indicator(source))
        {
            self.relations.entry(source.to_owned()).or_default().push(target.to_owned());
        }
    }

    fn add_sighting(&mut self, object: &Map<String, Value>) {
        let time = |name| json::text(object, name).and_then(text::time);
        let Some(sighted) = json::text(object, "sighting_of_ref").filter(|id| id.starts_with("indicator--"))
        else {
            return;
        };
        if json::is_true(object.get("revoked")) {
            return;
        }
        let seen = self.sightings.entry(sighted.to_owned()).or_default();
        seen.first = [seen.first, time("first_seen")].into_iter().flatten().min();
        seen.last = seen.last.max(time("last_seen")).max(time("first_seen"));
    }

    fn add_report(&mut self, id: &str, title: Option<Arc<str>>, object: &Map<String, Value>) {
        if json::is_true(object.get("revoked")) {
            return;
        }
        let report = self.reports.len();
        self.reports.push(Arc::new(Report { id: uuid(id), title }));
        for reference in json::list(object, "object_refs").iter().filter_map(Value::as_str) {
            if reference.starts_with("indicator--") {
                self.reported.entry(reference.to_owned()).or_insert(report);
            }
        }
    }
}

/// The part of a STIX identifier that identifies.
pub(crate) fn uuid(id: &str) -> Option<Uuid> {
    id.split_once("--").and_then(|(_, uuid)| Uuid::parse_str(uuid).ok())
}

/// Name and description, as far as each says something of its own.
fn description(object: &Map<String, Value>) -> Option<Arc<str>> {
    match (json::text(object, "name"), json::text(object, "description")) {
        (Some(name), Some(text)) if !text.contains(name) => text::shared(&format!("{name}: {text}")),
        (Some(name), None) => text::shared(name),
        (_, text) => text.and_then(text::shared),
    }
}
