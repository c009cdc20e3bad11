//! A feed of MISP: `manifest.json` lists events, each in a file of its own, `UUID.json`. Only what changed is fetched.

use super::{Intake, wrong};
use crate::collect::Origin;
use crate::{Delivery, Extent, Format, Provider, SyncError, SyncErrorKind, file, json};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;
use uuid::Uuid;
use weir_model::Timestamp;
use weir_net::http::{Client, HttpSettings, Request};

/// Largest manifest: those of the largest public feeds have two MiB. A larger one is refused.
const MAX_MANIFEST_BYTES: u64 = 64 << 20;
/// Begins what is remembered of each event: when it was last changed.
const EVENT: &str = "event/";

pub(super) struct MispFeed {
    name: Arc<str>,
    shelf: Shelf,
}

/// Where the files lie.
pub(super) enum Shelf {
    Folder(PathBuf),
    Remote { folder: Url, http: Box<HttpSettings>, base: PathBuf },
}

impl MispFeed {
    pub(super) fn new(name: Arc<str>, shelf: Shelf) -> Self {
        Self { name, shelf }
    }

    /// Replaces all that was said of an event.
    fn read_event(
        &self,
        uuid: Uuid,
        files: &Files<'_>,
        delivery: &mut dyn Delivery,
    ) -> Result<(), SyncError> {
        let name = format!("{uuid}.json");
        let (shown, input) = files.get(&name)?;
        delivery.remove_group(uuid)?;
        let origin = Origin { path: shown.into(), source: Arc::clone(&self.name) };
        let mut intake = Intake::new(&self.name, delivery).of_group(uuid);
        let input = intake.watch(input);
        let reading = Format::Misp.into();
        let read = intake.read(|collector| {
            file::load_stream(input, Path::new(&name), &reading, &origin, json::MAX_DOCUMENT_BYTES, collector)
        });
        intake.finish()?;
        read.map_err(|error| SyncError::new(SyncErrorKind::Malformed, format!("{}: {error}", origin.path)))
    }
}

impl Provider for MispFeed {
    fn deliver(&mut self, delivery: &mut dyn Delivery, _now: Timestamp) -> Result<Extent, SyncError> {
        let files = self.shelf.open()?;
        let listed = manifest(&files)?;
        let known: BTreeMap<String, String> = delivery.recall_all(EVENT)?.into_iter().collect();
        let mut gone = known.keys().filter(|key| !listed.contains_key(*key)).peekable();
        let changed: Vec<_> = listed.iter().filter(|(key, time)| known.get(*key) != Some(time)).collect();
        if changed.is_empty() && gone.peek().is_none() {
            return Ok(Extent::Nothing);
        }
        for key in gone {
            if let Some(uuid) = uuid_of(key) {
                delivery.remove_group(uuid)?;
            }
            delivery.remember(key, None)?;
        }
        let total = changed.len() as u64;
        for (done, (key, time)) in (0_u64..).zip(changed) {
            delivery.progress(done, Some(total), "events");
            if delivery.is_stopped() {
                return Err(SyncError::new(SyncErrorKind::Stopped, "stopped"));
            }
            if let Some(uuid) = uuid_of(key) {
                self.read_event(uuid, &files, delivery)?;
            }
            delivery.remember(key, Some(time))?;
        }
        Ok(Extent::Changes)
    }
}

fn uuid_of(key: &str) -> Option<Uuid> {
    key.strip_prefix(EVENT).and_then(|uuid| Uuid::parse_str(uuid).ok())
}

/// The events, each with when it was last changed. Names of files are made of the UUIDs, so that none leads elsewhere.
fn manifest(files: &Files<'_>) -> Result<BTreeMap<String, String>, SyncError> {
    let (shown, input) = files.get("manifest.json")?;
    let malformed = |why: &dyn std::fmt::Display| {
        SyncError::new(
            SyncErrorKind::Malformed,
            format!("{shown}: this is no manifest of a MISP feed: {why}"),
        )
    };
    let mut bytes = Vec::new();
    let read = input.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| failure(&shown, &error))?;
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        let text = format!("{shown}: a manifest of more than {MAX_MANIFEST_BYTES} bytes");
        return Err(SyncError::new(SyncErrorKind::TooLarge, text));
    }
    let listed: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|error| malformed(&error))?;
    let event = |(uuid, about): (&String, &Value)| {
        let uuid = Uuid::parse_str(uuid).map_err(|error| malformed(&format!("`{uuid}`: {error}")))?;
        let time = about.get("timestamp").map(ToString::to_string).unwrap_or_default();
        Ok((format!("{EVENT}{uuid}"), time))
    };
    listed.iter().map(event).collect()
}

fn failure(shown: &str, error: &io::Error) -> SyncError {
    let unreachable = || SyncError::new(SyncErrorKind::Unreachable, format!("{shown}: {error}"));
    SyncError::of_reading(error).unwrap_or_else(unreachable)
}

impl Shelf {
    /// Behind a URL; relative paths of the settings begin at `base`.
    pub(super) fn remote(url: &str, http: &HttpSettings, base: &Path) -> Result<Self, SyncError> {
        let url = url.strip_suffix("manifest.json").unwrap_or(url);
        let slash = if url.ends_with('/') { "" } else { "/" };
        let folder = Client::url(&format!("{url}{slash}"))?;
        if folder.query().is_some() {
            return Err(wrong("the URL of a MISP feed is that of a folder, without `?`"));
        }
        Client::new(http, &folder, base)?;
        Ok(Self::Remote { folder, http: Box::new(http.clone()), base: base.to_owned() })
    }

    fn open(&self) -> Result<Files<'_>, SyncError> {
        Ok(match self {
            Self::Folder(path) if path.ends_with("manifest.json") => {
                Files::Folder(path.parent().unwrap_or(path))
            }
            Self::Folder(path) => Files::Folder(path),
            Self::Remote { folder, http, base } => Files::Remote(folder, Client::new(http, folder, base)?),
        })
    }
}

/// Where the files are got from.
enum Files<'a> {
    Folder(&'a Path),
    Remote(&'a Url, Client),
}

impl Files<'_> {
    /// A file, and how it is shown.
    fn get(&self, name: &str) -> Result<(String, Box<dyn Read>), SyncError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let shown = path.display().to_string();
                let file = File::open(path).map_err(|error| failure(&shown, &error))?;
                Ok((shown, Box::new(file)))
            }
            Self::Remote(folder, client) => {
                let url = folder.join(name).map_err(|error| wrong(error.to_string()))?;
                let response = client.send(&Request::get(&url))?.success()?;
                Ok((response.shown_url(), Box::new(response.into_body())))
            }
        }
    }
}
