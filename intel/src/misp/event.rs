//! What a MISP event says of all its attributes: title, organisation, tags, galaxies, distribution.

use crate::{json, text};
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;
use weir_model::indicator::{Report, Threat};
use weir_model::{Timestamp, Tlp};

/// The members of an event that are read, besides its attributes and objects.
pub(super) const MEMBERS: [&str; 8] =
    ["uuid", "info", "date", "Orgc", "Org", "Tag", "Galaxy", "distribution"];

/// Most threats kept of an event or attribute: galaxies of ransomware notes name a handful; further ones are left out.
const MAX_THREATS: usize = 16;

/// What concerns all attributes of an event.
#[derive(Default)]
pub(super) struct Event {
    pub(super) report: Option<Arc<Report>>,
    pub(super) title: Option<Arc<str>>,
    pub(super) organisation: Option<Arc<str>>,
    pub(super) date: Option<Timestamp>,
    pub(super) labels: Labels,
    /// It may not leave the organisation or the sharing group.
    pub(super) is_restricted: bool,
}

impl Event {
    pub(super) fn new(event: &Map<String, Value>) -> Self {
        let title = json::text(event, "info").and_then(text::shared);
        let organisation = |member: &str| {
            let organisation = event.get(member).and_then(Value::as_object)?;
            json::text(organisation, "name").and_then(text::shared)
        };
        let id = json::text(event, "uuid").and_then(|uuid| Uuid::parse_str(uuid).ok());
        Self {
            report: Some(Arc::new(Report { id, title: title.clone() })),
            title,
            organisation: organisation("Orgc").or_else(|| organisation("Org")),
            date: json::text(event, "date").and_then(text::time),
            labels: Labels::new(event),
            is_restricted: is_restricted(event),
        }
    }
}

/// Tags and galaxies of an event or attribute.
#[derive(Default)]
pub(super) struct Labels {
    /// Without those that are kept as threats.
    pub(super) tags: Vec<Arc<str>>,
    pub(super) threats: Arc<[Threat]>,
    pub(super) tlp: Option<Tlp>,
    pub(super) confidence: Option<u8>,
}

impl Labels {
    pub(super) fn new(object: &Map<String, Value>) -> Self {
        let mut labels = Self::default();
        let mut threats: Vec<Threat> = Vec::new();
        for galaxy in json::objects(object, "Galaxy") {
            let kind = json::text(galaxy, "type").unwrap_or("galaxy");
            for cluster in json::objects(galaxy, "GalaxyCluster") {
                add_threat(&mut threats, kind, json::text(cluster, "value").unwrap_or_default());
            }
        }
        for tag in json::objects(object, "Tag").filter_map(|tag| json::text(tag, "name")) {
            if let Some((kind, name)) = galaxy_tag(tag) {
                add_threat(&mut threats, kind, name);
            } else {
                labels.tag(tag);
            }
        }
        labels.threats = threats.into();
        labels
    }

    fn tag(&mut self, tag: &str) {
        self.tlp = self.tlp.max(tlp_tag(tag));
        self.confidence = self.confidence.or_else(|| confidence_tag(tag));
        if self.tags.len() < text::MAX_TAGS
            && let Some(tag) = text::shared(tag)
            && !self.tags.contains(&tag)
        {
            self.tags.push(tag);
        }
    }
}

fn add_threat(threats: &mut Vec<Threat>, kind: &str, name: &str) {
    let threat = text::shared(name).map(|name| Threat { kind: kind.into(), name });
    if let Some(threat) = threat.filter(|threat| threats.len() < MAX_THREATS && !threats.contains(threat)) {
        threats.push(threat);
    }
}

/// `misp-galaxy:malpedia="Emotet"`: the galaxy and the cluster.
fn galaxy_tag(tag: &str) -> Option<(&str, &str)> {
    let (galaxy, cluster) = tag.strip_prefix("misp-galaxy:")?.split_once('=')?;
    Some((galaxy, cluster.trim_matches('"')))
}

/// `tlp:amber`, also as some instances write it: `TLP:AMBER`, `tlp:ex:chr`'s like are none.
fn tlp_tag(tag: &str) -> Option<Tlp> {
    let prefix = tag.get(..4)?;
    prefix.eq_ignore_ascii_case("tlp:").then(|| Tlp::parse(tag)).flatten()
}

/// The taxonomy `misp:confidence-level`, with its own numbers.
fn confidence_tag(tag: &str) -> Option<u8> {
    let word = tag.strip_prefix("misp:confidence-level=")?.trim_matches('"');
    Some(match word {
        "completely-confident" => 100,
        "usually-confident" => 75,
        "fairly-confident" => 50,
        "rarely-confident" => 25,
        "unconfident" => 0,
        _ => return None,
    })
}

/// MISP's distribution: 0 is "your organisation only", 4 a sharing group; 5 is that of the event.
pub(super) fn is_restricted(object: &Map<String, Value>) -> bool {
    match object.get("distribution") {
        Some(Value::String(text)) => matches!(text.as_str(), "0" | "4"),
        Some(Value::Number(number)) => matches!(number.as_u64(), Some(0 | 4)),
        _ => false,
    }
}
