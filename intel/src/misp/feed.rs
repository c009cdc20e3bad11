//! A MISP feed: a folder in which `manifest.json` lists the events, each in a file of its own, `UUID.json`.

use crate::json::{Capped, MAX_DOCUMENT_BYTES};
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
