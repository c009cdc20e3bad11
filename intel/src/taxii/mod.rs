//! Collections on TAXII 2.1 servers (OASIS, <https://docs.oasis-open.org/cti/taxii/v2.1/os/taxii-v2.1-os.html>).
//!
//! First a collection is read whole, then what was added since, by the server's own clock. What gives context to indicators (malware,
//! actors, markings, relationships) is read before them and remembered, so that indicators pass through page by page. What was deleted
//! is found by comparing manifests.

mod api;
mod context;
mod sync;

use crate::{Delivery, Extent, Provider, SyncError};
use api::Collection;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use weir_model::Timestamp;
use weir_net::http::{Client, HttpSettings};
use weir_net::units;

/// A collection on a TAXII 2.1 server.
///
/// ```toml
/// [source.partners]
/// type = "taxii"
/// url = "https://taxii.example/taxii2/"
/// collection = "High Value Indicators"
/// http.credentials.basic = { user = "weir", file = "/etc/weir/taxii.password" }
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TaxiiSettings {
    /// The server's discovery (`.../taxii2/`), or one of its API roots.
    pub url: String,
    /// The collection's id, alias or title.
    pub collection: String,
    /// How the server is asked.
    #[serde(default)]
    pub http: HttpSettings,
    /// Objects per page; a server may send fewer.
    #[serde(default = "one_thousand")]
    pub page_size: u32,
    /// How often manifests are compared to find what was deleted.
    #[serde(
        default = "one_day",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    pub compare: Duration,
}

fn one_thousand() -> u32 {
    1000
}

fn one_day() -> Duration {
    Duration::from_hours(24)
}

impl TaxiiSettings {
    /// Settings for a collection, all else by default.
    pub fn new(url: impl Into<String>, collection: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            collection: collection.into(),
            http: HttpSettings::default(),
            page_size: one_thousand(),
            compare: one_day(),
        }
    }

    /// What somebody should think about again, for the log.
    pub fn warnings(&self) -> Vec<String> {
        self.http.warnings(&self.url)
    }

    /// What asks for it, as the source that alerts call `source`. Reads the files that the settings name; relative paths begin at `base`.
    pub fn provider(&self, source: &str, base: &Path) -> Result<Box<dyn Provider>, SyncError> {
        let url = Client::url(&self.url)?;
        Client::new(&self.http, &url, base)?;
        Ok(Box::new(TaxiiProvider {
            source: source.into(),
            settings: Self { page_size: self.page_size.max(1), ..self.clone() },
            url,
            base: base.to_owned(),
            found: None,
        }))
    }
}

struct TaxiiProvider {
    source: Arc<str>,
    settings: TaxiiSettings,
    url: Url,
    base: PathBuf,
    /// Where the collection is, once it was found.
    found: Option<Url>,
}

impl Provider for TaxiiProvider {
    fn deliver(&mut self, delivery: &mut dyn Delivery, now: Timestamp) -> Result<Extent, SyncError> {
        // A secret that was changed in its file counts from the next time on.
        let client = Client::new(&self.settings.http, &self.url, &self.base)?;
        // What was found may have moved if this fails: next time it is looked for again.
        let place = match self.found.take() {
            Some(found) => found,
            None => api::find(&client, &self.url, &self.settings.collection)?,
        };
        let collection = Collection::new(client, place.clone(), self.settings.page_size);
        let extent = sync::Sync::new(&self.source, &self.settings, &collection, delivery)?.run(now)?;
        self.found = Some(place);
        Ok(extent)
    }
}

#[cfg(test)]
mod medallion;
#[cfg(test)]
mod tests;
