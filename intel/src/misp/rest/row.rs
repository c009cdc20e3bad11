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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misp::attribute::About;
    use proptest::prelude::*;
    use weir_model::{Context, Tlp};

    fn members(more: Value) -> Map<String, Value> {
        let mut members = json!({
            "uuid": "5eb7ec0d-7fbc-4e5a-9f0c-1f6f0a0a020f", "type": "domain", "value": "a.example", "to_ids": true,
            "timestamp": "1700000001", "category": "Network activity",
            "Event": {
                "uuid": "5d9b5933-964c-433c-b84f-4c680a2fe004", "info": "Emotet", "published": true,
                "timestamp": "1700000002", "publish_timestamp": 1_700_000_003,
            },
        });
        let Value::Object(more) = more else { panic!("no object: {more}") };
        let members = members.as_object_mut().unwrap();
        members.extend(more);
        members.clone()
    }

    fn context(more: Value) -> Context {
        let row = Row::new(&members(more)).unwrap();
        let about = About { source: &"circl".into(), types: [].into() };
        row.attribute.values(&row.event, &about).remove(0).unwrap().1
    }

    #[test]
    fn how_an_attribute_and_its_event_stand() {
        let standing = Standing {
            changed: 1_700_000_001,
            event_changed: 1_700_000_002,
            published_at: 1_700_000_003,
            is_published: true,
        };
        assert_eq!(Row::new(&members(json!({}))).ok().unwrap().standing, standing);
        for wrong in [json!({"Event": null}), json!({"Event": {"published": true}}), json!({"Event": {}})] {
            assert_eq!(Row::new(&members(wrong)).err().unwrap().kind, SyncErrorKind::Malformed);
        }
    }

    /// Wherever a version puts the tags of the event.
    #[test]
    fn tags_of_the_event_count_for_its_attributes() {
        let beside = json!({"EventTag": [{"Tag": {"name": "tlp:red", "inherited": true}}]});
        assert_eq!(context(beside).tlp, Some(Tlp::Red));
        let mut inside = members(json!({}));
        inside["Event"]["Tag"] = json!([{"name": "tlp:red"}]);
        assert_eq!(context(Value::Object(inside)).tlp, Some(Tlp::Red));
        assert_eq!(context(json!({})).tlp, None);
    }

    /// An object of a sharing group keeps its attributes there.
    #[test]
    fn the_distribution_of_an_object_holds_for_its_attributes() {
        let tlp = |distribution: &str| context(json!({"Object": {"distribution": distribution}})).tlp;
        assert_eq!((tlp("4"), tlp("5")), (Some(Tlp::AmberStrict), None));
    }

    #[test]
    fn decay_scores_are_tags() {
        let scores =
            json!([{"score": 41.3, "DecayingModel": {"name": "NIDS Simple Decaying Model"}}, {"score": 1}]);
        let tags = context(json!({"decay_score": scores})).tags;
        assert_eq!(tags, ["misp:decay-score:NIDS Simple Decaying Model=\"41\"".into()]);
    }

    proptest! {
        /// Members of any type where others are expected.
        #[test]
        fn hostile_attributes_never_panic(
            key in "(uuid|type|value|timestamp|Event|EventTag|Object|decay_score|Tag|category|to_ids|deleted)",
            value in "(null|1|-1\\.5|1e400|true|\"x\"|\\[\\]|\\[1\\]|\\{\\}|\\[\\{\\}\\]|\\[\\{\"Tag\":1\\}\\]|\\{\"published\":\\[\\]\\})",
        ) {
            if let Ok(value) = serde_json::from_str::<Value>(&value) {
                let _ = Row::new(&members(json!({&key: value.clone()})));
                let mut inside = members(json!({}));
                inside["Event"][key] = value;
                let _ = Row::new(&inside);
            }
        }
    }
}
