//! What a parcel tells, in short: what chats and mails are written from.

use super::{Kind, Parcel};
use crate::{Format, Lines};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;
use url::Url;
use weir_model::Tlp;

/// Most bytes of one text in `event`: names and descriptions of lists may have any length, and each would be taken through every filter of
/// a template. A URL of 2048 bytes, the longest that clients open, is whole. Longer ones are cut.
const MAX_TEXT_BYTES: usize = 4096;
/// Most sources that are named. Adversary: none; an indicator on fifty lists is no better known than one on ten.
const MAX_SOURCES: usize = 10;

/// In short. Texts are as they came, so they are hostile.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Brief {
    /// `alert`, `flow`, `name` or `ledger`.
    pub(super) kind: &'static str,
    /// Identifier.
    pub(super) id: String,
    /// Identifier of the incident.
    pub(super) incident: Option<String>,
    /// Which notice of the incident.
    pub(super) number: Option<u64>,
    /// What happened with it: `opened`, `raised`, ...; of a notice its matter.
    pub(super) action: String,
    /// Its keyword.
    pub(super) severity: String,
    /// 1 to 4.
    pub(super) severity_number: u64,
    /// Its keyword.
    pub(super) grade: Option<String>,
    /// The host that it is about.
    pub(super) host: Option<String>,
    /// What rings.
    pub(super) indicator: Option<String>,
    /// Its type, as STIX 2.1 calls it.
    pub(super) indicator_type: Option<String>,
    /// Who says that it is bad.
    pub(super) sources: Vec<String>,
    /// The strictest marking of what it tells.
    pub(super) tlp: Option<&'static str>,
    /// When.
    pub(super) time: String,
    /// When, in milliseconds since 1970.
    pub(super) time_ms: u64,
    /// In one line, what it is about.
    pub(super) title: String,
    /// What happened, and what to do next.
    pub(super) sentence: String,
    /// Where more can be seen.
    pub(super) link: Option<String>,
    /// The event in ECS.
    pub(super) event: Value,
}

impl Brief {
    /// Of a message, or of what is written in ECS; `None` for what cannot be read.
    pub(super) fn of(parcel: &Parcel, link: Option<&Link>) -> Option<Self> {
        let mut event = event(parcel)?;
        cut(&mut event);
        let at = |path: &str| event.pointer(path);
        let text = |path: &str| at(path).and_then(Value::as_str).map(str::to_owned);
        let incident = text("/weir/incident/id");
        let mut brief = Self {
            kind: match parcel.kind {
                Kind::Alert => "alert",
                Kind::Flow => "flow",
                Kind::Name => "name",
                Kind::Ledger => "ledger",
            },
            id: parcel.id.to_string(),
            number: at("/weir/incident/notice").and_then(Value::as_u64),
            action: text("/event/action").unwrap_or_default(),
            severity: parcel
                .message
                .as_ref()
                .map_or("informational", |message| message.severity().keyword())
                .to_owned(),
            severity_number: at("/event/severity").and_then(Value::as_u64).unwrap_or(1),
            grade: text("/weir/incident/grade"),
            host: text("/weir/host/ip"),
            indicator: text("/weir/indicator/value"),
            indicator_type: text("/threat/indicator/type"),
            sources: sources(&event),
            tlp: parcel.message.as_ref().and_then(|message| message.marking()).map(Tlp::keyword),
            time: text("/@timestamp").unwrap_or_default(),
            time_ms: parcel.message.as_ref().map_or(parcel.time, |message| message.time()).as_nanos()
                / 1_000_000,
            title: String::new(),
            sentence: text("/message").unwrap_or_default(),
            link: link.map(|link| link.of(&parcel.id.to_string(), incident.as_deref())),
            incident,
            event,
        };
        brief.title = brief.title();
        Some(brief)
    }

    fn title(&self) -> String {
        let source = || self.event.pointer("/weir/notice/source").and_then(Value::as_str);
        let ends: Vec<&str> =
            [self.host.as_deref(), self.indicator.as_deref(), source()].into_iter().flatten().collect();
        let about = if ends.is_empty() { String::new() } else { format!(": {}", ends.join(", ")) };
        format!("{} {}{about}", self.severity.to_uppercase(), self.action.replace('_', " "))
    }
}

fn event(parcel: &Parcel) -> Option<Value> {
    if let Some(message) = &parcel.message {
        let mut lines = Lines::default();
        Format::Ecs.message(message, &mut lines);
        return serde_json::from_slice(lines.bytes()).ok();
    }
    (parcel.format == Format::Ecs).then(|| serde_json::from_slice(&parcel.body).ok()).flatten()
}

fn sources(event: &Value) -> Vec<String> {
    let contexts = event.pointer("/weir/indicator/contexts").and_then(Value::as_array);
    let named = contexts.into_iter().flatten().filter_map(|context| context.get("source")?.as_str());
    let mut sources: Vec<String> = named.map(str::to_owned).collect();
    sources.sort();
    sources.dedup();
    sources.truncate(MAX_SOURCES);
    sources
}

/// Cuts every text in it.
fn cut(value: &mut Value) {
    match value {
        Value::String(text) => {
            if text.len() > MAX_TEXT_BYTES {
                text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
                text.push('…');
            }
        }
        Value::Array(values) => values.iter_mut().for_each(cut),
        Value::Object(members) => members.values_mut().for_each(cut),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Where more of an alert can be seen: a URL with `{id}` or `{incident}` in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Link(String);

impl Link {
    fn of(&self, id: &str, incident: Option<&str>) -> String {
        self.0.replace("{id}", id).replace("{incident}", incident.unwrap_or(id))
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_web = Url::parse(&text.replace(['{', '}'], ""))
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        // What chats end a link with may not be inside one.
        if !is_web
            || text.contains(|letter: char| {
                letter.is_whitespace() || letter.is_control() || "<>|\"'`\\".contains(letter)
            })
        {
            return Err(D::Error::custom(
                "`link` must be a URL such as https://siem.example/alerts/{id}; {id} and {incident} are replaced",
            ));
        }
        Ok(Self(text))
    }
}
