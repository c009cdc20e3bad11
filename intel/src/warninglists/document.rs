//! One list, as MISP publishes it.

use super::suffixes::a_labels;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use weir_model::Warninglist;
use weir_model::warninglist::Comparison;

#[derive(Deserialize)]
struct Document {
    name: String,
    #[serde(rename = "type")]
    comparison: Option<Kind>,
    matching_attributes: Option<Vec<String>>,
    list: Entries,
}

/// MISP takes the first of several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kind {
    One(String),
    Several(Vec<String>),
}

/// Entries, or entries with a comment on each.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(clippy::zero_sized_map_values, reason = "a map in JSON, of which only the keys are read")]
enum Entries {
    Plain(Vec<String>),
    Commented(BTreeMap<String, serde::de::IgnoredAny>),
}

/// Reads a list; without a type its entries are compared as strings, as MISP does.
pub(super) fn parse(key: Arc<str>, bytes: &[u8]) -> Result<Warninglist, String> {
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| format!("no warninglist: {error}"))?;
    let comparison = match document.comparison {
        None => Comparison::String,
        Some(kind) => {
            let keyword = match kind {
                Kind::One(keyword) => Some(keyword),
                Kind::Several(keywords) => keywords.into_iter().next(),
            };
            let keyword = keyword.unwrap_or_default();
            let known = || Comparison::ALL.map(Comparison::keyword).join(", ");
            Comparison::parse(&keyword)
                .ok_or_else(|| format!("the type {keyword:?} is not one of {}", known()))?
        }
    };
    let entries = match document.list {
        Entries::Plain(entries) => entries,
        Entries::Commented(entries) => entries.into_keys().collect(),
    };
    let written = |entry: String| match comparison {
        Comparison::String | Comparison::Hostname => a_labels(&entry).into_owned().into(),
        Comparison::Substring | Comparison::Cidr | Comparison::Regex => entry.into(),
    };
    // As MISP, which passes over entries without anything in them.
    let entries = entries.into_iter().filter(|entry| !entry.trim().is_empty()).map(written).collect();
    Ok(Warninglist {
        key,
        name: document.name.into(),
        comparison,
        attributes: document.matching_attributes.unwrap_or_default().into_iter().map(Arc::from).collect(),
        entries,
    })
}
