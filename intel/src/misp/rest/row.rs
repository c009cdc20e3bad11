//! One attribute as `restSearch` gives it, with its event: what it says, and how it stands.

use crate::misp::attribute::Attribute;
use crate::misp::event::{self, Event};
use crate::{SyncError, SyncErrorKind, json, text};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// An attribute and what there is to know of its event.
pub(super) struct Row {
    pub(super) attribute: Attribute,
    pub(super) event: Event,
    pub(super) event_id: Uuid,
    pub(super) standing: Standing,
}

/// When the attribute and its event changed (in seconds since 1970, by the server's clock), and whether the event is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) changed: u64,
    pub(super) event_changed: u64,
    /// When the event was published last; 0 for never.
    pub(super) published_at: u64,
    pub(super) is_published: bool,
}

impl Row {
    /// An error means that the server is none that can be used: it does not say what it was asked to say.
    pub(super) fn new(members: &Map<String, Value>) -> Result<Self, SyncError> {
        let missing = |what: &str| {
            let text = format!(
                "an attribute comes without {what}: this is no MISP, or an older one than can be used (2.4.100)"
            );
            SyncError::new(SyncErrorKind::Malformed, text)
        };
        let event = members.get("Event").and_then(Value::as_object).ok_or_else(|| missing("its event"))?;
        let event_id = json::text(event, "uuid").and_then(|uuid| Uuid::parse_str(uuid).ok());
        let published = event.get("published").ok_or_else(|| missing("`Event.published`"))?;
        let standing = Standing {
            changed: seconds(members.get("timestamp")),
            event_changed: seconds(event.get("timestamp")),
            published_at: seconds(event.get("publish_timestamp")),
            is_published: json::is_true(Some(published)),
        };
        let id = json::text(members, "uuid").unwrap_or_default();
        let mut attribute = Attribute::new(format!("/attributes/view/{id}"), members);
        if let Some(object) = members.get("Object").and_then(Value::as_object) {
            attribute.is_restricted |= event::is_restricted(object);
        }
        let scores = json::objects(members, "decay_score").filter_map(decay);
        let room = text::MAX_TAGS.saturating_sub(attribute.labels.tags.len());
        attribute.labels.tags.extend(scores.filter_map(|score| text::shared(&score)).take(room));
        let event_id = event_id.ok_or_else(|| missing("`Event.uuid`"))?;
        Ok(Self { attribute, event: event_of(event, members), event_id, standing })
    }
}

/// `includeContext` gives the event's tags in `Event`, `includeEventTags` beside it; some versions have only the one, some the other.
fn event_of(event: &Map<String, Value>, members: &Map<String, Value>) -> Event {
    if event.contains_key("Tag") || !members.contains_key("EventTag") {
        return Event::new(event);
    }
    let mut event = event.clone();
    let tags = json::objects(members, "EventTag").filter_map(|tag| tag.get("Tag").cloned());
    event.insert("Tag".to_owned(), json!(tags.collect::<Vec<_>>()));
    Event::new(&event)
}

/// A score of one of the instance's decaying models, as a tag: `misp:decay-score:NIDS Simple Decaying Model="41"`.
fn decay(score: &Map<String, Value>) -> Option<String> {
    let model = score.get("DecayingModel").and_then(Value::as_object)?;
    let value = score.get("score").and_then(Value::as_f64)?;
    Some(format!("misp:decay-score:{}=\"{value:.0}\"", json::text(model, "name")?))
}

/// MISP writes times as texts, some versions as numbers.
fn seconds(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
        _ => 0,
    }
}
