//! Attributes of MISP: from what is written to values with their context.

use super::event::{self, Event, Labels};
use super::{Out, values};
use crate::collect::Subject;
use crate::{Place, RefusalReason, json, text};
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;
use weir_model::indicator::{Further, Threat};
use weir_model::{Context, IndicatorValue, Timestamp, Tlp};

/// An attribute of an event, or of an object in it.
pub(super) struct Attribute {
    pointer: String,
    kind: String,
    value: String,
    /// Why it is not to be used, whatever its value.
    pub(super) unwanted: Option<RefusalReason>,
    pub(super) id: Option<Uuid>,
    pub(super) category: String,
    comment: Option<Arc<str>>,
    pub(super) labels: Labels,
    pub(super) is_restricted: bool,
    first_seen: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    modified: Option<Timestamp>,
}

/// What the values of an attribute are told to be of.
pub(super) struct About<'a> {
    /// The source, as it is named in alerts.
    pub(super) source: &'a Arc<str>,
    /// The category as a list of types.
    pub(super) types: Arc<[Arc<str>]>,
}

/// The attributes of an object. What is deleted with it counts as deleted.
pub(super) fn of_object(pointer: &str, object: &Map<String, Value>) -> Vec<Attribute> {
    let is_deleted = json::is_true(object.get("deleted"));
    let attributes = json::list(object, "Attribute").iter().enumerate();
    let attributes = attributes.filter_map(|(at, value)| Some((at, value.as_object()?)));
    attributes
        .map(|(at, members)| {
            let mut attribute = Attribute::new(format!("{pointer}/Attribute/{at}"), members);
            if is_deleted {
                attribute.unwanted = Some(RefusalReason::Deleted);
            }
            attribute.is_restricted |= event::is_restricted(object);
            attribute
        })
        .collect()
}

impl Attribute {
    pub(super) fn new(pointer: String, attribute: &Map<String, Value>) -> Self {
        let word = |name| json::text(attribute, name).unwrap_or_default();
        let unwanted = if json::is_true(attribute.get("deleted")) {
            Some(RefusalReason::Deleted)
        } else if attribute.contains_key("to_ids") && !json::is_true(attribute.get("to_ids")) {
            Some(RefusalReason::NotForDetection)
        } else {
            None
        };
        Self {
            pointer,
            kind: word("type").to_owned(),
            value: word("value").to_owned(),
            unwanted,
            id: Uuid::parse_str(word("uuid")).ok(),
            category: word("category").to_owned(),
            comment: text::shared(word("comment")),
            labels: Labels::new(attribute),
            is_restricted: event::is_restricted(attribute),
            first_seen: text::time(word("first_seen")),
            last_seen: text::time(word("last_seen")),
            modified: text::time(word("timestamp")),
        }
    }

    /// Hands on the values, or says why there are none.
    pub(super) fn emit(&self, event: &Event, out: &mut Out<'_, '_>) {
        let about = About { source: &out.origin.source, types: out.categories.types(&self.category) };
        out.collector.about(Subject { id: self.id, modified: self.modified });
        for value in self.values(event, &about) {
            let place = Place::Pointer(self.pointer.clone());
            match value {
                Ok((value, context)) => {
                    out.collector.value(out.origin, place, &self.value, value, context);
                }
                Err(reason) => out.collector.refuse(out.origin, place, &self.shown(), reason),
            }
        }
    }

    /// Its values with what is said of them, and why others are none; never nothing at all.
    pub(super) fn values(
        &self,
        event: &Event,
        about: &About<'_>,
    ) -> Vec<Result<(IndicatorValue, Context), RefusalReason>> {
        if let Some(reason) = self.unwanted {
            return vec![Err(reason)];
        }
        let context = self.context(event, about);
        let values = values::of(&self.kind, &self.value).into_iter();
        values.map(|value| value.map(|value| (value, context.clone()))).collect()
    }

    /// What stands there, for people to recognise it.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.kind, self.value)
    }

    fn context(&self, event: &Event, about: &About<'_>) -> Context {
        let mut tags = self.labels.tags.clone();
        for tag in &event.labels.tags {
            if tags.len() < text::MAX_TAGS && !tags.contains(tag) {
                tags.push(Arc::clone(tag));
            }
        }
        Context {
            source: Arc::clone(about.source),
            description: self.comment.clone().or_else(|| event.title.clone()),
            tags,
            confidence: self.labels.confidence.or(event.labels.confidence),
            first_seen: self.first_seen.or(event.date),
            last_seen: self.last_seen,
            tlp: self.tlp(event),
            further: Some(Arc::new(Further {
                id: self.id,
                report: event.report.clone(),
                organisation: event.organisation.clone(),
                threats: self.threats(event),
                types: Arc::clone(&about.types),
                side: values::side(&self.kind),
                valid_from: None,
                valid_until: None,
            })),
            ..Context::default()
        }
    }

    /// The strictest of what is said of the attribute and of the event. What may not leave the organisation or a sharing group is
    /// at least AMBER+STRICT.
    fn tlp(&self, event: &Event) -> Option<Tlp> {
        let restricted = (self.is_restricted || event.is_restricted).then_some(Tlp::AmberStrict);
        self.labels.tlp.max(event.labels.tlp).max(restricted)
    }

    /// What is said of the attribute itself comes first.
    fn threats(&self, event: &Event) -> Arc<[Threat]> {
        if self.labels.threats.is_empty() {
            return Arc::clone(&event.labels.threats);
        }
        let of_event = event.labels.threats.iter().filter(|threat| !self.labels.threats.contains(threat));
        self.labels.threats.iter().chain(of_event).cloned().collect()
    }
}
