//! A MISP feed: a folder in which `manifest.json` lists the events, each in a file of its own, `UUID.json`.

use crate::json::{Capped, MAX_DOCUMENT_BYTES};
use crate::source::{FieldRole, Layout};
use crate::{Format, Reading, json};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The event files of a folder that is a feed. What the manifest does not list (withdrawn events, `hashes.csv`) is not part of it;
/// what it lists and is not there, is refused when it is opened. Names are made of the UUIDs, so that none leads elsewhere.
pub(crate) fn event_files(folder: &Path) -> Option<Vec<PathBuf>> {
    let manifest = BufReader::new(File::open(folder.join("manifest.json")).ok()?);
    let mut listed: Map<String, Value> =
        serde_json::from_reader(Capped::new(manifest, MAX_DOCUMENT_BYTES)).ok()?;
    listed.sort_keys();
    let event = |uuid: &String| Uuid::parse_str(uuid).ok().map(|uuid| folder.join(format!("{uuid}.json")));
    listed.keys().map(event).collect()
}

/// How to read what a feed of MISP's own list (`misp-default-feeds.json`) offers: its `source_format`, and for tables the columns and
/// the delimiter of its settings. `None`: a format that is not known.
pub fn reading_of(feed: &Map<String, Value>) -> Option<Reading> {
    match json::text(feed, "source_format")? {
        "misp" => Some(Format::Misp.into()),
        "freetext" => Some(Format::Freetext.into()),
        "csv" => table_of(feed),
        _ => None,
    }
}

/// Settings are an object, or in some feeds that object once more as a text.
fn table_of(feed: &Map<String, Value>) -> Option<Reading> {
    let settings = match feed.get("settings") {
        Some(Value::String(text)) => serde_json::from_str(text).ok()?,
        Some(settings) => settings.clone(),
        None => Value::Null,
    };
    let csv = settings.get("csv").and_then(Value::as_object);
    let setting = |name: &str| csv.and_then(|csv| json::text(csv, name)).unwrap_or_default();
    let delimiter = match setting("delimiter") {
        "" => b',',
        text => *text.as_bytes().first()?,
    };
    let columns = setting("value").split(',').map(str::trim).filter(|column| !column.is_empty());
    let fields: Vec<_> = columns.map(|column| (FieldRole::Value, column.to_owned())).collect();
    let is_any_value = fields.is_empty();
    let layout = Layout { delimiter: Some(delimiter), fields, is_any_value };
    Some(Reading { format: Some(Format::Table), layout })
}
